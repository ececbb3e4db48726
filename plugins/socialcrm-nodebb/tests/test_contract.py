"""The NodeBB connector keeps the contract, on an invented forum."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Answer, Raw
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_nodebb import NodeBBConnector

PAGE = Answer(status=200, headers={"x-powered-by": "NodeBB"})


class TestNodeBB(ConnectorSuite):
    connector = NodeBBConnector

    @pytest.fixture
    def scenario(self, forums: Callable[..., Any], token: str) -> Scenario:
        return Scenario(
            platform=forums,
            settings={"server": "https://forum.example.com", "token": token},
            changes=(
                lambda forum: forum.post(11, 3, "One more thing, if I may", pid=90, at=forum.now),
                lambda forum: forum.edit(2, "Mine too, and somebody answered the phone"),
                lambda forum: forum.posts.pop(4),
                lambda forum: forum.posts[5].update(deleted=1),
                lambda forum: forum.write(7, 2, "Did you find it?", mid=80, at=forum.now),
            ),
            variants={"pages of two": lambda: forums(size=2)},
            samples=(
                Raw(
                    "post",
                    {"pid": "https://example.social/notes/1", "timestamp": 1772359200000, "uid": "https://example.social/m"},
                ),
                Raw("message", {"mid": 4, "timestamp": 1772359200000, "system": 1, "content": "user-join"}),
            ),
            sites=(("https://forum.example.com/community/topic/11/hello", PAGE),),
            now=datetime(2026, 3, 1, 12, tzinfo=UTC),
        )
