"""Asking for updates ("getUpdates"). Invariant: an update is confirmed only after it is durable.

Telegram forgets an update as soon as somebody asks with a larger ``offset``, and after 24 hours anyway. So each page is a batch
with the next offset, and only the call after it confirms the page. How long nobody asked is told by a row of the cursor: what
was lost meanwhile becomes a `Hole`.

After a week without updates Telegram begins at any number ("Update"), so an offset is always taken from the last page, never
from the largest number ever seen; the server takes one that it has not reached yet for none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import PayloadError
from socialcrm_telegram._api import ask
from socialcrm_telegram._fields import mapping, text_of, whole
from socialcrm_telegram._settings import TelegramSettings

__all__ = ["HOME", "follow", "moves", "raw_of"]

HOME = "home "
"""How the cursor's rows begin that say which group a supergroup was; the supergroup's id follows."""

_KEPT = timedelta(hours=24)
_PAGE = 100


def follow(settings: TelegramSettings, cursor: Cursor) -> Flow[None]:
    """Read updates until none is left, each page durable before the next one is asked for.

    Raises:
        ConflictError: The bot has a webhook, or another program asks for its updates.
        PayloadError: The answer is no list of updates.
    """
    now = yield from Now()
    homes = {key.removeprefix(HOME): value for key, value in cursor.items() if key.startswith(HOME)}
    polled, offset, before = cursor.get("polled", ""), cursor.get("offset", ""), None
    wait = settings.wait
    while True:
        fields: dict[str, Any] = {"limit": _PAGE, "timeout": wait, "allowed_updates": list(settings.updates)}
        if offset:
            fields["offset"] = int(offset)
        found = yield from ask("getUpdates", fields, timeout=wait + 30)
        if not isinstance(found, list):
            raise PayloadError("telegram: getUpdates gave no list of updates; check that the server is Telegram's Bot API")
        for update in found:
            homes |= moves(update)
        raws = [*_hole(polled, now), *(raw_of(update, now, homes) for update in found)]
        numbers = [number for update in found if (number := whole(update, "update_id")) is not None]
        offset, polled, wait = str(max(numbers) + 1) if numbers else offset, _stamp(now), 0
        rows = {f"{HOME}{new}": old for new, old in homes.items() if cursor.get(f"{HOME}{new}") != old}
        if raws or polled != cursor.get("polled"):
            yield from Batch(raws, {"polled": polled, **({"offset": offset} if offset else {}), **rows})
        if not found or numbers == before:
            return
        before = numbers


def raw_of(update: Any, now: datetime, homes: Mapping[str, str]) -> Raw:
    """Return an update as it came, with what parsing needs to know besides.

    Args:
        update: It.
        now: Our time: some kinds of updates have none of their own.
        homes: The ids that supergroups had as groups, by their new ids.
    """
    body = _body(update)
    timed = all(whole(value, "date") for key, value in mapping(update).items() if key != "update_id")
    context = {} if timed else {"at": _stamp(now)}
    home = homes.get(text_of(body.get("chat") or mapping(body.get("message")).get("chat"), "id"))
    return Raw("update", update, {**context, **({"home": home} if home else {})})


def moves(update: Any) -> dict[str, str]:
    """Return which group became which supergroup, by the new id ("Message": ``migrate_to_chat_id`` and its counterpart)."""
    body = _body(update)
    here, after, before = text_of(body.get("chat"), "id"), *(text_of(body, f"migrate_{way}_chat_id") for way in ("to", "from"))
    if not here or not (after or before):
        return {}
    return {after: here} if after else {here: before}


def _body(update: Any) -> Mapping[str, Any]:
    return next((value for key, value in mapping(update).items() if key != "update_id" and isinstance(value, Mapping)), {})


def _stamp(now: datetime) -> str:
    return str(int(now.timestamp()))


def _hole(polled: str, now: datetime) -> Iterator[Raw]:
    """What was lost while nobody asked; unknown before the first time."""
    since = int(polled) if polled.isascii() and polled.isdigit() else 0
    lost = int((now - _KEPT).timestamp())
    if since and since < lost:
        yield Raw("hole", {"since": since, "until": lost})
