"""One connection to a news server (RFC 3977), as steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from attrs import frozen

from socialcrm.connectors import Conn, Flow, Grant, Read, Write
from socialcrm.errors import ServerFault, SettingsError, Unreachable
from socialcrm_nntp._errors import refusal

__all__ = ["Group", "Nntp"]

PATIENCE, GREETING = 120.0, 30.0
_CODE = re.compile(rb"([1-5]\d\d)(?:[ \r]|\Z)")
_LIMIT = 48 * 2**20
"""Bytes of one multi-line answer: below what a driver's stream may hold."""


@frozen(kw_only=True)
class Group:
    """A selected group.

    Args:
        name: Its name.
        count: How many articles it holds, an estimate.
        low: No article has a lower number.
        high: The highest number that was given out; may be below ``low`` where the group is empty.
    """

    name: str
    count: int
    low: int
    high: int


class Nntp:
    """A connection's state: what the server can do.

    Args:
        conn: The open stream.
        where: The server, for messages.

    Attributes:
        capabilities: What the server told, upper case, with its arguments; empty for one from before RFC 3977.
        overview: The command that brings overviews here, once that is known; ``HEAD`` where there is none.
    """

    def __init__(self, conn: Conn, where: str) -> None:
        self.conn, self.where = conn, where
        self.capabilities: dict[str, str] = {}
        self.overview = ""

    def offers(self, label: str) -> bool:
        """Say whether the server told that it can do something."""
        return label in self.capabilities

    def ask(self, line: str | Callable[[Grant], bytes]) -> Flow[tuple[int, str]]:
        """Say one command and return the response's first line, in whatever it says."""
        yield from Write(self.conn, f"{line}\r\n".encode() if isinstance(line, str) else line)
        return (yield from self.response())

    def expect(self, line: str, *codes: int, what: str = "") -> Flow[tuple[int, str]]:
        """Say one command.

        Raises:
            SocialCRMError: The response is none of ``codes``.
        """
        code, text = yield from self.ask(line)
        if code not in codes:
            raise refusal(self.where, what or line[:80], code, text)
        return code, text

    def response(self, *, greeting: bool = False) -> Flow[tuple[int, str]]:
        """Read the first line of a response (RFC 3977, section 3.1).

        Raises:
            Unreachable: None came in time, or the connection broke off.
        """
        line = yield from self._line(GREETING if greeting else PATIENCE)
        found = _CODE.match(line)
        if found is None:
            shown = " ".join(line.decode("utf-8", "replace").split())[:100]
            if greeting:
                raise SettingsError(f"{self.where}: {shown!r} is no NNTP greeting; check server, port and security")
            raise Unreachable(f"{self.where}: {shown!r} is no NNTP; it is tried again later")
        return int(found.group(1)), line[3:].decode("utf-8", "replace").strip()

    def block(self) -> Flow[bytes]:
        """Read a multi-line block, dots no longer doubled (RFC 3977, section 3.1.1)."""
        pieces: list[bytes] = []
        size = 0
        while True:
            # Up to the next line that ends in a dot: far fewer steps than one for each line.
            piece = yield from Read(self.conn, b".\r\n", PATIENCE)
            if not isinstance(piece, bytes) or not piece.endswith(b".\r\n"):
                raise Unreachable(f"{self.where}: the connection broke off within an answer; it is tried again later")
            if piece == b".\r\n" or piece.endswith(b"\r\n.\r\n"):
                pieces.append(piece[:-3])
                break
            pieces.append(piece)
            size += len(piece)
            if size > _LIMIT:
                raise ServerFault(f"{self.where}: an answer of more than {_LIMIT} bytes; it is tried again later")
        data = b"".join(pieces)
        return data.replace(b"\r\n..", b"\r\n.")[1 if data.startswith(b"..") else 0 :]

    def group(self, name: str) -> Flow[Group]:
        """Select a group.

        Raises:
            NotFound: There is no such group.
        """
        _, text = yield from self.expect(f"GROUP {name}", 211)
        numbers = [int(word) for word in text.split()[:3] if word.isdecimal() and len(word) <= 18]
        if len(numbers) != 3:
            raise Unreachable(
                f"{self.where}: the answer to GROUP {name} can't be read: {text[:100]!r}; it is tried again later"
            )
        return Group(name=name, count=numbers[0], low=numbers[1], high=numbers[2])

    def active(self, wildmat: str) -> Flow[dict[str, str]]:
        """Return groups with their status: ``y``, ``n`` (no posting), ``m`` (moderated) (RFC 3977, section 7.6.3)."""
        yield from self.expect(f"LIST ACTIVE {wildmat}", 215)
        rows = (line.split() for line in (yield from self.block()).decode("utf-8", "replace").split("\r\n"))
        return {row[0]: row[3] for row in rows if len(row) >= 4}

    def stat(self, which: str) -> Flow[str]:
        """Return the message id of an article by its number or ``<message-id>``, without brackets; empty if it is not there."""
        code, text = yield from self.ask(f"STAT {which}")
        if code in (420, 423, 430):
            return ""
        if code != 223:
            raise refusal(self.where, f"STAT {which}", code, text)
        return next((word.strip("<>") for word in text.split()[1:2]), "")

    def articles(self, numbers: Sequence[int], verb: str = "ARTICLE") -> Flow[dict[int, bytes | str]]:
        """Fetch articles, or only their headers with ``HEAD``; the commands leave together (RFC 3977, section 3.5).

        Returns:
            Each article by its number, or in words why the server would not hand it out; those that are gone are left out.
        """
        yield from Write(self.conn, "".join(f"{verb} {number}\r\n" for number in numbers).encode())
        found: dict[int, bytes | str] = {}
        for number in numbers:
            code, text = yield from self.response()
            if code in (220, 221):
                found[number] = yield from self.block()
            elif code in (400, 480, 481, 483, 500):
                raise refusal(self.where, f"{verb} {number}", code, text)
            elif code not in (420, 423, 430):
                found[number] = f"{code} {text}"
        return found

    def quit(self) -> Flow[None]:
        """Say goodbye, without waiting for what the server makes of it."""
        yield from Write(self.conn, b"QUIT\r\n")

    def _line(self, patience: float) -> Flow[bytes]:
        line = yield from Read(self.conn, timeout=patience)
        if not isinstance(line, bytes) or not line.endswith(b"\r\n"):
            what = f"no answer for {patience:.0f} s" if line is None else "the server closed the connection"
            raise Unreachable(f"{self.where}: {what}; it is tried again later")
        return line
