"""Posts and chats on a NodeBB forum, as a connector for socialcrm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_nodebb._connector import NodeBBConnector
from socialcrm_nodebb._settings import NodeBBSettings

__all__ = ["NodeBBConnector", "NodeBBSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> Iterable[type[Connector[Any]]]:
    """Return the connector that this plugin adds."""
    return [NodeBBConnector]
