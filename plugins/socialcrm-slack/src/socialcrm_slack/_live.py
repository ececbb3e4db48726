"""Socket Mode: the events of the Events API over a websocket, for apps without a public address.

Source: "Using Socket Mode": ``apps.connections.open`` gives an address that is good for one connection; each envelope is
acknowledged by its ``envelope_id``, here after it is durable; Slack announces when it is about to close. What was missed is
fetched by the other stream, which is asked to look again whenever a connection begins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from socialcrm.connectors import Batch, Call, Conn, Cursor, Flow, Now, Open, Outgoing, Raw, Read, Receipt, Sent, Write
from socialcrm.errors import PayloadError, SocialCRMError, Unreachable
from socialcrm_slack._fields import mapping, required, text_of

__all__ = ["OPEN", "watch"]

OPEN = "/api/apps.connections.open"
"""The one call that is made with the app-level token."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_QUIET = frozenset(("hello", "disconnect"))
_SILENCE = 300.0

Send = Callable[[Outgoing, Cursor], Flow[Receipt]]


def watch(send: Send) -> Flow[None]:
    """Stay connected until Slack closes the connection or the driver stops the flow.

    Args:
        send: The connector's ``send``, for a reply that the driver hands in.

    Raises:
        Unreachable: Slack closed the connection; connect again.
    """
    answer = yield from Call("POST", OPEN, bucket="apps.connections.open", repeatable=True)
    conn = yield from Open(_address(required(answer.json(dict), "url")))
    now = yield from Now()
    yield from Batch([], {"poke": now.isoformat(timespec="seconds")}, stream="messages")
    while True:
        envelope = yield from _envelope(conn, send)
        kind, key = text_of(envelope, "type"), text_of(envelope, "envelope_id")
        if kind == "disconnect":
            raise Unreachable(
                "slack: the live stream is closed to be renewed; it is opened again and what was missed is fetched"
            )
        if kind not in _QUIET:
            yield from Batch([_raw(kind, envelope)], {})
        if key:
            yield from Write(conn, json.dumps({"envelope_id": key}).encode())


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "wss" and not (parts.scheme == "ws" and parts.hostname in _LOOPBACK):
        raise PayloadError("slack: the address of the live stream is no secure websocket; check the setting server")
    return url


def _raw(kind: str, envelope: Mapping[str, Any]) -> Raw:
    payload = envelope.get("payload")
    if kind == "events_api" and isinstance(payload, Mapping):
        return Raw(kind="event", body=payload)
    return Raw(kind="envelope", body=dict(envelope))


def _envelope(conn: Conn, send: Send) -> Flow[Mapping[str, Any]]:
    """The next envelope; a reply that the driver hands in meanwhile is sent over HTTP as any other."""
    while True:
        data = yield from Read(conn, until=None, timeout=_SILENCE, idle=True)
        if isinstance(data, Outgoing):
            yield from _hand_in(data, send)
        elif data == b"":
            raise Unreachable("slack: the live stream was closed; it is opened again and what was missed is fetched")
        elif data is not None:
            try:
                return mapping(json.loads(data))
            except (ValueError, RecursionError):
                return {"type": "unreadable", "payload": data.decode("utf-8", "replace")}


def _hand_in(message: Outgoing, send: Send) -> Flow[None]:
    result: Receipt | Exception
    try:
        result = yield from send(message, {})
    except SocialCRMError as error:
        result = error
    yield from Sent(message, result)
