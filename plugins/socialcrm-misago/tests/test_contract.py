"""The Misago connector keeps the contract, on an invented forum."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Answer, Raw
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_misago import MisagoConnector

PAGE = Answer(
    status=200,
    headers={"content-type": "text/html"},
    content=b'<html><body><div id="misago-container"></div><script>misago.init({"MISAGO_PATH": "/"});</script></body></html>',
)


class TestMisago(ConnectorSuite):
    connector = MisagoConnector

    @pytest.fixture
    def scenario(self, forums: Callable[..., Any], password: str) -> Scenario:
        return Scenario(
            platform=forums,
            settings={"server": "https://forum.example.com", "username": "Acme", "password": password},
            changes=(
                lambda forum: forum.post(11, 3, "One more thing, if I may", pid=90, at=forum.now),
                lambda forum: forum.edit(2, "Mine too, and somebody answered the phone"),
                lambda forum: forum.posts.pop(4),
                lambda forum: forum.posts[2].update(thread=12),
                lambda forum: forum.posts[5].update(is_unapproved=False),
                lambda forum: forum.post(14, 2, "Did you find it?", pid=80, at=forum.now),
            ),
            variants={
                "pages of two": lambda: forums(size=2),
                "lists of one": lambda: forums(listed=1),
            },
            samples=(
                Raw("post", {"id": 4, "posted_on": "2026-03-01T10:00:00Z", "is_event": True, "event_type": "closed"}),
                Raw("post", {"id": 4, "posted_on": "2026-03-01T10:00:00Z", "poster": None, "poster_name": "Ida"}),
            ),
            sites=(("https://forum.example.com/t/hello/11/", PAGE),),
            now=datetime(2026, 3, 1, 12, tzinfo=UTC),
        )
