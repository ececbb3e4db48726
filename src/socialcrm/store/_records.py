"""From rows to the records that users see, a set at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from socialcrm.store import _schema as tables
from socialcrm.store._refs import ref
from socialcrm.store._rows import CaseRow, EventRow
from socialcrm.store._tx import Tx
from socialcrm.types import (
    Attachment,
    Case,
    CaseState,
    Customer,
    Direction,
    Event,
    Handle,
    HandleKind,
    Identity,
    Interaction,
    Kind,
    Moderation,
    OutboxState,
    Reply,
    Revision,
    Severity,
    Visibility,
    from_micros,
)

__all__ = [
    "EXCERPT",
    "as_events",
    "cases",
    "customers",
    "events",
    "interactions",
    "replies",
    "revisions",
    "stream_interactions",
]

EXCERPT = 90
"""How many characters of a text stand in a line."""

_I, _P, _C = tables.interactions, tables.identities, tables.channels


def _selected(*where: ColumnElement[bool]) -> Select[Any]:
    people = (_P.c.ws == _I.c.ws) & (_P.c.id == _I.c.author)
    channels = (_C.c.ws == _I.c.ws) & (_C.c.id == _I.c.channel)
    talks = (tables.conversations.c.ws == _I.c.ws) & (tables.conversations.c.id == _I.c.conversation)
    return (
        select(
            _I,
            _P.c.platform,
            _P.c.account,
            _P.c.name,
            _P.c.handle,
            _P.c.url.label("page"),
            _P.c.avatar,
            _P.c.customer.label("person"),
            _C.c.name.label("channel_name"),
            tables.conversations.c.key,
        )
        .join(_P, people)
        .join(_C, channels)
        .join(tables.conversations, talks)
        .where(*where)
        .order_by(_I.c.at, _I.c.id)
    )


def interactions(
    tx: Tx, *where: ColumnElement[bool], limit: int | None = None, newest: bool = False, **parameters: Any
) -> list[Interaction]:
    """Return interactions in the order of the platform's time.

    Args:
        tx: Any transaction.
        where: Conditions on ``interactions``.
        limit: At most so many.
        newest: The newest first.
        parameters: For sets in the conditions.
    """
    statement = _selected(_I.c.ws == tx.ws, *where).limit(limit)
    if newest:
        statement = statement.order_by(None).order_by(_I.c.at.desc(), _I.c.id.desc())
    return [_interaction(row) for row in tx.rows(statement, **parameters)]


def stream_interactions(tx: Tx, *where: ColumnElement[bool], size: int = 2000) -> Iterator[Interaction]:
    """Yield interactions in the order of the platform's time, without holding them all."""
    result = tx.connection.execute(_selected(_I.c.ws == tx.ws, *where).execution_options(yield_per=size))
    for row in result:
        yield _interaction(row)


def _interaction(row: Row[Any]) -> Interaction:
    more = json.loads(row.extra) if row.extra else {}
    return Interaction(
        id=row.pid,
        scope=row.scope,
        at=from_micros(row.at),
        author=Identity(
            id=row.account,
            platform=row.platform,
            name=row.name,
            handle=row.handle,
            url=row.page,
            avatar=row.avatar,
            ref=ref("identity", row.author),
            customer=ref("customer", row.person),
        ),
        conversation=row.key or "",
        parent=row.parent,
        references=tuple(more.get("references", ())),
        kind=Kind(row.kind),
        direction=Direction(row.direction),
        visibility=Visibility(row.visibility),
        moderation=Moderation(row.moderation),
        text=row.text,
        subject=row.subject,
        quoted=more.get("quoted", ""),
        url=row.url,
        language=row.language,
        attachments=tuple(Attachment(**one) for one in more.get("attachments", ())),
        edited_at=_time(row.edited),
        extra=more.get("extra", {}),
        ref=ref("interaction", row.id),
        channel=row.channel_name,
        thread=ref("conversation", row.conversation),
        customer=ref("customer", row.customer),
        case=ref("case", row.case_id),
        received_at=from_micros(row.received),
        deleted_at=_time(row.deleted),
    )


def revisions(tx: Tx, key: int) -> tuple[Revision, ...]:
    """Return the earlier wordings of an interaction, oldest first."""
    table = tables.revisions
    statement = select(table.c.at, table.c.text).where(table.c.ws == tx.ws, table.c.interaction == key).order_by(table.c.at)
    return tuple(Revision(at=from_micros(row.at), text=row.text) for row in tx.rows(statement))


def _time(value: int | None) -> Any:
    return from_micros(value) if value is not None else None


def customers(tx: Tx, keys: Collection[int]) -> dict[int, Customer]:
    """Return customers with all their identities, by key."""
    if not keys:
        return {}
    people = select(_P).where(_P.c.ws == tx.ws, tx.sets.among(_P.c.customer, "keys")).order_by(_P.c.id)
    rows = tx.rows(people, keys=keys)
    table = tables.handles
    known = select(table).where(table.c.ws == tx.ws, tx.sets.among(table.c.identity, "ids")).order_by(table.c.value)
    handles: dict[int, list[Handle]] = {}
    for row in tx.rows(known, ids=[row.id for row in rows]):
        handles.setdefault(row.identity, []).append(
            Handle(kind=HandleKind(row.kind), value=row.value, verified=bool(row.verified))
        )
    grouped: dict[int, list[Identity]] = {}
    for row in rows:
        one = Identity(
            id=row.account,
            platform=row.platform,
            name=row.name,
            handle=row.handle,
            url=row.url,
            avatar=row.avatar,
            handles=tuple(handles.get(row.id, ())),
            ref=ref("identity", row.id),
            customer=ref("customer", row.customer),
        )
        grouped.setdefault(row.customer, []).append(one)
    named = select(tables.customers.c.id, tables.customers.c.name).where(
        tables.customers.c.ws == tx.ws, tx.sets.among(tables.customers.c.id, "keys")
    )
    names = {row.id: row.name for row in tx.rows(named, keys=keys)}
    return {
        key: Customer(ref=ref("customer", key), name=names.get(key) or str(people_of[0]), identities=tuple(people_of))
        for key, people_of in grouped.items()
    }


