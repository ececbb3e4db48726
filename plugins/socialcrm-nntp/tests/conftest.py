"""A news server in memory, written from RFC 3977, RFC 4643 and RFC 5537. All articles here are invented."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Batch, Conn, Now, Open, Read, StartTLS, Write
from socialcrm.errors import SocialCRMError, Unreachable
from socialcrm_nntp import NntpConnector, NntpSettings

PASSWORD = "correct horse"
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def article(
    number: int,
    body: str = "Where is my parcel?",
    *,
    sender: str = "Mara <mara@example.com>",
    groups: str = "acme.support",
    date: str = "Mon, 02 Mar 2026 10:00:00 +0000",
    head: str = "",
    subject: str = "My parcel",
) -> bytes:
    """Write an article down."""
    lines = [f"From: {sender}", f"Newsgroups: {groups}", f"Subject: {subject}", f"Date: {date}"]
    lines += [f"Message-ID: <a{number}@example.com>", *head.splitlines(), "", *body.split("\n")]
    return "\r\n".join(lines).encode() + b"\r\n"


def field(data: bytes, name: str) -> str:
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    found = re.search(rf"(?im)^{name}:[ \t]*(.*(?:\r\n[ \t].*)*)", head)
    return " ".join(found.group(1).split()) if found else ""


class NewsServer:
    """The server. Faults and old-fashioned ways are switched on by attributes."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[int, bytes]] = {"acme.support": {}, "acme.general": {}}
        self.high: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.status: dict[str, str] = {}
        self.history: set[str] = set()
        self.password = PASSWORD
        self.labels = ["VERSION 2", "READER", "OVER", "LIST ACTIVE", "POST", "AUTHINFO USER"]
        self.knows_over = self.knows_xover = self.knows_capabilities = True
        self.needs_login = False
        self.greeting = "200 news.example.com ready"
        self.replies: dict[str, str] = {}
        self.posted: list[bytes] = []
        self.lose_answer = False
        self.verdict = ""
        self.commands: list[str] = []

    def add(self, data: bytes) -> bool:
        """File an article under all its groups; a control message or Supersedes takes another one back."""
        name = field(data, "Message-ID")
        if name in self.history:
            return False
        self.history.add(name)
        for target in (field(data, "Supersedes"), field(data, "Control").removeprefix("cancel ").strip()):
            if target:
                self.cancel(target)
        if not field(data, "Control"):
            for group in field(data, "Newsgroups").split(","):
                if group.strip() in self.groups:
                    number = self.high.get(group.strip(), 0) + 1
                    self.high[group.strip()] = number
                    self.groups[group.strip()][number] = data
        return True

    def cancel(self, name: str) -> None:
        for held in self.groups.values():
            for number in [number for number, data in held.items() if field(data, "Message-ID") == name]:
                del held[number]

    def expire(self, group: str, below: int) -> None:
        """Let articles run out, as servers do for space."""
        self.low[group] = below
        for number in [number for number in self.groups[group] if number < below]:
            del self.groups[group][number]

    def marks(self, group: str) -> tuple[int, int, int]:
        high = self.high.get(group, 0)
        return len(self.groups[group]), self.low.get(group, 1), high

    def find(self, which: str, group: str) -> tuple[int, bytes] | None:
        if which.startswith("<"):
            held = [data for articles in self.groups.values() for data in articles.values()]
            return next(((0, data) for data in held if field(data, "Message-ID") == which), None)
        data = self.groups.get(group, {}).get(int(which)) if which.isdecimal() else None
        return None if data is None else (int(which), data)


