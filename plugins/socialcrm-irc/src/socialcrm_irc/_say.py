"""Answering: a line in a channel that begins with the customer's nick, or a private message to them.

A server handles a connection's lines in their order. So behind each line goes a PING: what comes before its PONG tells what
became of the line (an error, or the line itself with its id, IRCv3 "echo-message"). Writing the line is the one step that
can't be repeated; a refusal before the PONG shows that it did not happen.
"""

from __future__ import annotations

from datetime import timedelta

from socialcrm.connectors import Batch, Cursor, Flow, Outgoing, Receipt, TextLimit, Unit, Write
from socialcrm.errors import NotFound, RefusedError, SocialCRMError, TooLong, UnclearError, Unreachable
from socialcrm.types import Visibility
from socialcrm_irc._elements import DERIVED, ours_id, read_time, token_of
from socialcrm_irc._errors import not_said
from socialcrm_irc._history import CHATHISTORY, ask
from socialcrm_irc._line import Line, build, flatten, is_room, read_line
from socialcrm_irc._register import connect, join
from socialcrm_irc._session import Session
from socialcrm_irc._settings import IrcSettings

__all__ = ["limit_of", "say", "send_reply", "settle_reply"]

_LINE = 512
_USER, _HOST, _NICK, _ROOM = 11, 64, 30, 50
_CLOCKS = timedelta(minutes=5)


def limit_of(settings: IrcSettings | None) -> TextLimit:
    """Return how much text one line of ours may hold.

    512 bytes with its end (RFC 2812, 2.3) hold ``:nick!user@host PRIVMSG target :mara: text`` as the server passes it on. What
    is not known beforehand is taken at its longest: user name 10 with a tilde, host 64, nicks 30.
    """
    nick = max(len(settings.nick.encode()), len(settings.sender.encode())) if settings and settings.nick else _NICK
    room = max([_NICK, *(len(name.encode()) for name in settings.channels)]) if settings else _ROOM
    taken = len(":!@ PRIVMSG  :\r\n") + nick + 6 + _USER + _HOST + room + _NICK + len(": ")
    return TextLimit(_LINE - taken, Unit.WEIGHTED, lambda text: len(flatten(text).encode("utf-8", "surrogatepass")))


