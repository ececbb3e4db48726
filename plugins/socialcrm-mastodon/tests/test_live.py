from __future__ import annotations

import json
import threading
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from socialcrm.connectors import Answer, Batch, Call, Conn, Now, Open, Outgoing, Read, Receipt, Sent, Write
from socialcrm.errors import NotFound, RefusedError, SettingsError, UnclearError, Unreachable
from socialcrm.types import Deletion


def event(name, payload=None, stream="user"):
    frame = {"stream": [stream], "event": name}
    if payload is not None:
        frame["payload"] = payload if isinstance(payload, str) else json.dumps(payload)
    return json.dumps(frame).encode()


class Script:
    """Plays a live flow: answers its calls from the fake server, and reads from a list of frames."""

    def __init__(self, channel, frames):
        self.channel, self.frames = channel, list(frames)
        self.opened, self.written, self.batches, self.sent = [], [], [], []
        self.calls = {}

    def run(self):
        flow = self.channel.connector.fetch("streaming", {})
        step = next(flow)
        while True:
            try:
                try:
                    result = self.answer(step)
                except (RefusedError, NotFound, UnclearError) as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
            except StopIteration:
                return

    def answer(self, step):
        if isinstance(step, Call):
            if step.path in self.calls:
                return self.calls[step.path](step)
            headers = {"authorization": "Bearer tok-3n-canary", **step.headers}
            url = f"https://example.social{step.path}"
            answered = self.channel.client.request(step.method, url, headers=headers, json=step.json)
            return Answer(status=answered.status_code, content=answered.content)
        if isinstance(step, Open):
            self.opened.append(step)
            return Conn("1")
        if isinstance(step, Read):
            assert step.idle
            return self.frames.pop(0) if self.frames else b""
        if isinstance(step, Now):
            return self.channel.host.time
        kept = {Write: self.written, Batch: self.batches, Sent: self.sent}[type(step)]
        kept.append(step)
        return None

    @property
    def items(self):
        return [item for batch in self.batches for raw in batch.raws for item in self.channel.connector.parse(raw)]


def play(channel, *frames):
    script = Script(channel, frames)
    with pytest.raises(Unreachable, match="closed the stream"):
        script.run()
    return script


def test_the_token_is_never_in_the_address(mastodon, desk):
    """The handshake is signed; neither the address nor what is written holds the token."""
    script = play(desk(hashtags=("acme",)))
    assert [(step.url, step.auth) for step in script.opened] == [("wss://example.social/api/v1/streaming?stream=user", True)]
    assert [json.loads(step.data) for step in script.written] == [{"type": "subscribe", "stream": "hashtag", "tag": "acme"}]


def test_connecting_pokes_the_pull_streams(mastodon, desk):
    """What may have been missed while we were away is asked for, on connecting and when notifications were merged."""
    assert [batch.stream for batch in play(desk(hashtags=("acme",))).batches] == ["mentions", "own", "hashtags"]
    merged = play(desk(own_posts=False), event("notifications_merged"))
    assert [(batch.stream, set(batch.cursor)) for batch in merged.batches] == [("mentions", {"poke"})] * 2


def test_what_concerns_us_arrives(mastodon, desk):
    """Notifications, mentions, our own posts, hashtag hits, edits and deletions arrive."""
    mara = mastodon.account("mara", host="example.town")
    asked = mastodon.mention(mara, "dead line")
    ours = mastodon.status(mastodon.me, "hello")
    tagged = mastodon.status(mara, "about acme")
    edited = {**asked, "content": "<p>solved</p>", "edited_at": "2026-10-05T13:00:00Z"}
    script = play(
        desk(),
        event("notification", mastodon.notifications[0]),
        event("update", ours),
        event("update", tagged, stream="hashtag"),
        event("status.update", edited),
        event("delete", tagged["id"]),
    )
    assert [item.id for item in script.items] == [asked["id"], ours["id"], tagged["id"], asked["id"], tagged["id"]]
    assert isinstance(script.items[-1], Deletion)
    assert script.items[3].text == "solved"


