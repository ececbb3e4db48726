"""Where we stand in a group, and how we know that it is still the same group.

Article numbers only grow while a group lives (RFC 3977, section 6.1.1.2), so the last one says exactly what is new. A group
that was removed and made again, or a server that was set up anew, begins to count from 1: the numbers then mean other
articles. NNTP has no UIDVALIDITY that would tell; so the last few articles that we read are remembered by number and a digest
of their message id.

Cursor rows of a group: ``group:NAME`` holds the last number, ``known:NAME`` those articles (``120:1f2e3d4c …``), ``marks:NAME``
which number was the last at which time (``1772000000:120 …``, seconds since 1970): what has a higher number came later. A
time of 0 says that nothing below was ever read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs
from attrs import frozen

from socialcrm.connectors import Cursor

__all__ = ["Place", "digest"]

_KNOWN = 5
_SKEW = timedelta(days=1)
"""RFC 5537, section 3.5: a posting server refuses an article that is dated more than 24 hours ahead."""


@frozen(kw_only=True)
class Place:
    """Where we stand in one group.

    Args:
        name: The group.
        last: The number of the last article that we read; 0 before the first.
        known: Number and digest of the last articles that we read, the latest first.
        marks: Time (seconds since 1970) and last number then, the oldest first.
    """

    name: str
    last: int = 0
    known: tuple[tuple[int, str], ...] = ()
    marks: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, name: str, cursor: Cursor) -> Place:
        """Read a group's rows; what can't be read counts as missing."""
        last = cursor.get(f"group:{name}", "")
        known = _pairs(cursor.get(f"known:{name}", ""))
        marks = ((left, int(right)) for left, right in _pairs(cursor.get(f"marks:{name}", "")) if right.isdecimal())
        return cls(name=name, last=int(last) if last.isdecimal() else 0, known=tuple(known), marks=tuple(marks))

    @property
    def rows(self) -> dict[str, str | None]:
        """The cursor rows that say this."""
        return {
            f"group:{self.name}": str(self.last),
            f"known:{self.name}": " ".join(f"{number}:{seen}" for number, seen in self.known),
            f"marks:{self.name}": " ".join(f"{time}:{number}" for time, number in self.marks),
        }

    @classmethod
    def first(cls, name: str, number: int, time: int = 0) -> Place:
        """Return the place before an article's number, in a group of which we hold nothing that bears a number up to then.

        Args:
            name: The group.
            number: The next number to read, at least 1.
            time: Until when older articles may be held (seconds since 1970); 0 where we never held any.
        """
        return cls(name=name, last=number - 1, marks=((time, number - 1),))

    def read(self, last: int, articles: Iterable[tuple[int, str]]) -> Place:
        """Return the place after the articles up to a number were read.

        Args:
            last: The number.
            articles: Number and message id of those that are there.
        """
        fresh = {**dict(self.known), **{number: digest(name) for number, name in articles if name}}
        known = tuple(sorted(fresh.items(), reverse=True)[:_KNOWN])
        return attrs.evolve(self, last=max(self.last, last), known=known)

    def forget(self, time: int) -> Place:
        """Return the place without its older marks: what was written before is not counted off any more."""
        return attrs.evolve(self, marks=((time, self.last),))

    def marked(self, now: datetime, days: int) -> Place:
        """Return the place with a mark for today, and without those that no look back needs any more."""
        time = int(now.timestamp())
        marks = self.marks
        if not marks or time - marks[-1][0] >= _SKEW.total_seconds():
            marks = (*marks, (time, self.last))
        useless = [index for index, (then, _) in enumerate(marks) if self._since(then) <= now - timedelta(days=days)]
        return attrs.evolve(self, marks=marks[useless[-1] :] if useless else marks)

    def window(self, low: int, now: datetime, days: int) -> tuple[datetime, int] | None:
        """Return since when, and above which number, everything that we hold can be compared with what there is.

        An article that expired is below the lowest number of the group; what came before that is no longer counted off. What is
        dated after the time returned came after the mark that it is made of, so its number is above the mark's.

        Args:
            low: The group's lowest number.
            now: The time, aware.
            days: How far back to look.
        """
        usable = [(self._since(time), number) for time, number in self.marks if number >= low - 1]
        earliest = now - timedelta(days=days)
        enough = [(since, number) for since, number in usable if since <= earliest]
        if enough:
            return earliest, enough[-1][1]
        return usable[0] if usable else None

    @staticmethod
    def _since(time: int) -> datetime:
        return datetime.fromtimestamp(time, UTC) + (_SKEW if time else timedelta())


def digest(id: str) -> str:  # noqa: A002 - the contract's word
    """Return a short digest of a message id."""
    return hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()[:12]


def _pairs(row: str) -> Iterable[tuple[int, str]]:
    for word in row.split():
        left, _, right = word.partition(":")
        if left.isdecimal() and len(left) <= 18 and right:
            yield int(left), right
