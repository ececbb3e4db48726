"""Discourse's webhooks: signed over the body alone, one event a request, named by headers that nobody signed.

Invariant: only what the signature covers decides what an event means: the key of the body's one object. The headers
``X-Discourse-Event`` and ``X-Discourse-Event-Type`` at most make us look again (Discourse Meta, "Configure webhooks").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from socialcrm.connectors import Batch, Hook, Incoming, Raw
from socialcrm.connectors.signatures import check_hmac
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Secret
from socialcrm_discourse._fields import number

__all__ = ["read_hook"]

_KINDS = {"post": "post", "topic": "topic", "chat_message": "chat"}
_LOOK_AGAIN = frozenset({"topic_destroyed", "topic_recovered", "topic_edited"})


def read_hook(request: Incoming, secret: Secret | None) -> Hook:
    """Verify a request, then tell what it brought.

    Args:
        request: As it came.
        secret: What the webhook was set up with.

    Raises:
        VerificationError: The signature is wrong or missing, or the channel has no secret.
        PayloadError: The body is no JSON object.
    """
    if secret is None:
        raise VerificationError("discourse: the channel has no webhook_secret to check a webhook with; give it one")
    given = request.headers.get("x-discourse-event-signature", "")
    check_hmac(secret, request.body, given, prefix="sha256=")
    try:
        body: Any = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise PayloadError("discourse: a webhook's body should be a JSON object; check what calls this address")
    raws = [Raw(_KINDS.get(name, "event"), value, {} if name in _KINDS else {"event": name}) for name, value in body.items()]
    if set(body) == {"ping"}:
        return Hook(body=b"OK")
    batches = [Batch(raws)]
    if rows := _again(request.headers.get("x-discourse-event", ""), body):
        batches.append(Batch([], rows, stream="posts"))
    return Hook(body=b"OK", batches=tuple(batches))


def _again(event: str, body: Mapping[str, Any]) -> dict[str, str]:
    """Return rows that make the stream ``posts`` look: a recovered post says nothing newer than the deleted one did."""
    post, topic = body.get("post"), body.get("topic")
    if event == "post_recovered" and isinstance(post, Mapping) and number(post.get("id")):
        return {f"again:{number(post.get('id'))}": "recovered"}
    return {"rescanned": ""} if event in _LOOK_AGAIN and isinstance(topic, Mapping) else {}
