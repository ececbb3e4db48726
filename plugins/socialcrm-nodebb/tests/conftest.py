"""A forum in memory that answers as NodeBB's OpenAPI documents and controllers say. All people are invented."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import Factory, define

from socialcrm.connectors import Answer, Incoming

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
USERS = {1: "acme", 2: "mara", 3: "tomasz"}
TOKEN, MASTER = "canary-0001-abcd", "master-0001-abcd"


@define
class Forum:
    """A forum with topics and chats; category 9 is for members."""

    now: datetime = NOON
    size: int = 20
    queue: bool = False
    fast: bool = False
    posts: dict[int, dict[str, Any]] = Factory(dict)
    topics: dict[int, dict[str, Any]] = Factory(dict)
    rooms: dict[int, tuple[int, ...]] = Factory(dict)
    messages: dict[int, dict[str, Any]] = Factory(dict)
    sent: list[dict[str, Any]] = Factory(list)
    votes: list[str] = Factory(list)
    log: list[Incoming] = Factory(list)

    def topic(self, title: str = "My router is broken", *, cid: int = 5) -> int:
        tid = len(self.topics) + 11
        self.topics[tid] = {"tid": tid, "cid": cid, "title": title, "titleRaw": title, "deleted": 0}
        return tid

    def post(self, tid: int, uid: int, text: str, *, pid: int = 0, to: int = 0, ago: float = 1, **fields: Any) -> int:
        pid = pid or max(self.posts, default=0) + 1
        at = fields.pop("at", None) or self.now - timedelta(hours=ago)
        row = {"pid": pid, "tid": tid, "uid": uid, "raw": text, "timestamp": millis(at), "deleted": 0, "handle": ""}
        self.posts[pid] = row | ({"toPid": to} if to else {}) | fields
        self.topics[tid].setdefault("mainPid", pid)
        return pid

    def edit(self, pid: int, text: str) -> None:
        self.posts[pid] |= {"raw": text, "edited": millis(self.now), "editor": 2}

    def write(self, room: int, uid: int, text: str, *, mid: int = 0, at: datetime | None = None) -> dict[str, Any]:
        mid = mid or max(self.messages, default=0) + 1
        stamp = millis(at or self.now - timedelta(hours=2))
        row = {"messageId": mid, "mid": mid, "roomId": str(room), "fromuid": uid, "raw": text, "timestamp": stamp}
        self.messages[mid] = row | {"deleted": 0, "system": 0}
        return self.messages[mid]

    def texts(self) -> list[str]:
        """What our account can read and stands there."""
        return [row["raw"] for row in (*self.posts.values(), *self.messages.values()) if not row["deleted"]]

    def received(self) -> list[str]:
        """What was posted through the API."""
        return [row["raw"] for row in self.sent]

    def answer(self, request: Incoming) -> Answer:
        """Answer a request; a wrong token is refused whatever it asks."""
        self.log.append(request)
        parts = urlsplit(request.url)
        query = parse_qs(parts.query) or {
            name: [value] if isinstance(value, str) else list(value) for name, value in request.query.items()
        }
        given = request.headers.get("authorization", "")
        user = {f"Bearer {TOKEN}": 1, f"Bearer {MASTER}": int(query.get("_uid", ["0"])[0])}.get(given, 0)
        if given and not user:
            return problem(401, "not-authorised", "A valid login session was not found. Please log in and try again.")
        for pattern, method, handler in ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if found and method == request.method:
                if not user and handler not in OPEN:
                    return problem(401, "not-authorised", "A valid login session was not found. Please log in and try again.")
                return getattr(self, handler)(user, query, request, *found.groups())  # type: ignore[no-any-return]
        return reply({"path": parts.path, "title": "Not Found"}, 404)

    def self_(self, user: int, _query: Any, _request: Incoming) -> Answer:
        return reply({"uid": user, "username": USERS[user], "userslug": USERS[user], "displayname": USERS[user].title()})

    def config(self, user: int, _query: Any, _request: Incoming) -> Answer:
        return reply({"siteTitle": "Acme community", "loggedIn": bool(user)})

    def category(self, user: int, _query: Any, _request: Incoming, cid: str) -> Answer:
        if cid == "9" and not user:
            return problem(401, "not-authorised", "You do not have enough privileges for this action.")
        return reply({"cid": int(cid), "name": "Support", "topics": []})

    def recent(self, user: int, query: Any, _request: Incoming) -> Answer:
        page, wanted = int(query.get("page", ["1"])[0]), query.get("cid")
        found = []
        for topic in self.topics.values():
            rows = self._rows(topic["tid"])
            hidden = topic["deleted"] or (topic["cid"] == 9 and not user) or (wanted and str(topic["cid"]) not in wanted)
            if rows and not hidden:
                about = {"postcount": len(rows), "lastposttime": rows[-1]["timestamp"], "pinned": 0}
                found.append({**topic, **about})
        found.sort(key=lambda row: row["lastposttime"], reverse=True)
        pages = max(1, -(-len(found) // self.size))
        rows = found[(page - 1) * self.size : page * self.size]
        return reply({"topics": rows, "topicCount": len(found), "pagination": {"currentPage": page, "pageCount": pages}})

    def thread(self, user: int, query: Any, _request: Incoming, tid: str) -> Answer:
        topic, page = self.topics.get(int(tid)), int(query.get("page", ["1"])[0])
        rows = self._rows(int(tid))
        if query.get("sort") != ["oldest_to_newest"]:
            rows.reverse()  # our user likes the newest on top
        pages = max(1, -(-len(rows) // self.size))
        if topic is None or not rows or page > pages:
            return reply({"path": f"/api/topic/{tid}", "title": "Not Found"}, 404)
        if topic["deleted"] or (topic["cid"] == 9 and not user):
            return problem(403, "forbidden", "You do not have enough privileges for this action.")
        shown = [{**self.shown(row), "index": place} for place, row in enumerate(rows)]
        posts = shown[(page - 1) * self.size : page * self.size]
        return reply({**topic, "postcount": len(rows), "posts": posts, "pagination": {"currentPage": page, "pageCount": pages}})

    def one(self, _user: int, _query: Any, _request: Incoming, pid: str) -> Answer:
        row = self.posts.get(int(pid))
        return done({**self.shown(row), "user": None}) if row else problem(404, "not-found", "Post does not exist")

    def raw(self, _user: int, _query: Any, _request: Incoming, pid: str) -> Answer:
        row = self.posts.get(int(pid))
        return done({"content": row["raw"]}) if row else problem(404, "not-found", "Post does not exist")

    def create(self, user: int, _query: Any, request: Incoming, tid: str) -> Answer:
        body = json.loads(request.body)
        if set(body) - {"content", "toPid"} or not isinstance(body.get("toPid", 0), int):
            return problem(400, "bad-request", "Invalid Data")
        if self.fast:
            return problem(400, "bad-request", "You can only post once every 10 second(s) - please wait before posting again")
        text = str(body["content"])
        if len(text.strip()) < 8:
            return problem(400, "bad-request", "Please enter a longer post. Posts should contain at least 8 character(s).")
        if len(text) > 32_767:
            return problem(400, "bad-request", "Please enter a shorter post. Posts can't be longer than 32767 character(s).")
        if int(tid) not in self.topics:
            return problem(404, "not-found", "Topic does not exist")
        if self.topics[int(tid)].get("locked"):
            return problem(400, "bad-request", "Topic locked")
        if self.queue:
            return done({"id": "reply-4", "queued": True, "type": "reply", "message": "Your post is queued for approval."})
        pid = self.post(int(tid), user, text.strip(), to=body.get("toPid", 0), at=self.now)
        self.sent.append(self.posts[pid])
        return done({**self.shown(self.posts[pid]), "index": 4})

    def delete(self, user: int, _query: Any, _request: Incoming, pid: str) -> Answer:
        row = self.posts.get(int(pid))
        if row is None:
            return problem(404, "not-found", "Post does not exist")
        if row["deleted"]:
            return problem(400, "bad-request", "This post has already been deleted")
        if row["uid"] != user:
            return problem(403, "forbidden", "You do not have enough privileges for this action.")
        row["deleted"] = 1
        return done({})

    def vote(self, _user: int, _query: Any, request: Incoming, pid: str) -> Answer:
        assert json.loads(request.body) == {"delta": 1}
        self.votes.append(pid)
        return done({})

    def read(self, _user: int, _query: Any, _request: Incoming, tid: str) -> Answer:
        self.votes.append(f"topic {tid}")
        return done({})

    def chats(self, user: int, query: Any, _request: Incoming) -> Answer:
        found = []
        for room, members in self.rooms.items():
            rows = self._said(room)
            if user in members:
                teaser = {"timestamp": rows[-1]["timestamp"], "fromuid": rows[-1]["fromuid"]} if rows else None
                found.append({"roomId": room, "public": False, "teaser": teaser})
        found.sort(key=lambda room: room["teaser"]["timestamp"] if room["teaser"] else 0, reverse=True)
        start, count = int(query.get("start", ["0"])[0]), int(query.get("perPage", ["20"])[0])
        return done({"rooms": found[start : start + count], "nextStart": start + count})

    def said(self, user: int, query: Any, _request: Incoming, room: str) -> Answer:
        if user not in self.rooms.get(int(room), ()):
            return problem(403, "forbidden", "You do not have enough privileges for this action.")
        start, newest = int(query.get("start", ["0"])[0]), self._said(int(room))[::-1]
        return done({"messages": [self._shown(row) for row in newest[start : start + self.size][::-1]]})

    def say(self, user: int, _query: Any, request: Incoming, room: str) -> Answer:
        body = json.loads(request.body)
        if set(body) != {"message"} or len(body["message"]) > 1000:
            return problem(400, "bad-request", "Chat messages can not be longer than 1000 characters.")
        self.sent.append(self.write(int(room), user, body["message"], at=self.now))
        return done(self._shown(self.sent[-1]))

    def unsay(self, _user: int, _query: Any, _request: Incoming, _room: str, mid: str) -> Answer:
        self.messages[int(mid)]["deleted"] = 1
        return done({})

    def invite(self, user: int, _query: Any, request: Incoming) -> Answer:
        room = len(self.rooms) + 71
        self.rooms[room] = (user, *json.loads(request.body)["uids"])
        return done({"roomId": room})

    def private(self, user: int, _query: Any, _request: Incoming, uid: str) -> Answer:
        rooms = [room for room, members in self.rooms.items() if set(members) == {user, int(uid)}]
        return done({"roomId": rooms[0] if rooms else None})

    def find(self, user: int, query: Any, _request: Incoming) -> Answer:
        rows = [row for row in self.posts.values() if query["term"][0] in row["raw"]]
        rows = [{**self.shown(row), "topic": self.topics[row["tid"]], "tid": row["tid"]} for row in rows]
        return reply({"posts": rows if user else [], "pageCount": 1, "matchCount": len(rows)})

    def user(self, _user: int, _query: Any, _request: Incoming, uid: str) -> Answer:
        name = USERS.get(int(uid))
        row = {"uid": int(uid), "username": name, "userslug": name, "displayname": name}
        return reply(row) if name else reply({"path": "/", "title": "Not Found"}, 404)

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """A post as a topic's page shows it."""
        told = {name: value for name, value in row.items() if name not in ("raw", "handle")}
        name = USERS.get(row["uid"], row["handle"] or "Guest")
        user = {"uid": row["uid"], "username": name, "displayname": name.title(), "userslug": name if row["uid"] else ""}
        text = "This post is deleted!" if row["deleted"] else row["raw"]
        at = datetime.fromtimestamp(row["timestamp"] / 1000, UTC).isoformat()
        return {**told, "content": f'<p dir="auto">{html.escape(text)}</p>\n', "user": user, "timestampISO": at}

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        name = USERS.get(row["fromuid"], "Guest")
        told = {key: value for key, value in row.items() if key != "raw"}
        return {**told, "content": f"<p>{html.escape(row['raw'])}</p>", "fromUser": {"uid": row["fromuid"], "username": name}}

    def _rows(self, tid: int) -> list[dict[str, Any]]:
        rows = [row for row in self.posts.values() if row["tid"] == tid]
        return sorted(rows, key=lambda row: (row["timestamp"], row["pid"]))  # type: ignore[no-any-return]

    def _said(self, room: int) -> list[dict[str, Any]]:
        rows = [row for row in self.messages.values() if row["roomId"] == str(room)]
        return sorted(rows, key=lambda row: row["mid"])  # type: ignore[no-any-return]


