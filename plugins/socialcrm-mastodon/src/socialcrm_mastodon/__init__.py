"""The Mastodon connector of socialcrm: Mastodon, and servers that speak its client API."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_mastodon._connector import MastodonConnector
from socialcrm_mastodon._settings import MastodonSettings

__all__ = ["MastodonConnector", "MastodonSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[MastodonSettings]]]:
    """Add the platform ``mastodon``."""
    return [MastodonConnector]
