"""Getting in: capabilities, log-in, nick, channels.

Sources: "Modern IRC Client Protocol", Connection Registration; IRCv3 "Capability Negotiation" (302), "SASL 3.1"
and "3.2", "STS".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial

from socialcrm.connectors import Flow, Open, StartTLS, Write
from socialcrm.errors import CredentialsError, RefusedError, SettingsError
from socialcrm_irc._errors import not_joined, not_registered, shown
from socialcrm_irc._line import Line, build
from socialcrm_irc._session import Session
from socialcrm_irc._settings import IrcSettings

__all__ = ["connect", "join"]

_WANTED = (
    "message-tags", "server-time", "batch", "account-tag", "account-notify", "extended-join", "echo-message",
    "labeled-response", "chghost", "userhost-in-names", "multi-prefix", "cap-notify", "draft/chathistory",
    "draft/message-redaction", "znc.in/self-message",
)  # fmt: skip
_CHUNK = 400
_SPARE_NICKS = 5


def connect(settings: IrcSettings, nick: str, username: str = "") -> Flow[Session]:
    """Open a connection, log in, and wait for the end of the greeting.

    Args:
        settings: Of the channel.
        nick: The nick to ask for; if it is taken, with a number behind it.
        username: The user name; that of the settings where empty.

    Raises:
        SettingsError: No host or nick is set, or the server can't do what the settings ask for.
        CredentialsError: The server does not accept who we say we are.
        ForbiddenError: It does not let us in.
    """
    if not settings.host or not settings.nick:
        raise SettingsError("irc: no server or no nick is set; add 'host' and 'nick' to the channel's settings")
    conn = yield from Open(settings.url)
    session = Session(conn, settings, nick)
    if settings.security == "starttls":
        yield from _encrypt(session)
    yield from Write(conn, b"CAP LS 302\r\n")
    if settings.server_password is not None:
        yield from Write(conn, lambda grant: build("PASS", last=grant["server_password"]))
    yield from Write(conn, build("NICK", nick))
    yield from Write(conn, build("USER", username or settings.username, "0", "*", last=settings.realname))
    yield from _negotiate(session, nick)
    yield from session.until(lambda line: line.command in ("376", "422"), "the registration")
    if settings.password is not None and "sasl" not in session.caps:
        yield from _ask_nickserv(session)
    return session


def _encrypt(session: Session) -> Flow[None]:
    yield from Write(session.conn, b"STARTTLS\r\n")
    line = yield from session.until(lambda line: line.command in ("670", "691", "421", "451"), "STARTTLS")
    if line.command != "670":
        raise SettingsError(f"{session.where}: the server offers no STARTTLS here; try security='tls' on port 6697")
    yield from StartTLS(session.conn)


def _negotiate(session: Session, nick: str) -> Flow[None]:
    """Agree on capabilities, log in by SASL, find a free nick; ends with the server's welcome."""
    offered: dict[str, str] = {}
    waiting, spare, welcome = 0, 0, False
    while not welcome:
        line = yield from session.until(lambda line: line.command not in ("PING", "NOTICE"), "the registration")
        error = not_registered(session.where, line)
        if error is not None:
            raise error
        welcome = line.command == "001"
        verb = line.param(1).upper() if line.command == "CAP" else line.command
        if verb in ("433", "436", "437"):
            spare += 1
            if spare > _SPARE_NICKS:
                raise RefusedError(f"{session.where}: {nick} and its variants are taken; choose another nick")
            session.elements.nick = f"{nick}{spare}"
            yield from Write(session.conn, build("NICK", session.nick))
        elif verb == "LS":
            offered |= {name: value for name, _, value in (cap.partition("=") for cap in line.param(-1).split())}
            if line.param(2) != "*":
                waiting = yield from _request(session, offered)
        elif verb in ("ACK", "NAK") and waiting:
            waiting -= 1
            if not waiting:
                yield from _after_caps(session)
        elif verb == "AUTHENTICATE" and line.param(0) == "+":
            yield from Write(session.conn, partial(_sasl_plain, session.settings.account))
        elif verb in ("903", "907"):
            yield from Write(session.conn, b"CAP END\r\n")


