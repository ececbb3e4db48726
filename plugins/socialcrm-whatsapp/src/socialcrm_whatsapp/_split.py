"""A notification's changes, taken apart into single messages, statuses and calls.

Meta may put many of each into one change, and up to a thousand changes into one body. Taken apart, one element that can't be
read stops no other. Sources: WhatsApp Business Platform, messages webhook reference, smb_message_echoes, history, standby and
calls webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from socialcrm.connectors import Batch, Hook, Incoming, Raw
from socialcrm.types import Secret
from socialcrm_meta import ident, mapping, receive, rows

__all__ = ["read_webhook", "split"]

_LISTS: Mapping[str, str] = {"messages": "message", "message_echoes": "message", "statuses": "status", "calls": "call"}
_ENVELOPE = frozenset({"messaging_product", "metadata", "contacts"})
_PARTIES = ("from", "from_user_id", "to", "to_user_id", "recipient_id", "recipient_user_id", "recipient_participant_id")


def read_webhook(request: Incoming, *, app_secret: Secret | None, verify_token: Secret | None) -> Hook:
    """Answer the handshake, or verify a notification and split it by our numbers, message by message.

    Raises:
        VerificationError: The verify token or the signature is wrong or missing.
        PayloadError: The signed body is no notification.
    """
    hook = receive(request, app_secret=app_secret, verify_token=verify_token, account_of=_number_of)
    return attrs.evolve(hook, batches=tuple(map(_taken_apart, hook.batches)))


def split(raw: Raw) -> Iterator[Raw]:
    """Take a change apart: ``message``, ``status`` and ``call``, and ``change`` for what else it holds.

    An element's body is ``{"element", "contact"}``, with ``errors`` of the whole change where they can only be its own. Its
    context names the field, the list, our number's id and the number.
    """
    value = mapping(raw.body).get("value") if raw.kind == "change" else None
    if not isinstance(value, Mapping):
        yield raw
        return
    metadata = mapping(value.get("metadata"))
    context = {
        **raw.context,
        "field": ident(mapping(raw.body).get("field")),
        "number_id": ident(metadata.get("phone_number_id")),
        "number": ident(metadata.get("display_phone_number")),
    }
    found = [one for name in _LISTS for one in _listed(value, name, context)]
    found += list(_history(value, context))
    own = len(found) == 1 and isinstance(value.get("errors"), list)
    for one in found:
        yield attrs.evolve(one, body={**one.body, "errors": value["errors"]}) if own else one
    rest = {name: part for name, part in value.items() if name not in _ENVELOPE and not _is_taken(name, part, own=own)}
    if rest or not found:
        yield Raw("change", {**raw.body, "value": {**_enveloped(value), **rest}}, context)


def _number_of(raw: Raw) -> str:
    metadata = mapping(mapping(mapping(raw.body).get("value")).get("metadata"))
    return ident(metadata.get("phone_number_id")) or raw.context["account"]


def _taken_apart(batch: Batch) -> Batch:
    return attrs.evolve(batch, raws=[one for raw in batch.raws for one in split(raw)])


def _enveloped(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name in _ENVELOPE}


def _is_taken(name: str, part: Any, *, own: bool) -> bool:
    if name == "history":
        return isinstance(part, list) and all(_is_chunk(one) for one in part)
    return isinstance(part, list) and (name in _LISTS or (name == "errors" and own))


def _is_chunk(one: Any) -> bool:
    return isinstance(one, Mapping) and isinstance(one.get("threads"), list) and "errors" not in one


def _listed(value: Mapping[str, Any], name: str, context: Mapping[str, str]) -> Iterator[Raw]:
    contacts = list(rows(value.get("contacts")))
    found = value.get(name)
    for one in found if isinstance(found, list) else ():
        body = {"element": one, "contact": _contact_of(mapping(one), contacts)}
        yield Raw(_LISTS[name], body, {**context, "list": name})


def _contact_of(element: Mapping[str, Any], contacts: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    told = {ident(element.get(name)) for name in _PARTIES} - {""}
    for contact in contacts:
        if {ident(contact.get("wa_id")), ident(contact.get("user_id"))} & told:
            return contact
    # A number and the id of its account may differ; then the only contact is the one.
    return contacts[0] if len(contacts) == 1 else None


def _history(value: Mapping[str, Any], context: Mapping[str, str]) -> Iterator[Raw]:
    found = value.get("history")
    for chunk in found if isinstance(found, list) else ():
        threads = mapping(chunk).get("threads")
        for thread in threads if isinstance(threads, list) else ():
            told = mapping(thread)
            about = {"wa_id": ident(told.get("id")), **mapping(told.get("context"))}
            messages = told.get("messages")
            for one in messages if isinstance(messages, list) else ():
                yield Raw("message", {"element": one, "contact": about}, {**context, "list": "history"})
            if not isinstance(messages, list):
                yield Raw("message", {"element": thread, "contact": about}, {**context, "list": "history"})
