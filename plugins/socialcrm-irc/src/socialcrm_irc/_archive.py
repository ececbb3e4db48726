"""Logs as an archive: a file, or a folder of them; our own account first.

Logs tell nicks, and a mask only where somebody joined. An id is that mask, kept through changes of the nick, else
``nick!*@*``. A line's id is a digest of its place, time, nick and text, and of how many equal ones came before.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import tell_damage
from socialcrm.errors import PayloadError
from socialcrm_irc._elements import DERIVED
from socialcrm_irc._formats import Calendar, Entry, place_of, read_entry
from socialcrm_irc._line import decode, fold, is_room
from socialcrm_irc._people import mask_of
from socialcrm_irc._settings import IrcSettings, own_id

__all__ = ["load_logs"]

_BATCH = 300
_LONGEST = 16_384
_EXPECTED = (
    "expected logs of irssi, WeeChat, ZNC, HexChat or energymech, with the day in the file's name, a header, or each line"
)
_ADDRESS = re.compile(r"([^\s:,]{1,64})[:,]\s")


def load_logs(path: Path, settings: IrcSettings) -> Iterator[Batch]:
    """Read logs in batches.

    Raises:
        PayloadError: No line of them is like one of a log.
    """
    if settings.nick:
        yield Batch([Raw(kind="account", body={"id": own_id(settings), "name": settings.nick})])
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    group: list[Raw] = []
    count = 0
    for each in files:
        reader = _Log(place_of(each), settings)
        for line, calendar in _lines(each):
            body = reader.read(line, calendar)
            if body is None:
                continue
            group.append(Raw(kind="log", body=body))
            count += 1
            if len(group) >= _BATCH:
                yield Batch(group)
                group = []
    if group:
        yield Batch(group)
    if not count:
        raise PayloadError(f"{path}: nobody says anything in it; {_EXPECTED}")


def _lines(path: Path) -> Iterator[tuple[str, Calendar]]:
    calendar = Calendar.of(path)
    with tell_damage(path, _EXPECTED), gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        while data := file.readline(_LONGEST):
            yield decode(data.rstrip(b"\r\n")), calendar


class _Log:
    """One log: where it was written, and who was who in it."""

    def __init__(self, place: str, settings: IrcSettings) -> None:
        self._room, self._other = (place, "") if is_room(place) else ("", place)
        self._zone = ZoneInfo(settings.timezone)
        ours = (settings.nick, settings.sender if settings.nick else "", *settings.log_nicks)
        self._ours, self._own = {fold(nick) for nick in ours if nick}, own_id(settings)
        self._masks: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def read(self, line: str, calendar: Calendar) -> dict[str, Any] | None:
        """Return the element of a line; ``None`` where nobody says anything."""
        entry = read_entry(line, calendar)
        if entry is None:
            return None
        nick = fold(entry.nick)
        if entry.what == "join":
            user, _, host = entry.text.partition("@")
            self._masks[nick] = mask_of(entry.nick, user, host)
            return None
        if entry.what == "rename":
            self._masks[fold(entry.text)] = self._who(nick)
            self._masks.pop(nick, None)
            if nick in self._ours:
                self._ours.add(fold(entry.text))
            return None
        return self._element(entry, nick in self._ours)

    def _who(self, nick: str) -> str:
        return self._masks.get(nick, f"{nick}!*@*")

    def _element(self, entry: Entry, own: bool) -> dict[str, Any]:
        at = entry.at.replace(tzinfo=self._zone).astimezone(UTC)
        body = {
            "id": self._id(entry, at),
            "at": at.isoformat(),
            "nick": entry.nick,
            "who": self._own if own else self._who(fold(entry.nick)),
            "own": own,
            "room": self._room,
            "what": entry.what,
            "text": entry.text,
        }
        if not self._room:
            body["with"] = self._who(fold(self._other)) if own else body["who"]
        found = _ADDRESS.match(entry.text)
        if own and found is not None and self._room and fold(found[1]) not in self._ours:
            body |= {"addressed": found[1], "to": self._who(fold(found[1]))}
        return body

    def _id(self, entry: Entry, at: datetime) -> str:
        what = "\n".join((self._room or self._other, at.isoformat(), entry.nick, entry.what, entry.text))
        digest = sha256(what.encode("utf-8", "replace")).hexdigest()[:24]
        self._count[digest] += 1
        return f"{DERIVED}log.{digest}" + (f".{self._count[digest]}" if self._count[digest] > 1 else "")
