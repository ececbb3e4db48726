"""A Bluesky server in a few hundred lines, made from the lexicons. Everybody and everything in it is invented."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Incoming
from socialcrm.testing import Desk, Killed, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Secret
from socialcrm_bluesky import BlueskyConnector, BlueskySettings

sys.path.insert(0, str(Path(__file__).parent))

from bluesky_car import Car, write_export

SERVER = "https://pds.example.com"
PASSWORD = "canary-app-password"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
POST = "app.bsky.feed.post"
CHAT = "did:web:api.bsky.chat#bsky_chat"


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cid_of(value: Any) -> str:
    return "bafyrei" + hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:52].translate(
        str.maketrans("0189", "abcd")
    )


class Refused(Exception):
    def __init__(self, status: int, error: str, message: str = "") -> None:
        super().__init__(error)
        self.status, self.body = status, {"error": error, "message": message or error}


class FakeBluesky:
    """A network of one server. Posts are filed by the earlier of their own time and the server's."""

    def __init__(self, size: int = 100) -> None:
        self.size = size
        self.now = NOON
        self.log: list[Incoming] = []
        self.people: dict[str, dict[str, Any]] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.notes: list[tuple[str, str]] = []
        self.hidden: set[str] = set()
        self.suspended: set[str] = set()
        self.blockers: set[str] = set()
        self.closed: set[str] = set()
        self.writes: list[str] = []
        self.sent: list[str] = []
        self.sessions = 0
        self.expired = self.used = False  # a token lives at least until it was used once
        self.seen_at = ""
        self.blobs: list[bytes] = []
        self.convos: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.before: Callable[[Incoming], Answer | None] = lambda _request: None
        self.me = self.person("acme.example.com", "Acme Telephone")

    def person(self, handle: str, name: str = "") -> str:
        did = f"did:plc:{hashlib.sha256(handle.encode()).hexdigest()[:24].translate(str.maketrans('0189', 'abcd'))}"
        self.people[did] = {"did": did, "handle": handle, "displayName": name, "labels": []}
        return did

    def write(self, did: str, collection: str, record: dict[str, Any], key: str = "", at: datetime | None = None) -> str:
        uri = f"at://{did}/{collection}/{key or f'3k{len(self.records):011d}'.translate(str.maketrans('0189', 'abcd'))}"
        body = {"$type": collection, **record}
        self.records[uri] = {"uri": uri, "cid": cid_of(body), "record": body, "did": did, "indexedAt": iso(at or self.now)}
        return uri

    def post(
        self, did: str, text: str, *, to: str = "", age: timedelta = timedelta(), tell: str = "mention", **more: Any
    ) -> str:
        """Somebody writes; ``tell`` is why we are notified, empty if we are not."""
        record = {"text": text, "createdAt": iso(self.now - age), **more}
        if to:
            above = self.records[to]
            root = above["record"].get("reply", {}).get("root") or self.ref(to)
            record["reply"] = {"root": root, "parent": self.ref(to)}
        uri = self.write(did, POST, record, at=self.now - age)
        if tell and did != self.me:
            self.notes.append((uri, tell))
        return uri

    def ref(self, uri: str) -> dict[str, str]:
        return {"uri": uri, "cid": self.records[uri]["cid"]}

    def delete(self, uri: str) -> None:
        del self.records[uri]
        self.notes = [note for note in self.notes if note[0] != uri]

    def said(self, convo: str, did: str, text: str, **more: Any) -> dict[str, Any]:
        """Somebody says something in a chat."""
        body = self.convos.setdefault(convo, {"members": [self.me, did], "messages": []})
        number = len(self.events) + 1
        message = {
            "$type": "chat.bsky.convo.defs#messageView", "id": f"m{number}", "rev": f"r{number:04}", "text": text,
            "sender": {"did": did}, "sentAt": iso(self.now), **more,
        }  # fmt: skip
        body["messages"].append(message)
        self.event("logCreateMessage", convo, message=message, relatedProfiles=[self.people[did]])
        return message

    def event(self, kind: str, convo: str, **more: Any) -> None:
        rev = f"r{len(self.events) + 1:04}"
        self.events.append({"$type": f"chat.bsky.convo.defs#{kind}", "rev": rev, "convoId": convo, **more})

    def view(self, uri: str) -> dict[str, Any]:
        row = self.records[uri]
        viewer: dict[str, Any] = {"replyDisabled": True} if uri in self.closed else {}
        return {
            "uri": uri, "cid": row["cid"], "author": self.people[row["did"]], "record": row["record"],
            "indexedAt": row["indexedAt"], "viewer": viewer, "labels": [], "likeCount": 77,
        }  # fmt: skip

    def time(self, uri: str) -> str:
        return min(self.records[uri]["record"]["createdAt"], self.records[uri]["indexedAt"])

    def visible(self, uri: str) -> bool:
        row = self.records.get(uri)
        return row is not None and uri not in self.hidden and row["did"] not in self.suspended | self.blockers

    def answer(self, request: Incoming) -> Answer:
        self.log.append(request)
        early = self.before(request)
        if early is not None:
            return early
        try:
            body = self._answer(request)
        except Refused as refused:
            return reply(refused.body, refused.status)
        return reply(body)

    def _answer(self, request: Incoming) -> Any:
        path = request.url.partition("?")[0]
        method = path.removeprefix(f"{SERVER}/xrpc/")
        query: Mapping[str, Any] = request.query
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if method == "com.atproto.server.createSession":
            asked = json.loads(request.body)
            if asked != {"identifier": "acme.example.com", "password": PASSWORD}:
                raise Refused(401, "AuthenticationRequired", "Invalid identifier or password")
            return self._session()
        if method == "com.atproto.server.refreshSession":
            if bearer != f"refresh-{self.sessions}":
                raise Refused(400, "ExpiredToken", "Token has been revoked")
            return self._session()
        if bearer and (bearer != f"access-{self.sessions}" or (self.expired and self.used)):
            raise Refused(400, "ExpiredToken", "Token has expired")
        self.used = bool(bearer)
        private = not method.startswith(("app.bsky.feed.", "app.bsky.actor.", "com.atproto.identity."))
        if private and not bearer:
            raise Refused(401, "AuthMissing", "Authentication Required")
        if method.startswith("chat.bsky.convo."):
            if request.headers.get("atproto-proxy") != CHAT:
                raise Refused(501, "MethodNotImplemented")
            return self._chat(method.rpartition(".")[2], query, request.body)
        name = re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", method.rpartition(".")[2])
        return getattr(self, f"_{name}")(query, request.body)

    def _session(self) -> Any:
        self.sessions += 1
        self.expired = self.used = False
        tokens = {"accessJwt": f"access-{self.sessions}", "refreshJwt": f"refresh-{self.sessions}"}
        return {**tokens, "did": self.me, "handle": "acme.example.com"}

    def _get_session(self, _query: Any, _body: bytes) -> Any:
        return {"did": self.me, "handle": "acme.example.com"}

    def _list_notifications(self, query: Any, _body: bytes) -> Any:
        shown = sorted(
            (note for note in self.notes if self.visible(note[0])), key=lambda note: self.time(note[0]), reverse=True
        )
        page, cursor = self._page(shown, query, lambda note: self.time(note[0]))
        rows = []
        for uri, reason in page:
            row = {name: value for name, value in self.view(uri).items() if name not in ("viewer", "likeCount")}
            subject = row["record"].get("subject", {}).get("uri")
            more = {"reasonSubject": subject} if subject else {}
            rows.append({**row, "indexedAt": self.time(uri), "reason": reason, "isRead": False, **more})
        seen = {"seenAt": self.seen_at} if self.seen_at else {}
        return {"notifications": rows, "priority": False, **cursor, **seen}

    def _get_author_feed(self, query: Any, _body: bytes) -> Any:
        did = next((did for did, who in self.people.items() if query["actor"] in (did, who["handle"])), None)
        if did is None:
            raise Refused(400, "InvalidRequest", "Profile not found")
        shown = [uri for uri, row in self.records.items() if row["did"] == did and f"/{POST}/" in uri and self.visible(uri)]
        page, cursor = self._page(sorted(shown, key=self.time, reverse=True), query, self.time)
        return {"feed": [{"post": self.view(uri)} for uri in page], **cursor}

    def _search_posts(self, query: Any, _body: bytes) -> Any:
        word = query["q"]
        shown = [uri for uri, row in self.records.items() if word in row["record"].get("text", "") and self.visible(uri)]
        start = int(query.get("cursor", 0))
        end = start + min(self.size, int(query["limit"]))
        found = sorted(shown, key=self.time, reverse=True)
        more = {"cursor": str(end)} if end < len(found) else {}
        return {"posts": [self.view(uri) for uri in found[start:end]], **more}

    def _page(self, rows: list[Any], query: Any, time: Callable[[Any], str]) -> tuple[list[Any], dict[str, str]]:
        below = query.get("cursor", "9")
        size = min(self.size, int(query["limit"]))
        rest = [row for row in rows if time(row) < below]
        return rest[:size], {"cursor": time(rest[size - 1])} if len(rest) > size else {}

    def _get_posts(self, query: Any, _body: bytes) -> Any:
        uris = [query["uris"]] if isinstance(query["uris"], str) else list(query["uris"])
        if len(uris) > 25:
            raise Refused(400, "InvalidRequest", "uris must not have more than 25 elements")
        return {"posts": [self.view(uri) for uri in uris if self.visible(uri)]}

    def _get_profile(self, query: Any, _body: bytes) -> Any:
        who = next((who for did, who in self.people.items() if query["actor"] in (did, who["handle"])), None)
        if who is None:
            raise Refused(400, "InvalidRequest", "Profile not found")
        if who["did"] in self.suspended:
            raise Refused(400, "AccountTakedown", "Account has been suspended")
        return {**who, "followersCount": 999_999, "viewer": {"blockedBy": who["did"] in self.blockers}}

    def _resolve_handle(self, query: Any, _body: bytes) -> Any:
        did = next((did for did, who in self.people.items() if who["handle"] == query["handle"]), None)
        if did is None:
            raise Refused(400, "InvalidRequest", "Unable to resolve handle")
        return {"did": did}

    def _put_record(self, _query: Any, body: bytes) -> Any:
        asked = json.loads(body)
        text = asked["record"].get("text", "")
        if len(text.encode()) > 3000:
            raise Refused(400, "InvalidRequest", "Invalid app.bsky.feed.post record: text must not be longer than 3000 bytes")
        for name in ("root", "parent") if "reply" in asked["record"] else ():
            ref = asked["record"]["reply"][name]
            assert self.ref(ref["uri"]) == ref
        uri = f"at://{asked['repo']}/{asked['collection']}/{asked['rkey']}"
        if uri not in self.records:
            self.write(asked["repo"], asked["collection"], asked["record"], asked["rkey"])
            self.writes.append(uri)
        assert self.records[uri]["record"] == asked["record"] or asked["collection"] != POST
        return {**self.ref(uri), "validationStatus": "valid"}

    def _get_record(self, query: Any, _body: bytes) -> Any:
        uri = f"at://{query['repo']}/{query['collection']}/{query['rkey']}"
        if uri not in self.records:
            raise Refused(400, "RecordNotFound", f"Could not locate record: {uri}")
        return {**self.ref(uri), "value": self.records[uri]["record"]}

    def _delete_record(self, _query: Any, body: bytes) -> Any:
        asked = json.loads(body)
        self.records.pop(f"at://{asked['repo']}/{asked['collection']}/{asked['rkey']}", None)
        return {}

    def _upload_blob(self, _query: Any, body: bytes) -> Any:
        self.blobs.append(body)
        return {"blob": {"$type": "blob", "ref": {"$link": cid_of("blob")}, "mimeType": "image/png", "size": len(body)}}

    def _update_seen(self, _query: Any, body: bytes) -> Any:
        self.seen_at = json.loads(body)["seenAt"]
        return {}

    def _chat(self, name: str, query: Any, body: bytes) -> Any:
        asked = json.loads(body) if body else {}
        if name == "getLog":
            after = query.get("cursor", "")
            found = [event for event in self.events if event["rev"] > after][: self.size] if after else []
            return {"logs": found, "cursor": (found or self.events or [{"rev": "r0000"}])[-1]["rev"]}
        if name == "listConvos":
            people = {key: [self.people[did] for did in convo["members"]] for key, convo in self.convos.items()}
            rows = [{"id": key, "rev": "r1", "members": people[key], "muted": False, "unreadCount": 0} for key in self.convos]
            return {"convos": rows}
        if name == "getConvoForMembers":
            (did,) = [query["members"]] if isinstance(query["members"], str) else query["members"]
            key = next((key for key, convo in self.convos.items() if did in convo["members"]), f"c-{did[-4:]}")
            self.convos.setdefault(key, {"members": [self.me, did], "messages": []})
            members = [self.people[one] for one in self.convos[key]["members"]]
            return {"convo": {"id": key, "rev": "r1", "members": members, "muted": False, "unreadCount": 0}}
        key = query.get("convoId") or asked.get("convoId")
        if key not in self.convos:
            raise Refused(400, "InvalidConvo", "Convo not found")
        messages = self.convos[key]["messages"]
        if name == "getMessages":
            newest = messages[::-1]
            start = int(query.get("cursor", 0))
            more = {"cursor": str(start + self.size)} if start + self.size < len(newest) else {}
            return {"messages": newest[start : start + self.size], **more}
        if name == "sendMessage":
            self.sent.append(asked["message"]["text"])
            more = {name: value for name, value in asked["message"].items() if name in ("facets",)}
            return self.said(key, self.me, asked["message"]["text"], **more)
        self.event(name, key, asked=asked)
        return {}


