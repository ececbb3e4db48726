"""The invented platform's connector keeps the contract, with every way of paging."""

from __future__ import annotations

import pytest

from socialcrm.testing import PAGINGS, ConnectorSuite, FakeConnector, Scenario, fake_scenario


class TestFake(ConnectorSuite):
    connector = FakeConnector

    @pytest.fixture(params=PAGINGS)
    def scenario(self, request: pytest.FixtureRequest) -> Scenario:
        return fake_scenario(request.param)
