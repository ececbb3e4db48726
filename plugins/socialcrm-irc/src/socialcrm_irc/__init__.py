"""IRC for socialcrm: channels and private messages, live over one connection.

The plugin's hook is `socialcrm_connectors`; everything else is reached through the connector's methods.
"""

from __future__ import annotations

from socialcrm.connectors import hookimpl
from socialcrm_irc._connector import IrcConnector
from socialcrm_irc._settings import IrcSettings

__all__ = ["IrcConnector", "IrcSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[IrcConnector]]:
    """Add the IRC connector."""
    return [IrcConnector]
