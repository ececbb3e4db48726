"""The connector under a whole CRM, on the server made from the documentation."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

import socialcrm
from socialcrm.transport import AsyncDriver, open_async_client, open_client
from socialcrm.types import Visibility

HOUR = timedelta(hours=1)
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.fixture
def crm(mastodon, monkeypatch, tmp_path):
    """A CRM with one channel on the server."""
    monkeypatch.setenv("ACME_TOKEN", "tok-3n-canary")
    with (
        open_client(transport=httpx.MockTransport(mastodon)) as client,
        socialcrm.open(f"sqlite:///{tmp_path / 'crm.db'}", client=client, clock=lambda: NOON) as opened,
    ):
        opened.channels.add("mastodon", name="acme", server="https://example.social", token="env:ACME_TOKEN")
        yield opened


def sync(crm):
    report = crm.sync()
    assert [channel.error for channel in report.channels] == [None]
    return report


def test_from_the_mention_to_the_answer(mastodon, crm):
    """A mention opens a case; the reply is posted below it, once, and comes back as ours without being doubled."""
    asked = mastodon.mention(mastodon.account("mara", host="example.town", name="Mara"), "my line is dead", age=HOUR)
    sync(crm)
    (case,) = crm.inbox()
    assert case.customer_name == "Mara"
    crm.reply(case, "Sorry! Please try again now.", by="ana")
    crm.flush()
    ours = [status for status in mastodon.statuses.values() if status["account"] is mastodon.me]
    assert [(status["in_reply_to_id"], status["text"]) for status in ours] == [
        (asked["id"], "@mara@example.town Sorry! Please try again now.")
    ]
    sync(crm)
    sync(crm)
    assert list(crm.inbox()) == []
    assert [reply.ids for reply in crm.outbox()] == [(ours[0]["id"],)]


def test_a_private_message_stays_private(mastodon, crm):
    """A direct message is answered in the same privacy."""
    mastodon.mention(mastodon.account("mara"), "my number is 555-0100", visibility="direct")
    sync(crm)
    (case,) = crm.inbox()
    assert case.visibility is Visibility.PRIVATE
    crm.reply(case, "Thank you, done.", by="ana")
    crm.flush()
    assert [status["visibility"] for status in mastodon.statuses.values() if status["account"] is mastodon.me] == ["direct"]


def test_a_long_reply_becomes_a_thread(mastodon, crm):
    """A text beyond the server's limit arrives as a thread of ours, each part within the limit."""
    mastodon.mention(mastodon.account("mara", host="example.town"), "why?")
    sync(crm)
    crm.reply(crm.inbox()[0], "We checked every part of the line, one after another, with care. " * 20, by="ana")
    crm.flush()
    ours = [status for status in mastodon.statuses.values() if status["account"] is mastodon.me]
    assert len(ours) > 2
    assert [status["in_reply_to_id"] for status in ours[1:]] == [status["id"] for status in ours[:-1]]


def test_a_reaction_opens_no_case(mastodon, crm):
    """Favourites and boosts of our posts wait for no answer."""
    fan = mastodon.account("fan")
    ours = mastodon.status(mastodon.me, "hello")
    mastodon.notify("favourite", fan, ours)
    mastodon.notify("reblog", fan, ours)
    mastodon.notify("follow", fan)
    sync(crm)
    assert list(crm.inbox()) == []


def test_an_archive_and_the_server_do_not_double(mastodon, crm, tmp_path):
    """What was loaded from an archive is not new when the server brings it."""
    asked = mastodon.mention(mastodon.account("mara", host="example.town"), "dead line", age=HOUR)
    ours = mastodon.status(mastodon.me, "on it", in_reply_to_id=asked["id"])
    path = tmp_path / "tool.json"
    path.write_text(json.dumps({"account": mastodon.me, "statuses": [ours], "mentions": [asked]}))
    assert crm.load(path, platform="mastodon", channel="acme").new == 2
    assert sum(channel.new for channel in sync(crm).channels) == 0


def test_on_an_event_loop(mastodon, desk):
    """The same flow on an event loop brings the same items."""
    said = [mastodon.mention(mastodon.account("mara"), f"{n}", age=HOUR) for n in range(7)]
    channel = desk()

    async def run():
        async with open_async_client(transport=httpx.MockTransport(mastodon)) as client:
            driver = AsyncDriver(channel.connector, channel.host, client=client)
            await driver.run(channel.connector.fetch("mentions", {}))
            await driver.close()

    asyncio.run(run())
    assert channel.ids == {status["id"] for status in said}


def test_ours_is_outbound(mastodon, crm):
    """What our account wrote elsewhere is outbound, what others wrote inbound."""
    asked = mastodon.mention(mastodon.account("mara"), "dead line", age=HOUR)
    mastodon.status(mastodon.me, "answered from the phone", in_reply_to_id=asked["id"])
    sync(crm)
    assert crm.channels["acme"].accounts[0].id == mastodon.me["uri"]
    assert list(crm.inbox()) == []