ROUTES = (
    (r"/api/self", "GET", "self_"),
    (r"/api/config", "GET", "config"),
    (r"/api/category/(\d+)", "GET", "category"),
    (r"/api/recent", "GET", "recent"),
    (r"/api/topic/(\d+)", "GET", "thread"),
    (r"/api/search", "GET", "find"),
    (r"/api/user/uid/(\d+)", "GET", "user"),
    (r"/api/v3/posts/(\d+)", "GET", "one"),
    (r"/api/v3/posts/(\d+)/raw", "GET", "raw"),
    (r"/api/v3/posts/(\d+)/state", "DELETE", "delete"),
    (r"/api/v3/posts/(\d+)/vote", "PUT", "vote"),
    (r"/api/v3/topics/(\d+)", "POST", "create"),
    (r"/api/v3/topics/(\d+)/read", "PUT", "read"),
    (r"/api/v3/chats", "GET", "chats"),
    (r"/api/v3/chats", "POST", "invite"),
    (r"/api/v3/chats/(\d+)", "POST", "say"),
    (r"/api/v3/chats/(\d+)/messages", "GET", "said"),
    (r"/api/v3/chats/(\d+)/messages/(\d+)", "DELETE", "unsay"),
    (r"/api/v3/users/(\d+)/chat", "GET", "private"),
)
OPEN = frozenset({"config", "category", "recent", "thread", "one", "raw", "find", "user"})


def millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def reply(body: Any, status: int = 200) -> Answer:
    headers = {"content-type": "application/json; charset=utf-8"}
    return Answer(status=status, headers=headers, content=json.dumps(body).encode())


def done(body: Any) -> Answer:
    return reply({"status": {"code": "ok", "message": "OK"}, "response": body})


def problem(status: int, code: str, text: str) -> Answer:
    return reply({"status": {"code": code, "message": text}, "response": {}}, status)


def peopled(**fields: Any) -> Forum:
    """A forum on which customers wrote, one of them in a chat."""
    forum = Forum(**fields)
    broken, how = forum.topic(), forum.topic("How do I change my address?")
    forum.post(broken, 2, "My router is broken since Monday", ago=30)
    forum.post(broken, 3, "Mine too, and nobody answers the phone", to=1, ago=20)
    forum.post(how, 0, "How do I change my address, please?", ago=10, handle="Passer-by")
    forum.post(broken, 1, "We are looking into it right now", to=2, ago=9)
    forum.post(broken, 2, "Thank you, it works again", to=4, ago=8)
    forum.post(forum.topic("For members", cid=9), 3, "Only members can read this", ago=7)
    forum.rooms[7] = (1, 2)
    forum.write(7, 2, "My customer number is 0042")
    forum.write(7, 1, "Thank you, we look it up")
    return forum


@pytest.fixture
def forums() -> Callable[..., Forum]:
    """Make a forum with people on it."""
    return peopled


@pytest.fixture
def token() -> str:
    """The token that the forum accepts for our user."""
    return TOKEN


@pytest.fixture
def master() -> str:
    """The token that the forum accepts for everybody."""
    return MASTER
