"""What a group holds, number by number: OVER (RFC 3977, section 8.3), XOVER (RFC 2980), or else the header of each article."""

from __future__ import annotations

from attrs import frozen

from socialcrm.connectors import Flow
from socialcrm.errors import PayloadError
from socialcrm_email.mail import header, message_ids, read_message
from socialcrm_nntp._errors import refusal
from socialcrm_nntp._session import Nntp

__all__ = ["Entry", "overview"]

_EMPTY = (420, 423)
_UNKNOWN = (500, 501, 502, 503)
_AT_ONCE = 25


@frozen(kw_only=True)
class Entry:
    """One article in a group.

    Args:
        number: Its number there.
        id: Its message id without brackets; empty where the server does not tell.
        size: In bytes; 0 where the server does not tell.
    """

    number: int
    id: str = ""
    size: int = 0


def overview(nntp: Nntp, first: int, last: int) -> Flow[list[Entry]]:
    """Return what the selected group holds from one number to another, both included, by number.

    Args:
        nntp: With a group selected.
        first: At least 1.
        last: At least ``first``.
    """
    if not nntp.overview:
        nntp.overview = "OVER" if nntp.offers("OVER") else "XOVER"
    if nntp.overview != "HEAD":
        code, text = yield from nntp.ask(f"{nntp.overview} {first}-{last}")
        if code == 224:
            return _entries((yield from nntp.block()), first, last)
        if code in _EMPTY:
            return []
        if code not in _UNKNOWN:
            raise refusal(nntp.where, f"{nntp.overview} {first}-{last}", code, text)
        nntp.overview = "HEAD"
    return (yield from _by_headers(nntp, first, last))


def _entries(block: bytes, first: int, last: int) -> list[Entry]:
    """Read the lines: number, subject, from, date, message id, references, bytes, lines."""
    found: dict[int, Entry] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        fields = line.split("\t")
        if not (fields[0].isdecimal() and len(fields[0]) <= 18 and first <= int(fields[0]) <= last):
            continue
        ids = message_ids(fields[4]) if len(fields) > 4 else ()
        size = fields[6].strip() if len(fields) > 6 else ""
        number = int(fields[0])
        found[number] = Entry(
            number=number, id=ids[0] if ids else "", size=int(size) if size.isdecimal() and len(size) <= 12 else 0
        )
    return [found[number] for number in sorted(found)]


def _by_headers(nntp: Nntp, first: int, last: int) -> Flow[list[Entry]]:
    found: list[Entry] = []
    for start in range(first, last + 1, _AT_ONCE):
        heads = yield from nntp.articles(range(start, min(start + _AT_ONCE, last + 1)), "HEAD")
        found += (Entry(number=number, id=_id(head)) for number, head in heads.items())
    return found


def _id(head: bytes | str) -> str:
    if not isinstance(head, bytes):
        return ""
    try:
        ids = message_ids(header(read_message(head + b"\r\n"), "Message-ID"))
    except PayloadError:
        return ""
    return ids[0] if ids else ""
