"""A Page on a Graph API in two hundred lines, made from Meta's documentation. Everybody and everything in it is invented."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from socialcrm.connectors import Answer, Incoming

PAGE = "100"
TOKEN = "canary-token-1"
SECRET = "canary-secret-1"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Refused(Exception):
    """An error object, as the Graph API answers it."""

    def __init__(self, code: int, subcode: int = 0, status: int = 400, message: str = "no") -> None:
        super().__init__(message)
        told = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
        self.body = {"error": {**told, **({"error_subcode": subcode} if subcode else {})}}
        self.status = status


class FakePage:
    """Answers as the Graph API's documentation says, and refuses what it refuses."""

    def __init__(self, size: int = 100, *, blanks: bool = False) -> None:
        self.size, self.blanks = size, blanks
        self.now = NOON
        self.posts: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, dict[str, Any]] = {}
        self.chats: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.ratings: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.answered: set[str] = set()
        self.liked: list[str] = []
        self.acts: list[Mapping[str, Any]] = []
        self.number = 500

    # -- what happens there ----------------------------------------------------------------------------------------------

    def post(self, text: str, *, by: str = PAGE, at: datetime | None = None) -> str:
        self.number += 1
        key, at = f"{PAGE}_{self.number}", at or self.now
        person = {"id": by, "name": "Acme" if by == PAGE else f"Person {by}"}
        row = {"id": key, "message": text, "from": person, "created_time": _iso(at), "updated_time": _iso(at)}
        self.posts[key] = row
        return key

    def comment(self, text: str, *, on: str, by: str | None = "7", under: str = "", at: datetime | None = None) -> str:
        self.number += 1
        post, at = self.posts[on], at or self.now
        key = f"{on.partition('_')[2]}_{self.number}"
        row: dict[str, Any] = {"id": key, "message": text, "created_time": _iso(at), "is_hidden": False, "post": on}
        row |= {"from": {"id": by, "name": "Acme" if by == PAGE else f"Person {by}"}} if by else {}
        row |= {"parent": {"id": under}} if under else {}
        self.comments[key] = row
        post["updated_time"] = max(post["updated_time"], _iso(at))
        return key

    def write(self, text: str, *, person: str, by: str | None = None, at: datetime | None = None) -> str:
        self.number += 1
        key, chat, at = f"m_{self.number}", f"t_{person}", at or self.now
        sender, other = (by or person), (PAGE if (by or person) == person else person)
        row = {
            "id": key,
            "chat": chat,
            "message": text,
            "created_time": _iso(at),
            "from": {"id": sender, "name": f"P {sender}"},
        }
        self.messages[key] = {**row, "to": {"data": [{"id": other}]}}
        people = {"data": [{"id": person, "name": f"P {person}"}, {"id": PAGE, "name": "Acme"}]}
        last = max(_iso(at), self.chats.get(chat, {}).get("updated_time", ""))
        self.chats[chat] = {"id": chat, "updated_time": last, "participants": people, "person": person}
        return key

    def texts(self) -> list[str]:
        return [row["message"] for rows in (self.posts, self.comments, self.messages) for row in rows.values()] + [
            row["review_text"] for row in self.ratings
        ]

    def received(self) -> list[str]:
        return list(self.sent)

    # -- HTTP ------------------------------------------------------------------------------------------------------------

    def answer(self, request: Incoming) -> Answer:
        try:
            self._authorize(request)
            body = json.loads(request.body) if request.body else {}
            names = urlsplit(request.url).path.strip("/").split("/")
            if names[0] != "v26.0":
                raise Refused(2635, message="You are calling a deprecated version")
            status, told = 200, self._route(request.method, names[1:], dict(request.query), body)
        except Refused as error:
            status, told = error.status, error.body
        return Answer(status=status, headers={"content-type": "application/json"}, content=json.dumps(told).encode())

    def _authorize(self, request: Incoming) -> None:
        proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(190, 463, 401, "Error validating access token: Session has expired")
        if request.query.get("appsecret_proof") != proof:
            raise Refused(100, message="Invalid appsecret_proof provided in the API argument")

    def _route(self, method: str, names: list[str], query: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
        key, edge = names[0], names[1] if len(names) > 1 else ""
        routes: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "feed"): lambda: self._list(self._newest(self.posts), query),
            ("GET", "ratings"): lambda: self._list(self.ratings, query),
            ("GET", "conversations"): lambda: self._list(self._chats(query), query),
            ("GET", "messages"): lambda: self._list(
                self._newest({k: v for k, v in self.messages.items() if v["chat"] == key}), query
            ),
            ("GET", "comments"): lambda: self._comments(key, query),
            ("POST", "comments"): lambda: self._reply(key, body),
            ("POST", "messages"): lambda: self._send(body),
            ("POST", "likes"): lambda: self.liked.append(key) or {"success": True},
            ("GET", ""): lambda: self._node(key),
            ("DELETE", ""): lambda: self._delete(key),
        }
        if (method, edge) not in routes:
            raise Refused(100, message=f"Tried accessing nonexisting field ({edge})")
        return routes[method, edge]()

    def _node(self, key: str) -> Any:
        if key == PAGE:
            return {"id": PAGE, "name": "Acme", "username": "acme", "link": "https://www.facebook.com/acme"}
        for rows in (self.posts, self.comments, self.messages):
            if key in rows:
                return rows[key]
        if f"t_{key}" in self.chats:
            return {"id": key, "first_name": "Mara", "last_name": "Invented"}
        raise Refused(100, 33, message="Unsupported get request. Object with ID does not exist")

    def _newest(self, rows: Mapping[str, Any], order: str = "created_time") -> list[Any]:
        return sorted(rows.values(), key=lambda row: (row[order], row["id"]), reverse=True)

    def _chats(self, query: Mapping[str, Any]) -> list[Any]:
        found = self._newest(self.chats, "updated_time")
        return [row for row in found if query.get("user_id", row["person"]) == row["person"]]

    def _comments(self, key: str, query: Mapping[str, Any]) -> Any:
        self._node(key)
        rows = {k: v for k, v in self.comments.items() if v["post"] == key}
        found = self._newest(rows)
        return self._list(found if query.get("order") == "reverse_chronological" else found[::-1], query, len(rows))

    def _list(self, rows: list[Any], query: Mapping[str, Any], total: int | None = None) -> Any:
        """A cursor names an element; what came before it is skipped, wherever it stands now."""
        after, size = str(query.get("after", "")), min(self.size, int(query.get("limit", 25)))
        place = int(after.rpartition(":")[2]) if after else 0
        ids = [self._id(row) for row in rows]
        if after and (name := after.rpartition(":")[0]) in ids:
            place = ids.index(name) + 1
        found = rows[place : place + size]
        if self.blanks and after.count("blank") == 0 and rows:
            return {"data": [], "paging": self._paging(f"blank:{place}")}
        told: dict[str, Any] = {"data": found}
        if place + size < len(rows):
            told["paging"] = self._paging(f"{self._id(found[-1])}:{place + size}")
        return told | ({"summary": {"total_count": total}} if total is not None and "summary" in query else {})

    def _paging(self, after: str) -> Any:
        link = f"https://graph.facebook.com/v26.0/x?access_token={TOKEN}&after={after}"
        return {"cursors": {"before": "b", "after": after}, "next": link}

    def _id(self, row: Mapping[str, Any]) -> str:
        return str(row.get("id") or row["open_graph_story"]["id"])

    def _reply(self, key: str, body: Mapping[str, Any]) -> Any:
        self._node(key)
        if len(body["message"]) > 8000:
            raise Refused(100, message="The comment is too long")
        post = key if key in self.posts else self.comments[key]["post"]
        under = "" if key in self.posts else self.comments[key].get("parent", {}).get("id", key)
        self.sent.append(body["message"])
        return {"id": self.comment(body["message"], on=post, by=PAGE, under=under)}

    def _send(self, body: Mapping[str, Any]) -> Any:
        if "sender_action" in body:
            self.acts.append(body)
            return {"recipient_id": body["recipient"]["id"]}
        text, to = body["message"]["text"], body["recipient"]
        if len(text.encode("utf-16-le")) // 2 > 2000:
            raise Refused(100, 2018032, message="Length of param message[text] must be less than or equal to 2000")
        person = self._private(to) if "id" not in to else self._known(to["id"], body)
        self.sent.append(text)
        return {"recipient_id": person, "message_id": self.write(text, person=person, by=PAGE)}

    def _private(self, to: Mapping[str, str]) -> str:
        key = to.get("comment_id") or to["post_id"]
        row = self._node(key)
        if key in self.answered:
            raise Refused(10900, message="Activity already replied to")
        if self.now - datetime.fromisoformat(row["created_time"]) > timedelta(days=7):
            raise Refused(10, 2018065, message="This message is sent outside of allowed window")
        self.answered.add(key)
        return f"9{row['from']['id']}"  # the page-scoped id is another one than that of the comment's author

    def _known(self, person: str, body: Mapping[str, Any]) -> str:
        chat = f"t_{person}"
        theirs = [row for row in self.messages.values() if row["chat"] == chat and row["from"]["id"] == person]
        if not theirs:
            raise Refused(100, 2018001, message="No matching user found")
        tagged = (body.get("messaging_type"), body.get("tag")) == ("MESSAGE_TAG", "HUMAN_AGENT")
        last = max(datetime.fromisoformat(row["created_time"]) for row in theirs)
        if self.now - last > (timedelta(days=7) if tagged else timedelta(hours=24)):
            raise Refused(10, 2018278, message="This message is sent outside of allowed window.")
        return person

    def _delete(self, key: str) -> Any:
        self._node(key)
        del self.comments[key]
        return {"success": True}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000")


