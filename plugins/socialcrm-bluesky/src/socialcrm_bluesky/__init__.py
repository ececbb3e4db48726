"""The Bluesky connector of socialcrm: Bluesky, and other AT protocol servers that speak ``app.bsky``."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_bluesky._connector import BlueskyConnector
from socialcrm_bluesky._settings import BlueskySettings

__all__ = ["BlueskyConnector", "BlueskySettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[BlueskySettings]]]:
    """Add the platform ``bluesky``."""
    return [BlueskyConnector]
