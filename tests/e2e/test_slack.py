"""A channel, its threads and direct messages, the whole way through the CRM on an emulator. All people are invented."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.e2e._mortal import calls, work
from tests.servers import slack as harness

import socialcrm
from socialcrm import CRM
from socialcrm.errors import VerificationError
from socialcrm.types import Direction, Visibility

pytestmark = pytest.mark.server("slack")


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh workspace, and our credentials in the environment."""
    monkeypatch.setenv("SLACK_TOKEN", harness.token("crm"))
    monkeypatch.setenv("SLACK_SECRET", harness.SECRET)
    with harness.slack() as running:
        yield running


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(slack: Any, url: str) -> Iterator[CRM]:
    """A workspace that follows all conversations in small pages."""
    with socialcrm.open(url) as opened:
        opened.channels.add("slack", name="team", **settings(slack))
        yield opened


def settings(slack: Any) -> dict[str, Any]:
    return {"server": slack.url, "token": "env:SLACK_TOKEN", "signing_secret": "env:SLACK_SECRET", "page_size": 40}


def again(crm: CRM) -> Any:
    """Sync once more, as if an hour had passed: what is recent is looked at again."""
    crm.receive("team", rate_limited(crm))
    return crm.sync()


def rate_limited(crm: CRM) -> Any:
    """The event by which Slack says that it left events out, signed."""
    import hashlib
    import hmac
    import os
    from datetime import UTC, datetime

    from socialcrm.connectors import Incoming

    now = datetime.now(UTC)
    body = json.dumps({"type": "app_rate_limited", "minute_rate_limited": int(now.timestamp())}).encode()
    stamp = str(int(now.timestamp()))
    made = hmac.new(os.environ["SLACK_SECRET"].encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={made}"}
    return Incoming(method="POST", url="/hooks/slack", headers=headers, body=body, at=now)


def hear(slack: Any, crm: CRM, last: str, *, twice: bool = False) -> None:
    """Take the events that came until one of a subtype, in order or backwards and once more."""
    deadline = time.monotonic() + 10
    while not any(last.encode() in event.body for event in slack.events) and time.monotonic() < deadline:
        time.sleep(0.05)
    events = list(slack.events)
    for event in [*reversed(events), *events] if twice else events:
        assert crm.receive("team", event).status == 200


def said(slack: Any, *channels: str) -> dict[str, tuple[str, str]]:
    """Return what stands in conversations as the server itself reports it: text and author, by ``ts``."""
    found = [one for channel in channels for one in slack.all(channel)]
    return {one["ts"]: (one["text"], one["user"]) for one in found if one.get("subtype") != "channel_join"}


def held(crm: CRM) -> dict[str, tuple[str, str]]:
    """Return what the store holds, in the same words."""
    kept = [one for one in crm.interactions() if one.deleted_at is None and one.kind != "other"]
    return {one.id: (one.text, one.author.id) for one in kept}


def test_the_story(slack: Any, crm: CRM) -> None:
    """Two customers write, edit and delete; both are answered where they asked; late replies in old threads are found."""
    first = slack.say("mara", "My order 17 is late.")
    wrong = slack.say("mara", "Please ignore me.")
    direct = slack.direct("jonas")
    second = slack.say("jonas", "Is it only me? A secret.", channel=direct)
    report = crm.sync()
    assert report.opened >= 2
    assert held(crm) == said(slack, slack.channel, direct)
    by_name = {case.customer_name: case for case in crm.inbox()}
    assert {"Mara", "Jonas"} <= set(by_name)

    (open_one,) = [one for one in crm.interactions() if one.id == first]
    public = crm.reply(by_name["Mara"], "Sorry, Mara & all: it <leaves> today.", by="ana", to=open_one.ref)
    private = crm.reply(by_name["Jonas"], "No, Jonas. We call you.", by="ana")
    assert set(crm.flush().sent) == {public.ref, private.ref}
    (answer,) = [one for one in slack.all(slack.channel) if one["user"] == slack.users["crm"] and "Sorry" in one["text"]]
    assert (answer["thread_ts"], answer["text"]) == (first, "Sorry, Mara &amp; all: it &lt;leaves&gt; today.")
    (told,) = [one for one in slack.all(direct) if one["user"] == slack.users["crm"]]
    assert ("thread_ts" in told, told["text"]) == (False, "No, Jonas. We call you.")

    slack.api("chat.update", "jonas", channel=direct, ts=second, text="Is it only us?")
    slack.api("chat.delete", "mara", channel=slack.channel, ts=wrong)
    hear(slack, crm, "message_deleted")
    late = slack.say("mara", "Still not here.", thread=first)
    again(crm)
    stored = {one.id: one for one in crm.interactions()}
    assert (stored[late].text, stored[late].thread) == ("Still not here.", stored[first].thread)
    assert stored[answer["ts"]].text == "Sorry, Mara & all: it <leaves> today."
    assert stored[answer["ts"]].direction is Direction.OUTBOUND
    assert (stored[second].text, stored[second].visibility) == ("Is it only us?", Visibility.PRIVATE)
    assert held(crm).keys() == said(slack, slack.channel, direct).keys()
    assert (crm.sync().new, crm.flush().sent) == (0, [])


def test_a_question_in_the_channel_is_answered_in_private(slack: Any, crm: CRM) -> None:
    """The answer stands in a direct message that Slack opened, and comes back as the one that was sent."""
    slack.say("mara", "Where do I send my papers?")
    crm.sync()
    (case,) = [one for one in crm.inbox() if one.customer_name == "Mara"]
    crm.reply(case, "Please send them here.", by="ana", visibility=Visibility.PRIVATE)
    crm.flush()
    direct = slack.direct("mara")
    assert [one["text"] for one in slack.all(direct)] == ["Please send them here."]
    before = len(crm.interactions())
    again(crm)
    assert len(crm.interactions()) == before
    assert held(crm) == said(slack, slack.channel, direct)


def test_events_bring_the_same(slack: Any, crm: CRM) -> None:
    """Signed events, twice and in reverse, lead to what fetching leads to; a forged one is refused."""
    first = slack.say("mara", "My order 18 is late.")
    reply = slack.say("jonas", "Mine too.", thread=first)
    slack.api("chat.update", "jonas", channel=slack.channel, ts=reply, text="Mine as well.")
    gone = slack.say("mara", "Oops")
    slack.api("chat.delete", "mara", channel=slack.channel, ts=gone)
    hear(slack, crm, "message_deleted", twice=True)
    by_events = held(crm)
    assert by_events == said(slack, slack.channel)
    assert len(by_events) == 2
    with pytest.raises(VerificationError):
        crm.receive("team", attrs.evolve(slack.events[0], body=slack.events[0].body + b" "))
    again(crm)
    assert held(crm) == by_events


def test_killed_anywhere_it_ends_as_slack_says(slack: Any, crm: CRM, url: str, tmp_path: Path) -> None:
    """250 messages in pages of 40 and a thread; ten times killed while fetching, the store holds what the server reports."""
    fill(slack, 250)
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("slack", name="team", **settings(slack))
    whole, dice = calls(calm, "sync", since="fetch"), random.Random(3)
    assert [work(url, "sync", dice.randint(1, whole // 4), since="fetch") for _ in range(10)].count(None) >= 5
    crm.sync()
    assert held(crm) == said(slack, slack.channel)
    assert (again(crm).new, len(held(crm))) == (0, 250)


def test_killed_while_answering_no_reply_is_doubled_or_lost(slack: Any, crm: CRM, url: str) -> None:
    """Ten times killed while sending, every reply stands once in its thread."""
    fill(slack, 6)
    crm.sync()
    wanted = {}
    for case in crm.inbox():
        for number, question in enumerate(crm.interactions(case=case)):
            if question.direction is Direction.INBOUND and question.kind == "post":
                reply = crm.reply(case, f"Answer {number} for {question.text}", by="ana", to=question.ref, anyway=True)
                wanted[reply.text] = question.id
    dice, died = random.Random(5), 0
    for _ in range(10):
        died += work(url, "flush", dice.randint(1, 9_000), since="send") is None
    crm.flush()
    ours = [one for one in slack.all(slack.channel) if one["user"] == slack.users["crm"] and "thread_ts" in one]
    assert {one["text"]: one["thread_ts"] for one in ours} == wanted
    assert len(ours) == len(wanted) > 3
    assert {reply.state for reply in crm.outbox()} <= {"sent", "reconciled"}
    assert died >= 3
    again(crm)
    assert held(crm) == said(slack, slack.channel)


def test_a_long_answer(slack: Any, crm: CRM) -> None:
    """A text above the limit stands in parts, in order, in the thread."""
    question = slack.say("mara", "How does it work?")
    crm.sync()
    (case,) = [one for one in crm.inbox() if one.customer_name == "Mara"]
    reply = crm.reply(case, "Turn it off & on again. " * 300, by="ana")
    assert len(reply.parts) > 1
    crm.flush()
    ours = [one for one in slack.all(slack.channel) if one.get("thread_ts") == question]
    assert [one["text"].replace("&amp;", "&") for one in ours if one["user"] == slack.users["crm"]] == list(reply.parts)
    again(crm)
    assert held(crm) == {ts: (text.replace("&amp;", "&"), who) for ts, (text, who) in said(slack, slack.channel).items()}


def fill(slack: Any, count: int) -> None:
    """Write messages, every fifth in the thread of the first."""
    first = slack.say("mara", "Message 0")
    for number in range(1, count):
        thread = first if number % 5 == 0 else ""
        slack.say("mara" if number % 2 else "jonas", f"Message {number}", thread=thread)
