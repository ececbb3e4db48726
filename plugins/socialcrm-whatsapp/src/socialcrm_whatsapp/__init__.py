"""WhatsApp Business for socialcrm, by the Cloud API, its webhooks and exported chats."""

from __future__ import annotations

from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_whatsapp._connector import WhatsAppConnector
from socialcrm_whatsapp._settings import Template, WhatsAppSettings

__all__ = ["Template", "WhatsAppConnector", "WhatsAppSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[Any]]]:
    """Offer the connector."""
    return [WhatsAppConnector]
