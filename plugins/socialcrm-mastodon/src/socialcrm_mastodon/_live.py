"""The streaming API over a websocket: what happens, as it happens.

Everything the stream brings can also be fetched by the pull streams, so a gap loses nothing: on connecting, the pull
streams are poked to fetch what was missed. What our home timeline shows of accounts that we merely follow is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from socialcrm.connectors import Batch, Call, Conn, Flow, Now, Open, Outgoing, Raw, Read, Receipt, Sent, Write
from socialcrm.errors import NotFound, RefusedError, SettingsError, SocialCRMError, Unreachable
from socialcrm_mastodon._fields import mapping, rows, text_of
from socialcrm_mastodon._settings import host_of

__all__ = ["watch"]

_QUIET = frozenset(("filters_changed", "announcement", "announcement.reaction", "announcement.delete", "conversation"))


def watch(origin: str, me: str, tags: Sequence[str], poke: Sequence[str], send: Any) -> Flow[None]:
    """Stay connected until the connection breaks or the driver stops the flow.

    Args:
        origin: The server.
        me: Our account's database id.
        tags: Hashtags to follow as well.
        poke: The pull streams to poke when something may have been missed.
        send: The connector's ``send``, for a reply that the driver hands in.

    Raises:
        Unreachable: The server closed the connection; connect again.
        RefusedError: It rejected a subscription.
    """
    url = yield from _address(origin)
    conn = yield from Open(f"{url}/api/v1/streaming?stream=user", auth=True)
    for tag in tags:
        order = {"type": "subscribe", "stream": "hashtag", "tag": tag}
        yield from Write(conn, json.dumps(order).encode())
    yield from _poke(poke)
    while True:
        frame = yield from _frame(conn, send)
        event = text_of(frame, "event")
        if text_of(frame, "error"):
            raise RefusedError(f"mastodon: the stream answered {text_of(frame, 'error')[:200]!r}; check the token's scopes")
        if event == "notifications_merged":
            yield from _poke(poke)
        elif event and event not in _QUIET:
            raws = _read(event, frame, me)
            if raws:
                yield from Batch(raws, {})


def _poke(streams: Sequence[str]) -> Flow[None]:
    now = yield from Now()
    for stream in streams:
        yield from Batch([], {"poke": now.isoformat(timespec="seconds")}, stream=stream)


def _frame(conn: Conn, send: Any) -> Flow[Mapping[str, Any]]:
    """The next event; a reply that the driver hands in meanwhile is sent over HTTP as any other."""
    while True:
        data = yield from Read(conn, until=None, timeout=300, idle=True)
        if isinstance(data, Outgoing):
            yield from _hand_in(data, send)
        elif data == b"":
            raise Unreachable("mastodon: the server closed the stream; it is opened again and what was missed is fetched")
        elif data is not None:
            try:
                return mapping(json.loads(data))
            except (ValueError, RecursionError):
                return {"event": "unreadable", "payload": data.decode("utf-8", "replace")}


def _hand_in(message: Outgoing, send: Any) -> Flow[None]:
    result: Receipt | Exception
    try:
        result = yield from send(message, {})
    except SocialCRMError as error:
        result = error
    yield from Sent(message, result)


def _read(event: str, frame: Mapping[str, Any], me: str) -> list[Raw]:
    """The raws of one event ("streaming", Event types and payloads)."""
    payload = frame.get("payload")
    if event == "delete":
        return [Raw(kind="deleted", body={"id": text_of(frame, "payload")})]
    try:
        body = json.loads(payload) if isinstance(payload, str) else payload
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping) or event not in ("update", "status.update", "notification"):
        return [Raw(kind="event", body=dict(frame))]
    if event == "notification":
        return [Raw(kind="notification", body=body)]
    tagged = any(str(stream).startswith("hashtag") for stream in rows(frame.get("stream")))
    ours = text_of(body.get("account"), "id") == me
    named = any(text_of(mention, "id") == me for mention in rows(body.get("mentions")))
    return [Raw(kind="status", body=body)] if tagged or ours or named else []


def _address(origin: str) -> Flow[str]:
    """Where the server streams (entity "Instance", configuration.urls.streaming), as a websocket address.

    Raises:
        SettingsError: It streams from another host, where our token must not go.
    """
    own = origin.replace("https://", "wss://", 1).replace("http://", "ws://", 1)
    try:
        instance = yield from Call("GET", "/api/v2/instance")
        urls = mapping(mapping(mapping(instance.json()).get("configuration")).get("urls"))
        told = text_of(urls, "streaming")
    except NotFound:
        instance = yield from Call("GET", "/api/v1/instance")
        told = text_of(mapping(mapping(instance.json()).get("urls")), "streaming_api")
    if told and host_of(told) != host_of(origin):
        raise SettingsError(
            f"the server streams from another host, {host_of(told)}, and credentials go to {host_of(origin)} only; "
            "leave the live stream off and sync in short intervals"
        )
    return own
