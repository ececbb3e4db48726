"""Following conversations: history, threads, and looking again.

Rows of the cursor:

- ``C1``: the ``ts`` up to which the channel is read. It moves when a walk has ended, never before.
- ``walk C1``: a walk under way: from when on, the newest ``ts`` it saw, where it goes on. It begins with the newest message.
- ``C1:1700000000.000100``: a thread: the newest reply that was read, how many there are, and a mark while some are not read.
- ``checked``: when everything of the last days was looked at again.
- ``poke``: somebody asks to look again now.

History does not hold the replies of threads, and a late reply does not bring its thread up again ("Retrieving messages"). So
each message that began a thread tells, by ``latest_reply`` and ``reply_count``, that there is something to read; the look back
shows these of all recent messages; and threads that were active lately are read again even if they began long ago.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import Factory, define, frozen

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import FixError, ForbiddenError, NotFound
from socialcrm_slack._api import ask, listed, next_of
from socialcrm_slack._fields import mapping, number, rows, scope_of, stamp, text_of
from socialcrm_slack._judge import BadCursor, ThreadGone
from socialcrm_slack._names import Names
from socialcrm_slack._people import home_of
from socialcrm_slack._settings import SlackSettings

__all__ = ["follow"]

_HOUR = timedelta(hours=1)
_MARGIN = timedelta(minutes=10)
"""What is younger is not counted off: it may have been written while we looked, and clocks differ."""

_RESTARTS = 3
_TS = re.compile(r"\d{1,12}\.\d{6}", re.ASCII)


@frozen(kw_only=True)
class Look:
    """One sync: what holds for all its conversations.

    Args:
        first: From when on a conversation is read that we do not know yet; empty for everything.
        back: From when on messages are looked at again; empty for never.
        until: Up to when a census counts.
        due: This sync looks back.
        size: Messages a page.
        names: Who is who.
        held: The cursor as it is now.
    """

    first: str
    back: str
    until: str
    due: bool
    size: str
    names: Names
    held: dict[str, str]

    def keep(self, raws: list[Raw], patch: Mapping[str, str | None]) -> Flow[None]:
        """Make elements and rows durable, and know the rows."""
        known = {key: value for key, value in patch.items() if value is not None or key in self.held}
        yield from Batch(raws, known)
        for key, value in known.items():
            if value is None:
                del self.held[key]
            else:
                self.held[key] = value


@define
class Walk:
    """A way back through a channel's history; ``whole`` while it began with the newest message in this very flow."""

    oldest: str
    top: str
    after: str = ""
    whole: bool = True
    ids: set[str] = Factory(set)


@frozen
class Thread:
    """A thread's row: the newest reply that was read, how many replies it has, and whether some are not read."""

    high: str = ""
    count: str = ""
    todo: bool = False

    def __str__(self) -> str:
        return f"{self.high}|{self.count}|{'more' if self.todo else ''}"

    @classmethod
    def of(cls, row: str) -> Thread:
        """Read a row."""
        high, _, rest = row.partition("|")
        count, _, todo = rest.partition("|")
        return cls(high, count, bool(todo))


def follow(settings: SlackSettings, cursor: Cursor) -> Flow[None]:
    """Read every conversation from where its row stands; hourly look again at the last days.

    A conversation that can't be read (the app was removed, a scope is missing) does not keep the others from being read, and
    nothing of it is taken for deleted.

    Raises:
        ForbiddenError: A conversation may not be read; the others were.
        NotFound: A conversation is not there any more; the others were read.
    """
    me = yield from ask("auth.test")
    now = yield from Now()
    look = _look(settings, dict(cursor), now, home_of(me))
    failed: FixError | None = None
    for row in (yield from _conversations(settings)):
        channel = text_of(row, "id")
        context = {"channel": channel, "type": _type(row), "team": home_of(me), "url": text_of(me, "url")}
        try:
            yield from _walk(look, channel, {key: value for key, value in context.items() if value})
            yield from _threads(look, channel, {key: value for key, value in context.items() if value})
        except (ForbiddenError, NotFound) as error:
            failed = failed or error
    if failed is not None:
        raise failed
    if look.due or "poke" in look.held:
        yield from look.keep([], {"checked": now.isoformat(timespec="seconds"), "poke": None})


def _look(settings: SlackSettings, held: dict[str, str], now: datetime, home: str) -> Look:
    days, back = timedelta(days=settings.history_days), timedelta(days=settings.recheck_days)
    return Look(
        first=stamp(now - days) if days else "",
        back=stamp(now - back) if back else "",
        until=stamp(now - _MARGIN),
        due=bool(back) and ("poke" in held or _due(held.get("checked", ""), now)),
        size=str(settings.page_size),
        names=Names(home),
        held=held,
    )


def _due(checked: str, now: datetime) -> bool:
    try:
        return not checked or datetime.fromisoformat(checked) + _HOUR <= now
    except (ValueError, TypeError):
        return True


