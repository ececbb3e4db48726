"""The contract suite of connectors."""

from __future__ import annotations

from socialcrm.testing._suite_fetching import Fetching

__all__ = ["ConnectorSuite"]


class ConnectorSuite(Fetching):
    """x"""
