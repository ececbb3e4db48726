"""The Telegram connector of socialcrm: bots in private chats, groups, channels and topics."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_telegram._connector import TelegramConnector
from socialcrm_telegram._settings import TelegramSettings

__all__ = ["TelegramConnector", "TelegramSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[TelegramSettings]]]:
    """Add the platform ``telegram``."""
    return [TelegramConnector]
