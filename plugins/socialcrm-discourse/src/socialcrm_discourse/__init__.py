"""Posts and personal messages on a Discourse forum, as a connector for socialcrm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_discourse._connector import DiscourseConnector
from socialcrm_discourse._settings import DiscourseSettings

__all__ = ["DiscourseConnector", "DiscourseSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> Iterable[type[Connector[Any]]]:
    """Return the connector that this plugin adds."""
    return [DiscourseConnector]
