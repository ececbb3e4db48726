"""An Instagram account on a Graph API, made from Meta's documentation. Everybody and everything in it is invented."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from socialcrm.connectors import Answer, Incoming

ACCOUNT, FBPAGE = "17841400000000001", "100"
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


class FakeAccount:
    """Answers as the Instagram Platform's documentation says, and refuses what it refuses."""

    def __init__(self, size: int = 50, *, nested: int = 2) -> None:
        self.size, self.nested = size, nested
        self.now = NOON
        self.media: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.elsewhere: dict[str, dict[str, Any]] = {}
        self.tags: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.answered: set[str] = set()
        self.acts: list[Mapping[str, Any]] = []
        self.number = 500

    # -- what happens there ----------------------------------------------------------------------------------------------

    def publish(self, caption: str, at: datetime | None = None) -> str:
        self.number += 1
        key = f"1790{self.number}"
        self.media[key] = {"id": key, "caption": caption, "timestamp": _iso(at or self.now), "username": "acme"}
        return key

    def comment(self, text: str, *, on: str, by: str = "7", under: str = "", at: datetime | None = None) -> str:
        self.number += 1
        key = f"1800{self.number}"
        row: dict[str, Any] = {"id": key, "text": text, "timestamp": _iso(at or self.now), "hidden": False, "media": on}
        name = "acme" if by == ACCOUNT else f"person.{by}"
        row |= {"username": name, "from": {"id": by, "username": name}} if by else {}
        row |= {"user": {"id": ACCOUNT}} if by == ACCOUNT else {}
        row |= {"parent_id": under} if under else {}
        self.comments[key] = row
        return key

    def write(self, text: str, *, person: str, by: str | None = None, at: datetime | None = None) -> str:
        self.number += 1
        key, sender = f"aWdfZAG1f{self.number}", by or person
        row = {"id": key, "message": text, "created_time": _iso(at or self.now), "person": person}
        other = ACCOUNT if sender == person else person
        people = {"from": {"id": sender, "username": f"u{sender}"}, "to": {"data": [{"id": other}]}}
        self.messages[key] = {**row, **people}
        return key

    def texts(self) -> list[str]:
        said = [row["text"] for row in self.comments.values()] + [row["message"] for row in self.messages.values()]
        return said + [row["caption"] for row in (*self.media.values(), *self.tags)]

    def received(self) -> list[str]:
        return list(self.sent)

    # -- HTTP ------------------------------------------------------------------------------------------------------------

    def answer(self, request: Incoming) -> Answer:
        try:
            proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refused(190, 463, 401, "Error validating access token: Session has expired")
            if request.query.get("appsecret_proof") != proof:
                raise Refused(100, message="Invalid appsecret_proof provided in the API argument")
            body = json.loads(request.body) if request.body else {}
            names = urlsplit(request.url).path.strip("/").split("/")[1:]
            status, told = 200, self._route(request.method, names[0], "".join(names[1:]), dict(request.query), body)
        except Refused as error:
            status, told = error.status, error.body
        return Answer(status=status, headers={"content-type": "application/json"}, content=json.dumps(told).encode())

    def _route(self, method: str, key: str, edge: str, query: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
        if (method, edge) == ("GET", "media"):
            rows = [{**row, "comments_count": len(self._under(row["id"]))} for row in self.media.values()]
            return self._list(_newest(rows, "timestamp"), query)
        if (method, edge) == ("GET", "comments"):
            self._node(key, query)
            rows = [self._with_replies(row) for row in self._under(key) if "parent_id" not in row]
            return self._list(_newest(rows, "timestamp"), query)
        if (method, edge) == ("GET", "replies"):
            return self._list(self._replies(key), query)
        if (method, edge) == ("GET", "tags"):
            return self._list(_newest(self.tags, "timestamp"), query)
        if (method, edge) == ("GET", "conversations"):
            return self._list(self._chats(query), query)
        if (method, edge) == ("GET", "messages"):
            rows = [row for row in self.messages.values() if f"t{row['person']}" == key]
            return self._list(_newest(rows, "created_time"), query)
        if (method, edge) == ("GET", ""):
            return self._node(key, query)
        if (method, edge) == ("DELETE", ""):
            self._node(key, query)
            del self.comments[key]
            return {"success": True}
        if (method, edge) == ("POST", "messages") and key == FBPAGE:
            return self._send(body)
        if method == "POST" and edge in ("comments", "replies", "mentions"):
            return self._reply(key, edge, body)
        raise Refused(100, message=f"Tried accessing nonexisting field ({edge})")

    def _node(self, key: str, query: Mapping[str, Any]) -> Any:
        asked = re.match(r"mentioned_(comment|media)\.(?:comment|media)_id\((\d+)\)", str(query.get("fields", "")))
        if key == ACCOUNT and asked:
            if asked[2] not in self.elsewhere:
                raise Refused(100, 33, message="Unsupported get request")
            return {f"mentioned_{asked[1]}": self.elsewhere[asked[2]], "id": ACCOUNT}
        if key == ACCOUNT:
            return {"id": ACCOUNT, "username": "acme", "name": "Acme"}
        for rows in (self.media, self.comments, self.messages):
            if key in rows:
                return rows[key]
        raise Refused(100, 33, message="Unsupported get request. Object with ID does not exist")

    def _under(self, media: str) -> list[Any]:
        return [row for row in self.comments.values() if row["media"] == media]

    def _replies(self, key: str) -> list[Any]:
        return [row for row in self.comments.values() if row.get("parent_id") == key]

    def _with_replies(self, row: Mapping[str, Any]) -> Any:
        inner = self._replies(row["id"])
        if not inner:
            return row
        more = {"cursors": {"after": "x"}, "next": f"https://graph.facebook.com/x?access_token={TOKEN}"}
        return {**row, "replies": {"data": inner[: self.nested], **({"paging": more} if len(inner) > self.nested else {})}}

    def _chats(self, query: Mapping[str, Any]) -> list[Any]:
        last: dict[str, str] = {}
        for row in self.messages.values():
            last[row["person"]] = max(last.get(row["person"], ""), row["created_time"])
        people = {person: {"data": [{"id": ACCOUNT}, {"id": person, "username": f"u{person}"}]} for person in last}
        rows = [{"id": f"t{one}", "updated_time": at, "participants": people[one]} for one, at in last.items()]
        return [row for row in _newest(rows, "updated_time") if query.get("user_id", row["id"][1:]) == row["id"][1:]]

    def _list(self, rows: list[Any], query: Mapping[str, Any]) -> Any:
        after, size = str(query.get("after", "")), min(self.size, int(query.get("limit", 25)))
        place = int(after.rpartition(":")[2]) if after else 0
        ids = [row["id"] for row in rows]
        if after and after.rpartition(":")[0] in ids:
            place = ids.index(after.rpartition(":")[0]) + 1
        told: dict[str, Any] = {"data": rows[place : place + size]}
        if place + size < len(rows):
            mark = f"{rows[place + size - 1]['id']}:{place + size}"
            link = f"https://graph.facebook.com/v26.0/x?access_token={TOKEN}&after={mark}"
            told["paging"] = {"cursors": {"after": mark}, "next": link}
        return told

    def _reply(self, key: str, edge: str, body: Mapping[str, Any]) -> Any:
        if edge == "mentions":
            if body["media_id"] not in self.elsewhere and body.get("comment_id") not in self.elsewhere:
                raise Refused(100, message="The media does not mention the user")
            self.sent.append(body["message"])
            return {"id": "18009999"}
        row = self._node(key, {})
        if len(body["message"]) > 2200:
            raise Refused(100, message="The comment is too long")
        self.sent.append(body["message"])
        under = row.get("parent_id", key) if edge == "replies" else ""
        return {"id": self.comment(body["message"], on=row.get("media", key), by=ACCOUNT, under=under)}

    def _send(self, body: Mapping[str, Any]) -> Any:
        to = body["recipient"]
        if "sender_action" in body:
            self.acts.append(body)
            return {"recipient_id": to["id"]}
        text = body["message"]["text"]
        if len(text.encode()) > 1000:
            raise Refused(100, 2534038, message="Message text is too long")
        person = self._private(to["comment_id"]) if "comment_id" in to else self._known(to["id"], body)
        self.sent.append(text)
        return {"recipient_id": person, "message_id": self.write(text, person=person, by=ACCOUNT)}

    def _private(self, key: str) -> str:
        row = self._node(key, {})
        if key in self.answered:
            raise Refused(10900, message="Activity already replied to")
        if self.now - datetime.fromisoformat(row["timestamp"]) > timedelta(days=7):
            raise Refused(10, 2534022, message="This message is sent outside of allowed window")
        self.answered.add(key)
        return str(row["from"]["id"])

    def _known(self, person: str, body: Mapping[str, Any]) -> str:
        theirs = [row["created_time"] for row in self.messages.values() if row["from"]["id"] == person]
        if not theirs:
            raise Refused(100, 2018001, message="No matching user found")
        window = timedelta(days=7) if body.get("tag") == "HUMAN_AGENT" else timedelta(hours=24)
        if self.now - datetime.fromisoformat(max(theirs)) > window:
            raise Refused(10, 2534022, message="This message is sent outside of allowed window.")
        return person


def _newest(rows: list[Any], time: str) -> list[Any]:
    return sorted(rows, key=lambda row: (row[time], row["id"]), reverse=True)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000")


def busy(size: int = 50, *, nested: int = 2) -> FakeAccount:
    """Return an account on whose media something was said."""
    account = FakeAccount(size, nested=nested)

    def at(hours: float) -> datetime:
        return NOON - timedelta(hours=hours)

    media = account.publish("Our new router is here", at=at(48))
    first = account.comment("Mine is dead since Monday", on=media, at=at(20))
    for number in range(3):
        account.comment(f"Same here, number {number}", on=media, by=f"8{number}", under=first, at=at(19 - number))
    account.comment("And nobody says who I am", on=media, by="", at=at(15))
    account.comment("We look into it", on=media, by=ACCOUNT, under=first, at=at(14))
    account.publish("Open on Sunday", at=at(13))
    for number in range(4):
        account.write(f"Hello, line {number} is slow", person="977", at=at(6 - number))
    account.write("Which line?", person="977", by=ACCOUNT, at=at(2))
    account.write("I am moving house", person="978", at=at(1))
    return account


def signed(body: bytes, at: datetime = NOON, secret: str = SECRET) -> Incoming:
    """Return a notification, signed as Meta does."""
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={made}", "content-type": "application/json"}
    return Incoming(method="POST", url="https://us.example.org/hooks/instagram", headers=headers, body=body, at=at)


class World:
    """What the tests of this plugin share."""

    ACCOUNT, FBPAGE, TOKEN, SECRET, NOON = ACCOUNT, FBPAGE, TOKEN, SECRET, NOON
    FakeAccount, busy, signed = FakeAccount, staticmethod(busy), staticmethod(signed)


@pytest.fixture
def world() -> type[World]:
    """The invented account and its people."""
    return World
