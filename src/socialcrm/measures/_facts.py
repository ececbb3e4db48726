"""What measures are made of: cases, and the turns in them.

A *turn* is one wait of a customer: it begins with a contact while none is unanswered, and ends with our next answer, or with
the case. A contact is what a customer wrote, an answer what we wrote. Neither is: a reaction, a visit, something of an unknown
kind, spam, what was taken down or taken back, and what a program sent (an automatic reply, RFC 3834): an "out of office" is no
contact, a "we have received your mail" is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define
from sqlalchemy import Row, func, or_, select

from socialcrm.store import Tx, tables

__all__ = ["CaseFact", "Turn", "collect"]

_I, _C = tables.interactions, tables.cases


@define
class CaseFact:
    """A case, as measures see it; times in microseconds UTC.

    Args:
        id: Its key.
        customer: The customer's key.
        channel: Where it began.
        severity: How bad the problem is.
        queue: Who looks at it.
        opened: First contact.
        resolved: When an agent said that the problem is solved, if the case was not reopened since.
        ended: When it was resolved, or closed without being resolved; ``None`` while it goes on.
        contacts: How often the customer wrote in it.
    """

    id: int
    customer: int
    channel: str
    severity: str
    queue: str
    opened: int
    resolved: int | None
    ended: int | None
    contacts: int = 0


@define
class Turn:
    """One wait of a customer; times in microseconds UTC.

    Args:
        case: In which case.
        channel: Where the contact came that began it.
        first: Whether it is the case's first.
        since: When the customer wrote.
        until: When it ended; ``None`` while it lasts.
        answered: Whether our answer ended it.
    """

    case: CaseFact
    channel: str
    first: bool
    since: int
    until: int | None = None
    answered: bool = False


def collect(tx: Tx, since: int | None) -> tuple[list[CaseFact], list[Turn]]:
    """Read the facts of every case that was touched since a time or still goes on: three statements.

    Args:
        tx: Any transaction.
        since: In microseconds UTC; ``None`` for everything.
    """
    channels = tables.channels
    names = {row.id: row.name for row in tx.rows(select(channels.c.id, channels.c.name).where(channels.c.ws == tx.ws))}
    wanted = [_C.c.ws == tx.ws, _C.c.merged.is_(None)]
    if since is not None:
        wanted.append(or_(_C.c.touched >= since, func.coalesce(_C.c.resolved, _C.c.closed).is_(None)))
    statement = (
        select(_C, _I.c.channel.label("began_on"))
        .outerjoin(_I, (_I.c.ws == _C.c.ws) & (_I.c.id == _C.c.first))
        .where(*wanted)
        .order_by(_C.c.id)
    )
    cases = {row.id: _case(row, names) for row in tx.rows(statement)}
    words = (
        select(_I.c.case_id, _I.c.at, _I.c.direction, _I.c.channel)
        .join(_C, (_C.c.ws == _I.c.ws) & (_C.c.id == _I.c.case_id))
        .where(
            _I.c.ws == tx.ws,
            *wanted,
            _I.c.kind.not_in(("reaction", "visit", "other")),
            _I.c.moderation.not_in(("spam", "removed")),
            _I.c.extra.not_like('%"automatic": true%'),
            # what a rule sent by itself, before anybody had seen anything
            func.coalesce(_I.c.seen, 1) != 0,
            or_(_I.c.direction == "outbound", _I.c.deleted.is_(None)),
        )
        .order_by(_I.c.case_id, _I.c.at, _I.c.id)
        .execution_options(yield_per=5000)
    )
    return list(cases.values()), list(_turns(tx.run(words), cases, names))


def _case(row: Row[Any], names: dict[int, str]) -> CaseFact:
    ended = row.resolved if row.resolved is not None else row.closed
    where = names.get(row.began_on, "")
    return CaseFact(row.id, row.customer, where, row.severity, row.queue, row.opened, row.resolved, ended)


def _turns(words: Iterable[Row[Any]], cases: dict[int, CaseFact], names: dict[int, str]) -> Iterator[Turn]:
    turn: Turn | None = None
    had_turns: set[int] = set()
    for row in words:
        case = cases[row.case_id]
        if turn is not None and turn.case is not case:
            yield _over(turn)
            turn = None
        if row.direction == "inbound":
            case.contacts += 1
            if turn is None:
                turn = Turn(case, names[row.channel], case.id not in had_turns, row.at)
                had_turns.add(case.id)
        elif turn is not None:
            turn.until, turn.answered = row.at, True
            yield turn
            turn = None
    if turn is not None:
        yield _over(turn)


def _over(turn: Turn) -> Turn:
    if turn.case.ended is not None:
        turn.until = max(turn.case.ended, turn.since)
    return turn
