"""Updates that Telegram sends us ("setWebhook"): one update a request, proved by a token that we chose."""

from __future__ import annotations

import json

from socialcrm.connectors import Batch, Hook, Incoming
from socialcrm.connectors.signatures import check_equal
from socialcrm.errors import PayloadError
from socialcrm.types import Secret
from socialcrm_telegram._fields import mapping, whole
from socialcrm_telegram._follow import HOME, moves, raw_of

__all__ = ["HEADER", "receive"]

HEADER = "x-telegram-bot-api-secret-token"


def receive(request: Incoming, secret: Secret | str) -> Hook:
    """Verify a request, then pass its update on.

    Telegram sends an update again until it is answered well; its ids make it one.

    Args:
        request: It, as it came.
        secret: What was given to ``setWebhook`` as ``secret_token``; empty refuses everything.

    Raises:
        VerificationError: The token is another one or missing.
        PayloadError: It is no update.
    """
    check_equal(secret, request.headers.get(HEADER, ""))
    try:
        update = json.loads(request.body)
    except (ValueError, RecursionError):
        raise PayloadError("this is no update of Telegram: the body is no JSON; give this address to setWebhook only") from None
    if whole(update, "update_id") is None or len(mapping(update)) < 2:
        raise PayloadError("this is no update of Telegram: it has no update_id; give this address to setWebhook only")
    homes = moves(update)
    rows = {f"{HOME}{new}": old for new, old in homes.items()}
    return Hook(batches=(Batch([raw_of(update, request.at, homes)], rows, stream="updates"),))
