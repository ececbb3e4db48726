"""Reddit in a few hundred lines, made from its documentation and its published source. Everybody in it is invented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from socialcrm.connectors import Answer, Incoming

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOKEN = "tok-reddit-canary"
AGENT = "linux:com.example.crm:v1.0 (by /u/acme)"
CAP = 1000


class FakeReddit:
    """Answers as reddit.com/dev/api says; a listing whose anchor is gone is empty, as in reddit's own source."""

    def __init__(self, size: int = 3) -> None:
        self.size, self.now, self.clock = size, NOON, 0
        self.token, self.refresh, self.renewals = TOKEN, "refresh-reddit-canary", 0
        self.log: list[Incoming] = []
        self.accounts: dict[str, str] = {}
        self.things: dict[str, dict[str, Any]] = {}
        self.hidden: set[str] = set()
        self.talks: dict[str, dict[str, Any]] = {}
        self.closed: dict[str, str] = {}
        self.sent: list[str] = []
        self.read: list[str] = []
        self.headers: dict[str, str] = {}
        self.errors: list[list[str]] = []
        self.before: Callable[[Incoming], Answer | None] = lambda _request: None
        self._next = 36**4
        self.me = self.account("acme")

    # Builders

    def account(self, name: str) -> str:
        self.accounts[name] = f"t2_{_b36(36**3 + len(self.accounts))}"
        return name

    def _key(self) -> str:
        self._next += 1
        return _b36(self._next)

    def _made(self, kind: str, author: str, age: timedelta, **data: Any) -> str:
        key = self._key()
        self.clock += 1
        at = (self.now - age).timestamp()
        common = {"id": key, "name": f"{kind}_{key}", "author": author, "author_fullname": self.accounts[author]}
        more = {"created_utc": at, "created": at, "score": 77, "ups": 77, "order": self.clock}
        self.things[f"{kind}_{key}"] = {"kind": kind, "data": {**common, **more, **data}}
        return f"{kind}_{key}"

    def post(self, author: str, title: str, text: str, *, home: str = "acme", age: timedelta = HOUR, **more: Any) -> str:
        data = {"title": title, "selftext": text, "subreddit": home, "subreddit_type": "public", "is_self": True}
        name = self._made("t3", author, age, edited=False, **{**data, **more})
        self.things[name]["data"]["permalink"] = f"/r/{home}/comments/{name[3:]}/title/"
        return name

    def comment(self, author: str, parent: str, text: str, *, age: timedelta = HOUR, **more: Any) -> str:
        above = self.things[parent]["data"]
        link, home = above.get("link_id", parent), above["subreddit"]
        data = {"body": text, "parent_id": parent, "link_id": link, "subreddit": home, "subreddit_type": "public"}
        name = self._made("t1", author, age, edited=False, replies="", **{**data, **more})
        self.things[name]["data"]["permalink"] = f"/r/{home}/comments/{link[3:]}/title/{name[3:]}/"
        return name

    def message(self, author: str, to: str, text: str, *, parent: str = "", age: timedelta = HOUR, **more: Any) -> str:
        above = self.things[parent]["data"] if parent else {}
        first = (above.get("first_message_name") or parent) or None
        data = {"dest": to, "subject": "Question", "body": text, "parent_id": parent or None, "first_message_name": first}
        return self._made("t4", author, age, was_comment=False, replies="", context="", **{**data, **more})

    def talk(self, customer: str, text: str, *, age: timedelta = HOUR) -> str:
        key = self._key()
        owner = {"displayName": "acme", "type": "subreddit", "id": "t5_1"}
        self.talks[key] = {"id": key, "subject": "Help", "isInternal": False, "owner": owner, "messages": {}}
        self.say(key, customer, text, age=age)
        return key

    def say(self, talk: str, author: str, text: str, *, age: timedelta = HOUR, internal: bool = False) -> str:
        key = self._key()
        self.clock += 1
        at = (self.now - age).replace(microsecond=self.clock).isoformat()
        mod = author == self.me
        who = {"name": author, "id": int(self.accounts[author][3:], 36), "isMod": mod, "isParticipant": not mod}
        self.talks[talk]["messages"][key] = {
            "id": key, "body": f"<p>{text}</p>", "bodyMarkdown": text, "author": who, "isInternal": internal, "date": at,
            "participatingAs": "moderator" if mod else "participant_user",
        }  # fmt: skip
        self.talks[talk]["lastUpdated"] = max(at, self.talks[talk].get("lastUpdated", ""))
        return key

    def delete(self, name: str) -> None:
        """Its author deletes it: it leaves the listings, and a tombstone stays."""
        data = self.things[name]["data"]
        data |= {"author": "[deleted]", "body" if name.startswith("t1_") else "selftext": "[deleted]"}
        data.pop("author_fullname", None)
        if name.startswith("t3_"):
            data["removed_by_category"] = "deleted"
        self.hidden.add(name)

    def edit(self, name: str, text: str) -> None:
        key = "body" if name.startswith("t1_") else "selftext"
        self.things[name]["data"] |= {key: text, "edited": self.now.timestamp()}

    # What the suite asks

    def texts(self) -> list[str]:
        """What can be read by our account."""
        things = [
            one["data"].get("body", one["data"].get("selftext"))
            for name, one in self.things.items()
            if name not in self.hidden and not one["data"].get("banned_by")
        ]
        mail = [one for talk in self.talks.values() for one in talk["messages"].values()]
        return things + [one["bodyMarkdown"] for one in mail if not one["isInternal"]]

    def received(self) -> list[str]:
        """What our account sent."""
        return self.sent

    def expire(self) -> None:
        """The access token is over."""
        self.token = f"{TOKEN}-over"

    def answer(self, request: Incoming) -> Answer:
        """Answer as Reddit does."""
        self.log.append(request)
        early = self.before(request)
        if early is not None:
            return early
        parts = urlsplit(request.url)
        if request.headers.get("user-agent") != AGENT:
            return _page(403, "whoa there, pardner!")
        if parts.hostname == "www.reddit.com":
            return self._renew(request)
        if "authorization" not in request.headers:
            return _page(403, "blocked by network security")
        if request.headers["authorization"] != f"Bearer {self.token}":
            return self._json({"message": "Unauthorized", "error": 401}, 401)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        form = {key: values[-1] for key, values in parse_qs(request.body.decode()).items()}
        return self._route(request.method, [part for part in parts.path.split("/") if part], query, form)

    def _renew(self, request: Incoming) -> Answer:
        form = parse_qs(request.body.decode())
        if form.get("refresh_token") != [self.refresh] or not request.headers.get("authorization", "").startswith("Basic "):
            return self._json({"message": "Bad Request", "error": 400}, 400)
        self.renewals += 1
        self.token = f"{TOKEN}-{self.renewals}"
        return self._json({"access_token": self.token, "token_type": "bearer", "expires_in": 3600, "scope": "*"})

    def _route(self, method: str, path: list[str], query: dict[str, str], form: dict[str, str]) -> Answer:
        match (method, path):
            case ("GET", ["api", "v1", "me"]):
                return self._json({"id": self.accounts[self.me][3:], "name": self.me})
            case ("GET", ["user", name, "about"]):
                known = name in self.accounts
                data = {"kind": "t2", "data": {"id": self.accounts.get(name, "t2_")[3:], "name": name, "total_karma": 99}}
                return self._json(data) if known else self._json({"message": "Not Found", "error": 404}, 404)
            case ("GET", ["api", "user_data_by_account_ids"]):
                found = {key: {"name": name} for name, key in self.accounts.items() if key == query["ids"]}
                return self._json(found)
        return self._list(method, path, query, form)

    def _list(self, method: str, path: list[str], query: dict[str, str], form: dict[str, str]) -> Answer:
        match (method, path):
            case ("GET", ["user", name, ("submitted" | "comments") as what]):
                kind = "t3" if what == "submitted" else "t1"
                return self._listing(lambda one: one["kind"] == kind and one["data"]["author"] == name, query)
            case ("GET", ["r", home, ("new" | "comments") as what]):
                if home in self.closed:
                    return self._json({"reason": self.closed[home], "message": "Forbidden", "error": 403}, 403)
                kind = "t3" if what == "new" else "t1"
                return self._listing(lambda one: one["kind"] == kind and one["data"].get("subreddit") == home, query)
            case ("GET", ["search"]):
                return self._listing(lambda one: one["kind"] == "t3" and query["q"] in one["data"]["title"], query)
            case ("GET", ["message", "inbox"]):
                return self._listing(self._to_us, query, self._inboxed)
            case ("GET", ["message", "mentions"]):
                return self._listing(lambda one: "u/acme" in one["data"].get("body", ""), query, self._inboxed)
            case ("GET", ["message", "sent"]):
                return self._listing(lambda one: one["kind"] == "t4" and one["data"]["author"] == self.me, query)
            case ("GET", ["api", "info"]):
                names = query["id"].split(",")
                return self._json(_listing([self.things[name] for name in names[:100] if name in self.things]))
        return self._write(method, path, query, form)

    def _write(self, method: str, path: list[str], query: dict[str, str], form: dict[str, str]) -> Answer:
        match (method, path):
            case ("POST", ["api", "comment"]):
                return self._comment(form)
            case ("POST", ["api", "compose"]):
                return self._compose(form)
            case ("POST", ["api", "del"]):
                self.delete(form["id"])
                return self._json({})
            case ("POST", ["api", "read_message"] | ["api", "mod", "conversations", "read"]):
                self.read.append(form.get("id") or form["conversationIds"])
                return self._json({})
            case (_, ["api", "mod", "conversations", *rest]):
                return self._mail(method, rest, query, form)
        return self._json({"message": "Not Found", "error": 404}, 404)

    def _to_us(self, one: dict[str, Any]) -> bool:
        data = one["data"]
        if one["kind"] == "t4":
            return data["dest"] == self.me
        above = self.things.get(data.get("parent_id", ""), {"data": {}})["data"]
        asked = above.get("author") == self.me or "u/acme" in data.get("body", "")
        return one["kind"] == "t1" and data["author"] != self.me and asked

    @staticmethod
    def _inboxed(one: dict[str, Any]) -> dict[str, Any]:
        if one["kind"] == "t4":
            return one
        left = {"link_id", "edited", "permalink", "subreddit_type"}
        kept = {key: value for key, value in one["data"].items() if key not in left}
        context = one["data"]["permalink"] + "?context=3"
        return {
            "kind": "t1",
            "data": {**kept, "was_comment": True, "context": context, "subject": "comment reply", "new": True},
        }

    def _listing(
        self,
        keep: Callable[[dict[str, Any]], bool],
        query: dict[str, str],
        shape: Callable[[dict[str, Any]], dict[str, Any]] = lambda one: one,
    ) -> Answer:
        shown = [one for name, one in self.things.items() if name not in self.hidden and keep(one)]
        shown.sort(key=lambda one: (-one["data"]["created_utc"], -one["data"]["order"]))
        names = [one["data"]["name"] for one in shown][:CAP]
        if "before" in query:
            raise AssertionError("'before' breaks when its element is gone; it is not to be used")
        start = 0
        if "after" in query:
            if query["after"] not in names:
                return self._json(_listing([]))
            start = names.index(query["after"]) + 1
        page = shown[start : min(start + min(self.size, int(query.get("limit", "25"))), CAP)]
        more = start + len(page) < len(names)
        return self._json(_listing([shape(one) for one in page], page[-1]["data"]["name"] if page and more else None))

    def _refused(self, text: str) -> Answer | None:
        if self.errors:
            return self._json({"json": {"errors": [self.errors.pop(0)]}})
        if len(text) > 10_000:
            return self._json({"json": {"errors": [["TOO_LONG", "this is too long (max: 10000)", "text"]]}})
        return None

    def _comment(self, form: dict[str, str]) -> Answer:
        text, above = form["text"], form["thing_id"]
        refused = self._refused(text)
        if refused is not None:
            return refused
        if above in self.hidden or above not in self.things:
            return self._json({"json": {"errors": [["DELETED_COMMENT", "that comment has been deleted", "parent"]]}})
        if above.startswith("t4_"):
            to = self.things[above]["data"]["author"]
            made = self.message(self.me, to, text, parent=above, age=timedelta())
        else:
            made = self.comment(self.me, above, text, age=timedelta())
        self.sent.append(text)
        return self._json({"json": {"errors": [], "data": {"things": [self.things[made]]}}})

    def _compose(self, form: dict[str, str]) -> Answer:
        refused = self._refused(form["text"])
        if refused is not None:
            return refused
        if form["to"] not in self.accounts or not form["subject"]:
            return self._json({"json": {"errors": [["USER_DOESNT_EXIST", "that user doesn't exist", "to"]]}})
        self.message(self.me, form["to"], form["text"], age=timedelta(), subject=form["subject"])
        self.sent.append(form["text"])
        return self._json({"json": {"errors": []}})

    def _mail(self, method: str, rest: list[str], query: dict[str, str], form: dict[str, str]) -> Answer:
        if not rest:
            order = sorted(self.talks, key=lambda key: self.talks[key]["lastUpdated"], reverse=True)
            order = order if query["state"] == "all" else []
            order = order[order.index(query["after"]) + 1 :] if "after" in query else order
            shown = order[: self.size]
            return self._json(
                {"conversations": {key: self._talk(key) for key in shown}, "conversationIds": shown, "messages": {}}
            )
        key = rest[0]
        if key not in self.talks:
            return self._json({"reason": "CONVERSATION_NOT_FOUND", "message": "Not Found"}, 404)
        if method == "POST":
            refused = self._refused(form["body"])
            if refused is not None:
                return refused
            self.say(key, self.me, form["body"], age=timedelta(), internal=form["isInternal"] != "False")
            self.sent.append(form["body"])
        whole = {"conversation": self._talk(key), "messages": self.talks[key]["messages"], "user": {}, "modActions": {}}
        return self._json(whole, 201 if method == "POST" else 200)

    def _talk(self, key: str) -> dict[str, Any]:
        return {name: value for name, value in self.talks[key].items() if name != "messages"}

    def _json(self, body: Any, status: int = 200) -> Answer:
        headers = {"content-type": "application/json; charset=UTF-8", **self.headers}
        return Answer(status=status, headers=headers, content=json.dumps(body).encode())


def _listing(children: Iterable[dict[str, Any]], after: str | None = None) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": list(children), "after": after, "before": None, "modhash": None}}


def _page(status: int, words: str) -> Answer:
    return Answer(status=status, headers={"content-type": "text/html"}, content=f"<html>{words}</html>".encode())


def _b36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits
