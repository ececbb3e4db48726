"""socialcrm connector for mail: IMAP and SMTP, and mbox, Maildir and ``.eml`` archives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Connector, hookimpl
from socialcrm_email._connector import EmailConnector
from socialcrm_email._settings import EmailSettings

__all__ = ["EmailConnector", "EmailSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> Iterable[type[Connector[Any]]]:
    """Return the connector classes that this plugin adds."""
    return [EmailConnector]
