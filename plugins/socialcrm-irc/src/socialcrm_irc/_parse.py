"""What elements mean: lines, holes, archived lines. Pure: what only the moment knew lies in the element's context.

Conversations: what one person and we say to each other in one channel (``#support mara!…``), and in private
(``private mara!…``). A channel as a whole would never end, and would mix its customers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import (
    Account,
    Deletion,
    Direction,
    Handle,
    HandleKind,
    Hole,
    Identity,
    Interaction,
    Item,
    Kind,
    Visibility,
)
from socialcrm_irc._line import Line, plain, read_line

__all__ = ["parse_raw"]

_VISIBILITY = {"public": Visibility.PUBLIC, "limited": Visibility.LIMITED}


def parse_raw(raw: Raw, network: str) -> Iterable[Item]:
    """Say what an element means.

    Args:
        raw: The element.
        network: The server's name, which makes accounts unique.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "line":
        if not isinstance(raw.body, bytes | str):
            raise PayloadError(f"an IRC line should be bytes, and is {type(raw.body).__name__}; look at the raw element")
        body = raw.body if isinstance(raw.body, bytes) else raw.body.encode("utf-8", "replace")
        yield from _line(read_line(body), raw.context, network)
    elif raw.kind in ("hole", "account", "log"):
        if not isinstance(raw.body, Mapping):
            raise PayloadError(f"an IRC {raw.kind} should be an object, and is {type(raw.body).__name__}")
        yield from {"hole": _hole, "account": _account, "log": _log}[raw.kind](raw.body)


def _text(values: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    value = values.get(name)
    if needed and (not isinstance(value, str) or not value):
        raise PayloadError(f"an IRC element without {name!r}; look at the raw element")
    return value if isinstance(value, str) else ""


def _time(values: Mapping[str, Any], name: str) -> datetime:
    try:
        when = datetime.fromisoformat(_text(values, name, needed=True))
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PayloadError(f"an IRC element whose {name!r} is no time; look at the raw element") from None


def _hole(body: Mapping[str, Any]) -> Iterable[Item]:
    since, until = _time(body, "since"), _time(body, "until")
    yield Hole(id=_text(body, "id", needed=True), since=since, at=until, reason=_text(body, "why"))


def _account(body: Mapping[str, Any]) -> Iterable[Item]:
    yield Account(id=_text(body, "id", needed=True), name=_text(body, "name"), handle=_text(body, "name"))


def _line(line: Line, context: Mapping[str, Any], network: str) -> Iterable[Item]:
    key = _text(context, "id", needed=True)
    if line.command == "REDACT":
        if line.param(1):
            yield Deletion(id=line.param(1), at=_time(context, "at"))
        return
    found = _words(line, _text(context, "nick"))
    if found is None:
        return
    kind, text, extra = found
    own, room, who = bool(_text(context, "own")), _text(context, "room"), _text(context, "who", needed=True)
    addressed = _text(context, "addressed")
    if own and addressed and text[: len(addressed)].lower() == addressed.lower():
        text = text[len(addressed) :].lstrip(":, ")
    yield Interaction(
        id=key,
        at=_time(context, "at"),
        author=_author(who, _text(context, "nick") or line.nick, _text(context, "account"), network),
        conversation=_conversation(room, own, who, context),
        parent=_text(context, "parent") or None,
        kind=kind,
        direction=Direction.OUTBOUND if own else Direction.INBOUND,
        visibility=_VISIBILITY.get(_text(context, "visibility"), Visibility.PRIVATE) if room else Visibility.PRIVATE,
        text=text,
        extra=extra,
    )


def _conversation(room: str, own: bool, who: str, context: Mapping[str, Any]) -> str:
    if not room:
        return f"private {_text(context, 'with') or who}"
    person = _text(context, "to") if own else who
    return f"{room} {person}".strip()


def _author(who: str, nick: str, account: str, network: str) -> Identity:
    proof: tuple[Handle, ...] = ()
    if account and network:
        proof = (Handle(kind=HandleKind.ACCOUNT, value=f"irc://{network.lower()}/{account.lower()}", verified=True),)
    return Identity(id=who, name=nick, handle=nick, handles=proof)


def _words(line: Line, nick: str) -> tuple[Kind, str, dict[str, Any]] | None:
    """What a line says; ``None`` where it is certainly nobody's words."""
    text = line.param(1)
    if line.command == "TAGMSG":
        reaction = line.tags.get("+draft/react") or line.tags.get("+react")
        return (Kind.REACTION, plain(reaction), {}) if reaction else None
    if line.command not in ("PRIVMSG", "NOTICE"):
        return Kind.OTHER, plain(" ".join(line.params)), {"command": line.command}
    if text.startswith("\x01"):
        word, _, rest = text.strip("\x01").partition(" ")
        if word.upper() == "ACTION":
            return Kind.MESSAGE if line.command == "PRIVMSG" else Kind.OTHER, f"* {nick} {plain(rest)}", {"action": True}
        # A file offered is a person's doing; VERSION, PING and the like are questions of a program to a program.
        return (Kind.OTHER, plain(f"{word} {rest}"), {"ctcp": word.upper()}) if word.upper() == "DCC" else None
    if line.command == "NOTICE":
        # Notices are what programs say, and must never be answered by one (RFC 2812, 3.3.2): they open no case.
        return Kind.OTHER, plain(text), {"notice": True}
    return Kind.MESSAGE, plain(text), {}


def _log(body: Mapping[str, Any]) -> Iterable[Item]:
    nick, who, room = _text(body, "nick", needed=True), _text(body, "who", needed=True), _text(body, "room")
    own, text = body.get("own") is True, _text(body, "text")
    context = {"to": body.get("to"), "with": body.get("with")}
    if own and _text(body, "addressed"):
        text = text[len(_text(body, "addressed")) :].lstrip(":, ")
    action, notice = body.get("what") == "action", body.get("what") == "notice"
    yield Interaction(
        id=_text(body, "id", needed=True),
        at=_time(body, "at"),
        author=Identity(id=who, name=nick, handle=nick),
        conversation=_conversation(room, own, who, context),
        kind=Kind.OTHER if notice else Kind.MESSAGE,
        direction=Direction.OUTBOUND if own else Direction.INBOUND,
        visibility=Visibility.PUBLIC if room else Visibility.PRIVATE,
        text=f"* {nick} {plain(text)}" if action else plain(text),
        extra={"action": True} if action else {"notice": True} if notice else {},
    )
