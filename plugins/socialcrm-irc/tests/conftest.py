"""An IRC server in memory, and a driver that steps flows by hand. All people and networks here are invented."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from socialcrm.connectors import Batch, Conn, Now, Open, Read, Sent, StartTLS, Write
from socialcrm.errors import SocialCRMError, Unreachable
from socialcrm.types import Secret
from socialcrm_irc import IrcConnector, IrcSettings

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
MODERN = (
    "message-tags server-time batch account-tag account-notify extended-join echo-message labeled-response chghost "
    "userhost-in-names draft/chathistory sasl=PLAIN"
)
HOSTS = {"mara": "~mara@home.example.com", "jonas": "jonas@office.example.com"}


class Killed(BaseException):
    """The process died here."""


class Network:
    """A server with one channel. Faults and abilities are attributes.

    Args:
        caps: What it offers by CAP; empty for a server of old.
    """

    def __init__(self, caps: str = MODERN) -> None:
        self.caps, self.password = caps, "hunter2-hunter2"
        self.now = START
        self.lines: list[dict[str, str]] = []
        self.sessions: list[Session] = []
        self.accounts: dict[str, str] = {"mara": "Mara"}
        self.masks = dict(HOSTS)
        self.refuse: dict[str, str] = {}
        self.modes = "+nt"
        self.silent = False
        self.numbers = count(1)
        self.said: list[str] = []
        self.batches: list[Batch] = []
        self.cursor: dict[str, str] = {}
        self.script: list[Any] = []
        self.sent: list[Any] = []
        self.intents: list[bytes] = []
        self.written: list[bytes] = []
        self.grant: dict[str, str] = {}

    def say(self, nick: str, text: str, target: str = "#support", command: str = "PRIVMSG") -> None:
        """Somebody writes; who listens is told, and the history keeps it."""
        at = self.now + timedelta(milliseconds=len(self.lines))
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
        mask = self.masks.get(nick, f"{nick}@example.net")
        line = {"nick": nick, "mask": mask, "target": target, "text": text, "time": stamp,
                "msgid": f"m{next(self.numbers)}", "account": self.accounts.get(nick, ""), "command": command}  # fmt: skip
        self.lines.append(line)
        for session in self.sessions:
            session.hear(line)

    def tell(self, line: str) -> None:
        """The server says something to everybody."""
        for session in self.sessions:
            session.tell(line)

    def streams(self) -> dict[str, Callable[[], Session]]:
        return {"irc": lambda: Session(self)}

    def texts(self) -> list[str]:
        return [self.bare(line["text"]) if line["nick"].startswith("acme") else line["text"] for line in self.lines]

    @staticmethod
    def bare(text: str) -> str:
        """A reply without its address."""
        return text.removeprefix("mara: ").removeprefix("jonas: ")

    def received(self) -> list[str]:
        return self.said

    # -- driving by hand -------------------------------------------------------------------------------------------------

    def run(self, flow: Any, kill_at: int | None = None) -> Any:
        """Drive a flow to its end, until the script of its idle reads is over, or until it dies."""
        conns: dict[str, Session] = {}
        number, outcome, error = 0, None, None
        try:
            while True:
                step = flow.throw(error) if error is not None else flow.send(outcome)
                if number == kill_at:
                    raise Killed
                number, outcome, error = number + 1, None, None
                if isinstance(step, Read) and step.idle and not self.script and not conns[step.conn.id].outbox:
                    return None
                try:
                    outcome = self._do(step, conns)
                except SocialCRMError as failure:
                    error = failure
        except StopIteration as end:
            return end.value
        finally:
            flow.close()
            for session in conns.values():
                session.closed = True

    def _do(self, step: Any, conns: dict[str, Session]) -> Any:
        match step:
            case Open():
                conn = Conn(f"c{next(self.numbers)}")
                conns[conn.id] = Session(self)
                return conn
            case StartTLS():
                conns[step.conn.id].outbox.clear()
            case Write():
                data = step.data if isinstance(step.data, bytes) else step.data(self.grant)
                self.written.append(data)
                if not step.repeatable:
                    self.intents.append(data)
                session = conns[step.conn.id]
                if session.closed:
                    raise Unreachable("the connection broke off")
                session.outbox += session.feed(data)
            case Read():
                return self._read(step, conns[step.conn.id])
            case Batch():
                self.batches.append(step)
                self.cursor.update({key: value for key, value in step.cursor.items() if value is not None})
            case Now():
                return self.now
            case Sent():
                self.sent.append(step)
        return None

    def _read(self, step: Read, session: Session) -> Any:
        if session.outbox:
            line, _, rest = bytes(session.outbox).partition(b"\n")
            session.outbox[:] = rest
            return line + b"\n"
        if session.closed:
            return b""
        if step.idle and self.script:
            event = self.script.pop(0)
            if not callable(event):
                self.now += timedelta(seconds=step.timeout if event is None else 0)
                return event
            event()
            return self._read(step, session)
        self.now += timedelta(seconds=step.timeout)
        return None

    @property
    def raws(self) -> list[Any]:
        return [raw for batch in self.batches for raw in batch.raws]

    def items(self, connector: IrcConnector) -> list[Any]:
        return [item for raw in self.raws for item in connector.parse(raw)]


class Session:
    """One connection, seen from the server."""

    def __init__(self, network: Network) -> None:
        self.network, self.closed, self.registered = network, False, False
        self.inbox, self.outbox = b"", bytearray()
        self.nick, self.user, self.account = "*", "", ""
        self.caps: set[str] = set()
        self.rooms: set[str] = set()
        self.negotiating = False
        network.sessions.append(self)

    def greet(self) -> bytes:
        return b":irc.example.net NOTICE * :*** Looking up your hostname...\r\n"

    def tell(self, line: str | bytes) -> None:
        self.outbox += (line.encode() if isinstance(line, str) else line) + b"\r\n"

    def num(self, code: str, rest: str) -> None:
        self.tell(f":irc.example.net {code} {self.nick} {rest}")

    def feed(self, data: bytes) -> bytes:
        self.inbox += data
        while b"\r\n" in self.inbox and not self.closed:
            line, _, self.inbox = self.inbox.partition(b"\r\n")
            self.line(line.decode())
        told = bytes(self.outbox)
        self.outbox.clear()
        return told

    def line(self, line: str) -> None:
        tags, rest = line.partition(" ")[::2] if line.startswith("@") else ("", line)
        head, colon, last = rest.partition(" :")
        words = [*head.split(), *([last] if colon else [])]
        self.label = dict(pair.partition("=")[::2] for pair in tags[1:].split(";")).get("label", "")
        command = words[0].upper()
        refusal = self.network.refuse.get(command)
        if refusal:
            self.num(refusal.partition(" ")[0], refusal.partition(" ")[2])
            return
        getattr(self, f"do_{command.lower()}", lambda *_: self.num("421", f"{command} :Unknown command"))(*words[1:])

    def do_cap(self, verb: str, *rest: str) -> None:
        if not self.network.caps:
            return self.num("421", "CAP :Unknown command")
        self.negotiating = verb.upper() != "END"
        if verb == "LS":
            offered = self.network.caps.split()
            self.tell(f":irc.example.net CAP * LS * :{' '.join(offered[:3])}")
            self.tell(f":irc.example.net CAP * LS :{' '.join(offered[3:])}")
        elif verb == "REQ":
            self.caps |= set(rest[-1].split())
            self.tell(f":irc.example.net CAP * ACK :{rest[-1]}")
        elif verb == "END":
            self.welcome()
        return None

    def do_pass(self, *_: str) -> None: ...

    def do_authenticate(self, what: str) -> None:
        if what == "PLAIN":
            self.tell("AUTHENTICATE +")
            return
        name, _, password = base64.b64decode(what).decode().split("\0")
        if password == self.network.password:
            self.account = name
            self.num("903", ":SASL authentication successful")
        else:
            self.num("904", ":SASL authentication failed")

    def do_nick(self, nick: str) -> None:
        if any(one.nick == nick and not one.closed for one in self.network.sessions if one is not self):
            self.num("433", f"{nick} :Nickname is already in use")
            return
        self.nick = nick
        self.welcome()

    def do_user(self, user: str, *_: str) -> None:
        self.user = user
        self.welcome()

    def welcome(self) -> None:
        if self.registered or self.negotiating or self.nick == "*" or not self.user:
            return
        self.registered = True
        self.num("001", ":Welcome")
        self.num("005", "CASEMAPPING=rfc1459 CHANTYPES=#& CHATHISTORY=50 WHOX :are supported by this server")
        self.num("376", ":End of MOTD")

    @property
    def mask(self) -> str:
        return f"{self.nick}!~{self.user}@desk.example.org"

    def do_join(self, room: str, *_: str) -> None:
        self.rooms.add(room)
        extended = f" {self.account or '*'} :Customer care" if "extended-join" in self.caps else ""
        self.tell(f":{self.mask} JOIN {room}{extended}")
        people = " ".join(f"{nick}!{mask}" for nick, mask in self.network.masks.items())
        self.num("353", f"= {room} :@{people}")
        self.num("366", f"{room} :End of NAMES list")

    def do_mode(self, room: str) -> None:
        self.num("324", f"{room} {self.network.modes}")

    def do_who(self, room: str, *_: str) -> None:
        for nick, mask in self.network.masks.items():
            user, _, host = mask.partition("@")
            self.num("354", f"7 {user} {host} {nick} {self.network.accounts.get(nick, '0')}")
        self.num("315", f"{room} :End of WHO list")

    def do_whois(self, nick: str) -> None:
        mask = self.network.masks.get(nick)
        if mask is None:
            self.num("401", f"{nick} :No such nick")
        else:
            user, _, host = mask.partition("@")
            self.num("311", f"{nick} {user} {host} * :Somebody")
            if nick in self.network.accounts:
                self.num("330", f"{nick} {self.network.accounts[nick]} :is logged in as")
        self.num("318", f"{nick} :End of WHOIS list")

    def do_ping(self, token: str) -> None:
        if not self.network.silent:
            self.tell(f":irc.example.net PONG irc.example.net :{token}")

    def do_pong(self, *_: str) -> None: ...

    def do_quit(self, *_: str) -> None:
        self.closed = True

    def do_privmsg(self, target: str, text: str) -> None:
        nick = self.nick
        self.network.masks.setdefault(nick, f"~{self.user}@desk.example.org")
        self.network.said.append(self.network.bare(text))
        self.network.masks[nick] = f"~{self.user}@desk.example.org"
        self.network.say(nick, text, target)
        del self.network.masks[nick]

    def hear(self, line: dict[str, str]) -> None:
        ours = line["nick"] == self.nick
        if (
            self.registered
            and (line["target"] in self.rooms or line["target"] == self.nick or ours)
            and (not ours or "echo-message" in self.caps)
        ):
            self.tell(self.render(line, label=self.label if ours else ""))

    def render(self, line: dict[str, str], *, batch: str = "", label: str = "") -> str:
        tags = {"batch": batch, "label": label}
        if "server-time" in self.caps:
            tags["time"] = line["time"]
        if "message-tags" in self.caps:
            tags["msgid"] = line["msgid"]
        if "account-tag" in self.caps:
            tags["account"] = line["account"]
        packed = ";".join(f"{name}={value}" for name, value in tags.items() if value)
        body = f":{line['nick']}!{line['mask']} {line['command']} {line['target']} :{line['text']}"
        return f"@{packed} {body}" if packed else body

    def do_chathistory(self, verb: str, target: str, *rest: str) -> None:
        kind = "draft/chathistory-targets" if verb == "TARGETS" else f"chathistory {target}"
        self.tell(f":irc.example.net BATCH +h1 {kind}")
        for line in self.found(verb, target, *rest):
            self.tell(line)
        self.tell(":irc.example.net BATCH -h1")

    def found(self, verb: str, target: str, *rest: str) -> Iterator[str]:
        if verb == "TARGETS":
            for nick in dict.fromkeys(line["nick"] for line in self.network.lines if not line["target"].startswith("#")):
                yield f"@batch=h1 :irc.example.net CHATHISTORY TARGETS {nick} 2026-03-02T12:00:00.000Z"
            return
        place, size = rest[0], int(rest[-1])
        lines = [line for line in self.network.lines if target in (line["target"], line["nick"])]
        if place.startswith("msgid="):
            names = [line["msgid"] for line in lines]
            at = names.index(place[6:])
            lines = lines[at + 1 :] if verb == "AFTER" else lines[:at]
        elif place != "*":
            when = place.partition("=")[2]
            lines = [line for line in lines if (line["time"] > when if verb == "AFTER" else line["time"] < when)]
        for line in lines[:size] if verb == "AFTER" else lines[-size:]:
            yield self.render(line, batch="h1")


@pytest.fixture
def network() -> Network:
    """A modern server."""
    return Network()


@pytest.fixture
def old() -> Network:
    """A server that knows no capabilities."""
    made = Network("")
    made.accounts.clear()
    return made


@pytest.fixture
def desk() -> Callable[..., IrcConnector]:
    """Makes the connector, with other settings where given."""

    def make(**settings: Any) -> IrcConnector:
        given = {"host": "irc.example.net", "nick": "acme", "channels": ("#support",), "pace": 0.0, **settings}
        secret = {
            name: Secret(value) for name, value in given.items() if name in ("password", "server_password", "channel_keys")
        }
        return IrcConnector(IrcSettings(**{**given, **secret}))

    return make
