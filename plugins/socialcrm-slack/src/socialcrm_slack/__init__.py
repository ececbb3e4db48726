"""The Slack connector of socialcrm: workspaces and Slack Connect channels."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_slack._connector import SlackConnector
from socialcrm_slack._settings import SlackSettings

__all__ = ["SlackConnector", "SlackSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[SlackSettings]]]:
    """Add the platform ``slack``."""
    return [SlackConnector]
