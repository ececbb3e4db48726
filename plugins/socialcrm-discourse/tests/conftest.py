"""A forum in memory that answers as Discourse's documentation says. All people are invented."""

from __future__ import annotations

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
KEY = "canary-0001-abcd"


@define
class Forum:
    """A forum with topics; ``old`` serves the latest posts as versions before 2026 did."""

    now: datetime = NOON
    size: int = 50
    old: bool = False
    closed: bool = False
    queue: bool = False
    lost: bool = False
    first: dict[int, dict[str, Any]] = Factory(dict)
    posts: dict[int, dict[str, Any]] = Factory(dict)
    topics: dict[int, dict[str, Any]] = Factory(dict)
    pending: list[dict[str, Any]] = Factory(list)
    sent: list[int] = Factory(list)
    liked: list[int] = Factory(list)
    log: list[Incoming] = Factory(list)

    def topic(self, title: str = "My router is broken", *, members: tuple[int, ...] = (), category: int = 5) -> int:
        key = len(self.topics) + 11
        self.topics[key] = {
            "id": key,
            "title": title,
            "members": members,
            "category": None if members else category,
            "tags": [],
        }
        return key

    def post(self, topic: int, user: int, text: str, *, key: int = 0, to: int = 0, ago: float = 1, **fields: Any) -> int:
        key = key or max(self.posts, default=0) + 7
        place = 1 + max((row["post_number"] for row in self.posts.values() if row["topic_id"] == topic), default=0)
        at = stamp(fields.pop("at", None) or self.now - timedelta(hours=ago))
        name = USERS.get(user, "")
        row = {
            "id": key, "topic_id": topic, "post_number": place, "post_type": 1, "user_id": user, "username": name,
            "name": name.title(), "avatar_template": "/letter/{size}.png", "created_at": at, "updated_at": at, "version": 1,
            "raw": text, "reply_to_post_number": to or None, "hidden": False, "user_deleted": False, "deleted_at": None,
        }  # fmt: skip
        self.posts[key] = row | fields
        return key

    def edit(self, key: int, text: str) -> None:
        row = self.posts[key]
        row |= {"raw": text, "version": row["version"] + 1, "updated_at": stamp(self.now)}

    def trash(self, key: int) -> None:
        self.posts[key]["deleted_at"] = stamp(self.now)

    def texts(self) -> list[str]:
        """What our account can read and stands there."""
        rows = [row for row in self.posts.values() if not row["deleted_at"] and not row["user_deleted"] and not row["hidden"]]
        return [row["raw"] for row in rows if self._sees(row["topic_id"], 1)]

    def received(self) -> list[str]:
        """What was posted through the API."""
        return [self.posts[key]["raw"] for key in self.sent]

    def answer(self, request: Incoming) -> Answer:
        """Answer a request; a wrong key is refused whatever it asks."""
        self.log.append(request)
        key, name = request.headers.get("api-key"), request.headers.get("api-username")
        user = {name: one for one, name in USERS.items()}.get(name or "") if key == KEY else None
        if request.headers.get("user-api-key") == KEY:
            user = 1
        elif key is not None and user is None:
            return problem(403, "invalid_access", "The API username or key is invalid.")
        if self.closed and user is None:
            return problem(403, "not_logged_in", "You need to be logged in to do that.")
        parts = urlsplit(request.url)
        query = parse_qs(parts.query) or {
            name: [value] if isinstance(value, str) else list(value) for name, value in request.query.items()
        }
        for pattern, method, handler in ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if found and method == request.method:
                if handler in MEMBERS and user is None:
                    return problem(403, "not_logged_in", "You need to be logged in to do that.")
                return getattr(self, handler)(user or 0, query, request, *found.groups())  # type: ignore[no-any-return]
        return problem(404, "not_found", "The requested URL or resource could not be found.")

    def current(self, user: int, _query: Any, _request: Incoming) -> Answer:
        if not user:
            return problem(404, "not_found", "No.")
        return reply({"current_user": {"id": user, "username": USERS[user], "name": USERS[user].title()}})

    def info(self, _user: int, _query: Any, _request: Incoming) -> Answer:
        return reply({"title": "Acme community", "description": ""})

    def site(self, user: int, _query: Any, _request: Incoming) -> Answer:
        rows = [{"id": 5, "name": "Support", "read_restricted": False}]
        return reply(
            {"categories": [*rows, {"id": 6, "name": "Lounge", "read_restricted": True}] if user and not self.lost else rows}
        )

    def latest(self, user: int, query: Any, _request: Incoming) -> Answer:
        before = int(query.get("before", ["0"])[0])
        rows = [row for _, row in sorted(self.posts.items(), reverse=True) if row["post_type"] == 1 and not row["deleted_at"]]
        rows = [row for row in rows if not self.topics[row["topic_id"]]["members"] and self._sees(row["topic_id"], user)]
        if self.old:
            top = before or max(self.posts, default=0)
            rows = [row for row in rows if top - self.size < row["id"] <= top]
        elif before:
            rows = [row for row in rows if row["id"] < before]
        return reply({"latest_posts": [self.shown(row) for row in rows[: self.size]]})

    def one(self, user: int, _query: Any, _request: Incoming, key: str) -> Answer:
        row = self.posts.get(int(key))
        if row is None or row["deleted_at"] or not self._sees(row["topic_id"], user):
            return problem(404, "not_found", "No.")
        return reply(self.shown(row))

    def by_number(self, user: int, _query: Any, _request: Incoming, topic: str, place: str) -> Answer:
        keys = [one for one, row in self.posts.items() if (row["topic_id"], row["post_number"]) == (int(topic), int(place))]
        return self.one(user, _query, _request, str(keys[0]) if keys else "0")

    def thread(self, user: int, query: Any, _request: Incoming, key: str) -> Answer:
        topic = self.topics.get(int(key))
        if topic is None or topic.get("deleted"):
            return problem(404, "not_found", "No.")
        if not self._sees(topic["id"], user):
            return problem(403, "invalid_access", "You are not permitted to view the requested resource.")
        rows = self._rows(topic["id"])
        archetype = "private_message" if topic["members"] else "regular"
        raw = query.get("include_raw") == ["true"]
        body = {"id": topic["id"], "title": topic["title"], "archetype": archetype, "category_id": topic["category"]}
        body |= {"created_at": rows[0]["created_at"] if rows else stamp(self.now)}
        first = [self.shown(row, raw=raw) for row in rows[:20]]
        return reply({**body, "post_stream": {"posts": first, "stream": [row["id"] for row in rows]}})

    def some(self, user: int, query: Any, _request: Incoming, key: str) -> Answer:
        if not self._sees(int(key), user):
            return problem(403, "invalid_access", "You are not permitted to view the requested resource.")
        wanted, raw = {int(one) for one in query.get("post_ids[]", [])}, query.get("include_raw") == ["true"]
        rows = [self.shown(row, raw=raw) for row in self._rows(int(key)) if row["id"] in wanted]
        return reply({"post_stream": {"posts": rows}, "id": int(key)})

    def inbox(self, user: int, query: Any, _request: Incoming, name: str) -> Answer:
        if USERS.get(user) != name:
            return problem(404, "not_found", "No.")
        return self._list(query, lambda topic: user in topic["members"] and self._other(topic["id"], user))

    def outbox(self, user: int, query: Any, _request: Incoming, name: str) -> Answer:
        if USERS.get(user) != name:
            return problem(404, "not_found", "No.")
        return self._list(query, lambda topic: bool(topic["members"]) and self._rows(topic["id"])[0]["user_id"] == user)

    def tagged(self, user: int, query: Any, _request: Incoming, tag: str) -> Answer:
        return self._list(query, lambda topic: tag in topic["tags"] and self._sees(topic["id"], user))

    def category(self, user: int, query: Any, _request: Incoming, _slug: str, key: str) -> Answer:
        return self._list(query, lambda topic: topic["category"] == int(key) and self._sees(topic["id"], user))

    def _list(self, query: Any, wanted: Callable[[dict[str, Any]], bool]) -> Answer:
        page, found = int(query.get("page", ["0"])[0]), []
        for topic in self.topics.values():
            rows = self._rows(topic["id"])
            if rows and not topic.get("deleted") and wanted(topic):
                bumped = max(rows[-1]["created_at"], rows[-1]["updated_at"])
                about = {"id": topic["id"], "title": topic["title"], "highest_post_number": rows[-1]["post_number"]}
                found.append({**about, "bumped_at": bumped, "created_at": rows[0]["created_at"], "pinned": False})
        found.sort(key=lambda row: row["bumped_at"], reverse=True)
        size = min(self.size, 30)
        more = {"more_topics_url": f"/x?page={page + 1}"} if len(found) > (page + 1) * size else {}
        return reply({"topic_list": {**more, "topics": found[page * size : (page + 1) * size]}})

    def create(self, user: int, _query: Any, request: Incoming) -> Answer:
        body = json.loads(request.body)
        text = str(body["raw"]).strip()
        if len(text) < 20:
            return refusal("Body is too short (minimum is 20 characters)")
        if len(text) > 32_000:
            return refusal("Body is limited to 32000 characters; you entered more.")
        if any(row["user_id"] == user and row["raw"] == text for row in self.posts.values()):
            return refusal("Body is too similar to what you recently posted")
        if body.get("archetype") == "private_message":
            if len(str(body.get("title", ""))) < 2 or body.get("target_recipients") not in USERS.values():
                return refusal("You must select a valid user")
            other = {name: one for one, name in USERS.items()}[body["target_recipients"]]
            topic = self.topic(body["title"], members=(user, other))
        else:
            topic = body.get("topic_id", 0)
            if topic not in self.topics or self.topics[topic].get("deleted"):
                return problem(403, "invalid_access", "You are not permitted to view the requested resource.")
        if self.queue:
            self.pending.append({"id": 90 + len(self.pending), "raw_text": text, "created_at": stamp(self.now)})
            return reply({"action": "enqueued", "success": True, "pending_count": 1, "pending_post": self.pending[-1]})
        key = self.post(topic, user, text, to=body.get("reply_to_post_number", 0), ago=0)
        self.sent.append(key)
        return reply({**self.shown(self.posts[key]), "draft_sequence": 1})

    def waiting(self, _user: int, _query: Any, _request: Incoming, _name: str) -> Answer:
        return reply({"pending_posts": self.pending})

    def remove(self, user: int, _query: Any, _request: Incoming, key: str) -> Answer:
        row = self.posts.get(int(key))
        if row is None or row["deleted_at"]:
            return problem(404, "not_found", "No.")
        if row["user_id"] != user or row["user_deleted"]:
            return problem(403, "invalid_access", "You are not permitted to view the requested resource.")
        row |= {"user_deleted": True, "raw": "(post deleted by author)", "version": 2, "updated_at": stamp(self.now)}
        return Answer(status=200)

    def like(self, _user: int, _query: Any, request: Incoming) -> Answer:
        body = json.loads(request.body)
        assert body["post_action_type_id"] == 2
        self.liked.append(body["id"])
        return self.one(1, None, request, str(body["id"]))

    def timings(self, _user: int, _query: Any, request: Incoming) -> Answer:
        self.liked.append(json.loads(request.body)["topic_id"])
        return Answer(status=200)

    def upload(self, _user: int, _query: Any, request: Incoming) -> Answer:
        assert b'name="upload_type"' in request.body
        return reply({"id": 4, "url": "/uploads/default/a.png", "short_url": "upload://a.png", "original_filename": "a.png"})

    def find(self, user: int, query: Any, _request: Incoming) -> Answer:
        rows = [row for row in self.posts.values() if query["q"][0] in row["raw"] and self._sees(row["topic_id"], user)]
        rows = [row for row in rows if not self.topics[row["topic_id"]]["members"]]
        posts = [{"id": row["id"], "blurb": row["raw"][:10], "topic_id": row["topic_id"]} for row in rows]
        return reply({"posts": posts, "topics": [], "grouped_search_result": {"more_full_page_results": None}})

    def cards(self, _user: int, query: Any, _request: Incoming) -> Answer:
        ids = [int(one) for one in query["user_ids"][0].split(",")]
        return reply({"users": [{"id": one, "username": USERS[one], "name": "x"} for one in ids if one in USERS]})

    def user(self, _user: int, _query: Any, _request: Incoming, name: str) -> Answer:
        rows = [{"id": one, "username": name} for one, known in USERS.items() if known == name]
        return reply({"user": rows[0]}) if rows else problem(404, "not_found", "No.")

    def shown(self, row: dict[str, Any], *, raw: bool = True) -> dict[str, Any]:
        """A post as the API shows it."""
        topic = self.topics[row["topic_id"]]
        told = {**row, "cooked": f"<p>{row['raw']}</p>", "topic_slug": "x"}
        if topic["category"]:
            told["category_id"] = topic["category"]
        if not raw:
            del told["raw"]
        return told

    def _rows(self, topic: int) -> list[dict[str, Any]]:
        rows = [row for row in self.posts.values() if row["topic_id"] == topic and not row["deleted_at"]]
        return sorted(rows, key=lambda row: row["post_number"])  # type: ignore[no-any-return]

    def _other(self, topic: int, user: int) -> bool:
        return any(row["user_id"] != user for row in self._rows(topic))

    def _sees(self, topic: int, user: int) -> bool:
        about = self.topics.get(topic)
        if about is None or about.get("deleted"):
            return False
        return user in about["members"] if about["members"] else about["category"] == 5 or bool(user)


