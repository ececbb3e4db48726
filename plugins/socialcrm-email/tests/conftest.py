"""A mail server in memory, and a driver that steps flows by hand. All mail here is invented."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Batch, Blocking, Conn, Now, Open, Read, Sent, StartTLS, Write
from socialcrm.errors import SocialCRMError, Unreachable
from socialcrm.types import Secret
from socialcrm_email import EmailConnector, EmailSettings

PASSWORD = 'p\u00e4ss"word\\1'
START = datetime(2024, 3, 1, 12, tzinfo=UTC)


class Killed(BaseException):
    """The process died here."""


class Folder:
    """A folder of the server in memory."""

    def __init__(self, validity: int = 7, flags: str = "\\HasNoChildren") -> None:
        self.validity, self.flags = validity, flags
        self.mails: dict[int, bytes] = {}
        self.next = 1

    def add(self, data: bytes) -> int:
        self.mails[self.next] = data
        self.next += 1
        return self.next - 1


class World:
    """Both servers, the host and the clock. Faults are switched on by attributes."""

    def __init__(self) -> None:
        self.folders = {"INBOX": Folder(), "Gesendet &- mehr": Folder(flags="\\HasNoChildren \\Sent")}
        self.capabilities = "IMAP4rev1 IDLE SASL-IR AUTH=PLAIN"
        self.greeting = "* OK ready"
        self.password, self.grant = PASSWORD, {"password": PASSWORD}
        self.damaged: set[int] = set()
        self.tells_next = True
        self.cut_after: int | None = None
        self.idle_script: list[Any] = []
        self.offers = ["mail.example.org", "SIZE 1000000", "AUTH PLAIN LOGIN"]
        self.smtp_replies: dict[str, str] = {}
        self.lose_after_dot = self.drop_quit = self.stores_sent = False
        self.accepted: list[tuple[str, str, bytes]] = []
        self.commands: list[str] = []
        self.batches: list[Batch] = []
        self.cursor: dict[str, str] = {}
        self.intents: list[bytes] = []
        self.sent: list[Any] = []
        self.seen_by_flow: list[bytes] = []
        self.now = START

    def run(self, flow: Any, kill_at: int | None = None) -> Any:
        """Drive a flow to its end, or die before its step number ``kill_at``."""
        sessions: dict[str, Session] = {}
        step_number, outcome, error = 0, None, None
        try:
            while True:
                step = flow.throw(error) if error is not None else flow.send(outcome)
                if step_number == kill_at:
                    raise Killed
                step_number, outcome, error = step_number + 1, None, None
                try:
                    outcome = self._do(step, sessions)
                except SocialCRMError as failure:
                    error = failure
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def _do(self, step: Any, sessions: dict[str, Session]) -> Any:
        match step:
            case Open():
                kind = Smtp if "smtp" in step.url else Imap
                sessions[step.url] = kind(self)
                return Conn(step.url)
            case StartTLS():
                return sessions[step.conn.id].secured()
            case Write():
                data = step.data if isinstance(step.data, bytes) else step.data(self.grant)
                if isinstance(step.data, bytes):
                    self.seen_by_flow.append(data)
                if not step.repeatable:
                    self.intents.append(data)
                return sessions[step.conn.id].feed(data)
            case Read():
                if step.idle and self.idle_script:
                    return self._idle(step, sessions[step.conn.id])
                return sessions[step.conn.id].take(step.until, step.size)
            case Batch():
                self.batches.append(step)
                self.cursor.update({key: value for key, value in step.cursor.items() if value is not None})
            case Now():
                return self.now
            case Blocking():
                return step.func(*step.args)
            case Sent():
                self.sent.append(step)
        return None

    def _idle(self, step: Read, session: Session) -> Any:
        event = self.idle_script.pop(0)
        if isinstance(event, Callable):  # type: ignore[arg-type]  # a thing that happens on the server
            event = event()
        if event is None:
            self.now += timedelta(seconds=step.timeout)
        elif isinstance(event, BaseException):
            raise event
        return event

    @property
    def raws(self) -> list[Any]:
        return [raw for batch in self.batches for raw in batch.raws]


class Session:
    def __init__(self, world: World) -> None:
        self.world, self.inbox, self.outbox, self.closed = world, b"", bytearray(), False
        self.begin()

    def begin(self) -> None: ...
    def line(self, line: bytes) -> None: ...

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.outbox += (line.encode() if isinstance(line, str) else line) + b"\r\n"

    def secured(self) -> None:
        self.outbox.clear()

    def feed(self, data: bytes) -> None:
        if self.closed:
            raise Unreachable("the connection broke off")
        self.inbox += data
        while b"\r\n" in self.inbox:
            line, _, self.inbox = self.inbox.partition(b"\r\n")
            self.line(line)

    def take(self, until: bytes | None, size: int | None) -> bytes | None:
        limit = self.world.cut_after
        if limit is not None and len(self.outbox) > limit:
            del self.outbox[limit:]
            self.closed = True
        end = size if size is not None else self.outbox.find(until or b"") + len(until or b"")
        if (size is None and until and until not in self.outbox) or len(self.outbox) < (end or 0):
            return b"" if self.closed else None
        piece = bytes(self.outbox[:end])
        del self.outbox[:end]
        return piece


class Imap(Session):
    def begin(self) -> None:
        self.say(self.world.greeting)
        self.folder: Folder | None = None
        self.pending: tuple[str, Folder, int] | None = None
        self.idling = ""

    def line(self, line: bytes) -> None:
        text = line.decode("utf-8", "surrogateescape")
        if self.idling:
            self.say(f"{self.idling} OK done")
            self.idling = ""
            return None
        if self.pending and self.pending[2] == -1:
            tag = self.pending[0]
            self.pending = None
            return self._log_in(tag, text)
        tag, _, rest = text.partition(" ")
        name, _, arguments = rest.partition(" ")
        self.world.commands.append("AUTH" if name in ("LOGIN", "AUTHENTICATE") else rest)
        getattr(self, "do_" + name.lower(), self.do_unknown)(tag, arguments)
        return None

    def feed(self, data: bytes) -> None:
        if self.pending and self.pending[2] >= 0:
            tag, folder, _ = self.pending
            folder.add(data.removesuffix(b"\r\n"))
            self.pending = None
            self.say(f"{tag} OK [APPENDUID 7 1] kept")
            return
        super().feed(data)

    def do_unknown(self, tag: str, arguments: str) -> None:
        self.say(f"{tag} BAD unknown")

    def do_capability(self, tag: str, arguments: str) -> None:
        self.say(f"* CAPABILITY {self.world.capabilities}", f"{tag} OK")

    def do_starttls(self, tag: str, arguments: str) -> None:
        self.say(f"{tag} OK", "* OK injected in clear")

    def do_authenticate(self, tag: str, arguments: str) -> None:
        _, _, initial = arguments.partition(" ")
        if initial:
            return self._log_in(tag, initial)
        self.pending = (tag, Folder(), -1)
        self.say("+ ")
        return None

    def do_login(self, tag: str, arguments: str) -> None:
        unquoted = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
        self._finish(tag, re.sub(r"\\(.)", r"\1", unquoted[1]) == self.world.password)

    def _log_in(self, tag: str, encoded: str) -> None:
        words = base64.b64decode(encoded).decode()
        if words.startswith("user=") and words != f"user=support@example.org\x01auth=Bearer {self.world.password}\x01\x01":
            self.say("+ eyJzdGF0dXMiOiI0MDEifQ==")
            self.idling = ""
            self.line = lambda _line: self.say(f"{tag} NO [AUTHENTICATIONFAILED] bad token")  # type: ignore[method-assign]
            return
        self._finish(tag, words.startswith("user=") or words.split("\0")[2] == self.world.password)
        return

    def _finish(self, tag: str, right: bool) -> None:
        self.say(f"{tag} OK in" if right else f"{tag} NO [AUTHENTICATIONFAILED] wrong")

    def do_list(self, tag: str, arguments: str) -> None:
        for name, folder in self.world.folders.items():
            self.say(f'* LIST ({folder.flags}) "/" "{name}"')
        self.say(f"{tag} OK")

    def do_examine(self, tag: str, arguments: str) -> None:
        name = arguments.strip('"')
        if name not in self.world.folders:
            self.say(f"{tag} NO no such folder")
            return
        self.folder = folder = self.world.folders[name]
        self.say(f"* {len(folder.mails)} EXISTS", f"* OK [UIDVALIDITY {folder.validity}] .")
        if self.world.tells_next:
            self.say(f"* OK [UIDNEXT {folder.next}] .")
        self.say(f"{tag} OK [READ-ONLY] done")

    def do_uid(self, tag: str, arguments: str) -> None:
        assert self.folder is not None
        command, _, rest = arguments.partition(" ")
        if command == "SEARCH":
            self._search(tag, rest)
            return
        uids = [uid for part in rest.split(" ")[0].split(",") for uid in _span(part)]
        if self.world.damaged & set(uids) and "PEEK" in rest:
            self.say(f"{tag} NO some messages are damaged")
            return
        for place, (uid, mail) in enumerate(sorted(self.folder.mails.items()), 1):
            if uid in uids and "PEEK" in rest:
                body = mail[: int(re.search(r"<0\.(\d+)>", rest).group(1))]  # type: ignore[union-attr]
                self.say(b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)" % (place, uid, len(body), body))
            elif uid in uids:
                when = '"01-Mar-2024 11:00:00 +0000"'
                self.say(f"* {place} FETCH (UID {uid} RFC822.SIZE {len(mail)} INTERNALDATE {when})")
        self.say("* 1 FETCH (FLAGS (\\Seen))", f"{tag} OK")

    def _search(self, tag: str, criteria: str) -> None:
        assert self.folder is not None
        header = re.search(r'HEADER Message-ID "(.*)"', criteria)
        if header:
            found = [uid for uid, mail in self.folder.mails.items() if header.group(1).encode() in mail]
        else:
            first = int(criteria.split()[1].partition(":")[0])
            found = [uid for uid in self.folder.mails if uid >= first] or list(self.folder.mails)[-1:]
        self.say("* SEARCH " + " ".join(map(str, found)), f"{tag} OK")

    def do_append(self, tag: str, arguments: str) -> None:
        folder = self.world.folders[re.match(r'"([^"]*)"', arguments).group(1)]  # type: ignore[union-attr]
        self.pending = (tag, folder, int(re.search(r"\{(\d+)\}", arguments).group(1)))  # type: ignore[union-attr]
        self.say("+ go on")

    def do_idle(self, tag: str, arguments: str) -> None:
        self.say("+ idling")
        self.idling = tag

    def do_logout(self, tag: str, arguments: str) -> None:
        self.say("* BYE", f"{tag} OK")


class Smtp(Session):
    def begin(self) -> None:
        self.sender = self.receiver = ""
        self.data: list[bytes] | None = None
        self.asked = 0
        self.say(self.world.smtp_replies.get("greeting", "220 ready"))

    def line(self, line: bytes) -> None:
        if self.data is not None:
            self._content(line)
            return
        verb = line.split(b" ")[0].split(b":")[0].decode("ascii", "replace").upper()
        if verb in self.world.smtp_replies:
            self.say(*self.world.smtp_replies[verb].split("\n"))
        elif verb == "EHLO":
            rows = self.world.offers
            self.say(*(f"250{'-' if row is not rows[-1] else ' '}{row}" for row in rows))
        elif verb == "AUTH" and b"LOGIN" in line:
            self.asked = 2
            self.say("334 VXNlcm5hbWU6")
        elif verb == "AUTH":
            right = base64.b64decode(line.split()[-1]).decode().endswith("\0" + self.world.password)
            self.say("235 in" if right else "535 5.7.8 wrong")
        elif self.asked:
            self.asked -= 1
            right = self.asked or base64.b64decode(line).decode() == self.world.password
            self.say("334 UGFzc3dvcmQ6" if self.asked else "235 in" if right else "535 wrong")
        elif verb == "DATA":
            self.data = []
            self.say("354 go on")
        elif verb == "QUIT":
            self.closed = self.world.drop_quit
            if not self.closed:
                self.say("221 bye")
        else:
            self.sender = line.decode() if verb == "MAIL" else self.sender
            self.receiver = line.decode() if verb == "RCPT" else self.receiver
            self.say("220 go" if verb == "STARTTLS" else "250 fine")

    def _content(self, line: bytes) -> None:
        assert self.data is not None
        if line != b".":
            self.data.append(line.removeprefix(b"."))
            return
        content, self.data = b"\r\n".join(self.data) + b"\r\n", None
        refused = self.world.smtp_replies.get("DOT")
        if refused is None:
            self.world.accepted.append((self.sender, self.receiver, content))
            if self.world.stores_sent:
                self.world.folders["Gesendet &- mehr"].add(content)
        self.closed = self.world.lose_after_dot
        if not self.closed:
            self.say(refused or "250 accepted")


def _span(part: str) -> range:
    first, _, last = part.partition(":")
    return range(int(first), int(last or first) + 1)


def mail(
    number: int = 1, *, head: str = "", body: str = "Where is my parcel?", sender: str = "Mara <mara@example.com>"
) -> bytes:
    """Build a customer's mail."""
    lines = [
        f"From: {sender}",
        "To: support@example.org",
        f"Subject: Parcel {number}",
        f"Message-ID: <m{number}@example.com>",
        "Date: Fri, 1 Mar 2024 10:00:00 +0000",
        *filter(None, head.split("\n")),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body.replace("\n", "\r\n") + "\r\n").encode()


def settings(**changes: Any) -> EmailSettings:
    """Build settings for the server in memory."""
    given: dict[str, Any] = {
        "address": "support@example.org",
        "password": Secret("env:MAIL_PASSWORD"),
        "imap_host": "imap.example.org",
        "smtp_host": "smtp.example.org",
    }
    return EmailSettings(**{**given, **changes})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def build_mail() -> Callable[..., bytes]:
    return mail


@pytest.fixture
def build_connector() -> Callable[..., EmailConnector]:
    return lambda **changes: EmailConnector(settings(**changes))


@pytest.fixture
def killed() -> type[BaseException]:
    return Killed