def reply(body: Any, status: int = 200) -> Answer:
    return Answer(status=status, headers={"content-type": "application/json"}, content=json.dumps(body).encode())


class BlueskyHost(StoppedHost):
    """A host by the server's clock."""

    def __init__(self, server: FakeBluesky, grant: Mapping[str, str]) -> None:
        super().__init__(grant)
        self.server = server

    def now(self) -> datetime:
        return self.server.now


class BlueskyDesk(Desk[BlueskyConnector]):
    """One channel on the fake server."""

    def __init__(self, server: FakeBluesky, **settings: Any) -> None:
        values = {"server": SERVER, "identifier": "acme.example.com", "app_password": Secret(PASSWORD), **settings}
        secret = values["app_password"]
        host = BlueskyHost(server, {"app_password": secret.reveal()} if secret else {})
        super().__init__(BlueskyConnector(BlueskySettings(**values)), Local(server.answer), host)


@pytest.fixture
def export() -> Callable[..., Path]:
    """Writes a repository export."""
    return write_export


@pytest.fixture
def car() -> Car:
    """A CAR file in the making."""
    return Car()


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def server() -> FakeBluesky:
    """An empty network with our account."""
    return FakeBluesky()


@pytest.fixture
def desk(server: FakeBluesky) -> Iterator[Callable[..., BlueskyDesk]]:
    """Makes channels on the server, and closes them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(BlueskyDesk(server, **settings))
