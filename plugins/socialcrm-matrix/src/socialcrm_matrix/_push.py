"""What a homeserver pushes to an application service ("Application service API"): news that there is news.

A pushed event does not say who can read its room, nor who wrote what it edits, and ``receive`` may not ask. So a push is kept
as it is and wakes the stream, which fetches the same events with all that belongs to them. The same transaction may come
again; it wakes the stream once more.
"""

from __future__ import annotations

import json
from urllib.parse import unquote

from socialcrm.connectors import Batch, Hook, Incoming, Raw
from socialcrm.connectors.signatures import check_equal
from socialcrm.errors import PayloadError
from socialcrm.types import Secret
from socialcrm_matrix._fields import mapping

__all__ = ["receive"]

_JSON = "application/json"


def receive(request: Incoming, secret: Secret | None) -> Hook:
    """Check the homeserver's token, then read the transaction.

    Raises:
        VerificationError: The token is wrong or missing, or the channel has none.
        PayloadError: The body is no transaction.
    """
    check_equal(secret or "", _token(request))
    path = request.url.partition("?")[0].rstrip("/")
    if request.method == "GET":  # it asks for users and rooms of our namespace; we make none on demand
        return Hook(status=404, body=b'{"errcode": "M_NOT_FOUND"}', mime=_JSON)
    if path.endswith("/ping"):
        return Hook(body=b"{}", mime=_JSON)
    try:
        events = mapping(json.loads(request.body)).get("events")
    except (ValueError, RecursionError):
        events = None
    if not isinstance(events, list):
        raise PayloadError("matrix: the body is no transaction of a homeserver; expected an object with 'events'")
    batch = Batch(
        [Raw("push", event) for event in events], cursor={"poke": unquote(path.rpartition("/")[2])[:64]}, stream="rooms"
    )
    return Hook(body=b"{}", mime=_JSON, batches=(batch,))


def _token(request: Incoming) -> str:
    """Return the bearer token; before version 1.4 servers put it into the query."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    given = request.query.get("access_token", "")
    return given if isinstance(given, str) else next(iter(given), "")
