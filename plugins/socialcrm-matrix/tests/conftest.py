"""A Matrix homeserver in a few hundred lines, made from the specification. Everybody and everything in it is invented."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from socialcrm.connectors import Answer, Incoming
from socialcrm.testing import Desk, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Item, Secret
from socialcrm_matrix import MatrixConnector, MatrixSettings

SERVER = "https://matrix.example.org"
TOKEN = "syt-3n-canary-1"
REFRESH = "syr-3n-canary-1"
ME = "@acme:example.org"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
Body = Mapping[str, Any]


class Refused(Exception):
    """An error as the specification's "Standard error response" has it."""

    def __init__(self, status: int, code: str, **more: Any) -> None:
        super().__init__(code)
        self.status, self.body = status, {"errcode": code, "error": code, **more}


class FakeHomeserver:
    """Answers as the client-server API says. ``limit`` is the most that it puts on a page or into a timeline."""

    def __init__(self, limit: int = 3) -> None:
        self.limit = limit
        self.now = NOON
        self.tokens, self.refresh_tokens = {TOKEN}, {REFRESH}
        self.rooms: dict[str, list[dict[str, Any]]] = {}
        self.state: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
        self.direct: dict[str, list[str]] = {}
        self.direct_at = 0
        self.log: list[Incoming] = []
        self.sent: dict[str, str] = {}
        self.said: list[str] = []
        self.reads: list[tuple[str, str]] = []
        self.files: dict[str, bytes] = {}
        self._place = itertools.count(1)
        self._token = itertools.count(2)
        self.last = 0

    # -- what people do there --------------------------------------------------------------------------------------------

    def room(self, *members: str, invited: str = "", join: str = "invite", history: str = "shared", key: str = "") -> str:
        """Open a room: the first member made it."""
        room = key or f"!room{len(self.rooms) + 1}:example.org"
        self.rooms[room], self.state[room] = [], {}
        self.put(room, "m.room.create", members[0], {"room_version": "10"}, state="")
        for member in members:
            name = member[1:].partition(":")[0].title()
            self.put(room, "m.room.member", member, {"membership": "join", "displayname": name}, state=member)
        self.put(room, "m.room.join_rules", members[0], {"join_rule": join}, state="")
        self.put(room, "m.room.history_visibility", members[0], {"history_visibility": history}, state="")
        if invited:
            self.put(room, "m.room.member", members[0], {"membership": "invite", "is_direct": True}, state=invited)
        return room

    def put(
        self, room: str, kind: str, sender: str, content: Body, *, state: str | None = None, age: float = 0, **more: Any
    ) -> str:
        """Put an event into a room; returns its id."""
        self.last = place = next(self._place)
        at = self.now - timedelta(hours=age) + timedelta(milliseconds=place)
        event = {
            "event_id": f"$event{place}",
            "type": kind,
            "sender": sender,
            "content": dict(content),
            "origin_server_ts": int(at.timestamp() * 1000),
            "unsigned": {"age": 4},
            "place": place,
            **more,
        }
        if state is not None:
            event["state_key"] = state
            self.state[room][kind, state] = event
        if kind == "m.room.redaction":
            self.prune(room, event)
        self.rooms[room].append(event)
        return str(event["event_id"])

    def say(self, room: str, sender: str, text: str, *, age: float = 1, **content: Any) -> str:
        """Say something."""
        return self.put(room, "m.room.message", sender, {"msgtype": "m.text", "body": text, **content}, age=age)

    def edit(self, room: str, sender: str, target: str, text: str) -> str:
        """Send an edit, whoever wrote the target: servers let that pass."""
        new = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": target}
        return self.say(room, sender, f"* {text}", age=0, **{"m.new_content": new, "m.relates_to": relation})

    def redact(self, room: str, sender: str, target: str) -> str:
        """Take something back."""
        return self.put(room, "m.room.redaction", sender, {"redacts": target}, redacts=target)

    def prune(self, room: str, redaction: dict[str, Any]) -> None:
        """Empty what was taken back ("Redactions")."""
        for event in self.rooms[room]:
            if event["event_id"] == redaction["redacts"]:
                event["content"] = {}
                told = {key: redaction[key] for key in ("event_id", "sender", "origin_server_ts", "type", "content")}
                event["unsigned"] = {"redacted_because": told}

    def membership(self, room: str, user: str) -> str:
        """Return whether somebody has joined, was invited or has left."""
        event = self.state[room].get(("m.room.member", user))
        return event["content"]["membership"] if event else "leave"

    def members(self, room: str, membership: str) -> list[str]:
        """Return everybody with a membership."""
        found = [key for kind, key in self.state[room] if kind == "m.room.member"]
        return [user for user in found if self.membership(room, user) == membership]

    # -- the API ---------------------------------------------------------------------------------------------------------

    def answer(self, request: Incoming) -> Answer:
        """Answer a request."""
        self.log.append(request)
        try:
            body = self._answer(request)
            return Answer(status=200, headers={"content-type": "application/json"}, content=json.dumps(body).encode())
        except Refused as refused:
            content = json.dumps(refused.body).encode()
            return Answer(status=refused.status, headers={"content-type": "application/json"}, content=content)

    def _answer(self, request: Incoming) -> Any:
        parts = urlsplit(request.url)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        path = parts.path
        if path.startswith("/_matrix/media/v3/upload"):
            self._check(request)
            address = f"mxc://example.org/media{len(self.files) + 1}"
            self.files[address] = request.body
            return {"content_uri": address}
        body = json.loads(request.body) if request.body else {}
        if path == "/_matrix/client/v3/refresh":
            return self._refresh(body)
        self._check(request)
        for method, pattern, handler in self._routes():
            found = re.fullmatch("/_matrix/client/v3" + pattern, path)
            if found and method == request.method:
                return handler(*(unquote(one) for one in found.groups()), query=query, body=body, path=path)
        raise Refused(404, "M_UNRECOGNIZED")

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        one = "/([^/]+)"
        return [
            ("GET", "/account/whoami", lambda **_: {"user_id": ME, "device_id": "D"}),
            ("GET", f"/profile{one}", self._profile),
            ("GET", "/sync", self._sync),
            ("GET", f"/rooms{one}/messages", self._messages),
            ("GET", f"/rooms{one}/event{one}", lambda room, event, **_: self._event(room, event)),
            ("GET", f"/rooms{one}/state{one}", self._state),
            ("GET", f"/rooms{one}/state{one}{one}", self._state),
            ("GET", f"/rooms{one}/joined_members", self._members),
            ("GET", "/joined_rooms", lambda **_: {"joined_rooms": [r for r in self.rooms if self.membership(r, ME) == "join"]}),
            ("POST", f"/rooms{one}/join", self._join),
            ("PUT", f"/rooms{one}/send{one}{one}", self._send),
            ("PUT", f"/rooms{one}/redact{one}{one}", self._redact),
            ("POST", f"/rooms{one}/receipt/m.read{one}", self._read),
            ("POST", "/createRoom", self._create),
            ("GET", f"/user{one}/account_data/m.direct", self._get_direct),
            ("PUT", f"/user{one}/account_data/m.direct", self._set_direct),
            ("POST", "/search", self._search),
        ]

    def _check(self, request: Incoming) -> None:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise Refused(401, "M_UNKNOWN_TOKEN", soft_logout=True)

    def expire(self) -> None:
        """Let every access token expire."""
        self.tokens = set()

    def _refresh(self, body: Body) -> Any:
        if body["refresh_token"] not in self.refresh_tokens:
            raise Refused(401, "M_UNKNOWN_TOKEN")
        number = next(self._token)
        self.tokens, self.refresh_tokens = {f"syt-3n-canary-{number}"}, {*self.refresh_tokens, f"syr-3n-canary-{number}"}
        return {"access_token": f"syt-3n-canary-{number}", "refresh_token": f"syr-3n-canary-{number}", "expires_in_ms": 60000}

    def _profile(self, user: str, **_: Any) -> Any:
        return {"displayname": user[1:].partition(":")[0].title(), "avatar_url": "mxc://example.org/face"}

    def _shown(self, event: Body, room: str = "") -> dict[str, Any]:
        shown = {key: value for key, value in event.items() if key != "place"}
        return {**shown, "room_id": room} if room else shown

    def _lazy(self, room: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        senders = {event["sender"] for event in events}
        return [event for (kind, key), event in self.state[room].items() if kind == "m.room.member" and key in senders]

    def _sync(self, query: Body, **_: Any) -> Any:
        since = int(query.get("since", "s0")[1:])
        assert json.loads(query["filter"])["room"]["timeline"]["lazy_load_members"]
        rooms: dict[str, dict[str, Any]] = {"join": {}, "invite": {}, "leave": {}}
        for room, events in self.rooms.items():
            mine = self.state[room].get(("m.room.member", ME))
            new = [event for event in events if event["place"] > since]
            if mine is None or not new:
                continue
            state = mine["content"]["membership"]
            if state == "invite" and mine["place"] > since:
                rooms["invite"][room] = {"invite_state": {"events": [self._stripped(mine)]}}
            elif state == "join" or (state == "leave" and mine["place"] > since > 0):
                fresh = mine["place"] > since
                new = events if state == "join" and fresh else new
                new = [event for event in new if state == "join" or event["place"] <= mine["place"]]
                rooms[state][room] = self._room(room, new, fresh=fresh)
        after = f"s{max(self.last, since)}"
        told: dict[str, Any] = {"next_batch": after, "rooms": {key: value for key, value in rooms.items() if value}}
        if self.direct and self.direct_at >= since:
            told["account_data"] = {"events": [{"type": "m.direct", "content": self.direct}]}
        return told

    def _stripped(self, event: Body) -> dict[str, Any]:
        return {key: event[key] for key in ("type", "sender", "content", "state_key")}

    def _room(self, room: str, new: list[dict[str, Any]], *, fresh: bool) -> Any:
        timeline = new[-self.limit :]
        before = [event for event in self.state[room].values() if event["place"] < timeline[0]["place"]]
        state = [event for event in before if event["type"] != "m.room.member"] if fresh else []
        counts = {f"m.{state}_member_count": len(self.members(room, name)) for name, state in COUNTS}
        return {
            "summary": counts,
            "state": {"events": [self._shown(event) for event in [*state, *self._lazy(room, timeline)]]},
            "timeline": {
                "events": [self._shown(event) for event in timeline],
                "limited": len(new) > len(timeline),
                "prev_batch": f"s{timeline[0]['place'] - 1}",
            },
        }

    def _messages(self, room: str, query: Body, **_: Any) -> Any:
        self._readable(room)
        assert query["dir"] == "b"
        start, stop = int(query.get("from", f"s{self.last}")[1:]), int(query.get("to", "s0")[1:])
        wanted = json.loads(query.get("filter", "{}"))
        found = [event for event in reversed(self.rooms[room]) if stop < event["place"] <= start]
        page = found[: min(self.limit, int(query["limit"]))]
        shown = [
            self._shown(event, room)
            for event in page
            if event["sender"] in wanted.get("senders", [event["sender"]])
            and event["type"] in wanted.get("types", [event["type"]])
        ]
        told = {"start": f"s{start}", "chunk": shown, "state": [self._shown(one, room) for one in self._lazy(room, page)]}
        return {**told, "end": f"s{page[-1]['place'] - 1}"} if len(found) > len(page) else told

    def _readable(self, room: str) -> None:
        if room not in self.rooms or self.membership(room, ME) != "join":
            raise Refused(403, "M_FORBIDDEN")

    def _event(self, room: str, key: str) -> dict[str, Any]:
        for event in self.rooms.get(room, []):
            if event["event_id"] == key:
                return self._shown(event, room)
        raise Refused(404, "M_NOT_FOUND")

    def _state(self, room: str, kind: str, key: str = "", **_: Any) -> Any:
        self._readable(room)
        if (kind, key) not in self.state[room]:
            raise Refused(404, "M_NOT_FOUND")
        return self.state[room][kind, key]["content"]

    def _members(self, room: str, **_: Any) -> Any:
        self._readable(room)
        return {"joined": {user: {"display_name": user[1:]} for user in self.members(room, "join")}}

    def _join(self, room: str, **_: Any) -> Any:
        if room not in self.rooms:
            raise Refused(404, "M_NOT_FOUND")
        if self.membership(room, ME) == "leave":
            raise Refused(403, "M_FORBIDDEN")
        if self.membership(room, ME) != "join":
            self.put(room, "m.room.member", ME, {"membership": "join", "displayname": "Acme"}, state=ME)
        return {"room_id": room}

    def _send(self, room: str, kind: str, _txn: str, *, body: Body, path: str, **_: Any) -> Any:
        self._readable(room)
        if len(json.dumps(body, ensure_ascii=False).encode()) > 65_536 - 2_000:
            raise Refused(413, "M_TOO_LARGE")
        relation = body.get("m.relates_to", {})
        if "event_id" in relation.get("m.in_reply_to", {}):
            self._event(room, relation["m.in_reply_to"]["event_id"])
        if kind == "m.reaction" and self._reacted(room, relation):
            raise Refused(400, "M_DUPLICATE_ANNOTATION")
        if path not in self.sent:
            self.sent[path] = self.put(room, kind, ME, body)
            self.rooms[room][-1]["unsigned"] = {"transaction_id": path.rpartition("/")[2]}
            self.said += [body["body"]] if kind == "m.room.message" else []
        return {"event_id": self.sent[path]}

    def _reacted(self, room: str, relation: Body) -> bool:
        mine = [event["content"] for event in self.rooms[room] if event["type"] == "m.reaction" and event["sender"] == ME]
        return any(content.get("m.relates_to") == relation for content in mine)

    def _redact(self, room: str, target: str, _txn: str, *, path: str, **_: Any) -> Any:
        self._readable(room)
        self._event(room, target)
        if path not in self.sent:
            self.sent[path] = self.redact(room, ME, target)
        return {"event_id": self.sent[path]}

    def _read(self, room: str, event: str, **_: Any) -> Any:
        self._readable(room)
        self.reads.append((room, event))
        return {}

    def _create(self, body: Body, **_: Any) -> Any:
        room = self.room(ME, history="shared")
        self.state[room]["m.room.create", ""]["content"] |= body["creation_content"]
        for user in body["invite"]:
            self.put(room, "m.room.member", ME, {"membership": "invite", "is_direct": True}, state=user)
        return {"room_id": room}

    def _get_direct(self, _user: str, **_: Any) -> Any:
        if not self.direct:
            raise Refused(404, "M_NOT_FOUND")
        return self.direct

    def _set_direct(self, _user: str, *, body: Body, **_: Any) -> Any:
        self.direct, self.direct_at = {user: list(rooms) for user, rooms in body.items()}, self.last
        return {}

    def _search(self, query: Body, *, body: Body, **_: Any) -> Any:
        term, start = body["search_categories"]["room_events"]["search_term"], int(query.get("next_batch", "0"))
        found = [
            (room, event)
            for room, events in self.rooms.items()
            for event in events
            if term.lower() in event["content"].get("body", "").lower() and self.membership(room, ME) == "join"
        ]
        profile = {"profile_info": {event["sender"]: self._profile(event["sender"]) for _, event in found}}
        page = [{"rank": 1, "result": self._shown(event, room), "context": profile} for room, event in found]
        told = {"count": len(found), "results": page[start : start + self.limit], "highlights": []}
        more = {"next_batch": str(start + self.limit)} if len(found) > start + self.limit else {}
        return {"search_categories": {"room_events": {**told, **more}}}


COUNTS = (("join", "joined"), ("invite", "invited"))


class Bench(Desk[MatrixConnector]):
    """A homeserver, and a connector that is driven as the CRM does it."""

    def __init__(self, server: FakeHomeserver, **settings: Any) -> None:
        told = {"server": SERVER, "token": Secret(TOKEN), "refresh_token": Secret(REFRESH), **settings}
        host = StoppedHost({"token": TOKEN, "refresh_token": REFRESH}, time=NOON)
        super().__init__(MatrixConnector(MatrixSettings(**told)), Local(server.answer), host)
        self.server = server

    def sync(self, stream: str = "rooms") -> list[Item]:
        return super().sync(stream)

    def calls(self, method: str, part: str) -> list[Incoming]:
        """Return the requests with this method whose path holds these words."""
        return [one for one in self.server.log if one.method == method and part in one.url]


@pytest.fixture
def homeserver() -> FakeHomeserver:
    """A server with no rooms."""
    return FakeHomeserver()


@pytest.fixture
def bench(homeserver: FakeHomeserver) -> Iterator[Bench]:
    """A connector to it."""
    with Bench(homeserver) as made:
        yield made
