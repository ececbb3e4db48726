"""Threads and private threads on a Misago forum, as a connector for socialcrm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_misago._connector import MisagoConnector
from socialcrm_misago._settings import MisagoSettings

__all__ = ["MisagoConnector", "MisagoSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> Iterable[type[Connector[Any]]]:
    """Return the connector that this plugin adds."""
    return [MisagoConnector]
