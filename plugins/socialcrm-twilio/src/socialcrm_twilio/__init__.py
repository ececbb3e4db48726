"""The Twilio connector of socialcrm: phone calls, SMS and MMS."""

from __future__ import annotations

from socialcrm.connectors import Connector, hookimpl
from socialcrm_twilio._connector import TwilioConnector
from socialcrm_twilio._settings import TwilioSettings

__all__ = ["TwilioConnector", "TwilioSettings", "socialcrm_connectors"]


@hookimpl
def socialcrm_connectors() -> list[type[Connector[TwilioSettings]]]:
    """Add the platform ``twilio``."""
    return [TwilioConnector]