def _request(session: Session, offered: Mapping[str, str]) -> Flow[int]:
    """Ask for what is offered and of use; returns how many answers will come."""
    settings = session.settings
    if "sts" in offered and settings.security == "plain":
        raise SettingsError(f"{session.where}: the server wants encryption (sts: {shown(offered['sts'])}); use security='tls'")
    wanted = [name for name in _WANTED if name in offered]
    if settings.password is not None and "sasl" in offered:
        mechanisms = offered["sasl"].upper().split(",")
        if offered["sasl"] and "PLAIN" not in mechanisms:
            raise SettingsError(f"{session.where}: the server knows no SASL PLAIN but {shown(offered['sasl'])}")
        wanted.append("sasl")
    if not wanted:
        yield from Write(session.conn, b"CAP END\r\n")
    # One by one: a server refuses a request as a whole.
    for name in wanted:
        yield from Write(session.conn, build("CAP", "REQ", last=name))
    return len(wanted)


def _after_caps(session: Session) -> Flow[None]:
    log_in = "sasl" in session.caps and session.settings.password is not None
    yield from Write(session.conn, b"AUTHENTICATE PLAIN\r\n" if log_in else b"CAP END\r\n")


def _sasl_plain(account: str, grant: Mapping[str, str]) -> bytes:
    """The response of SASL PLAIN (RFC 4616) in chunks of 400 characters (IRCv3 "SASL 3.1")."""
    name = account.encode()
    packed = base64.b64encode(b"\0".join((name, name, grant["password"].encode()))).decode()
    chunks = [packed[at : at + _CHUNK] for at in range(0, len(packed), _CHUNK)]
    if len(chunks[-1]) == _CHUNK:
        chunks.append("+")
    return b"".join(build("AUTHENTICATE", chunk) for chunk in chunks)


def _ask_nickserv(session: Session) -> Flow[None]:
    """Log in with the network's services (IDENTIFY), where the server has no SASL and the settings say where."""
    settings = session.settings
    if not settings.nickserv:
        raise SettingsError(
            f"{session.where}: the server offers no SASL, so the password was not sent; set 'nickserv' to the services' full "
            "name, or take the password out"
        )
    words = f"IDENTIFY {settings.account} " if settings.account else "IDENTIFY "
    yield from Write(session.conn, lambda grant: build("PRIVMSG", settings.nickserv, last=words + grant["password"]))
    service = settings.nickserv.partition("@")[0].lower()
    line = yield from session.until(lambda line: _is_verdict(line, service, session.nick), "IDENTIFY")
    if line.command == "401":
        raise SettingsError(f"{session.where}: {settings.nickserv} is not there; check 'nickserv'")
    if line.command == "NOTICE" and any(word in line.param(-1).lower() for word in _WRONG):
        raise CredentialsError(f"{session.where}: {settings.nickserv} refused us ({shown(line.param(-1))}); check the password")


_WRONG = ("invalid", "incorrect", "wrong", "denied", "not registered", "isn't registered", "failed", "unknown")


def _is_verdict(line: Line, service: str, nick: str) -> bool:
    if line.command == "900" or (line.command == "401" and line.param(1).lower().startswith(service)):
        return True
    if line.command == "MODE" and line.param(0).lower() == nick.lower():
        return "r" in line.param(1)
    if line.command != "NOTICE" or line.nick.lower() != service:
        return False
    text = line.param(-1).lower()
    return any(word in text for word in (*_WRONG, "identified", "logged in", "accepted", "recognized"))


def join(session: Session, *rooms: str) -> Flow[None]:
    """Join channels, and learn who is there and who can read.

    Raises:
        SocialCRMError: One can't be joined; which one and why.
    """
    for room in rooms:
        yield from session.pause()
        yield from Write(session.conn, partial(_joining, room))
        line = yield from session.until(partial(_is_in, session, room), f"JOIN {room}")
        error = not_joined(session.where, line, room) if line.command.isdigit() else None
        if error is not None:
            raise error
        yield from session.say("MODE", room)
        yield from session.say("WHO", room, *(["%tuhna,7"] if "WHOX" in session.support else []))
        yield from session.until(lambda line: line.command in ("315", "416", "263"), f"WHO {room}")


def _is_in(session: Session, room: str, line: Line) -> bool:
    fold = session.people.fold
    if line.command == "366":
        return fold(line.param(1)) == fold(room)
    return line.command.isdigit() and fold(line.param(1)) == fold(room) and not_joined("", line, room) is not None


def _joining(room: str, grant: Mapping[str, str]) -> bytes:
    keys = dict(pair.split()[:2] for pair in grant.get("channel_keys", "").split(",") if len(pair.split()) == 2)
    return build("JOIN", room, *([keys[room]] if room in keys else []))
