"""Mailing lists, read from their web archives (HyperKitty, Pipermail) and answered by mail, as a connector for socialcrm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_mailinglist._connector import MailingListConnector
from socialcrm_mailinglist._settings import MailingListSettings

__all__ = ["MailingListConnector", "MailingListSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> Iterable[type[Connector[Any]]]:
    """Return the connector that this plugin adds."""
    return [MailingListConnector]
