"""How exported chats write times: in the phone's own way, differently on iOS and Android, and in every language.

``[31.12.26, 23:59:59] Mara: Hi`` (iOS), ``31/12/2026, 11:59 pm - Mara: Hi`` (Android), with marks of direction and narrow
spaces in between, words for the half of the day, or a Buddhist year. Whether days or months come first is decided for a file
as a whole. Source: the variants that public parsers of such exports list (WhatsApp documents none).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from attrs import frozen

from socialcrm.errors import PayloadError

__all__ = ["MARKS", "Head", "moment_of", "order_of", "read_head"]

MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
"""Marks of direction, which the app puts around what is its own."""

_PLAIN = {**dict.fromkeys(map(ord, MARKS)), 0xA0: " ", 0x202F: " ", 0x2009: " "}
_LONGEST = 64
_DATE = r"(?P<a>\d{1,4}) ?(?P<sign>[/.\-]) ?(?P<b>\d{1,2}) ?(?P=sign) ?(?P<c>\d{1,4})\.?"
_TIME = r"(?P<hour>\d{1,2}) ?[:.h] ?(?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
_HEADS = (
    re.compile(rf"{_DATE}(?:(?P<before>[^\d\[\]]{{1,24}})|T){_TIME}(?P<after>[^\d\[\]]{{0,24}})"),
    re.compile(rf"{_TIME}(?P<after>[^\d,\[\]]{{0,24}}),? {_DATE}(?P<before>)"),  # the time first, as in Vietnam
)
_ENDS = (("-", re.compile(r"\s[-\u2013\u2014]\s")), (":", re.compile(r":\s")))
"""What ends a head without brackets: a dash on Android, a colon on old iPhones."""
_AFTER_NOON = frozenset(
    {"pm", "μμ", "م", "下午", "晚上", "中午", "午後", "오후", "datarde", "danoite", "tarde", "noite", "ip", "du"}
)
_BEFORE_NOON = frozenset(
    {
        "am",
        "πμ",
        "ص",
        "上午",
        "早上",
        "凌晨",
        "清晨",
        "午前",
        "오전",
        "damanhã",
        "damadrugada",
        "manhã",
        "madrugada",
        "de",
        "fm",
    }
)
_HOURS = frozenset({"", "h", "hrs", "uhr"})
_BUDDHIST = 2400


@frozen(kw_only=True)
class Head:
    """The beginning of a message.

    Args:
        style: What all heads of a file have in common: brackets, a dash or a colon, and what separates the date's numbers.
        date: Its three numbers, in the order of the file.
        clock: Hour, minute, second of a 24-hour day.
        rest: What follows, as it stands there.
    """

    style: tuple[str, str]
    date: tuple[int, int, int]
    clock: tuple[int, int, int]
    rest: str


def read_head(line: str) -> Head | None:
    """Read the beginning of a line; ``None`` where it begins no message."""
    begun = line.lstrip(MARKS)
    if begun.startswith("["):
        told, found, _ = begun[1:_LONGEST].partition("]")
        return _read("[", told, begun[len(told) + 2 :].removeprefix(" ")) if found else None
    for style, end in _ENDS:
        separator = end.search(begun[:_LONGEST])
        head = _read(style, begun[: separator.start()], begun[separator.end() :]) if separator else None
        if head is not None:
            return head
    return None


def _read(style: str, told: str, rest: str) -> Head | None:
    plain = told.translate(_PLAIN).strip()
    match = next((found for pattern in _HEADS if (found := pattern.fullmatch(plain))), None)
    clock = _clock(match) if match is not None else None
    if match is None or clock is None:
        return None
    return Head(style=(style, match["sign"]), date=(int(match["a"]), int(match["b"]), int(match["c"])), clock=clock, rest=rest)


def _clock(match: re.Match[str]) -> tuple[int, int, int] | None:
    before, after = (re.sub(r"[\s.,،]", "", part or "").lower() for part in (match["before"], match["after"]))
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if after not in _HOURS and after not in _AFTER_NOON and after not in _BEFORE_NOON:
        return None
    half = after if after not in _HOURS else before
    if half in _AFTER_NOON and hour < 12:
        hour += 12
    elif half in _BEFORE_NOON and hour == 12:
        hour = 0
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def order_of(dates: Sequence[tuple[int, int, int]], separator: str, told: str) -> str:
    """Say in which order the numbers of a file's dates stand: ``ymd``, ``dmy`` or ``mdy``.

    A number above 12 is a day. Else time does not run backwards in a chat; else days change more often than months.

    Args:
        dates: Of all messages, in the order of the file.
        separator: What stands between the numbers.
        told: What the settings say, for a file that leaves it open.

    Raises:
        PayloadError: It is open, and the settings do not say.
    """
    if all(first > 31 for first, _, _ in dates):
        return "ymd"
    days = sum(first > 12 for first, _, _ in dates) - sum(second > 12 for _, second, _ in dates)
    back = _backwards(dates, (2, 0, 1)) - _backwards(dates, (2, 1, 0))
    often = sum(a[0] != b[0] for a, b in _pairs(dates)) - sum(a[1] != b[1] for a, b in _pairs(dates))
    for balance in (days, back):
        if balance:
            return "dmy" if balance > 0 else "mdy"
    if told:
        return told
    if separator in ".-" or all(first == second for first, second, _ in dates):
        return "dmy"
    if often:
        return "dmy" if often > 0 else "mdy"
    raise PayloadError(
        "this chat does not tell whether its dates begin with the day or the month; set archive_dates to 'dmy' or 'mdy'"
    )


def _pairs(dates: Sequence[tuple[int, int, int]]) -> list[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    return list(pairwise(dates))


def _backwards(dates: Sequence[tuple[int, int, int]], places: tuple[int, int, int]) -> int:
    return sum([b[place] for place in places] < [a[place] for place in places] for a, b in _pairs(dates))


def moment_of(head: Head, order: str, zone: ZoneInfo) -> datetime | None:
    """Return the time of a message, UTC; ``None`` where the calendar has no such day."""
    numbers = dict(zip(order, head.date, strict=True))
    year = numbers["y"] + (2000 if numbers["y"] < 100 else -543 if numbers["y"] > _BUDDHIST else 0)
    try:
        return datetime(year, numbers["m"], numbers["d"], *head.clock, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
