"""The X (formerly Twitter) connector of socialcrm, for the API v2."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_x._connector import XConnector
from socialcrm_x._settings import XSettings

__all__ = ["XConnector", "XSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[XSettings]]]:
    """Add the platform ``x``."""
    return [XConnector]