ROUTES = (
    (r"/session/current\.json", "GET", "current"),
    (r"/site/basic-info\.json", "GET", "info"),
    (r"/site\.json", "GET", "site"),
    (r"/posts\.json", "GET", "latest"),
    (r"/posts\.json", "POST", "create"),
    (r"/posts/(\d+)\.json", "GET", "one"),
    (r"/posts/(\d+)\.json", "DELETE", "remove"),
    (r"/posts/by_number/(\d+)/(\d+)\.json", "GET", "by_number"),
    (r"/posts/(\w+)/pending\.json", "GET", "waiting"),
    (r"/t/(\d+)\.json", "GET", "thread"),
    (r"/t/(\d+)/posts\.json", "GET", "some"),
    (r"/topics/private-messages/(\w+)\.json", "GET", "inbox"),
    (r"/topics/private-messages-sent/(\w+)\.json", "GET", "outbox"),
    (r"/tag/(\w+)\.json", "GET", "tagged"),
    (r"/c/(\w+)/(\d+)\.json", "GET", "category"),
    (r"/post_actions\.json", "POST", "like"),
    (r"/topics/timings", "POST", "timings"),
    (r"/uploads\.json", "POST", "upload"),
    (r"/search\.json", "GET", "find"),
    (r"/user-cards\.json", "GET", "cards"),
    (r"/u/(\w+)\.json", "GET", "user"),
)
MEMBERS = frozenset({"create", "remove", "like", "timings", "upload", "waiting", "cards"})


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def reply(body: Any, status: int = 200) -> Answer:
    headers = {"content-type": "application/json; charset=utf-8"}
    return Answer(status=status, headers=headers, content=json.dumps(body).encode())


