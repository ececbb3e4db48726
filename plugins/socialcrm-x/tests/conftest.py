"""X in a few hundred lines, made from its documentation. Everybody and everything in it is invented."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from socialcrm.connectors import Answer, Incoming
from socialcrm.testing import Desk, Killed, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Secret
from socialcrm_x import XConnector, XSettings
from socialcrm_x._ids import id_at, time_of
from socialcrm_x._text import weigh

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
TOKEN = "tok-x-canary-1"
HOUR = timedelta(hours=1)
ME = "1111111111111111111"


class FakeX:
    """Answers as docs.x.com says."""

    def __init__(self, size: int = 3, *, old: bool = False) -> None:
        self.size, self.old, self.now = size, old, NOON
        self.log: list[Incoming] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.posts: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.gone_users: dict[str, str] = {}
        self.liked: list[str] = []
        self.hidden: dict[str, bool] = {}
        self.sent: list[str] = []
        self.uploads: list[str] = []
        self.before: Callable[[Incoming], Answer | None] = lambda _request: None
        self.headers: dict[str, str] = {}
        self.token, self.refresh, self.renewals = TOKEN, "refresh-canary-1", 0
        self._next = 0
        self.me = self.user("acme", key=ME)

    # Builders

    def user(self, name: str, *, key: str = "", protected: bool = False) -> dict[str, Any]:
        key = key or str(2000 + len(self.users))
        self.users[key] = {"id": key, "username": name, "name": name.title(), "protected": protected}
        return self.users[key]

    def key(self, at: datetime) -> str:
        self._next += 1
        return str(int(id_at(at)) + self._next)

    def post(self, author: dict[str, Any], text: str, *, age: timedelta = HOUR, parent: str = "", **more: Any) -> str:
        at = self.now - age
        key = self.key(at)
        root = self.posts[parent]["conversation_id"] if parent in self.posts else key
        post: dict[str, Any] = {
            "id": key, "text": text, "author_id": author["id"], "created_at": at.isoformat().replace("+00:00", "Z"),
            "conversation_id": root, "lang": "en", "versions": [key], "refs": [], **more,
        }  # fmt: skip
        if parent:
            post["refs"].append({"type": "replied_to", "id": parent})
            writer = self.users[self.posts[parent]["author_id"]]["username"] if parent in self.posts else "acme"
            if not text.startswith("@"):
                post["text"] = f"@{writer} {text}"
                post["display_text_range"] = [len(writer) + 2, len(writer) + 2 + len(text)]
        self.posts[key] = post
        return key

    def mention(self, author: dict[str, Any], text: str, **more: Any) -> str:
        return self.post(author, text, mentions=[ME], **more)

    def edit(self, key: str, text: str) -> str:
        """Edit a post: it gets a new id, and every version knows all of them."""
        was = self.posts[key]
        at = time_of(key) + timedelta(minutes=5)
        fresh = {**was, "id": self.key(at), "text": text, "created_at": at.isoformat().replace("+00:00", "Z")}
        versions = [*was["versions"], fresh["id"]]
        self.posts[fresh["id"]] = fresh
        for one in versions:
            self.posts[one]["versions"] = versions
        return str(fresh["id"])

    def delete(self, key: str) -> None:
        for one in self.posts[key]["versions"]:
            self.posts.pop(one, None)

    def message(self, sender: dict[str, Any], text: str, *, to: str = ME, age: timedelta = HOUR, **more: Any) -> str:
        at = self.now - age
        key = self.key(at)
        pair = "-".join(sorted((sender["id"], to), key=int))
        self.events[key] = {
            "id": key, "event_type": "MessageCreate", "text": text, "sender_id": sender["id"], "dm_conversation_id": pair,
            "created_at": at.isoformat().replace("+00:00", "Z"), **more,
        }  # fmt: skip
        return key

    def latest(self) -> list[dict[str, Any]]:
        return [post for key, post in self.posts.items() if post["versions"][-1] == key]

    def expire(self) -> None:
        """Let the access token expire."""
        self.token = "nobody has it"

    # The API

    def answer(self, request: Incoming) -> Answer:
        self.log.append(request)
        early = self.before(request)
        if early is not None:
            return early
        parts = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/2/oauth2/token":
            return self._renew(request)
        told = request.headers.get("authorization", "")
        if told != f"Bearer {self.token}" and not told.startswith("OAuth "):
            return _json(401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"})
        made = self._answer(request.method, parts.path.split("/")[2:], query, request)
        return Answer(status=made.status, headers={**made.headers, **self.headers}, content=made.content)

    def _renew(self, request: Incoming) -> Answer:
        """Give new tokens for the refresh token in force, which holds no longer after that."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("refresh_token") != self.refresh or form.get("grant_type") != "refresh_token":
            return _json(400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."})
        self.renewals += 1
        self.token, self.refresh = f"tok-x-fresh-{self.renewals}", f"rotated-refresh-{self.renewals + 1}"
        return _json(200, {"access_token": self.token, "refresh_token": self.refresh, "token_type": "bearer"})

    def _answer(self, method: str, path: list[str], query: dict[str, str], request: Incoming) -> Answer:
        match (method, path):
            case ("GET", ["users", "me"]):
                return _json(200, {"data": self.me})
            case ("GET", ["users"]):
                return self._lookup(query["ids"].split(","), self.users, "user", self.gone_users)
            case ("GET", ["users", "by", "username", name]):
                found = next((one for one in self.users.values() if one["username"] == name), None)
                return _json(200, {"data": found} if found else {"errors": [_problem(name, "user", "")]})
            case ("GET", ["users", key, "tweets"]):
                return self._page([one for one in self.latest() if one["author_id"] == key], query)
            case ("GET", ["users", key, "mentions"]):
                return self._page([one for one in self.latest() if key in one.get("mentions", ())], query)
            case ("GET", ["tweets", "search", "recent"]):
                return self._search(query)
            case ("GET", ["tweets"]):
                return self._posts(query["ids"].split(","))
            case ("GET", ["dm_events"]):
                return self._page(list(self.events.values()), query, "message")
            case ("GET", ["dm_conversations", *_, "dm_events"]):
                pair = path[1] if path[1] != "with" else "-".join(sorted((path[2], ME), key=int))
                return self._page([one for one in self.events.values() if one["dm_conversation_id"] == pair], query, "message")
        return self._write(method, path, request)

    def _write(self, method: str, path: list[str], request: Incoming) -> Answer:
        body = json.loads(request.body) if request.headers.get("content-type") == "application/json" and request.body else {}
        match (method, path):
            case ("POST", ["tweets"]):
                return self._post(body)
            case ("DELETE", ["tweets", key]):
                if key in self.posts:
                    self.delete(key)
                return _json(200, {"data": {"deleted": True}})
            case ("POST", ["dm_conversations", *where, "messages"]):
                to = where[1] if where[0] == "with" else next(one for one in where[0].split("-") if one != ME)
                if to not in self.users:
                    return _json(403, {"detail": "You cannot send messages to this user.", "title": "Forbidden"})
                key = self.message(self.me, body["text"], to=to, age=timedelta())
                self.sent.append(key)
                return _json(201, {"data": {"dm_event_id": key, "dm_conversation_id": self.events[key]["dm_conversation_id"]}})
            case ("DELETE", ["dm_events", key]):
                return _json(200, {"data": {"deleted": self.events.pop(key, None) is not None}})
            case ("POST", ["users", _, "likes"]):
                self.liked.append(body["tweet_id"])
                return _json(200, {"data": {"liked": True}})
            case ("PUT", ["tweets", key, "hidden"]):
                self.hidden[key] = body["hidden"]
                return _json(200, {"data": {"hidden": body["hidden"]}})
            case (_, ["media", "upload", *rest]):
                self.uploads.append("/".join(rest))
                return _json(200, {"data": {"id": "7001", "media_key": "3_7001"}})
        return _json(404, {"title": "Not Found", "type": "about:blank", "status": 404})

    def _post(self, body: dict[str, Any]) -> Answer:
        if weigh(body["text"]) > 280:
            return _json(403, {"detail": "Your Tweet text is too long.", "title": "Forbidden", "status": 403})
        parent = body.get("reply", {}).get("in_reply_to_tweet_id", "")
        if parent and parent not in self.posts:
            return _json(403, {"detail": "You attempted to reply to a Tweet that is deleted.", "title": "Forbidden"})
        key = self.post(self.me, body["text"], age=timedelta(), parent=parent)
        self.sent.append(key)
        return _json(201, {"data": {"id": key, "text": self.posts[key]["text"], "edit_history_post_ids": [key]}})

    def _search(self, query: dict[str, str]) -> Answer:
        edge = int(id_at(self.now - timedelta(days=7)))
        if int(query.get("since_id", edge)) < edge:
            told = f"'since_id' must be a tweet id created after then. Please use a 'since_id' that is larger than {edge}"
            return _json(400, {"errors": [{"message": told, "parameters": {"since_id": [query["since_id"]]}}],
                               "title": "Invalid Request", "type": "https://api.x.com/2/problems/invalid-request"})  # fmt: skip
        found = [one for one in self.latest() if query["query"] in one["text"] and int(one["id"]) > edge]
        return self._page(found, query)

    def _page(self, elements: list[dict[str, Any]], query: Mapping[str, str], kind: str = "post") -> Answer:
        below = int(query.get("pagination_token", "p" + "9" * 19)[1:])
        chosen = [one for one in elements if int(query.get("since_id", 0)) < int(one["id"]) < below]
        chosen.sort(key=lambda one: -int(one["id"]))
        page, rest = chosen[: self.size], chosen[self.size :]
        meta: dict[str, Any] = {"result_count": len(page)}
        if rest:
            meta["next_token"] = f"p{page[-1]['id']:0>19}"
        shown = [self._shown(one) if kind == "post" else one for one in page]
        body: dict[str, Any] = {"meta": meta, **({"data": shown} if page else {})}
        return _json(200, {**body, **({"includes": self._includes(page)} if page else {})})

    def _shown(self, post: dict[str, Any]) -> dict[str, Any]:
        made = {name: value for name, value in post.items() if name not in ("versions", "refs", "mentions")}
        made["edit_history_tweet_ids" if self.old else "edit_history_post_ids"] = post["versions"]
        if post["refs"]:
            made["referenced_tweets" if self.old else "referenced_posts"] = post["refs"]
        return made

    def _includes(self, page: list[dict[str, Any]]) -> dict[str, Any]:
        named = [ref["id"] for one in page for ref in one.get("refs", ())]
        named += [key for one in page for key in one.get("versions", ())[:-1]]
        posts = [self.posts[key] for key in dict.fromkeys(named) if key in self.posts]
        writers = [one.get("author_id") or one["sender_id"] for one in [*page, *posts]]
        users = [self.users[key] for key in dict.fromkeys(writers) if key in self.users]
        shown = [self._shown(one) for one in posts]
        return {"users": users, **({"tweets" if self.old else "posts": shown} if shown else {})}

    def _posts(self, ids: list[str]) -> Answer:
        found = [self.posts[key] for key in ids if key in self.posts]
        seen = [one for one in found if not self.users[one["author_id"]]["protected"]]
        errors = [_problem(key, "tweet", "") for key in ids if key not in self.posts]
        errors += [_problem(one["id"], "tweet", "protected") for one in found if one not in seen]
        body: dict[str, Any] = {"data": [self._shown(one) for one in seen]} if seen else {}
        body |= {"errors": errors} if errors else {}
        return _json(
            200, {**body, **({"includes": self._includes(seen)} if seen else {}), **({"errors": errors} if errors else {})}
        )

    def _lookup(self, ids: list[str], there: Mapping[str, Any], kind: str, gone: Mapping[str, str]) -> Answer:
        found = [there[key] for key in ids if key in there and key not in gone]
        errors = [_problem(key, kind, gone.get(key, "")) for key in ids if key not in there or key in gone]
        return _json(200, {**({"data": found} if found else {}), **({"errors": errors} if errors else {})})

    # What the contract suite asks

    def texts(self) -> list[str]:
        """What was said to us or by us, as people see it."""
        plain = [re.sub(r"^(@\w+ )+", "", one["text"]) if one["refs"] else one["text"] for one in self.latest()]
        return plain + [one["text"] for one in self.events.values()]

    def received(self) -> list[str]:
        """What was posted through the API."""
        return list(self.sent)


def _problem(key: str, kind: str, why: str) -> dict[str, Any]:
    if why == "protected":
        told = f"Sorry, you are not authorized to see the Tweet with id: [{key}]."
        return {"resource_id": key, "resource_type": kind, "title": "Authorization Error", "detail": told, "value": key,
                "type": "https://api.x.com/2/problems/not-authorized-for-resource"}  # fmt: skip
    told = f"User has been suspended: [{key}]." if why == "suspended" else f"Could not find {kind} with id: [{key}]."
    return {"resource_id": key, "resource_type": kind, "title": "Not Found Error", "detail": told, "value": key,
            "type": "https://api.x.com/2/problems/resource-not-found"}  # fmt: skip


def _json(status: int, body: object) -> Answer:
    return Answer(status=status, headers={"content-type": "application/json"}, content=json.dumps(body).encode())


class XDesk(Desk[XConnector]):
    """One channel on the fake platform."""

    def __init__(self, x: FakeX, **settings: Any) -> None:
        connector = XConnector(XSettings(**{"token": Secret(TOKEN), **settings}))
        super().__init__(connector, Local(x.answer), StoppedHost({"token": TOKEN}, time=NOON))

    @property
    def ids(self) -> set[str]:
        return {item.id for item in self.items}


@pytest.fixture
def x() -> FakeX:
    """An empty platform with our account."""
    return FakeX()


@pytest.fixture
def fake() -> type[FakeX]:
    """The platform's class."""
    return FakeX


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def desk(x: FakeX) -> Iterator[Callable[..., XDesk]]:
    """Makes channels on the platform, and closes them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(XDesk(x, **settings))
