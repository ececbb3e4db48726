"""A forum in memory that answers as Misago's own source says. All people are invented."""

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
USERS = {1: "Acme", 2: "Mara", 3: "Tomasz"}
PASSWORD, SESSION, CSRF = "canary-0001-abcd", "canary-0002-session", "canary0003csrf"
MEMBERS_ONLY = 9


@define
class Forum:
    """A forum with threads and private threads; category 9 is for members.

    Args:
        now: Its clock.
        size: Posts on a page, of which one is repeated on the next.
        listed: Threads on a page of a list.
        fast: Posting is refused by the flood protection.
        strange: It is, in a language that we don't know.
        moderator: Our user sees what waits for approval.
        alive: The sessions that it knows.
    """

    now: datetime = NOON
    size: int = 18
    listed: int = 26
    fast: bool = False
    strange: bool = False
    moderator: bool = True
    posts: dict[int, dict[str, Any]] = Factory(dict)
    threads: dict[int, dict[str, Any]] = Factory(dict)
    files: dict[int, str] = Factory(dict)
    sent: list[str] = Factory(list)
    alive: set[str] = Factory(set)
    log: list[Incoming] = Factory(list)

    def thread(self, title: str = "My router is broken", *, category: int = 5, to: tuple[int, ...] = ()) -> int:
        tid = len(self.threads) + 11
        row = {"id": tid, "category": 1 if to else category, "title": title, "is_closed": False, "weight": 0}
        self.threads[tid] = {**row, "private": bool(to), "to": to, "started_on": stamp(self.now)}
        return tid

    def post(self, tid: int, uid: int, text: str, *, pid: int = 0, ago: float = 1, **fields: Any) -> int:
        pid = pid or max(self.posts, default=0) + 1
        at = stamp(fields.pop("at", None) or self.now - timedelta(hours=ago))
        row = {"id": pid, "thread": tid, "uid": uid, "text": text, "posted_on": at, "updated_on": at, "edits": 0}
        self.posts[pid] = {**row, "is_hidden": False, "is_unapproved": False, "is_event": False, **fields}
        return pid

    def edit(self, pid: int, text: str) -> None:
        self.posts[pid] |= {"text": text, "updated_on": stamp(self.now), "edits": self.posts[pid]["edits"] + 1}

    def texts(self) -> list[str]:
        """What our account can read and stands there."""
        return [row["text"] for row in self.posts.values() if not row["is_event"] and not row["is_hidden"]]

    def received(self) -> list[str]:
        """What was posted through the API."""
        return self.sent

    def expire(self) -> None:
        """End every session."""
        self.alive.clear()

    def answer(self, request: Incoming) -> Answer:
        """Answer a request; an unknown session counts as a guest's, and its cookie is taken back."""
        self.log.append(request)
        cookies = dict(one.split("=", 1) for one in request.headers.get("cookie", "").split("; ") if "=" in one)
        user = 1 if cookies.get("sessionid") in self.alive else 0
        answer = self._route(user, cookies, request)
        if "sessionid" in cookies and not user and "set-cookie" not in answer.headers:
            taken = 'sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax'
            return Answer(status=answer.status, headers={**answer.headers, "set-cookie": taken}, content=answer.content)
        return answer

    def _route(self, user: int, cookies: dict[str, str], request: Incoming) -> Answer:
        parts = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()} or {
            name: value if isinstance(value, str) else value[0] for name, value in request.query.items()
        }
        if request.method not in ("GET", "HEAD") and request.headers.get("x-csrftoken") != cookies.get("csrftoken", "none"):
            return reply({"detail": "CSRF Failed: CSRF token missing."}, 403)
        if request.method not in ("GET", "HEAD") and not request.headers.get("referer", "").startswith("https://forum.example"):
            return reply({"detail": "CSRF Failed: Referer checking failed - no Referer."}, 403)
        for pattern, method, handler in ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if found and method == request.method:
                if method != "GET" and handler != "login" and not user:
                    return reply({"detail": "This action is not available to guests."}, 403)
                return getattr(self, handler)(user, query, request, *found.groups())  # type: ignore[no-any-return]
        return reply({"detail": "Not found."}, 404)

    def front(self, _user: int, _query: Any, _request: Incoming) -> Answer:
        headers = {
            "content-type": "text/html",
            "set-cookie": f"csrftoken={CSRF}; expires=Sun, 28 Feb 2027 12:00:00 GMT; Path=/",
        }
        return Answer(status=200, headers=headers, content=b'<script>window.misago_csrf = "csrftoken"</script>')

    def login(self, _user: int, _query: Any, request: Incoming) -> Answer:
        if json.loads(request.body) != {"username": "Acme", "password": PASSWORD}:
            return reply({"detail": "Login or password is incorrect.", "code": "invalid_login"}, 400)
        self.alive.add(SESSION)
        given = f"csrftoken={CSRF}2; expires=Sun, 28 Feb 2027 12:00:00 GMT; Path=/, sessionid={SESSION}; HttpOnly; Path=/"
        return reply({"id": 1}, cookies=given)

    def me(self, user: int, _query: Any, _request: Incoming) -> Answer:
        acl = {"browseable_categories": [5, 9, 1] if user else [5], "can_use_private_threads": user}
        acl |= {"can_start_private_threads": user, "can_see_unapproved_content_lists": bool(user and self.moderator)}
        acl |= {"can_approve_content": [5] if user and self.moderator else [], "categories": []}
        who = {"id": user or None, "is_authenticated": bool(user), "is_anonymous": not user, "acl": acl}
        return reply(who | ({"username": USERS[user], "url": "/u/acme/1/"} if user else {}))

    def listing(self, user: int, query: Any, _request: Incoming, tree: str) -> Answer:
        private, start = tree == "private-threads", int(query.get("start", "0"))
        if private and not user:
            return reply({"detail": "You have to sign in to use private threads."}, 403)
        category = query.get("category")
        if category and int(category) == MEMBERS_ONLY and not user:
            return reply({"detail": "Not found."}, 404)
        found = [self._thread(user, one["id"]) for one in self.threads.values() if one["private"] == private]
        rows = [row for row in found if row is not None and (not category or str(row["category"]) == category)]
        rows = [row for row in rows if user or row["category"] != MEMBERS_ONLY]
        if query.get("list") == "unapproved":
            rows = [row for row in rows if row["has_unapproved_posts"]]
        if query.get("list") == "my":
            rows = [row for row in rows if row["starter"]["id"] == user]
        rows.sort(key=lambda row: row["last_post"], reverse=True)
        pinned = [row for row in rows if row["weight"] == 2]
        rows = [row for row in rows if row["weight"] != 2 and (not start or row["last_post"] <= start)]
        if start and not rows:
            return reply({"detail": "Not found."}, 404)
        following = rows[self.listed]["last_post"] if len(rows) > self.listed else None
        return reply({"results": ([] if start else pinned) + rows[: self.listed], "next": following})

    def retrieve(self, user: int, _query: Any, _request: Incoming, tree: str, tid: str) -> Answer:
        row = self._thread(user, int(tid), tree)
        return reply(row) if row else reply({"detail": "Not found."}, 404)

    def page(self, user: int, query: Any, _request: Incoming, tree: str, tid: str) -> Answer:
        row, page, step = self._thread(user, int(tid), tree), int(query.get("page", "1")), self.size - 1
        found = self._rows(user, int(tid))
        pages = max(1, -(-(len(found) - 1) // step))
        if row is None or page > pages:
            return reply({"detail": "Not found."}, 404)
        shown = found[(page - 1) * step : page * step + 1]
        events = [one for one in self.posts.values() if one["thread"] == int(tid) and one["is_event"] and page == pages]
        posts = [self.shown(one) for one in sorted(shown + events, key=lambda one: int(one["id"]))]
        return reply({**row, "post_set": {"results": posts, "page": page, "pages": pages, "count": len(found)}})

    def editor(self, user: int, query: Any, _request: Incoming, tree: str, tid: str) -> Answer:
        row, post = self._thread(user, int(tid), tree), self.posts.get(int(query.get("reply", "0")))
        if row is None:
            return reply({"detail": "Not found."}, 404)
        if row["is_closed"] or not user:
            return reply({"detail": "You can't reply to closed threads in this category."}, 403)
        if "reply" not in query:
            return reply({})
        if post is None or post["thread"] != int(tid):
            return reply({"detail": "Not found."}, 404)
        return reply({"id": post["id"], "post": post["text"], "poster": USERS.get(post["uid"], "Deleted")})

    def create(self, user: int, _query: Any, request: Incoming, tree: str, tid: str) -> Answer:
        row, body = self._thread(user, int(tid), tree), json.loads(request.body)
        if row is None:
            return reply({"detail": "Not found."}, 404)
        if row["is_closed"]:
            return reply({"detail": "You can't reply to closed threads in this category."}, 403)
        return self._refused(body) or reply(self.shown(self.posts[self._write(user, int(tid), body)]))

    def begin(self, user: int, _query: Any, request: Incoming) -> Answer:
        body = json.loads(request.body)
        to = tuple(uid for uid, name in USERS.items() if name in body["to"])
        if len(to) != len(body["to"]):
            return reply({"to": ["One or more users could not be found: nobody"]}, 400)
        if not 5 <= len(body["title"]) <= 90:
            return reply({"title": ["Thread title cannot be longer than 90 characters."]}, 400)
        if refused := self._refused(body):
            return refused
        tid = self.thread(body["title"], to=(user, *to))
        self._write(user, tid, body)
        return reply({"id": tid, "title": body["title"], "url": f"/p/x/{tid}/"})

    def delete(self, _user: int, _query: Any, _request: Incoming, _tree: str, tid: str, pid: str) -> Answer:
        row = self.posts.get(int(pid))
        if row is None or row["thread"] != int(tid):
            return reply({"detail": "Not found."}, 404)
        if row["uid"] != 1 or min(one["id"] for one in self.posts.values() if one["thread"] == int(tid)) == int(pid):
            return reply({"detail": "You can't delete other users posts in this category."}, 403)
        del self.posts[int(pid)]
        return reply({})

    def user(self, _user: int, _query: Any, _request: Incoming, uid: str) -> Answer:
        known = self._user(int(uid))
        return reply(known) if known else reply({"detail": "Not found."}, 404)

    def feed(self, _user: int, _query: Any, _request: Incoming, uid: str) -> Answer:
        rows = [self.shown(one) for one in self.posts.values() if one["uid"] == int(uid)]
        return reply({"results": rows[::-1], "next": None})

    def find(self, _user: int, query: Any, _request: Incoming) -> Answer:
        rows = [self.shown(one) for one in self.posts.values() if query["q"].lower() in one["text"].lower()]
        rows = [row for row in rows if row["api"]["index"].startswith("/api/threads/")]
        return reply([{"id": "threads", "results": {"results": rows, "page": 1, "pages": 1}}, {"id": "users", "results": None}])

    def attach(self, _user: int, _query: Any, request: Incoming) -> Answer:
        number = len(self.files) + 1
        self.files[number] = request.headers.get("content-type", "")
        return reply({"id": number, "filename": "file"})

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """A post as the API shows it."""
        tree = "private-threads" if self.threads[row["thread"]]["private"] else "threads"
        content = (
            None if row["is_event"] or row["is_hidden"] else "<p>" + html.escape(row["text"]).replace("\n", "<br />\n") + "</p>"
        )
        link = f"/api/{tree}/{row['thread']}/posts/{row['id']}/"
        known = {name: value for name, value in row.items() if name not in ("thread", "uid", "text")}
        return {
            "content": content,
            **known,
            "poster": self._user(row["uid"]),
            "poster_name": USERS.get(row["uid"], "Deleted"),
            "api": {"index": link},
            "url": {"index": f"/t/x/{row['thread']}/post/{row['id']}/"},
        }

    def _user(self, uid: int) -> dict[str, Any] | None:
        name = USERS.get(uid)
        return {"id": uid, "username": name, "real_name": None, "url": f"/u/{name.lower()}/{uid}/"} if name else None

    def _rows(self, user: int, tid: int) -> list[dict[str, Any]]:
        rows = [row for row in self.posts.values() if row["thread"] == tid and not row["is_event"]]
        sees = user and self.moderator
        return sorted(
            (row for row in rows if sees or not row["is_unapproved"] or row["uid"] == user), key=lambda row: row["id"]
        )

    def _thread(self, user: int, tid: int, tree: str = "") -> dict[str, Any] | None:
        thread, rows = self.threads.get(tid), [row for row in self.posts.values() if row["thread"] == tid]
        if thread is None or not rows or (tree and thread["private"] != (tree == "private-threads")):
            return None
        approved = [row for row in rows if not row["is_unapproved"]]
        last, first = max(approved or rows, key=lambda row: row["id"]), min(rows, key=lambda row: row["id"])
        row = {name: value for name, value in thread.items() if name not in ("private", "to")}
        row |= {"replies": max(0, sum(not one["is_event"] for one in approved) - 1), "last_post": last["id"]}
        row |= {"last_post_on": last["posted_on"], "is_hidden": first["is_hidden"], "is_unapproved": first["is_unapproved"]}
        row |= {"has_unapproved_posts": bool(user and self.moderator and len(approved) < len(rows))}
        row |= {"starter": self._user(first["uid"]), "pages": 1, "participants": [self._user(uid) for uid in thread["to"]]}
        return row

    def _refused(self, body: dict[str, Any]) -> Answer | None:
        said = "Nie tak szybko!" if self.strange else "You can't post message so quickly after previous one."
        if self.fast:
            return reply({"detail": said}, 403)
        if len(body["post"]) > 60_000:
            told = f"Posted message cannot be longer than 60000 characters (it has {len(body['post'])})."
            return reply({"post": [told]}, 400)
        return None

    def _write(self, user: int, tid: int, body: dict[str, Any]) -> int:
        self.sent.append(body["post"])
        files = [{"filename": "file", "url": {"index": f"/a/x/{one}/"}} for one in body.get("attachments", ())]
        return self.post(tid, user, body["post"], at=self.now, attachments=files or None)


def reply(body: Any, status: int = 200, *, cookies: str = "") -> Answer:
    headers = {"content-type": "application/json", **({"set-cookie": cookies} if cookies else {})}
    return Answer(status=status, headers=headers, content=json.dumps(body).encode())


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


_TREE, _THREAD = r"/api/((?:private-)?threads)/", r"/api/((?:private-)?threads)/(\d+)/"
ROUTES = (
    ("/", "GET", "front"),
    ("/api/auth/", "GET", "me"),
    ("/api/auth/", "POST", "login"),
    (_TREE, "GET", "listing"),
    ("/api/private-threads/", "POST", "begin"),
    (_THREAD, "GET", "retrieve"),
    (_THREAD + "posts/", "GET", "page"),
    (_THREAD + "posts/", "POST", "create"),
    (_THREAD + "posts/reply_editor/", "GET", "editor"),
    (_THREAD + r"posts/(\d+)/", "DELETE", "delete"),
    (r"/api/users/(\d+)/", "GET", "user"),
    (r"/api/users/(\d+)/posts/", "GET", "feed"),
    ("/api/search/threads/", "GET", "find"),
    ("/api/attachments/", "POST", "attach"),
)


def filled(**fields: Any) -> Forum:
    """A forum where people wrote, in public and to us."""
    forum = Forum(**fields)
    first, second = forum.thread(), forum.thread("Where is my parcel?")
    forum.post(first, 2, "My router does not work any more")
    forum.post(first, 3, "Mine neither, since yesterday")
    forum.post(second, 3, "My parcel has not arrived")
    forum.post(first, 2, "I restarted it, and nothing changed")
    forum.post(first, 3, "Neither did it help here", is_unapproved=True)
    members = forum.thread("For members", category=MEMBERS_ONLY)
    forum.post(members, 2, "Only members can read this")
    letter = forum.thread("About my contract", to=(2, 1))
    forum.post(letter, 2, "My contract number is 17", ago=3)
    return forum


@pytest.fixture
def forums() -> Callable[..., Forum]:
    return filled


@pytest.fixture
def password() -> str:
    return PASSWORD
