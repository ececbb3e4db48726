"""One IMAP connection (RFC 9051, and RFC 3501 where servers still speak that), as steps.

Written for what a mailbox is read with: find folders, look at one without changing it, search, fetch, put a copy into one.
Errors follow the response codes of RFC 5530.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from socialcrm.connectors import Conn, Flow, Read, Write
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    SocialCRMError,
    Unreachable,
)
from socialcrm_email._responses import Response, folder_name, read_fetch, read_folder, shown, uid_set, word

__all__ = ["Folder", "Imap", "ImapRefusal", "Reply"]

_LITERAL = re.compile(rb"\{(\d{1,10})\+?\}\Z")
_CODE = re.compile(rb"\[([A-Z0-9-]+)[ \]]")
_PATIENCE = 120.0


class ImapRefusal(RefusedError):
    """The server answered NO or BAD, for a reason that has no error of its own."""


@frozen(kw_only=True)
class Reply:
    """What a command brought.

    Args:
        responses: The untagged responses, without their ``* ``.
        text: What followed OK.
    """

    responses: tuple[Response, ...]
    text: bytes


@frozen(kw_only=True)
class Folder:
    """A selected folder.

    Args:
        validity: UIDVALIDITY; another one means that every UID is void.
        next: UIDNEXT; 0 where the server does not say.
        exists: How many messages it holds.
    """

    validity: int
    next: int
    exists: int


class Imap:
    """A connection's state: its tags and what the server can do.

    Args:
        conn: The open stream.
        where: The server, for messages.
    """

    def __init__(self, conn: Conn, where: str) -> None:
        self.conn, self.where = conn, where
        self.capabilities: frozenset[str] = frozenset()
        self._tags = 0

    def tag(self) -> bytes:
        """Return the next tag."""
        self._tags += 1
        return b"A%d" % self._tags

    def line(self, *, timeout: float = _PATIENCE) -> Flow[bytes]:
        """Read a line without its end.

        Raises:
            Unreachable: None came in time, or the connection broke off.
        """
        read = yield from Read(self.conn, timeout=timeout)
        if not isinstance(read, bytes):
            raise Unreachable(f"{self.where}: no answer for {timeout:.0f} s; it is tried again later")
        if not read.endswith(b"\r\n"):
            raise Unreachable(f"{self.where}: the server closed the connection; it is tried again later")
        return read[:-2]

    def response(self, line: bytes) -> Flow[Response]:
        """Return the whole response that a line begins, with its literals."""
        pieces: list[bytes | tuple[bytes, bytes]] = []
        while literal := _LITERAL.search(line):
            size = int(literal.group(1))
            data = (yield from Read(self.conn, None, _PATIENCE, size=size)) if size else b""
            if not isinstance(data, bytes) or len(data) != size:
                raise Unreachable(f"{self.where}: the connection broke off within a message; it is tried again later")
            pieces.append((line, data))
            line = yield from self.line()
        return (*pieces, line)

    def finish(self, tag: bytes, what: str) -> Flow[Reply]:
        """Read up to a command's end.

        Raises:
            SocialCRMError: It was refused, by the reason.
        """
        responses: list[Response] = []
        while True:
            line = yield from self.line()
            if line.startswith(b"* "):
                response = yield from self.response(line[2:])
                if word(response) == b"BYE" and what != "LOGOUT":
                    raise ServerFault(
                        f"{self.where}: the server ended the session ({shown(line[6:])}); it is tried again later"
                    )
                responses.append(response)
            elif line.startswith(tag + b" "):
                status, _, text = line[len(tag) + 1 :].partition(b" ")
                if status.upper() != b"OK":
                    raise self.refusal(status, text, what)
                return Reply(responses=tuple(responses), text=text)
            elif not line.startswith(b"+"):
                raise Unreachable(f"{self.where}: {shown(line)!r} is no IMAP; check host, port and security")

    def command(self, words: bytes, what: str = "") -> Flow[Reply]:
        """Send a command that holds no secret, and read its answer."""
        tag = self.tag()
        yield from Write(self.conn, tag + b" " + words + b"\r\n")
        return (yield from self.finish(tag, what or words.partition(b" ")[0].decode()))

    def refusal(self, status: bytes, text: bytes, what: str) -> SocialCRMError:
        """Return the error for a NO or BAD (RFC 5530)."""
        found = _CODE.match(text.upper())
        code = found.group(1).decode() if found else ""
        told = f"{self.where}: {what} was refused ({shown(text) or status.decode('ascii', 'replace')})"
        if code in ("UNAVAILABLE", "SERVERBUG", "INUSE", "CORRUPTION"):
            return ServerFault(f"{told}; it is tried again later")
        if code in ("LIMIT", "THROTTLED"):
            return RateLimited(f"{told}; it is tried again later")
        if code in ("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED"):
            return CredentialsError(f"{told}; check the user name and the password or token of the channel")
        if code == "PRIVACYREQUIRED":
            return SettingsError(f"{told}; set imap_security to 'tls' or 'starttls'")
        if code in ("NOPERM", "CONTACTADMIN"):
            return ForbiddenError(f"{told}; ask whoever runs the mail server")
        if code in ("NONEXISTENT", "TRYCREATE"):
            return NotFound(f"{told}; check the channel's folders")
        if what == "the log-in":
            return CredentialsError(f"{told}; check the user name and the password or token of the channel")
        return ImapRefusal(f"{told}; check what the mail server allows this account")

    def examine(self, folder: str) -> Flow[Folder]:
        """Select a folder for reading only: nothing is ever marked as seen."""
        reply = yield from self.command(b"EXAMINE " + folder_name(folder), f"the folder {folder!r}")
        told = b"\n".join(line for response in reply.responses for line in response if isinstance(line, bytes)).upper()
        validity, following = re.search(rb"\[UIDVALIDITY (\d+)\]", told), re.search(rb"\[UIDNEXT (\d+)\]", told)
        exists = re.search(rb"^(\d+) EXISTS", told, re.MULTILINE)
        if validity is None:
            raise RefusedError(f"{self.where}: the folder {folder!r} has no lasting UIDs; it can't be followed, leave it out")
        return Folder(
            validity=int(validity.group(1)),
            next=int(following.group(1)) if following else 0,
            exists=int(exists.group(1)) if exists else 0,
        )

    def search(self, criteria: bytes) -> Flow[list[int]]:
        """Return the UIDs of the selected folder's messages that match, ascending."""
        reply = yield from self.command(b"UID SEARCH " + criteria)
        found: set[int] = set()
        for response in reply.responses:
            if word(response) == b"SEARCH" and isinstance(response[0], bytes):
                found.update(int(word) for word in response[0].split()[1:] if word.isdigit())
        return sorted(found)

    def fetch(self, uids: Sequence[int], items: bytes) -> Flow[dict[int, dict[bytes, Any]]]:
        """Return what was asked for, by UID. What vanished in the meantime is missing."""
        reply = yield from self.command(b"UID FETCH " + uid_set(uids) + b" " + items)
        wanted, found = frozenset(uids), dict[int, dict[bytes, Any]]()
        for response in reply.responses:
            values = read_fetch(response, self.where)
            uid = values.get(b"UID")
            if isinstance(uid, int) and uid in wanted:
                found.setdefault(uid, {}).update(values)
        return found

    def folders(self) -> Flow[list[tuple[frozenset[str], str]]]:
        """Return every folder's attributes (``\\Sent`` among them, RFC 6154) and name."""
        reply = yield from self.command(b'LIST "" "*"')
        return [found for response in reply.responses if (found := read_folder(response, self.where)) is not None]

    def append(self, folder: str, message: bytes) -> Flow[None]:
        """Put a message into a folder, marked as seen."""
        tag = self.tag()
        yield from Write(self.conn, b"%s APPEND %s (\\Seen) {%d}\r\n" % (tag, folder_name(folder), len(message)))
        line = yield from self.line()
        while line.startswith(b"* "):
            line = yield from self.line()
        if not line.startswith(b"+"):
            raise self.refusal(*line.removeprefix(tag + b" ").partition(b" ")[::2], f"putting a copy into {folder!r}")
        yield from Write(self.conn, message + b"\r\n")
        yield from self.finish(tag, f"putting a copy into {folder!r}")

    def logout(self) -> Flow[None]:
        """Say goodbye; what the server makes of it no longer matters."""
        try:
            yield from self.command(b"LOGOUT")
        except SocialCRMError:
            return

    def learn(self) -> Flow[None]:
        """Ask what the server can do."""
        reply = yield from self.command(b"CAPABILITY")
        lines = [response[0] for response in reply.responses if word(response) == b"CAPABILITY"]
        words = b" ".join(line for line in lines if isinstance(line, bytes)).decode("ascii", "replace").upper().split()
        self.capabilities = frozenset(words)