def test_strangers_posts_on_our_home_timeline_are_not_kept(mastodon, desk):
    """What accounts that we follow post to everybody is none of our business."""
    stranger = mastodon.status(mastodon.account("stranger"), "lunch")
    script = play(desk(), event("update", stranger), event("status.update", stranger), event("filters_changed"))
    assert script.items == []
    assert not any(batch.raws for batch in script.batches)


@pytest.mark.parametrize(
    "frame", [b"", b"no json", b"\xff", b"[]", b"[" * 9999, b"{}", b'{"event": 5}', event("update", "{"), event("wave", "7")]
)
def test_odd_frames_do_no_harm(mastodon, desk, frame):
    """A frame that can't be understood is kept or passed over; the stream goes on."""
    ours = mastodon.status(mastodon.me, "hello")
    frames = [frame, event("update", ours)] if frame else []
    script = play(desk(), None, *frames)
    assert [item.id for item in script.items] == ([ours["id"]] if frame else [])


def test_a_refused_subscription_is_told(mastodon, desk):
    """An error of the streaming server ends the stream with its words."""
    script = Script(desk(), [b'{"error": "Access token does not have the required scopes", "status": 401}'])
    with pytest.raises(RefusedError, match="required scopes"):
        script.run()


def test_another_host_gets_no_token(mastodon, desk):
    """A server that streams from another host is not connected to."""
    script = Script(desk(), [])
    body = json.dumps({"configuration": {"urls": {"streaming": "wss://streaming.example.net"}}}).encode()
    script.calls["/api/v2/instance"] = lambda _step: Answer(status=200, content=body)
    with pytest.raises(SettingsError, match=r"streaming\.example\.net"):
        script.run()
    assert script.opened == []


def test_an_old_server_is_asked_the_old_way(mastodon, desk):
    """A server without the second version of the instance is asked for the first."""
    script = Script(desk(), [])

    def missing(_step):
        raise NotFound("no such path")

    script.calls["/api/v2/instance"] = missing
    old = b'{"urls": {"streaming_api": "wss://example.social"}}'
    script.calls["/api/v1/instance"] = lambda _step: Answer(status=200, content=old)
    with pytest.raises(Unreachable):
        script.run()
    assert len(script.opened) == 1


def test_without_a_token_there_is_no_live_stream(mastodon, desk):
    """Without an account of ours the live stream ends at once, and asks nothing."""
    desk(token=None).sync("streaming")
    assert mastodon.log == []


def test_a_reply_handed_in_is_sent(mastodon, desk):
    """A reply that the driver hands to the idle stream is posted and confirmed; one that fails is told."""
    asked = mastodon.mention(mastodon.account("mara"), "dead line")
    good = Outgoing(id="o1", conversation="", parts=("fixed",), reply_to=asked["id"], to_handle="@mara@example.social")
    bad = Outgoing(id="o2", conversation="", parts=("x" * 600,), to_handle="@mara@example.social")
    script = play(desk(), good, bad)
    assert [type(step.receipt).__name__ for step in script.sent] == ["Receipt", "TooLong"]
    assert isinstance(script.sent[0].receipt, Receipt)


def test_on_a_real_websocket(mastodon, desk):
    """Over a socket on loopback, the handshake carries the token as a header, and an event becomes an interaction."""
    ours = mastodon.status(mastodon.me, "hello")
    seen = []

    def serve_one(line):
        seen.append((line.request.path, line.request.headers["Authorization"]))
        line.send(event("update", ours).decode())
        with suppress(ConnectionClosed, TimeoutError):
            line.recv(timeout=10)

    with serve(serve_one, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        channel = desk(server=address)
        channel.host.stopping = lambda: bool(channel.raws)
        answer = mastodon._answer
        mastodon._answer = lambda request: (
            type(answer(request))(200, json={}) if request.url.path.endswith("instance") else answer(request)
        )
        channel.run(channel.connector.fetch("streaming", {}))
    assert seen == [("/api/v1/streaming?stream=user", "Bearer tok-3n-canary")]
    assert channel.ids == {ours["id"]}
