"""Which playbook decides: the ones that were published, each since when; and every one that a case was ever under."""

from __future__ import annotations

import bisect
import json
from functools import lru_cache

from attrs import field, frozen
from sqlalchemy import bindparam, select

from socialcrm.cases._document import from_document
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._written import to_document
from socialcrm.errors import NotFound
from socialcrm.store import Tx, tables

__all__ = ["Timeline", "publish", "published", "remember", "stored"]


_STORED = select(tables.playbooks).where(tables.playbooks.c.ws == bindparam("ws"))
_PUBLISHED = (
    select(tables.published.c.since, tables.published.c.version, tables.published.c.actor)
    .where(tables.published.c.ws == bindparam("ws"))
    .order_by(tables.published.c.since, tables.published.c.id)
)


@lru_cache(maxsize=256)
def _parsed(document: str) -> Playbook:
    return from_document(json.loads(document))


@frozen
class Timeline:
    """A `Process` that changed in mid-course.

    Args:
        default: What applies where nothing was published.
        since: When each published playbook began to be in force, in microseconds UTC, oldest first.
        playbooks: The published playbooks, in the same order.
        known: Every playbook by its version.
        kept: The versions of those that the database holds.
    """

    default: Playbook
    since: tuple[int, ...] = ()
    playbooks: tuple[Playbook, ...] = ()
    known: dict[str, Playbook] = field(factory=dict)
    kept: frozenset[str] = frozenset()

    @classmethod
    def load(cls, tx: Tx, default: Playbook) -> Timeline:
        """Return the workspace's own."""
        known = {row.version: row.document for row in tx.rows(_STORED)}
        since, playbooks = [], []
        for row in tx.rows(_PUBLISHED):
            since.append(row.since)
            playbooks.append(_parsed(known[row.version]))
        told = {version: _parsed(document) for version, document in known.items()}
        return cls(default, tuple(since), tuple(playbooks), {default.version: default, **told}, frozenset(told))

    def at(self, time: int) -> Playbook:
        """Return the playbook in force at a time; before the first one was published, that one."""
        if not self.since:
            return self.default
        return self.playbooks[max(bisect.bisect_right(self.since, time) - 1, 0)]

    def behind(self, version: str) -> Playbook:
        """Return the playbook of a version; the one in force now where nobody knows it any more."""
        found = self.known.get(version)
        return found if found is not None else self.now

    @property
    def now(self) -> Playbook:
        """The playbook published last."""
        return self.playbooks[-1] if self.playbooks else self.default


def remember(tx: Tx, playbook: Playbook) -> None:
    """Keep a playbook under its version."""
    document = json.dumps(to_document(playbook), sort_keys=True)
    tx.insert_new(tables.playbooks, [(tx.ws, playbook.version, document)])


def stored(tx: Tx, version: str) -> Playbook:
    """Return a playbook by its version, or by the beginning of it.

    Raises:
        NotFound: There is none, or several begin like that.
    """
    table = tables.playbooks
    rows = tx.rows(select(table).where(table.c.ws == tx.ws, table.c.version.startswith(version, autoescape=True)))
    exact = [row for row in rows if row.version == version] or rows
    if len(exact) != 1:
        found = ", ".join(row.version for row in exact) or "none"
        raise NotFound(f"no single playbook is called {version!r} (found: {found}); `playbook show --all` lists them")
    return _parsed(exact[0].document)


def publish(tx: Tx, playbook: Playbook, *, default: Playbook, at: int, actor: str) -> None:
    """Put a playbook into force from a time on; cases that are open stay under theirs.

    Args:
        tx: A writing transaction.
        playbook: Which.
        default: What applied so far, if nothing was published.
        at: Since when, in microseconds UTC.
        actor: Who says so.
    """
    table = tables.published
    begun = tx.value(select(table.c.id).where(table.c.ws == tx.ws).limit(1)) is not None
    used = tx.value(select(tables.events.c.seq).where(tables.events.c.ws == tx.ws).limit(1)) is not None
    rows = []
    if not begun and used:
        remember(tx, default)
        rows.append((tx.ws, tx.allocate(table), 0, default.version, "", at))
    since = at if begun or used else 0
    remember(tx, playbook)
    rows.append((tx.ws, tx.allocate(table), since, playbook.version, actor, at))
    tx.insert(table, rows)


def published(tx: Tx) -> list[tuple[int, str, str]]:
    """Return what was published: since when (microseconds UTC), which version, by whom; oldest first."""
    return [(row.since, row.version, row.actor) for row in tx.rows(_PUBLISHED)]
