"""The contract suite of connectors.

Every test is one promise of the contract. What it says when it fails names the promise, how a connector usually breaks it,
and what was seen. Everything runs in this process on a real `CRM` with a database file of its own; nothing waits.
"""

from __future__ import annotations

from socialcrm.testing._suite_archives import Archives
from socialcrm.testing._suite_declared import Declared
from socialcrm.testing._suite_fetching import Fetching
from socialcrm.testing._suite_parsing import Parsing
from socialcrm.testing._suite_secrets import Secrets
from socialcrm.testing._suite_sending import Sending
from socialcrm.testing._suite_webhooks import Webhooks

__all__ = ["ConnectorSuite"]


class ConnectorSuite(Declared, Fetching, Parsing, Sending, Webhooks, Archives, Secrets):
    """A plugin's whole contract test: subclass it, name the connector, and return a scenario.

    ::

        class TestForum(ConnectorSuite):
            connector = ForumConnector

            @pytest.fixture
            def scenario(self):
                return Scenario(platform=ForumServer, settings={"server": ORIGIN, "token": "canary-1"}, changes=CHANGES)

    What the connector does not declare is skipped, with the reason.
    """
