"""Socket Mode and the Events API. Everything in them is invented."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Answer, Batch, Call, Conn, Incoming, Now, Open, Outgoing, Raw, Read, Sent, Write
from socialcrm.errors import PayloadError, Unreachable, VerificationError
from socialcrm.types import Secret
from socialcrm_slack import SlackConnector, SlackSettings

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
SECRET = "signing-canary-2"


def opened(url: str = "wss://wss-primary.slack.com/link/?ticket=t-1") -> Any:
    """A live stream whose address was asked for."""
    connector = SlackConnector(SlackSettings(app_token=Secret("xapp-1")))
    flow = connector.fetch("socket", {})
    call = next(flow)
    assert isinstance(call, Call)
    signed = connector.sign(call, {"token": "xoxb-1", "app_token": "xapp-1"}, NOON, "n")
    assert signed.headers["Authorization"] == "Bearer xapp-1"
    return flow, flow.send(Answer(status=200, content=json.dumps({"ok": True, "url": url}).encode()))


def connected() -> Any:
    """A live stream that is open and waits for its first frame."""
    flow, step = opened()
    assert step == Open("wss://wss-primary.slack.com/link/?ticket=t-1")
    assert flow.send(Conn("c1")) == Now()
    poke = flow.send(NOON)
    assert (poke.stream, list(poke.cursor)) == ("messages", ["poke"])
    assert isinstance(flow.send(None), Read)
    return flow


def frame(**body: Any) -> bytes:
    return json.dumps(body).encode()


def test_an_event_is_durable_before_it_is_acknowledged() -> None:
    """First the batch, then the answer with the envelope's id."""
    flow = connected()
    assert isinstance(flow.send(frame(type="hello")), Read)
    payload = {"type": "event_callback", "event": {"type": "message"}}
    batch = flow.send(frame(type="events_api", envelope_id="e-1", payload=payload))
    assert batch == Batch([Raw("event", payload)], {})
    write = flow.send(None)
    assert isinstance(write, Write)
    assert json.loads(write.data) == {"envelope_id": "e-1"}


def test_other_envelopes_are_kept() -> None:
    """A slash command means nothing, and is acknowledged."""
    flow = connected()
    batch = flow.send(frame(type="slash_commands", envelope_id="e-2", payload={"command": "/x"}))
    (raw,) = batch.raws
    assert (raw.kind, list(SlackConnector(SlackSettings()).parse(raw))) == ("envelope", [])
    assert isinstance(flow.send(None), Write)
    assert flow.send(None) == flow.send(None)
    (raw,) = flow.send(b"{half a fra").raws
    assert raw.body["payload"] == "{half a fra"


@pytest.mark.parametrize("last", [b"", frame(type="disconnect", reason="refresh_requested")])
def test_a_closed_stream_is_opened_again(last: bytes) -> None:
    """Slack closes it, announced or not."""
    flow = connected()
    with pytest.raises(Unreachable):
        flow.send(last)


def test_the_address_must_be_secure() -> None:
    """A ticket never travels in clear."""
    with pytest.raises(PayloadError):
        opened("ws://slack.example.com/link?ticket=t-1")


def test_a_reply_that_is_handed_in_is_sent() -> None:
    """Over HTTP, as any other; an error is reported and the stream goes on."""
    flow = connected()
    message = Outgoing(id="o1", conversation="", parts=("Hello",))
    sent = flow.send(message)
    assert isinstance(sent, Sent)
    assert "names no conversation" in str(sent.receipt)
    assert isinstance(flow.send(None), Read)


def test_without_an_app_token_there_is_no_live_stream() -> None:
    """It ends at once."""
    assert list(SlackConnector(SlackSettings()).fetch("socket", {})) == []


def request(body: bytes, at: datetime = NOON, secret: str = SECRET) -> Incoming:
    stamp = str(int(at.timestamp()))
    made = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={made}"}
    return Incoming(method="POST", url="https://us.example.org/", headers=headers, body=body, at=NOON)


def hooked(body: bytes, **told: Any) -> Any:
    return SlackConnector(SlackSettings(signing_secret=Secret(SECRET))).receive(request(body, **told))


def test_events_older_than_five_minutes_are_refused() -> None:
    """Four are fine."""
    body = frame(type="event_callback", team_id="T1", event={"type": "message"})
    assert hooked(body, at=NOON - timedelta(minutes=4)).status == 200
    for told in ({"at": NOON - timedelta(minutes=6)}, {"secret": "guess"}):
        with pytest.raises(VerificationError):
            hooked(body, **told)
    with pytest.raises(VerificationError):
        SlackConnector(SlackSettings()).receive(request(body, secret=""))


def test_whose_event_it_is() -> None:
    """The installation that Slack names, the organisation where it is one's, else the workspace."""
    for granted, key in (
        ([{"team_id": "T2", "enterprise_id": "E1"}], "T2"),
        ([{"team_id": "T2", "enterprise_id": "E1", "is_enterprise_install": True}], "E1"),
        ([], "T1"),
    ):
        hook = hooked(frame(type="event_callback", team_id="T1", authorizations=granted, event={"type": "message"}))
        assert [batch.account for batch in hook.batches] == [key]


def test_what_slack_left_out_is_fetched() -> None:
    """The event that says so pokes the stream."""
    (batch,) = hooked(frame(type="app_rate_limited", team_id="T1", minute_rate_limited=1)).batches
    assert (batch.stream, batch.cursor) == ("messages", {"poke": NOON.isoformat(timespec="seconds")})