class Session:
    """One connection."""

    def __init__(self, server: NewsServer) -> None:
        self.server, self.inbox, self.outbox, self.closed = server, b"", bytearray(), False
        self.group, self.user, self.logged_in = "", "", False
        self.posting: list[bytes] | None = None
        self.say(server.greeting)

    def say(self, *lines: str) -> None:
        self.outbox += "".join(f"{line}\r\n" for line in lines).encode()

    def block(self, data: bytes) -> None:
        lines = data.split(b"\r\n")[:-1] if data.endswith(b"\r\n") else data.split(b"\r\n")
        for line in lines if data else []:
            self.outbox += (b"." if line.startswith(b".") else b"") + line + b"\r\n"
        self.outbox += b".\r\n"

    def greet(self) -> bytes:
        return self._said()

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what the server says."""
        if self.closed:
            raise Unreachable("the connection broke off")
        self.inbox += data
        while b"\r\n" in self.inbox and not self.closed:
            line, _, self.inbox = self.inbox.partition(b"\r\n")
            self.line(line)
        return self._said()

    def _said(self) -> bytes:
        told = bytes(self.outbox)
        self.outbox.clear()
        return told

    def line(self, line: bytes) -> None:
        if self.posting is not None:
            self._content(line)
            return
        assert len(line) <= 510, "RFC 3977, section 3.1: a command line is too long"
        verb, _, rest = line.decode().partition(" ")
        verb = verb.upper()
        self.server.commands.append(verb if verb == "AUTHINFO" else line.decode())
        public = ("CAPABILITIES", "MODE", "AUTHINFO", "QUIT", "STARTTLS")
        if verb in self.server.replies:
            self.say(self.server.replies[verb])
        elif self.server.needs_login and not self.logged_in and verb not in public:
            self.say("480 authentication required")
        else:
            getattr(self, "do_" + verb.lower(), self.do_unknown)(rest)

    def do_unknown(self, rest: str) -> None:
        self.say("500 what?")

    def do_capabilities(self, rest: str) -> None:
        if not self.server.knows_capabilities:
            return self.do_unknown(rest)
        labels = [label for label in self.server.labels if self.server.knows_over or label != "OVER"]
        self.say("101 capabilities")
        self.block("".join(f"{label}\r\n" for label in labels).encode())
        return None

    def do_mode(self, rest: str) -> None:
        self.server.labels = ["READER" if label == "MODE-READER" else label for label in self.server.labels]
        self.say("200 reader")

    def do_starttls(self, rest: str) -> None:
        self.say("382 go on")

    def do_authinfo(self, rest: str) -> None:
        verb, _, value = rest.partition(" ")
        if verb == "USER":
            self.user = value
            self.say("381 password, please")
        else:
            self.logged_in = bool(self.user) and value == self.server.password
            self.say("281 in" if self.logged_in else "481 wrong")

    def do_list(self, rest: str) -> None:
        patterns = [re.escape(one).replace(r"\*", ".*") for one in rest.partition(" ")[2].split(",")]
        self.say("215 groups")
        rows = []
        for name in self.server.groups:
            if any(re.fullmatch(pattern, name) for pattern in patterns):
                _, low, high = self.server.marks(name)
                rows.append(f"{name} {high:010} {low:010} {self.server.status.get(name, 'y')}\r\n")
        self.block("".join(rows).encode())

    def do_group(self, rest: str) -> None:
        if rest not in self.server.groups:
            self.say("411 no such group")
            return
        self.group = rest
        self.say("211 {} {} {} {}".format(*self.server.marks(rest), rest))

    def do_over(self, rest: str) -> None:
        if not self.server.knows_over:
            return self.do_unknown(rest)
        return self.do_xover(rest)

    def do_xover(self, rest: str) -> None:
        if not self.server.knows_xover:
            return self.do_unknown(rest)
        if not self.group:
            self.say("412 no group")
            return None
        first, _, last = rest.partition("-")
        rows = []
        for number, data in sorted(self.server.groups[self.group].items()):
            if int(first) <= number <= int(last):
                told = (field(data, name) for name in ("Subject", "From", "Date", "Message-ID", "References"))
                rows.append("\t".join((str(number), *told, str(len(data)), str(data.count(b"\n")))) + "\r\n")
        if not rows:
            self.say("423 none")
            return None
        self.say("224 overview")
        self.block("".join(rows).encode())
        return None

    def do_stat(self, rest: str) -> None:
        self._article(rest, 223)

    def do_head(self, rest: str) -> None:
        self._article(rest, 221)

    def do_article(self, rest: str) -> None:
        self._article(rest, 220)

    def _article(self, which: str, code: int) -> None:
        found = self.server.find(which, self.group)
        if found is None:
            self.say("430 no such article" if which.startswith("<") else "423 no such number")
            return
        number, data = found
        self.say(f"{code} {number} {field(data, 'Message-ID')}")
        if code != 223:
            self.block(data if code == 220 else data.partition(b"\r\n\r\n")[0] + b"\r\n")

    def do_post(self, rest: str) -> None:
        self.posting = []
        self.say("340 send it")

    def _content(self, line: bytes) -> None:
        assert self.posting is not None
        if line != b".":
            self.posting.append(line[1:] if line.startswith(b".") else line)
            return
        data, self.posting = b"".join(one + b"\r\n" for one in self.posting), None
        self.say(self._judged(data))
        if self.server.lose_answer:
            self.outbox.clear()
            self.closed = True

    def _judged(self, data: bytes) -> str:
        if self.server.verdict:
            return self.server.verdict
        wanted = ("From", "Newsgroups", "Subject", "Date", "Message-ID")
        if any(not field(data, name) for name in wanted) or any(len(line) > 998 for line in data.split(b"\r\n")):
            return "441 437 malformed"
        names = field(data, "Newsgroups").split(",")
        if any(name not in self.server.groups for name in names):
            return "441 437 no such group"
        target = field(data, "Control").removeprefix("cancel ")
        if target and not self._may_cancel(data, target):
            return "441 437 wrong Cancel-Key"
        if field(data, "Message-ID") in self.server.history:
            return "441 435 duplicate"
        self.server.posted.append(data)
        if any(self.server.status.get(name) == "m" for name in names):
            return "240 sent to the moderator"
        self.server.add(data)
        return "240 posted"

    def _may_cancel(self, data: bytes, target: str) -> bool:
        found = self.server.find(target, "")
        lock = field(found[1], "Cancel-Lock").partition(":")[2] if found else ""
        key = field(data, "Cancel-Key").partition(":")[2]
        return not lock or base64.b64encode(hashlib.sha256(key.encode()).digest()).decode() == lock

    def do_quit(self, rest: str) -> None:
        self.say("205 bye")
        self.closed = True


class World:
    """The server, and a driver that steps flows by hand."""

    def __init__(self) -> None:
        self.server = NewsServer()
        self.grant: dict[str, str] = {"password": PASSWORD}
        self.now = START
        self.cursor: dict[str, str] = {}
        self.batches: list[Batch] = []
        self.intents = 0
        self.secured = False

    def connector(self, **settings: Any) -> NntpConnector:
        """Return a connector for the server."""
        given = {"server": "127.0.0.1", "security": "plain", "groups": "acme.support", "address": "help@example.org"}
        return NntpConnector(NntpSettings(**{**given, **settings}))

    def fetch(self, **settings: Any) -> list[Any]:
        """Sync once; returns the raw elements that came."""
        self.batches.clear()
        self.run(self.connector(**settings).fetch("articles", dict(self.cursor)))
        return [raw for batch in self.batches for raw in batch.raws]

    def run(self, flow: Any) -> Any:
        """Drive a flow to its end."""
        sessions: list[Session] = []
        outcome, error = None, None
        buffer = bytearray()
        try:
            while True:
                step = flow.throw(error) if error is not None else flow.send(outcome)
                outcome, error = None, None
                try:
                    outcome = self._do(step, sessions, buffer)
                except SocialCRMError as failure:
                    error = failure
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def _do(self, step: Any, sessions: list[Session], buffer: bytearray) -> Any:
        match step:
            case Open():
                sessions.append(Session(self.server))
                buffer[:] = sessions[-1].greet()
                return Conn("c")
            case StartTLS():
                self.secured = True
                buffer.clear()
            case Write():
                self.intents += not step.repeatable
                buffer += sessions[-1].feed(step.data if isinstance(step.data, bytes) else step.data(self.grant))
            case Read():
                end = buffer.find(step.until)
                if end < 0:
                    return b"" if sessions[-1].closed else None
                piece = bytes(buffer[: end + len(step.until)])
                del buffer[: len(piece)]
                return piece
            case Batch():
                self.batches.append(step)
                self.cursor |= {key: value for key, value in step.cursor.items() if value is not None}
                for key in [key for key, value in step.cursor.items() if value is None]:
                    self.cursor.pop(key, None)
            case Now():
                return self.now
        return None

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def write() -> Callable[..., bytes]:
    return article


@pytest.fixture
def open_session() -> Callable[[NewsServer], Session]:
    return Session


@pytest.fixture
def settings_of() -> Callable[[Mapping[str, int]], dict[str, Any]]:
    def settings(ports: Mapping[str, int]) -> dict[str, Any]:
        return {
            "server": "127.0.0.1",
            "port": ports["nntp"],
            "security": "plain",
            "username": "acme",
            "password": PASSWORD,
            "groups": ("acme.support", "acme.general"),
            "address": "help@example.org",
            "cancel_secret": "canary-cancel-secret",
        }

    return settings