def _conversations(settings: SlackSettings) -> Flow[list[Mapping[str, Any]]]:
    """The conversations to follow: those named, else those that the app is in ("conversations.list")."""
    found: list[Any] = []
    if settings.channels:
        for channel in settings.channels:
            body = yield from ask("conversations.info", channel=channel)
            found.append(mapping(body).get("channel"))
    else:
        types = ",".join(settings.kinds)
        found = yield from listed("conversations.list", "channels", types=types, exclude_archived="true", limit="200")
    once = {text_of(row, "id"): mapping(row) for row in found if mapping(row).get("is_member") is not False}
    return [row for key, row in once.items() if key]


def _type(row: Mapping[str, Any]) -> str:
    """The type of a conversation in the words of events ("message event": channel_type)."""
    for flag, kind in (("is_im", "im"), ("is_mpim", "mpim"), ("is_private", "group")):
        if row.get(flag) is True:
            return kind
    return "channel"


def _walk(look: Look, channel: str, context: Mapping[str, str]) -> Flow[None]:
    """Read the history of a channel down to what is known, or further where it is looked at again."""
    walk, restarts = _begin(look, channel), 0
    while True:
        try:
            body = yield from ask(
                "conversations.history", channel=channel, oldest=walk.oldest, limit=look.size, cursor=walk.after
            )
        except BadCursor:
            restarts += 1
            if restarts > _RESTARTS:
                raise
            walk = Walk(walk.oldest, look.held.get(channel, ""))
            continue
        page = rows(mapping(body).get("messages"))
        raws = yield from look.names.raws(page, context)
        stamps = [text_of(message, "ts") for message in page if _TS.fullmatch(text_of(message, "ts"))]
        walk.top = max([walk.top, *stamps])
        walk.ids |= {text_of(one, "ts") for one in page if scope_of("", text_of(one, "ts"), text_of(one, "thread_ts")) == ""}
        walk.whole = walk.whole and mapping(body).get("is_limited") is not True
        patch = _threads_seen(look, channel, page)
        beyond = bool(walk.oldest and stamps and min(stamps) < walk.oldest)
        before, walk.after = walk.after, next_of(body)
        if not walk.after or beyond or walk.after == before:
            break
        yield from look.keep(raws, {**patch, f"walk {channel}": f"{walk.oldest}|{walk.top}|{walk.after}"})
    if look.due and walk.whole and walk.oldest <= look.back:
        raws.append(_census(channel, walk.ids, look.back, look.until))
    yield from look.keep(raws, {**patch, f"walk {channel}": None, **({channel: walk.top} if walk.top else {})})


def _begin(look: Look, channel: str) -> Walk:
    oldest, _, rest = look.held.get(f"walk {channel}", "").partition("|")
    top, _, after = rest.partition("|")
    if after:
        return Walk(oldest, top, after, whole=False)
    known = look.held.get(channel, "")
    oldest = known or look.first
    return Walk(min(oldest, look.back) if look.due and oldest else oldest, known)


def _threads_seen(look: Look, channel: str, page: list[Any]) -> dict[str, str]:
    """Rows for the threads on a page that have replies we did not read."""
    patch = {}
    for message in page:
        ts, latest, count = text_of(message, "ts"), text_of(message, "latest_reply"), number(message, "reply_count")
        if not _TS.fullmatch(ts) or not (latest or count) or text_of(message, "thread_ts") not in ("", ts):
            continue
        key = f"{channel}:{ts}"
        held = Thread.of(look.held.get(key, ""))
        if latest > held.high or str(count) != held.count:
            patch[key] = str(Thread(held.high, str(count), True))
    return patch


def _threads(look: Look, channel: str, context: Mapping[str, str]) -> Flow[None]:
    for key in sorted(key for key in look.held if key.startswith(f"{channel}:")):
        held = Thread.of(look.held[key])
        if held.todo or look.due:
            try:
                yield from _replies(look, key, held, context)
            except ThreadGone:
                root = key.partition(":")[2]
                yield from look.keep([_census(key, set(), root, look.until)], {key: None})


def _replies(look: Look, key: str, held: Thread, context: Mapping[str, str]) -> Flow[None]:
    """Read a thread from its last known reply on ("conversations.replies"); its row moves when all pages were read."""
    channel, _, root = key.partition(":")
    oldest = min(held.high, look.back) if look.due and held.high else held.high
    high, after, ids = held.high, "", set[str]()
    while True:
        body = yield from ask("conversations.replies", channel=channel, ts=root, oldest=oldest, limit=look.size, cursor=after)
        page = rows(mapping(body).get("messages"))
        raws = yield from look.names.raws(page, context)
        stamps = {text_of(one, "ts") for one in page if _TS.fullmatch(text_of(one, "ts"))} - {root}
        ids |= stamps
        high = max([high, *stamps])
        before, after = after, next_of(body)
        if not after or after == before:
            break
        yield from look.keep(raws, {})
    if look.due:
        raws.append(_census(key, ids, look.back, look.until))
    alive = look.back and max(high, root) >= look.back
    yield from look.keep(raws, {key: str(Thread(high, held.count)) if alive else None})


def _census(scope: str, ids: set[str], since: str, until: str) -> Raw:
    return Raw(kind="census", body={"scope": scope, "ids": sorted(ids), "since": since, "until": max(since, until)})