def busy(size: int = 100, *, blanks: bool = False) -> FakePage:
    """Return a Page on which something was said."""
    page = FakePage(size, blanks=blanks)

    def at(hours: float) -> datetime:
        return NOON - timedelta(hours=hours)

    post = page.post("Our new router is here", at=at(48))
    first = page.comment("Mine is dead since Monday", on=post, by="7", at=at(20))
    page.comment("Same here!", on=post, by="8", under=first, at=at(19))
    page.comment("And nobody says who I am", on=post, by=None, at=at(18))
    page.comment("We look into it", on=post, by=PAGE, at=at(17))
    page.post("Who repairs routers on Sundays?", by="9", at=at(16))
    for number in range(4):
        page.write(f"Hello, line {number} is slow", person="977", at=at(6 - number))
    page.write("Which line?", person="977", by=PAGE, at=at(2))
    page.write("I am moving house", person="978", at=at(1))
    return page


def signed(body: bytes, at: datetime = NOON, secret: str = SECRET) -> Incoming:
    """Return a notification, signed as Meta does."""
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={made}", "content-type": "application/json"}
    return Incoming(method="POST", url="https://us.example.org/hooks/facebook", headers=headers, body=body, at=at)


class World:
    """What the tests of this plugin share."""

    PAGE, TOKEN, SECRET, NOON = PAGE, TOKEN, SECRET, NOON
    FakePage, busy, signed = FakePage, staticmethod(busy), staticmethod(signed)
    Refused = Refused


@pytest.fixture
def world() -> type[World]:
    """The invented Page and its people."""
    return World