def cases(tx: Tx, rows: Sequence[CaseRow], why: Callable[[CaseRow], str]) -> list[Case]:
    """Return cases as users see them, in the order of the rows: five statements, however many they are.

    Args:
        tx: Any transaction.
        rows: Which.
        why: Explains a case's place.
    """
    if not rows:
        return []
    people = customers(tx, {row.customer for row in rows})
    last = select(_I.c.id, _I.c.text, _I.c.subject, _I.c.visibility).where(_I.c.ws == tx.ws, tx.sets.among(_I.c.id, "ids"))
    words = {row.id: row for row in tx.rows(last, ids={row.last for row in rows if row.last is not None})}
    where = _spans(tx, rows)
    return [_case(row, people.get(row.customer), words.get(row.last), where.get(row.id, ()), why(row)) for row in rows]


def _spans(tx: Tx, rows: Sequence[CaseRow]) -> dict[int, tuple[str, ...]]:
    statement = (
        select(_I.c.case_id, _C.c.name, func.min(_I.c.at).label("first"))
        .join(_C, (_C.c.ws == _I.c.ws) & (_C.c.id == _I.c.channel))
        .where(_I.c.ws == tx.ws, tx.sets.among(_I.c.customer, "customers"), tx.sets.among(_I.c.case_id, "cases"))
        .group_by(_I.c.case_id, _C.c.name)
        .order_by(func.min(_I.c.at))
    )
    found: dict[int, list[str]] = {}
    for row in tx.rows(statement, customers={row.customer for row in rows}, cases={row.id for row in rows}):
        found.setdefault(row.case_id, []).append(row.name)
    return {key: tuple(names) for key, names in found.items()}


def _case(row: CaseRow, customer: Customer | None, words: Row[Any] | None, where: tuple[str, ...], why: str) -> Case:
    text = " ".join((words.text or words.subject).split()) if words is not None else ""
    return Case(
        ref=ref("case", row.id),
        customer=ref("customer", row.customer),
        customer_name=customer.name if customer is not None else "",
        state=CaseState(row.state),
        queue=row.queue,
        assignee=row.assignee,
        severity=Severity(row.severity),
        contacts=row.contacts,
        channels=where,
        visibility=Visibility(words.visibility) if words is not None else Visibility.PRIVATE,
        excerpt=text if len(text) <= EXCERPT else text[: EXCERPT - 1].rstrip() + "…",
        tags=tuple(row.tags.split(",")) if row.tags else (),
        opened_at=from_micros(row.opened),
        waiting_since=_time(row.waiting),
        due_at=_time(row.due),
        answered_at=_time(row.answered),
        resolved_at=_time(row.resolved),
        why=why,
        version=row.version,
    )


def events(tx: Tx, *where: ColumnElement[bool], **parameters: Any) -> list[Event]:
    """Return events in the order of the log."""
    table = tables.events
    statement = select(table).where(table.c.ws == tx.ws, *where).order_by(table.c.seq)
    return as_events(tx.rows(statement, **parameters))


def as_events(rows: Iterable[Row[Any] | EventRow]) -> list[Event]:
    """Return rows of the log as users and observers see them."""
    return [
        Event(
            seq=row.seq,
            case=ref("case", row.case_id),
            kind=row.kind,
            at=from_micros(row.at),
            actor=row.actor,
            interaction=ref("interaction", row.interaction),
            playbook=row.playbook,
            rule=row.rule,
            data=json.loads(row.data) if row.data else {},
        )
        for row in rows
    ]


def replies(tx: Tx, *where: ColumnElement[bool]) -> list[Reply]:
    """Return replies, oldest first."""
    table = tables.outbox
    statement = (
        select(table, _C.c.name.label("channel_name"), _P.c.platform, _P.c.account, _P.c.name, _P.c.handle, _P.c.customer)
        .join(_C, (_C.c.ws == table.c.ws) & (_C.c.id == table.c.channel))
        .join(_P, (_P.c.ws == table.c.ws) & (_P.c.id == table.c.identity))
        .where(table.c.ws == tx.ws, *where)
        .order_by(table.c.id)
    )
    return [
        Reply(
            ref=ref("reply", row.id),
            case=ref("case", row.case_id),
            channel=row.channel_name,
            to=Identity(
                id=row.account,
                platform=row.platform,
                name=row.name,
                handle=row.handle,
                ref=ref("identity", row.identity),
                customer=ref("customer", row.customer),
            ),
            text=row.text,
            parts=tuple(json.loads(row.parts)),
            visibility=Visibility(row.visibility),
            state=OutboxState(row.state),
            by=row.author,
            created_at=from_micros(row.created),
            sent_at=_time(row.sent),
            ids=tuple(json.loads(row.ids)) if row.ids else (),
            error=row.error,
            attempts=row.attempts,
        )
        for row in tx.rows(statement)
    ]
