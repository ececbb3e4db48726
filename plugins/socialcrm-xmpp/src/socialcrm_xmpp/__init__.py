"""The XMPP connector of socialcrm: one-to-one messages and chat rooms."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_xmpp._connector import XmppConnector
from socialcrm_xmpp._settings import XmppSettings

__all__ = ["XmppConnector", "XmppSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[XmppSettings]]]:
    """Add the platform ``xmpp``."""
    return [XmppConnector]
