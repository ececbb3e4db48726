"""Newer wordings, edits and deletions, in whatever order they come.

The current wording is the one with the latest version (the platform's time of the edit); of two with the same version the one
delivered last. Every other wording is a revision. What was taken back stays taken back: its text goes, and stays gone when it
is delivered again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import Row, delete, select

from socialcrm.ingest._clean import clean
from socialcrm.ingest._stored import Stored
from socialcrm.ingest._threads import Node, node_of
from socialcrm.store import InteractionRow, Tx, reindex, tables
from socialcrm.types import Deletion, Edit, Interaction, micros

if TYPE_CHECKING:
    from socialcrm.ingest._place import Source

__all__ = ["Changes", "Wording", "extra_text"]

_FULL = (
    "id", "text", "subject", "url", "language", "extra", "visibility", "moderation", "edited", "deleted", "customer",
    "conversation", "at", "journal",
)  # fmt: skip
_OURS = ("reply", "delivery")


@define
class Wording:
    """One delivery of an interaction: its element's position, when it happened, its version (microseconds UTC)."""

    item: Interaction
    pos: int
    at: int
    version: int


def extra_text(item: Interaction) -> str:
    """Return what the columns have no place for, as JSON; empty where there is nothing."""
    if not (item.extra or item.quoted or item.references or item.attachments):
        return ""
    extra: dict[str, Any] = {}
    if item.extra:
        extra["extra"] = dict(item.extra)
    if item.quoted:
        extra["quoted"] = item.quoted
    if item.references:
        extra["references"] = list(item.references)
    if item.attachments:
        extra["attachments"] = [
            {"url": a.url, "mime": a.mime, "name": a.name, "size": a.size, "description": a.description}
            for a in item.attachments
        ]
    return json.dumps(extra, default=str)


