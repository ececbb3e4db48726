"""The invented platform's HTTP API."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from socialcrm.connectors import Answer, Incoming, Unit, measure
from socialcrm.testing._fake_posts import FakePost

if TYPE_CHECKING:
    from socialcrm.testing._fake_platform import FakePlatform

__all__ = ["Api"]


class Api:
    """Answers requests. Lists are in the order of the posts' numbers (``seq``), oldest first.

    Args:
        fake: The platform.
    """

    def __init__(self, fake: FakePlatform) -> None:
        self._fake = fake

    def answer(self, request: Incoming) -> Answer:
        """Answer a request."""
        fake = self._fake
        if fake.budget is not None:
            if fake.budget <= 0:
                return _json({"error": "slow down"}, status=429, retry_after="30")
            fake.budget -= 1
        path = request.url.partition("?")[0].split("/")[4:]
        if (request.method, path) == ("POST", ["token"]):
            return self._renew(request)
        if request.headers.get("authorization") != f"Bearer {fake.granted}":
            return _json({"error": "who are you?"}, status=401)
        match (request.method, path):
            case ("GET", ["me"]):
                return _json(fake.me.json())
            case ("GET", ["posts"]):
                return self._list(request)
            case ("GET", ["threads"]):
                return _json(fake.threads)
            case ("GET", ["threads", thread, "posts"]):
                mine = request.query.get("by") == "me"
                found = [post for post in fake.visible() if post.thread == thread and (post.author is fake.me or not mine)]
                return _json([post.json() for post in found])
            case ("POST", ["threads", thread, "posts"]):
                return self._post(thread, json.loads(request.body))
            case ("DELETE", ["threads", thread, "posts", key]):
                return self._delete(thread, key)
            case ("GET", ["users", key]) if key in fake.accounts:
                return _json(fake.accounts[key].json())
        return _json({"error": "not here"}, status=404)

    def _renew(self, request: Incoming) -> Answer:
        if json.loads(request.body or b"{}").get("refresh") != self._fake.refresh:
            return _json({"error": "no"}, status=401)
        return _json({"token": self._fake.granted})

    def _post(self, thread: str, body: dict[str, Any]) -> Answer:
        fake, text = self._fake, body["text"]
        if measure(text, Unit.UTF16) > fake.limit or not text:
            return _json({"error": f"a text has 1 to {fake.limit} characters"}, status=422)
        known = next((post for post in fake.posts if fake.idempotent and post.key == body["key"] and post.mine), None)
        parent = fake.find(thread, body["parent"]) if body.get("parent") else None
        if body.get("parent") and parent is None:
            return _json({"error": "what it answers is gone"}, status=404)
        made = known or fake.post(text, by=fake.me, thread=thread, age=timedelta())
        made.parent, made.visibility = body.get("parent"), body.get("visibility", "public")
        made.key, made.mine = body.get("key", ""), True
        return _json(made.json(), status=201)

    def _delete(self, thread: str, key: str) -> Answer:
        post = self._fake.find(thread, key)
        if post is None:
            return _json({"error": "it is gone"}, status=404)
        self._fake.delete(post)
        return _json({})

    # -- pages -----------------------------------------------------------------------------------------------------------

    def _list(self, request: Incoming) -> Answer:
        query, paging = request.query, self._fake.paging
        size = min(int(str(query.get("limit") or self._fake.size)), self._fake.size)
        rows = self._fake.visible()
        if "from" in query:
            earliest = datetime.fromisoformat(str(query["from"]))
            rows = [post for post in rows if post.created >= earliest]
        if paging == "page":
            number = int(str(query.get("page") or 1))
            page = self._mood(rows[(number - 1) * size :][:size])
            return _json({"items": page, "total": len(rows), "pages": -(-len(rows) // size)})
        mark = str((_decode(str(query.get("cursor") or "")) if paging == "cursor" else query.get("after")) or "0")
        after = int(mark.rstrip("e"))
        rest = [post for post in rows if post.seq > after]
        if "empty" in self._fake.moods and paging in ("link", "cursor") and rest and not mark.endswith("e"):
            return self._page([], f"{after}e", True, request)
        shown = rest[:size]
        end = shown[-1].seq if shown else after
        if "overlap" in self._fake.moods:
            shown = [post for post in rows if post.seq == after] + shown
        return self._page(self._mood(shown), str(end), len(rest) > size, request)

    def _page(self, rows: list[Any], mark: str, more: bool, request: Incoming) -> Answer:
        paging = self._fake.paging
        if paging == "since":
            return _json(rows)
        if paging == "cursor":
            return _json({"items": rows, "next": _encode(mark), "more": more})
        if not more:
            return _json(rows)
        earliest = f"&from={quote(str(request.query['from']))}" if "from" in request.query else ""
        link = f"{self._fake.origin}/api/posts?after={mark}{earliest}&access_token={self._fake.granted}"
        return _json(rows, link=f'<{link}>; rel="next"')

    def _mood(self, posts: list[FakePost]) -> list[Any]:
        rows = [post.json() for post in posts]
        if "repeat" in self._fake.moods:
            rows = [*rows, *rows]
        return rows[::-1] if "reverse" in self._fake.moods else rows


def _json(value: Any, *, status: int = 200, **headers: str) -> Answer:
    told = {name.replace("_", "-"): content for name, content in headers.items()}
    return Answer(status=status, headers={"content-type": "application/json", **told}, content=json.dumps(value).encode())


def _encode(mark: str) -> str:
    return base64.urlsafe_b64encode(f"v1:{mark}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().removeprefix("v1:") if cursor else "0"
