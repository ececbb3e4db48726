"""The mail connector keeps the contract, with a mail server in memory behind real sockets of loopback."""

from __future__ import annotations

import mailbox
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_email import EmailConnector


class Line:
    """One connection to the server in memory."""

    def __init__(self, session: Any) -> None:
        self.session = session

    @property
    def closed(self) -> bool:
        """Whether the server has hung up."""
        return bool(self.session.closed)

    def greet(self) -> bytes:
        """Return what the server says first."""
        return self._said()

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what the server says."""
        self.session.feed(data)
        return self._said()

    def _said(self) -> bytes:
        told = bytes(self.session.outbox)
        self.session.outbox.clear()
        return told


class Provider:
    """A mailbox with two customers' mails and our own answer."""

    def __init__(self, world: Any, mail: Callable[..., bytes]) -> None:
        self.world, self.mail = world, mail
        self.world.offers = ["mail.example.org", "SIZE 1000000", "AUTH PLAIN LOGIN"]
        self.inbox, self.sent = world.folders.values()
        self.inbox.add(mail(1))
        self.inbox.add(mail(2, body="It was number 17", head="In-Reply-To: <m1@example.com>"))
        self.inbox.add(mail(3, body="My bill is wrong", sender="Omar <omar@example.com>"))
        self.sent.add(mail(4, body="We look into it", sender="support@example.org", head="In-Reply-To: <m1@example.com>"))
        self.own = 0

    def streams(self) -> Mapping[str, Callable[[], Line]]:
        """Return both servers."""
        module = sys.modules[type(self.world).__module__]
        return {name.lower(): lambda name=name: Line(getattr(module, name)(self.world)) for name in ("Imap", "Smtp")}  # type: ignore[misc]  # bound by value

    def texts(self) -> list[str]:
        """What lies in the folders."""
        return ["Where is my parcel?", "It was number 17", "My bill is wrong", "We look into it", *["One more"] * self.own]

    def received(self) -> list[str]:
        """What was handed to the mail server."""
        return [content.decode() for _, _, content in self.world.accepted]

    def more(self) -> None:
        """Somebody writes."""
        self.own += 1
        self.inbox.add(self.mail(9, body="One more"))


class TestEmail(ConnectorSuite):
    connector = EmailConnector

    @pytest.fixture
    def scenario(self, world: Any, build_mail: Callable[..., bytes]) -> Scenario:
        def export(folder: Path) -> Path:
            box = mailbox.mbox(folder / "support.mbox")
            box.add(build_mail(1))
            box.add(build_mail(2, body="It was number 17"))
            box.close()
            return folder / "support.mbox"

        def settings(ports: Mapping[str, int]) -> dict[str, Any]:
            servers = {f"{name}_{what}": value for name, port in ports.items() for what, value in {
                "host": "127.0.0.1", "port": port, "security": "plain"}.items()}  # fmt: skip
            return {"address": "support@example.org", "password": 'p\u00e4ss"word\\1', "save_sent": False, **servers}

        return Scenario(
            platform=lambda: Provider(type(world)(), build_mail),
            settings=settings,
            streams=Provider.streams,
            changes=(Provider.more,),
            archive=export,
            archived=("Where is my parcel?", "It was number 17"),
            settles=False,
            now=datetime(2024, 3, 1, 12, tzinfo=UTC),
        )
