"""Facebook Pages and Messenger for socialcrm."""

from __future__ import annotations

from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_facebook._connector import FacebookConnector
from socialcrm_facebook._settings import FacebookSettings

__all__ = ["FacebookConnector", "FacebookSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[Any]]]:
    """Offer the connector."""
    return [FacebookConnector]
