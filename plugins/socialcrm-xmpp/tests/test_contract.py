"""The XMPP connector keeps the contract, with a server in memory behind real sockets of loopback."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_xmpp import XmppConnector

OWN, ROOM = "team@example.org", "help@rooms.example.org"
EDIT = "<replace xmlns='urn:xmpp:message-correct:0' id='{}'/>"
GONE = "<retract xmlns='urn:xmpp:message-retract:1' id='{}'/>"


class Provider:
    """Two people who write to us, a room with two more, and our own answers."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.module = sys.modules[type(world).__module__]
        world.chat("Where is my parcel?", id="m1")
        world.keep(OWN, f"from='{OWN}/desk' to='mara@example.com' type='chat' id='t1'", "<body>We look into it</body>")
        world.chat("It was number 17", id="m2")
        world.chat("My bill is <wrong> & late", sender="jonas@example.com", id="j1")
        world.chat("", inner="<composing xmlns='http://jabber.org/protocol/chatstates'/>")
        self.first = world.say("Is the site down?", id="o1")
        world.say("For me too", nick="lena", id="l1", inner=f"<reply xmlns='urn:xmpp:reply:0' id='{self.first}'/>")
        world.say("We are on it", nick="team", id="t2")
        world.say("Thanks", id="o2")
        world.say("Thank you!", id="o3", inner=EDIT.format("o2"))
        world.say(
            "",
            nick="lena",
            inner=f"<reactions xmlns='urn:xmpp:reactions:0' id='{self.first}'><reaction>👍</reaction></reactions>",
        )

    def streams(self) -> Mapping[str, Callable[[], Any]]:
        """The one server."""
        return {"xmpp": lambda: self.module.Session(self.world)}

    def texts(self) -> list[str]:
        """What can be read, corrections and retractions carried out by whoever wrote the original."""
        found: list[str] = []
        for rows in self.world.archives.values():
            texts: dict[str, tuple[str, str]] = {}
            for row in rows:
                who, body = re.search(r"from='([^'/]*/?\w*)", row.xml).group(1), re.search(r"<body[^>]*>(.*?)</body>", row.xml)  # type: ignore[union-attr]
                about = re.search(r"<(replace|retract|reactions)[^>]* id=['\"]([^'\"]*)", row.xml)
                if about is not None and about.group(1) != "reactions":
                    key = next(
                        one.key
                        for one in rows
                        if f"id={about.group(2)!r}" in one.xml.replace('"', "'") or one.key == about.group(2)
                    )
                    if about.group(1) == "retract":
                        texts.pop(key, None)
                    else:
                        texts[key] = (who, body.group(1))  # type: ignore[union-attr]
                elif about is not None:
                    texts[row.key] = (who, re.search(r"<reaction>(.*?)<", row.xml).group(1))  # type: ignore[union-attr]
                elif body is not None:
                    texts[row.key] = (who, body.group(1))
            found += [text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for _, text in texts.values()]
        return found

    def received(self) -> list[str]:
        """What was sent through the connector, without retractions."""
        return [
            one.findtext("{jabber:client}body") or ""
            for one in self.world.sent
            if one.find("{urn:xmpp:message-retract:1}retract") is None
        ]


class TestXmpp(ConnectorSuite):
    connector = XmppConnector

    @pytest.fixture
    def scenario(self, world: Any) -> Scenario:
        kind = type(world)

        def settings(ports: Mapping[str, int]) -> dict[str, Any]:
            server = {"host": "127.0.0.1", "port": ports["xmpp"], "security": "plain", "page_size": 3}
            return {"jid": OWN, "password": sys.modules[kind.__module__].PASSWORD, "rooms": (ROOM,), **server}

        return Scenario(
            platform=lambda: Provider(kind()),
            settings=settings,
            streams=Provider.streams,
            changes=(
                lambda provider: provider.world.chat("One more", sender="jonas@example.com"),
                lambda provider: provider.world.chat("It was number 18", id="m9", inner=EDIT.format("m2")),
                lambda provider: provider.world.say("gone", inner=GONE.format(provider.first)),
            ),
            variants={"pages of one": lambda: Provider(kind(page=1)), "one page": lambda: Provider(kind(page=99))},
            samples=(Raw("hole", {"archive": "", "since": "2026-03-01T00:00:00+00:00", "at": "2026-03-02T00:00:00+00:00"}),),
            now=datetime(2026, 3, 2, 12, tzinfo=UTC),
        )
