"""The Matrix connector of socialcrm: rooms and direct messages through the client-server API."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_matrix._connector import MatrixConnector
from socialcrm_matrix._settings import MatrixSettings

__all__ = ["MatrixConnector", "MatrixSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[MatrixSettings]]]:
    """Add the platform ``matrix``."""
    return [MatrixConnector]
