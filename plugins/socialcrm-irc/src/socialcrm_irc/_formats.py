"""The lines of the logs that common clients write by default, whatever client it was.

irssi (``log_timestamp``, "Log opened", "Day changed"), WeeChat (tabs), ZNC and energymech (bracketed times, the date in the
file's name), HexChat and XChat ("BEGIN LOGGING AT", month and day), eggdrop and mIRC (session headers). Sources: the clients'
own documentation of their default log formats (irssi "settings", WeeChat User's guide "Logger plugin", ZNC wiki "Log",
HexChat documentation "Settings").
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from pathlib import Path

from attrs import frozen

__all__ = ["Calendar", "Entry", "place_of", "read_entry"]

_SHORT = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_SHORT, 1)}
_DAY_NAME = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?"
_HEADER = re.compile(
    rf"(?:--- Log opened|--- Day changed|---|\*\*\*\* BEGIN LOGGING AT|Session Start:|Session Time:)\s+{_DAY_NAME}"
    r"(?P<month>[a-z]{3})[a-z]*\s+(?P<day>\d{1,2})(?:\s+\d{1,2}:\d\d(?::\d\d)?)?\s+(?P<year>\d{4})\s*\Z",
    re.IGNORECASE,
)
_FILE_DATE = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)")
_WEECHAT = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\t([^\t]*)\t(.*)\Z")
_HEXCHAT = re.compile(r"([A-Za-z]{3}) (\d\d) (\d\d):(\d\d):(\d\d) (.*)\Z")
_CLOCK = re.compile(r"\[?(\d\d):(\d\d)(?::(\d\d))?\]? ?(.*)\Z")
_NICK = r"[~&@%+! ]?(?P<nick>[^\s<>\t]+)"
_MESSAGE = re.compile(rf"<{_NICK}>[ \t]?(?P<text>.*)\Z")
_NOTICE = re.compile(r"-(?P<nick>[^\s:()-][^\s:()]*)(?:\([^)]*\))?(?::\S+)?-[ \t]?(?P<text>.*)\Z")
_JOIN = re.compile(
    r"\s*(?:-!-|\*+|-->)?\s*(?:Joins: )?(?P<nick>\S+) [\[(](?P<user>[^\s@]+)@(?P<host>[^\s\])]+)[\])](?: has joined.*)?\Z"
)
_RENAME = re.compile(r"\s*(?:-!-|\*+|--)?\s*(?:Nick change: )?(?P<nick>\S+) (?:is now known as|->) (?P<new>\S+)\s*\Z")
_ACTION = re.compile(r"\s*\*[ \t]+(?P<nick>[^\s*]+) (?P<text>.*)\Z")
_GONE = re.compile(
    r"\S+ (?:\([^)]*\) |\[[^\]]*\] )?has (?:quit|left)\b"
    r"|\S+ (?:has changed the topic|sets mode|set the topic|gives |removes |changes )",
    re.IGNORECASE,
)


@frozen(kw_only=True)
class Entry:
    """What one line of a log says.

    Args:
        what: ``message``, ``action``, ``notice``, ``join`` or ``rename``.
        nick: Who.
        text: What they said; the new nick; ``user@host`` of who joined.
        at: When, without a time zone.
    """

    what: str
    nick: str
    text: str
    at: datetime


class Calendar:
    """Which day it is while a log is read.

    Args:
        day: The day in the file's name, where it has one.
    """

    def __init__(self, day: date | None) -> None:
        self.day = day

    @classmethod
    def of(cls, path: Path) -> Calendar:
        """Begin with the day in a file's name."""
        found = _FILE_DATE.search(path.name)
        return cls(_date(*map(int, found.groups())) if found else None)

    def turn(self, line: str) -> bool:
        """Heed a line that only says which day it is."""
        found = _HEADER.match(line)
        month = _MONTHS.get(found["month"].lower()) if found else None
        day = _date(int(found["year"]), month, int(found["day"])) if found and month else None
        self.day = day or self.day
        return day is not None

    def at(
        self, hour: str, minute: str, second: str | None, month: int | None = None, day: int | None = None
    ) -> datetime | None:
        """Return a time on this day, or on a month's day of this year or the one that just began."""
        if self.day is None:
            return None
        if month is not None and day is not None:
            year = self.day.year + (1 if month < self.day.month - 6 else 0)
            self.day = _date(year, month, day) or self.day
        try:
            return datetime.combine(self.day, time(int(hour), int(minute), int(second or 0)))
        except ValueError:
            return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_entry(line: str, calendar: Calendar) -> Entry | None:
    """Return what a line of a log says; ``None`` where it is nobody's doing that matters here."""
    found = _WEECHAT.match(line)
    if found is not None:
        day = _date(*map(int, found.groups()[:3]))
        at = Calendar(day).at(found[4], found[5], found[6])
        return _weechat(found[7], found[8], at) if at is not None else None
    if calendar.turn(line):
        return None
    found = _HEXCHAT.match(line)
    if found is not None and found[1].lower() in _MONTHS:
        at = calendar.at(found[3], found[4], found[5], _MONTHS[found[1].lower()], int(found[2]))
        return _said(found[6], at) if at is not None else None
    found = _CLOCK.match(line)
    at = calendar.at(found[1], found[2], found[3]) if found is not None else None
    return _said(found[4], at) if found is not None and at is not None else None


def _said(rest: str, at: datetime) -> Entry | None:
    for pattern, what in (
        (_MESSAGE, "message"),
        (_NOTICE, "notice"),
        (_RENAME, "rename"),
        (_JOIN, "join"),
        (_ACTION, "action"),
    ):
        found = pattern.match(rest)
        if found is None or (what == "notice" and rest.startswith("-!-")):
            continue
        groups = found.groupdict()
        text = groups.get("text") or groups.get("new") or f"{groups.get('user', '')}@{groups.get('host', '')}".strip("@")
        if what == "action" and _GONE.match(f"{found['nick']} {text}"):
            return None
        return Entry(what=what, nick=found["nick"], text=text, at=at)
    return None


def _weechat(prefix: str, text: str, at: datetime) -> Entry | None:
    prefix = prefix.strip()
    if prefix == "*":
        nick, _, rest = text.partition(" ")
        return Entry(what="action", nick=nick, text=rest, at=at)
    if prefix in ("-->", "--"):
        notice = re.match(r"Notice\(([^)\s]+)\)[^:]*: (.*)\Z", text)
        if notice is not None:
            return Entry(what="notice", nick=notice[1], text=notice[2], at=at)
        entry = _said(text, at) if prefix == "--" else _said(f"* {text}", at)
        return entry if entry is not None and entry.what in ("join", "rename") else None
    nick = prefix.lstrip("~&@%+!")
    return Entry(what="message", nick=nick, text=text, at=at) if nick and nick not in ("<--", "=!=") else None


def place_of(path: Path) -> str:
    """Return which channel a log is of, by its path; a nick for a private talk, empty where nothing tells."""
    for name in (path.name, path.parent.name):
        name = re.sub(r"\.(?:gz|weechatlog|log|txt)\b", "", name)
        name = re.sub(r"[._-]?\d{4}-?\d\d-?\d\d\Z", "", name)
        room = re.search(r"[#&][^\s/\\,]*\Z", name)
        if room is not None:
            return room[0].lower()
        if name:
            return name.rpartition(".")[2].lower()
    return ""