def send_reply(settings: IrcSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Send a reply from a connection of its own, whose user name is the reply's token."""
    target, rest = _place(message)
    done = {key: value for key, value in cursor.items() if key.startswith("part:")}
    session = yield from connect(settings, settings.sender, token_of(message.id))
    if is_room(target):
        yield from join(session, target)
    receipt = yield from _parts(session, message, target, rest, done, keep=True)
    yield from Write(session.conn, b"QUIT :done\r\n")
    return receipt


def say(session: Session, message: Outgoing) -> Flow[Receipt]:
    """Say a reply over the connection that is open anyway."""
    target, rest = _place(message)
    if is_room(target) and session.people.fold(target) not in session.people.rooms:
        yield from join(session, target)
    return (yield from _parts(session, message, target, rest, {}, keep=False))


def _place(message: Outgoing) -> tuple[str, str]:
    """Where it goes: a channel, or ``""`` for a private message; and the customer's id."""
    room, _, person = message.conversation.partition(" ")
    if message.visibility is Visibility.PRIVATE or not is_room(room):
        return "", message.to or person
    return room, message.to or person


def _parts(session: Session, message: Outgoing, room: str, person: str, done: dict[str, str], *, keep: bool) -> Flow[Receipt]:
    ids = []
    target = room or (yield from _find(session, person, message.to_handle))
    prefix = f"{message.to_handle}: " if room and message.to_handle and not set(message.to_handle) & set(" \r\n\0") else ""
    for number, part in enumerate(message.parts):
        row = f"part:{number}"
        if row not in done:
            text = prefix + flatten(part)
            _check(session, target, text)
            try:
                done[row] = yield from _one(session, message, target, text)
            except _Refused as refused:
                if keep:
                    yield from Batch([], {})  # it certainly did not happen: the intent is settled
                raise refused.why from None
            if keep:
                yield from Batch([], {row: done[row]})
        ids.append(done[row])
    return Receipt(ids=tuple(ids), conversation=None if room else f"private {person}")


def _check(session: Session, target: str, text: str) -> None:
    source = f":{session.nick}!{'u' * _USER}@{session.elements.host or 'h' * _HOST} "
    excess = len(source.encode()) + len(f"PRIVMSG {target} :{text}\r\n".encode("utf-8", "replace")) - _LINE
    if excess > 0:
        raise TooLong(
            f"{session.where}: the line is {excess} bytes longer than the server passes on; shorten it", excess=excess
        )
    if not text.strip():
        raise RefusedError(f"{session.where}: nothing is left of the text without control characters; write some words")


class _Refused(Exception):
    """Carries the library's error past the step that settles the intent."""

    def __init__(self, why: SocialCRMError) -> None:
        super().__init__(str(why))
        self.why = why


def _one(session: Session, message: Outgoing, target: str, text: str) -> Flow[str]:
    """Say one line and find out what became of it; returns its id."""
    fold, probe = session.people.fold, token_of(f"{message.id} {text}")
    tags = {}
    if "labeled-response" in session.caps and "batch" in session.caps:
        tags["label"] = probe
    if "message-tags" in session.caps and message.reply_to and not message.reply_to.startswith(DERIVED) and is_room(target):
        tags |= {"+reply": message.reply_to, "+draft/reply": message.reply_to}
    derived = ours_id(token_of(message.id), text)
    key = (fold(target), text)
    yield from session.pause()
    session.elements.expected[key] = derived
    echoed = ""
    yield from Write(session.conn, build("PRIVMSG", target, last=text, tags=tags), repeatable=False)
    try:
        yield from Write(session.conn, build("PING", probe))
        while True:
            before = len(session.heard)
            line = yield from session.any("a message")
            if line.command == "PONG" and line.param(-1) == probe:
                break
            error = not_said(session.where, line, target)
            if error is not None and (line.command == "FAIL" or line.param(1) in (target, "PRIVMSG") or not line.param(2)):
                raise _Refused(error)
            if len(session.heard) > before and _is_echo(session, line, target, text, probe):
                echoed = session.heard[-1].context["id"]
    except Unreachable as error:
        raise UnclearError(
            f"{session.where}: whether the line to {target} arrived is not known ({error}); look there"
        ) from error
    finally:
        session.elements.expected.pop(key, None)
    if not echoed and "echo-message" in session.caps:
        raise UnclearError(f"{session.where}: the server took the line to {target}, and did not show it back; look there")
    return echoed or derived


def _is_echo(session: Session, line: Line, target: str, text: str, label: str) -> bool:
    fold = session.people.fold
    if line.command != "PRIVMSG" or fold(line.nick) != fold(session.nick) or fold(line.param(0)) != fold(target):
        return False
    return line.tags.get("label") == label or flatten(line.param(1)) == text or "labeled-response" in session.caps


def _find(session: Session, person: str, nick: str) -> Flow[str]:
    """Return the nick to write to, after the server has said that it belongs to the customer now.

    Raises:
        NotFound: Nobody has the nick.
        RefusedError: Somebody else has it now, or that can't be known.
    """
    known = session.people.current(person)
    nick = (known.nick if known is not None else nick) or (person.partition("!")[0] if "!" in person else "")
    if not nick:
        raise NotFound(f"{session.where}: no nick of {person} is known; write when they are back")
    yield from session.say("WHOIS", nick)
    account, mask, fold = "", "", session.people.fold
    while True:
        line = yield from session.until(lambda line: line.param(1) != "" and fold(line.param(1)) == fold(nick), "WHOIS")
        if line.command == "311":
            mask = f"{line.param(2)}@{line.param(3).lower()}"
        elif line.command == "330":
            account = line.param(2)
        elif line.command == "401":
            raise NotFound(f"{session.where}: nobody has the nick {nick} now; write when they are back")
        elif line.command == "318":
            break
    if fold(account) == person if "!" not in person else mask == person.partition("!")[2]:
        return nick
    raise RefusedError(
        f"{session.where}: {nick} is not certainly the one who wrote ({mask or 'nobody'}, account {account or 'none'}, and not "
        f"{person}); nothing was sent, answer where they can prove who they are"
    )


def settle_reply(settings: IrcSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
    """Look for a reply in what the server plays back on joining, and in its history.

    Raises:
        UnclearError: It is not found, which proves nothing: servers keep some lines only.
    """
    ids = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    target, person = _place(message)
    if len(ids) < len(message.parts):
        session = yield from connect(settings, settings.sender)
        if target:
            yield from join(session, target)
        if CHATHISTORY in session.caps:
            yield from ask(session, "LATEST", target or message.to_handle or person.partition("!")[0], "*", "100")
        wanted = flatten(message.parts[len(ids)])
        found = next((raw.context["id"] for raw in session.heard if _is_it(raw, wanted, message)), None)
        if found is None:
            raise UnclearError(f"{session.where}: whether the reply arrived can't be found out; look there, and decide")
        yield from Batch([], {f"part:{len(ids)}": found})
        ids.append(found)
        yield from Write(session.conn, b"QUIT :done\r\n")
    if len(ids) < len(message.parts):
        return None
    return Receipt(ids=tuple(ids), conversation=None if target else f"private {person}")


def _is_it(raw: object, wanted: str, message: Outgoing) -> bool:
    context, body = getattr(raw, "context", {}), getattr(raw, "body", b"")
    text, at = read_line(body).param(1), read_time(context.get("at", ""))
    late = message.at is None or (at is not None and at >= message.at - _CLOCKS)
    return bool(context.get("own")) and late and (text == wanted or text.partition(": ")[2] == wanted)
