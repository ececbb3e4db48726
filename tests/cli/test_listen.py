"""``socialcrm listen``: a newcomer with an address and no account sees who waits for an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from socialcrm.cli._session import Session
from socialcrm.connectors import Answer, Capabilities
from socialcrm.connectors.sites import read_site
from socialcrm.types import Visibility

from .fakery import HOSTILE, Fakery, World

GWEN = {"id": "1", "who": "gwen", "text": "My router is dead.", "at": "2026-03-01T09:00:00+00:00"}
SAM = {"id": "2", "who": "sam", "text": f"How much? {HOSTILE}", "at": "2026-03-02T08:00:00+00:00"}
PAGE = '<html><head><meta name="Generator" content="Fakery 3"></head><body>Hello</body></html>'


class Public(Fakery):
    """A platform that can be read without an account."""

    info = attrs.evolve(
        Fakery.info, capabilities=Capabilities(send=True, visibility=frozenset(Visibility), archive=True, public=True)
    )

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        """Know our sites by their generator."""
        ours = page is not None and read_site(page).generator.startswith("Fakery")
        return {"server": url} if ours else None


class Town(World):
    """A world in which web pages can be fetched."""

    platform = Public

    def __init__(self, folder: Path, *posts: dict[str, str]) -> None:
        super().__init__(folder, *posts)
        self.asked: list[httpx.Request] = []

    def session(self) -> Session:
        session = super().session()
        client = httpx.Client(transport=httpx.MockTransport(self.answer))
        return attrs.evolve(session, options={**session.options, "client": client})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Serve one page."""
        self.asked.append(request)
        return httpx.Response(200, html=PAGE if request.url.host == "forum.example.com" else "<p>nothing")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, GWEN, SAM)


def test_a_site_is_recognised_and_shows_who_waits(town: Town) -> None:
    """The platform is named, what was found is counted, the cases stand in order of need, and nothing is kept."""
    shown = town.ok("listen", "forum.example.com")
    assert "forum.example.com is Fakery" in shown
    assert "2 interactions by 2 people in 2 conversations" in shown
    assert shown.index("My router is dead.") < shown.index("How much?")
    assert "\x1b" not in shown
    assert not town.db.exists()
    assert "authorization" not in town.asked[0].headers


def test_with_keep_it_becomes_a_channel_and_goes_on(town: Town) -> None:
    """The channel is named after the site; a second time adds neither it nor anything twice."""
    for _ in range(2):
        shown = town.ok("listen", "https://forum.example.com", "--keep")
    assert "socialcrm sync forum.example.com" in shown
    (channel,) = json.loads(town.ok("channels", "list", "--json"))
    assert (channel["name"], channel["settings"]["server"]) == ("forum.example.com", "https://forum.example.com")
    assert len(json.loads(town.ok("inbox", "--json"))) == 2


def test_programs_get_json(town: Town) -> None:
    """Interactions and cases, as everywhere."""
    told = json.loads(town.ok("listen", "forum.example.com", "--json"))
    assert (told["platform"], len(told["interactions"]), len(told["cases"])) == ("fakery", 2, 2)


def test_an_unknown_site_names_what_can_be_read(town: Town) -> None:
    """The error says which platforms there are, and what to do with an account."""
    result = town.run("listen", "https://other.example.com")
    assert result.exit_code == 2
    assert "Fakery" in result.output
    assert "channels add" in result.output


@pytest.mark.parametrize("url", ["", "https://", "ftp://example.com", "https://[", "https://me:pw@example.com", "a b"])
def test_no_address_is_a_typed_error(town: Town, url: str) -> None:
    """Nothing is fetched, and the message says what an address looks like."""
    result = town.run("listen", url)
    assert result.exit_code == 2
    assert "https://forum.example.com" in result.output
    assert town.asked == []
    assert "pw" not in result.output


def test_a_limit_stops_after_the_batch_that_reaches_it(town: Town) -> None:
    """The cursor stands behind what was stored, so that the next sync goes on."""
    assert "2 interactions" in town.ok("listen", "forum.example.com", "--limit", "1", "--keep")
    assert "0 new" in town.ok("sync")
