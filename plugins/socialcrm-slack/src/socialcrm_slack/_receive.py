"""Events that Slack sends us ("Events API", "Verifying requests from Slack")."""

from __future__ import annotations

import json

from socialcrm.connectors import Batch, Hook, Incoming, Raw
from socialcrm.connectors.signatures import check_fresh, check_hmac
from socialcrm.errors import PayloadError
from socialcrm.types import Secret
from socialcrm_slack._fields import text_of
from socialcrm_slack._parse import home_key

__all__ = ["receive"]


def receive(request: Incoming, secret: Secret | str) -> Hook:
    """Verify a request, then pass its event on.

    Slack repeats what was not answered within three seconds (``X-Slack-Retry-Num``): the same event, whose ids make it one.

    Args:
        request: It, as it came.
        secret: The app's signing secret; empty refuses everything.

    Raises:
        VerificationError: The signature is wrong or missing, or older than five minutes.
        PayloadError: It is no event.
    """
    sent = request.headers.get("x-slack-request-timestamp", "")
    signed = b"v0:" + sent.encode("utf-8", "replace") + b":" + request.body
    check_hmac(secret, signed, request.headers.get("x-slack-signature", ""), prefix="v0=")
    check_fresh(sent, request.at)
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise PayloadError(
            "this is no event of Slack: the body is no JSON; set this address under Event Subscriptions"
        ) from None
    kind = text_of(body, "type")
    if kind == "url_verification":
        return Hook(body=text_of(body, "challenge").encode())
    if not kind:
        raise PayloadError("this is no event of Slack: it has no type; set this address under Event Subscriptions only")
    if kind == "app_rate_limited":
        # Slack left events out ("Events API", Rate limiting): the next sync looks again.
        patch = {"poke": request.at.isoformat(timespec="seconds")}
        return Hook(batches=(Batch([Raw(kind="event", body=body)], patch, stream="messages", account=home_key(body)),))
    return Hook(batches=(Batch([Raw(kind="event", body=body)], account=home_key(body)),))
