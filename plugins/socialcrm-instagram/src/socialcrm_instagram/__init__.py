"""Instagram comments, mentions and direct messages for socialcrm."""

from __future__ import annotations

from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_instagram._connector import InstagramConnector
from socialcrm_instagram._settings import InstagramSettings

__all__ = ["InstagramConnector", "InstagramSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[Any]]]:
    """Offer the connector."""
    return [InstagramConnector]
