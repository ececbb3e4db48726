"""What Meta's webhooks have in common: the handshake, the signature, and entries of several accounts in one body.

Sources: Graph API: Webhooks, Getting Started (verification requests, event notifications, validating payloads).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from socialcrm.connectors import Batch, Hook, Incoming, Raw
from socialcrm.connectors.signatures import check_equal, check_hmac
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Secret
from socialcrm_meta._values import ident

__all__ = ["Poke", "receive"]

Poke = Callable[[Raw], "tuple[str, Mapping[str, str]] | None"]
"""Says which stream an element asks to look, by which cursor rows."""

_LISTS: Mapping[str, str] = {"changes": "change", "messaging": "messaging", "standby": "messaging"}
_ENVELOPE = frozenset({"id", "time", "uid", "changed_fields", "field", "value", *_LISTS})


def receive(
    request: Incoming,
    *,
    app_secret: Secret | None,
    verify_token: Secret | None,
    account_of: Callable[[Raw], str] = lambda raw: raw.context["account"],
    poke: Poke = lambda _raw: None,
) -> Hook:
    """Answer the handshake, or verify a notification and split it by account.

    Every element of every list of every entry becomes a `Raw` of its own: ``change`` (``{"field", "value"}``) or
    ``messaging`` (also what came on the ``standby`` channel), and ``entry`` for what nobody knows. Its context holds
    ``object``, ``account`` (the entry's id), ``time`` (the entry's) and ``list``.

    Args:
        request: As it came.
        app_secret: The key of ``X-Hub-Signature-256``.
        verify_token: What the app's dashboard sends along with the handshake.
        account_of: The account that an element belongs to, as `socialcrm.types.Account` ``key`` names it.
        poke: Which stream an element asks to look.

    Raises:
        VerificationError: The verify token or the signature is wrong or missing.
        PayloadError: The signed body is no notification.
    """
    if request.method == "GET":
        return _handshake(request, verify_token)
    check_hmac(
        app_secret or "", request.body, request.headers.get("x-hub-signature-256", ""), digest="sha256", prefix="sha256="
    )
    batches: dict[str, list[Raw]] = {}
    pokes: list[Batch] = []
    for raw in _elements(request.body):
        account = account_of(raw)
        batches.setdefault(account, []).append(raw)
        asked = poke(raw)
        if asked is not None:
            pokes.append(Batch([], dict(asked[1]), stream=asked[0], account=account))
    found = [Batch(raws, account=account) for account, raws in batches.items()]
    return Hook(batches=(*found, *pokes))


def _handshake(request: Incoming, verify_token: Secret | None) -> Hook:
    asked = {name: _one(request.query.get(f"hub.{name}")) for name in ("mode", "verify_token", "challenge")}
    check_equal(verify_token or "", asked["verify_token"])
    if asked["mode"] != "subscribe":
        raise VerificationError(
            "the handshake asks for something else than 'subscribe'; set the webhook up in the app's dashboard"
        )
    return Hook(body=asked["challenge"].encode())


def _one(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value[0]) if isinstance(value, list | tuple) and value else ""


def _elements(body: bytes) -> Iterator[Raw]:
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"a notification of Meta should be JSON, got {len(body)} bytes: {type(error).__name__}") from None
    entries = told.get("entry") if isinstance(told, Mapping) else None
    if not isinstance(entries, list):
        raise PayloadError("a notification of Meta should hold a list 'entry'; check what is sent to this address")
    for entry in entries:
        yield from _entry(entry, {"object": ident(told.get("object"))})


def _entry(entry: Any, context: Mapping[str, str]) -> Iterator[Raw]:
    if not isinstance(entry, Mapping):
        yield Raw("entry", entry, {**context, "account": ""})
        return
    context = {**context, "account": ident(entry.get("id")), "time": ident(entry.get("time"))}
    if not all(isinstance(entry.get(name, []), list) for name in _LISTS) or set(entry) - _ENVELOPE:
        unread = {name: value for name, value in entry.items() if name not in _LISTS or not isinstance(value, list)}
        yield Raw("entry", unread, context)
    if "field" in entry:  # Instagram's own log-in puts the one change into the entry itself
        yield Raw("change", {"field": entry["field"], "value": entry.get("value")}, {**context, "list": "changes"})
    for name, kind in _LISTS.items():
        for one in entry[name] if isinstance(entry.get(name), list) else ():
            yield Raw(kind, one, {**context, "list": name})
