"""socialcrm connector for discussion groups: NNTP, and mbox or spool archives of articles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_nntp._connector import NntpConnector
from socialcrm_nntp._settings import NntpSettings

__all__ = ["NntpConnector", "NntpSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> Iterable[type[Connector[Any]]]:
    """Return the connector classes that this plugin adds."""
    return [NntpConnector]
