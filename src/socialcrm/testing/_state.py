"""What a store holds, without the numbers that depend on the order of arrival: so that two histories can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen
from sqlalchemy import select

from socialcrm.crm import CRM
from socialcrm.store import Tx, records, ref, tables
from socialcrm.types import Interaction, Moderation

__all__ = ["State", "compare", "live_texts"]


@frozen
class State:
    """Everything that two runs which saw the same must have in common.

    Args:
        parts: By the name of a part, its elements by their keys.
    """

    parts: Mapping[str, Mapping[Any, Any]]

    @classmethod
    def of(cls, crm: CRM) -> State:
        """Read the state of a workspace."""
        with crm.store.read() as tx:
            found = records.interactions(tx)
            return cls(
                {
                    "interactions": _interactions(found, _wordings(tx)),
                    "threads": _threads(found),
                    "cases": _cases(tx, found),
                    "cursor": _rows(tx, tables.cursors, ("channel", "stream", "key"), ("value",)),
                    "quarantine": _rows(tx, tables.quarantine, ("channel", "kind", "error"), ("solved",)),
                    "accounts": _rows(tx, tables.channels, ("name",), ("accounts",)),
                    "outbox": _rows(tx, tables.outbox, ("uid",), ("state", "parts", "intent")),
                    "count": {"interactions": len(found)},
                }
            )


def _wordings(tx: Tx) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    table = tables.revisions
    for row in tx.rows(select(table.c.interaction, table.c.text).where(table.c.ws == tx.ws)):
        found.setdefault(ref("interaction", row.interaction), set()).add(row.text)
    return found


def _interactions(held: Iterable[Interaction], earlier: Mapping[str, set[str]]) -> dict[Any, Any]:
    return {
        (one.channel, one.scope, one.id): {
            "text": one.text, "subject": one.subject, "at": one.at, "author": one.author.id, "kind": one.kind.value,
            "direction": one.direction, "visibility": one.visibility.value, "moderation": one.moderation.value,
            "parent": one.parent, "url": one.url, "edited": one.edited_at, "deleted": one.deleted_at is not None,
            "conversation": one.conversation, "earlier wordings": sorted(earlier.get(one.ref, ())),
        }
        for one in held
    }  # fmt: skip


def _threads(held: Iterable[Interaction]) -> dict[Any, Any]:
    threads: dict[str, list[Any]] = {}
    for one in held:
        threads.setdefault(one.thread, []).append((one.channel, one.scope, one.id))
    return {min(members): sorted(members) for members in threads.values()}


def _cases(tx: Tx, held: Iterable[Interaction]) -> dict[Any, Any]:
    members: dict[str, list[Any]] = {}
    for one in held:
        if one.case:
            members.setdefault(one.case, []).append((one.channel, one.scope, one.id))
    table = tables.cases
    found = {}
    for row in tx.rows(select(table).where(table.c.ws == tx.ws, table.c.merged.is_(None))):
        mine = sorted(members.get(ref("case", row.id), ()))
        if mine:
            names = ("state", "severity", "queue", "contacts", "opened", "waiting", "due", "answered", "tags")
            found[mine[0]] = {"members": mine, **{name: getattr(row, name) for name in names}}
    return found


def _rows(tx: Tx, table: Any, key: Iterable[str], values: Iterable[str]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for row in tx.rows(select(table).where(table.c.ws == tx.ws)):
        told = tuple(str(getattr(row, name)) for name in key)
        found[told] = {name: getattr(row, name) for name in values}
    return found


def live_texts(crm: CRM) -> Counter[str]:
    """Return the texts of what is there and was neither taken back nor taken down, each as often as it is there."""
    with crm.store.read() as tx:
        found = records.interactions(tx)
    return Counter(one.text for one in found if one.deleted_at is None and one.moderation is not Moderation.REMOVED)


def compare(expected: State, found: State, *, without: frozenset[str] = frozenset(), most: int = 6) -> str:
    """Return how two states differ, in lines for people; empty where they agree.

    Args:
        expected: How it should be.
        found: How it is.
        without: Parts that may differ.
        most: How many differences to show.
    """
    lines = []
    for part, wanted in expected.parts.items():
        if part in without:
            continue
        got = found.parts[part]
        for key in sorted({*wanted, *got}, key=repr):
            if key not in got:
                lines.append(f"{part}: {key} is missing: {wanted[key]}")
            elif key not in wanted:
                lines.append(f"{part}: {key} is there and should not be: {got[key]}")
            elif wanted[key] != got[key]:
                lines.append(f"{part}: {key} {_changed(wanted[key], got[key])}")
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def _changed(wanted: Any, got: Any) -> str:
    if not isinstance(wanted, Mapping) or not isinstance(got, Mapping):
        return f"should be {wanted!r}, is {got!r}"
    return "; ".join(
        f"{name} should be {wanted[name]!r}, is {got.get(name)!r}" for name in wanted if wanted[name] != got.get(name)
    )