@define
class Changes:
    """Collects what a batch changes about interactions, and writes it."""

    tx: Tx
    source: Source
    again: dict[int, int] = field(factory=dict)
    dirty: set[int] = field(factory=set)
    count: int = 0
    _revisions: list[tuple[Any, ...]] = field(factory=list)
    _pending: dict[Node, list[Row[Any]]] = field(factory=dict)

    def revise(self, stored: Mapping[Node, tuple[Stored, list[Wording]]]) -> None:
        """Compare what was delivered again with what is stored."""
        if not stored or self.source.journal is None:
            return
        full = self._full({row.id for row, _ in stored.values()})
        stones = self._stones([row for row, _ in stored.values() if row.deleted is not None])
        updates: list[tuple[Any, ...]] = []
        texts: list[tuple[int, str, str, str, str]] = []
        confirmed: list[tuple[Row[Any], list[Wording]]] = []
        for row, versions in stored.values():
            old = full[row.id]
            if old.deleted is not None and node_of(row.scope, row.pid) in stones:
                continue
            if old.journal is None:
                confirmed.append((old, versions))
                continue
            current = old.edited if old.edited is not None else old.at
            newest = max(enumerate(versions), key=lambda pair: (pair[1].version, pair[0]))[1]
            for wording in versions:
                if wording.version < current or wording is not newest:
                    self._revision(row.id, wording.version, wording.item.text, wording.item.subject, old.text, old.subject)
            if newest.version < current:
                continue
            self._update(old, newest, current, updates, texts)
        names = (
            "text", "subject", "url", "language", "extra", "visibility", "moderation", "deleted", "edited", "journal", "pos",
        )  # fmt: skip
        self.tx.update(tables.interactions, names, updates)
        self._confirm(confirmed, texts)
        reindex(self.tx, texts)
        self.count += len(updates)

    def _confirm(self, confirmed: list[tuple[Row[Any], list[Wording]]], texts: list[tuple[int, str, str, str, str]]) -> None:
        """Let the platform's own account of a reply replace the one that we kept when its receipt came."""
        rows = []
        for old, versions in confirmed:
            newest = max(enumerate(versions), key=lambda pair: (pair[1].version, pair[0]))[1]
            item = newest.item
            text, subject = clean(item.text), clean(item.subject)
            extra = _keeping_ours(old.extra, extra_text(item))
            edited = newest.version if newest.version != newest.at else None
            words = (text, subject, clean(item.url), item.language, extra)
            rows.append((*words, item.visibility.value, newest.at, edited, self.source.journal, newest.pos, old.id))
            if (text, subject) != (old.text, old.subject):
                texts.append((old.id, old.subject, old.text, subject, text))
            if newest.at != old.at and old.customer is not None:
                self.again[old.customer] = old.customer
        names = ("text", "subject", "url", "language", "extra", "visibility", "at", "edited", "journal", "pos")
        self.tx.update(tables.interactions, names, rows)

    def _update(
        self,
        old: Row[Any],
        new: Wording,
        current: int,
        updates: list[tuple[Any, ...]],
        texts: list[tuple[int, str, str, str, str]],
    ) -> None:
        item = new.item
        text, subject = clean(item.text), clean(item.subject)
        values = (
            text, subject, clean(item.url), item.language, _keeping_ours(old.extra, extra_text(item)), item.visibility.value,
            item.moderation.value,
        )  # fmt: skip
        edited = new.version if new.version != old.at else old.edited
        before = (old.text, old.subject, old.url, old.language, old.extra, old.visibility, old.moderation)
        if values == before and edited == old.edited and old.deleted is None:
            return
        if (text, subject) != (old.text, old.subject):
            if old.deleted is None:
                self._revision(old.id, current, old.text, old.subject, text, subject)
            texts.append((old.id, old.subject, old.text, subject, text))
        if item.visibility.value != old.visibility:
            self.dirty.add(old.conversation)
        now_told = (text, subject, item.visibility.value, item.moderation.value, None)
        turned = now_told != (old.text, old.subject, old.visibility, old.moderation, old.deleted)
        if turned and old.customer is not None:
            self.again[old.customer] = old.customer
        updates.append((*values, None, edited, self.source.journal, new.pos, old.id))

    def _stones(self, gone: Sequence[Stored]) -> set[Node]:
        """Return which of these were taken back for good; one that a census only missed may come again."""
        if not gone:
            return set()
        table = tables.pending
        statement = select(table.c.scope, table.c.pid).where(
            table.c.ws == self.tx.ws,
            table.c.channel == self.source.channel,
            table.c.kind == "deletion",
            self.tx.sets.among(table.c.pid, "pids"),
        )
        return {node_of(row.scope, row.pid) for row in self.tx.rows(statement, pids={row.pid for row in gone})}

    def outdated(self, row: InteractionRow, versions: Sequence[Wording]) -> None:
        """Keep the older wordings of an interaction that came several times in one batch."""
        for wording in versions:
            if wording.version != (row.edited if row.edited is not None else row.at):
                self._revision(row.id, wording.version, wording.item.text, wording.item.subject, row.text, row.subject)

    def expect(self, nodes: Collection[Node]) -> None:
        """Look up edits and deletions that came before these interactions."""
        if not self.tx.holds(tables.pending, self.source.channel):
            return
        statement = select(tables.pending).where(
            tables.pending.c.ws == self.tx.ws,
            tables.pending.c.channel == self.source.channel,
            self.tx.sets.among(tables.pending.c.pid, "pids"),
        )
        for row in self.tx.rows(statement, pids={node if isinstance(node, str) else node[1] for node in nodes}):
            node = node_of(row.scope, row.pid)
            if node in nodes:
                self._pending.setdefault(node, []).append(row)

    def finish(self, rows: Sequence[InteractionRow]) -> None:
        """Apply what had come before its interaction, then write revisions."""
        for row in rows if self._pending else ():
            early_ones = self._pending.get(node_of(row.scope, row.pid), ())
            for early in sorted(early_ones, key=lambda one: (one.kind != "deletion", one.at, one.data)):
                self._apply(row, early)
        gone = {row.id for row in rows if row.deleted is not None} if self._revisions else set()
        self.tx.insert_new(tables.revisions, [one for one in self._revisions if one[1] not in gone])

    def _apply(self, row: InteractionRow, early: Row[Any]) -> None:
        if early.kind == "deletion":
            row.deleted = early.at if row.deleted is None else min(row.deleted, early.at)
            row.text = row.subject = row.extra = ""
            row.edited = None
            return
        if row.deleted is not None:
            return
        data = json.loads(early.data)
        if early.kind == "delivery":
            row.extra = json.dumps({**(json.loads(row.extra) if row.extra else {}), "delivery": data})
            return
        subject = data["subject"] if data["subject"] is not None else row.subject
        current = row.edited if row.edited is not None else row.at
        if early.at < current:
            self._revision(row.id, early.at, data["text"], subject, row.text, row.subject)
        else:
            self._revision(row.id, current, row.text, row.subject, data["text"], subject)
            row.text, row.subject, row.edited = data["text"], subject, early.at

    def edits(self, edits: Iterable[Edit], known: Mapping[Node, Stored]) -> None:
        """Apply edits that bring only the new wording; those whose interaction is missing wait for it."""
        waiting: list[tuple[Any, ...]] = []
        full = self._full({row.id for row in known.values()})
        changed: dict[int, tuple[str, str, int | None]] = {}
        for edit in edits:
            at, text = micros(edit.at), clean(edit.text)
            row = known.get(node_of(edit.scope, edit.id))
            if row is None:
                data = json.dumps({"text": text, "subject": edit.subject})
                waiting.append((self.tx.ws, self.source.channel, edit.id, edit.scope, "edit", at, data))
                continue
            old = full[row.id]
            if old.deleted is not None:
                continue
            was, topic, edited = changed.get(row.id, (old.text, old.subject, old.edited))
            current = edited if edited is not None else old.at
            subject = clean(edit.subject) if edit.subject is not None else topic
            if at < current:
                self._revision(row.id, at, text, subject, was, topic)
            elif (text, subject) != (was, topic):
                self._revision(row.id, current, was, topic, text, subject)
                changed[row.id] = (text, subject, at)
                if old.customer is not None:
                    self.again[old.customer] = old.customer
        self.tx.insert_new(tables.pending, waiting)
        self.tx.update(tables.interactions, ("text", "subject", "edited"), [(*new, key) for key, new in changed.items()])
        reindex(self.tx, [(key, full[key].subject, full[key].text, new[1], new[0]) for key, new in changed.items()])
        self.tx.insert_new(tables.revisions, self._revisions)
        self._revisions.clear()
        self.count += len(changed)

    def deletions(self, deletions: Iterable[Deletion], known: Mapping[Node, Stored]) -> None:
        """Take back what was deleted: the text goes, the fact stays; what has not arrived yet is remembered."""
        stones: list[tuple[Any, ...]] = []
        gone: dict[int, int] = {}
        for one in deletions:
            at = micros(one.at) if one.at is not None else self.source.received
            row = known.get(node_of(one.scope, one.id))
            stones.append((self.tx.ws, self.source.channel, one.id, one.scope, "deletion", at, ""))
            if row is not None and row.deleted is None:
                gone[row.id] = min(at, gone.get(row.id, at))
                if row.customer is not None:
                    self.again[row.customer] = row.customer
        self.tx.insert_new(tables.pending, stones)
        self.take(gone)

    def take(self, gone: Mapping[int, int]) -> None:
        """Empty interactions that were taken back; key to the time, in microseconds UTC."""
        if not gone:
            return
        full = self._full(gone)
        self.tx.update(
            tables.interactions,
            ("deleted", "edited", "text", "subject", "extra"),
            [(at, None, "", "", "", key) for key, at in gone.items()],
        )
        reindex(self.tx, [(row.id, row.subject, row.text, "", "") for row in full.values()])
        statement = delete(tables.revisions).where(
            tables.revisions.c.ws == self.tx.ws, self.tx.sets.among(tables.revisions.c.interaction, "ids")
        )
        self.tx.run(statement, ids=set(gone))
        self.count += len(gone)

    def _full(self, keys: Iterable[int]) -> dict[int, Row[Any]]:
        ids = set(keys)
        if not ids:
            return {}
        statement = select(*(tables.interactions.c[name] for name in _FULL)).where(
            tables.interactions.c.ws == self.tx.ws, self.tx.sets.among(tables.interactions.c.id, "ids")
        )
        return {row.id: row for row in self.tx.run(statement, ids=ids)}

    def _revision(self, key: int, at: int, text: str, subject: str, current_text: str, current_subject: str) -> None:
        text, subject = clean(text), clean(subject)
        if (text, subject) != (current_text, current_subject):
            digest = hashlib.blake2b(f"{subject}\0{text}".encode(), digest_size=12).hexdigest()
            self._revisions.append((self.tx.ws, key, at, digest, text, subject))


def _keeping_ours(old: str, new: str) -> str:
    """Return what came beside the text, with what we know ourselves: whose reply it is, and what became of it."""
    known: dict[str, Any] = json.loads(old) if old else {}
    ours = {name: known[name] for name in _OURS if name in known}
    if not ours:
        return new
    merged = {**(json.loads(new) if new else {}), **ours}
    return old if merged == known else json.dumps(merged)
