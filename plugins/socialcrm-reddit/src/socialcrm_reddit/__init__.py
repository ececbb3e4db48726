"""The Reddit connector of socialcrm: subreddits, inbox, modmail."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_reddit._connector import RedditConnector
from socialcrm_reddit._settings import RedditSettings

__all__ = ["RedditConnector", "RedditSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[RedditSettings]]]:
    """Add the platform ``reddit``."""
    return [RedditConnector]
