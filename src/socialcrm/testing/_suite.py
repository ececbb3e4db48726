"""The contract suite of connectors."""

from __future__ import annotations

from socialcrm.testing._suite_declared import Declared
from socialcrm.testing._suite_fetching import Fetching
from socialcrm.testing._suite_sending import Sending

__all__ = ["ConnectorSuite"]


class ConnectorSuite(Declared, Fetching, Sending):
    """x"""