def problem(status: int, kind: str, text: str) -> Answer:
    return reply({"errors": [text], "error_type": kind}, status)


def refusal(text: str) -> Answer:
    return reply({"action": "create_post", "errors": [text]}, 422)


def peopled(**fields: Any) -> Forum:
    """A forum on which customers wrote, one of them in private."""
    forum = Forum(**fields)
    broken, how = forum.topic(), forum.topic("How do I change my address?")
    forum.post(broken, 2, "My router is broken since Monday", ago=30)
    forum.post(broken, 3, "Mine too, and nobody answers the phone", to=1, ago=20)
    forum.post(how, 3, "How do I change my address, please?", ago=10)
    forum.post(broken, 1, "We are looking into it right now", to=2, ago=9)
    forum.post(broken, 2, "Thank you, it works again", to=3, ago=8)
    private = forum.topic("My invoice", members=(1, 2))
    forum.post(private, 2, "My customer number is 0042", ago=7)
    return forum


@pytest.fixture
def forums() -> Callable[..., Forum]:
    """Make a forum with people on it."""
    return peopled


@pytest.fixture
def empty() -> Callable[..., Forum]:
    """Make a forum without anybody."""
    return Forum


@pytest.fixture
def key() -> str:
    """The key that the forum accepts."""
    return KEY
