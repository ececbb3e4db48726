"""What the server kept while we were away (IRCv3 work in progress "chathistory", ``draft/chathistory``)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from socialcrm.connectors import Flow, Now
from socialcrm_irc._line import Line
from socialcrm_irc._session import Session

__all__ = ["CHATHISTORY", "ask", "catch_up", "stamp"]

CHATHISTORY = "draft/chathistory"
_PAGE = 100
_PAGES = 200
_TARGETS = 100
_MILLISECOND = timedelta(milliseconds=1)


def stamp(when: datetime) -> str:
    """Return a time as the command wants it."""
    return f"timestamp={when.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S')}.{when.microsecond // 1000:03d}Z"


def ask(session: Session, *words: str) -> Flow[list[Line] | None]:
    """Ask for a piece of history; what people wrote is heard. Returns its lines, ``None`` where it is refused."""
    lines: list[Line] = []
    reference = ""
    yield from session.say("CHATHISTORY", *words)
    while True:
        line = yield from session.any("CHATHISTORY")
        if line.command == "FAIL" and line.param(0).upper() == "CHATHISTORY":
            return None
        if line.command in ("421", "461"):
            return None
        if line.command == "BATCH" and line.param(1).endswith(("chathistory", "chathistory-targets")):
            reference = reference or line.param(0)[1:]
        elif line.command == "BATCH" and reference and line.param(0) == f"-{reference}":
            return lines
        elif reference and line.tags.get("batch") == reference:
            lines.append(line)


def catch_up(session: Session, since: datetime, seen: datetime) -> Flow[bool]:
    """Fetch what was said since a time; what was said is heard.

    Args:
        session: In its channels.
        since: From when on.
        seen: Up to when everything is known: a history that holds something of that time reaches back far enough.

    Returns:
        Whether the server's history certainly reaches back so far in every channel.
    """
    if CHATHISTORY not in session.caps:
        return False
    complete = True
    for room in session.settings.channels:
        before = yield from ask(session, "BEFORE", room, stamp(seen + _MILLISECOND), "1")
        whole = yield from _pages(session, room, since)
        complete = complete and whole and bool(before)
    now = yield from Now()
    targets = yield from ask(session, "TARGETS", stamp(since), stamp(now + timedelta(seconds=10)), str(_TARGETS))
    if targets is None:
        return False
    for line in targets:
        name = line.param(1)
        if line.command == "CHATHISTORY" and name and not session.people.fold(name).startswith(("#", "&")):
            whole = yield from _pages(session, name, since)
            complete = complete and whole
    return complete and len(targets) < _TARGETS


def _pages(session: Session, target: str, since: datetime) -> Flow[bool]:
    """Walk a target's history forwards; returns whether its end was reached."""
    size = int(session.support.get("CHATHISTORY", "") or _PAGE) or _PAGE
    size = min(size, _PAGE)
    place = stamp(since)
    for _ in range(_PAGES):
        lines = yield from ask(session, "AFTER", target, place, str(size))
        if lines is None:
            return False
        if not lines:
            return True
        last = lines[-1].tags
        following = (
            f"msgid={last['msgid']}" if last.get("msgid") and _takes_ids(session) else f"timestamp={last.get('time', '')}"
        )
        if following == place or following == "timestamp=":
            return len(lines) < size
        place = following
    return False


def _takes_ids(session: Session) -> bool:
    kinds = session.support.get("MSGREFTYPES", "msgid")
    return "msgid" in kinds.split(",")
