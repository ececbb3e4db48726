"""The connector keeps the contract, with a news server in memory behind real sockets of loopback."""

from __future__ import annotations

import mailbox
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_nntp import NntpConnector


class Provider:
    """Two groups with two customers' articles, one of them in both, and an answer of ours."""

    def __init__(self, server: Any, write: Callable[..., bytes], session: Callable[[Any], Any]) -> None:
        self.server, self.write, self.session = server, write, session
        server.needs_login = True
        server.add(write(1))
        server.add(write(2, "It was number 17.\n.and a line with a dot", head="References: <a1@example.com>"))
        server.add(write(3, "My bill is wrong", sender="Omar <omar@example.com>", groups="acme.support,acme.general"))
        server.add(write(4, "We look into it", sender="help@example.org", head="References: <a1@example.com>"))
        server.add(write(5, "Thanks in advance", sender="Omar <omar@example.com>", groups="acme.general"))
        self.server.add(write(6, "Is anybody here?", sender="Ida <ida@example.com>", groups="acme.general"))

    def streams(self) -> Mapping[str, Callable[[], Any]]:
        """Return the server."""
        return {"nntp": lambda: self.session(self.server)}

    def texts(self) -> list[str]:
        """What stands in the groups."""
        held = {data for group in self.server.groups.values() for data in group.values()}
        return [_content(data) for data in held]

    def received(self) -> list[str]:
        """What was posted to the server."""
        return [_content(data) for data in self.server.posted if b"\r\nControl:" not in data]


def _content(data: bytes) -> str:
    text = message_from_bytes(data, policy=policy.default).get_content()  # type: ignore[attr-defined]  # policy.default's messages have it
    return str(text).replace("\r\n", "\n").replace(" \n", " ").strip()


class TestNntp(ConnectorSuite):
    connector = NntpConnector

    @pytest.fixture
    def scenario(
        self,
        world: Any,
        write: Callable[..., bytes],
        open_session: Callable[[Any], Any],
        settings_of: Callable[[Mapping[str, int]], dict[str, Any]],
    ) -> Scenario:
        def export(folder: Path) -> Path:
            box = mailbox.mbox(folder / "acme.support.mbox")
            box.add(write(1))
            box.add(write(2, "It was number 17"))
            box.close()
            return folder / "acme.support.mbox"

        def provider(**ways: Any) -> Provider:
            made = Provider(type(world.server)(), write, open_session)
            for name, value in ways.items():
                setattr(made.server, name, value)
            return made

        superseding = write(8, "It was number 18, sorry", head="Supersedes: <a2@example.com>\nReferences: <a1@example.com>")
        return Scenario(
            platform=provider,
            settings=settings_of,
            streams=Provider.streams,
            changes=(
                lambda platform: platform.server.add(write(7, "One more", groups="acme.general")),
                lambda platform: platform.server.add(superseding),
                lambda platform: platform.server.cancel("<a3@example.com>"),
                lambda platform: platform.server.cancel("<a6@example.com>"),
            ),
            variants={
                "XOVER only": lambda: provider(knows_over=False),
                "no overviews": lambda: provider(knows_over=False, knows_xover=False),
                "no CAPABILITIES": lambda: provider(knows_capabilities=False),
            },
            archive=export,
            archived=("Where is my parcel?", "It was number 17"),
            reply="Sorry for the trouble, Mara! Could you please try again now? "
            "A paragraph that is longer than what a line of a news article usually holds is broken into several.",
            now=datetime(2026, 3, 2, 12, tzinfo=UTC),
        )
