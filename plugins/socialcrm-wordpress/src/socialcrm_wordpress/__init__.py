"""Comments on a WordPress blog, as a connector for socialcrm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_wordpress._connector import WordPressConnector
from socialcrm_wordpress._settings import WordPressSettings

__all__ = ["WordPressConnector", "WordPressSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> Iterable[type[Connector[Any]]]:
    """Return the connector that this plugin adds."""
    return [WordPressConnector]
