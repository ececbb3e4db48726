"""A Mastodon server in a few hundred lines, made from its documentation. Everybody and everything in it is invented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from socialcrm.testing import Desk, Killed, StoppedHost
from socialcrm.types import Secret
from socialcrm_mastodon import MastodonConnector, MastodonSettings

SERVER = "https://example.social"
TOKEN = "tok-3n-canary"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


class FakeMastodon:
    """Answers as "docs.joinmastodon.org" says. Ids of statuses and notifications grow with time."""

    def __init__(self) -> None:
        self.limit = 3
        self.links = True
        self.many = True
        self.source = True
        self.search_on = True
        self.log: list[httpx.Request] = []
        self.accounts: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, dict[str, Any]] = {}
        self.notifications: list[dict[str, Any]] = []
        self.relationships: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.before: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None
        self.after: Callable[[httpx.Request, httpx.Response], httpx.Response] = lambda _request, response: response
        self.media_waits = 0
        self.me = self.account("acme", name="Acme Telephone")
        self._next = 1000

    # Builders

    def account(
        self, username: str, *, host: str = "", name: str = "", fields: tuple[dict[str, Any], ...] = ()
    ) -> dict[str, Any]:
        home = host or "example.social"
        key = str(11 + len(self.accounts))
        entity = {
            "id": key, "username": username, "acct": f"{username}@{host}" if host else username, "display_name": name,
            "url": f"https://{home}/@{username}", "uri": f"https://{home}/users/{username}", "avatar": "",
            "followers_count": 999_999, "fields": list(fields),
        }  # fmt: skip
        self.accounts[key] = entity
        return entity

    def status(self, author: dict[str, Any], text: str, *, age: timedelta = timedelta(), **more: Any) -> dict[str, Any]:
        self._next += 1
        key = str(self._next)
        uri = f"{author['uri']}/statuses/{key}"
        entity = {
            "id": key, "created_at": _iso(NOON - age), "account": author, "content": f"<p>{text}</p>", "visibility": "public",
            "uri": uri, "url": f"{author['url']}/{key}", "in_reply_to_id": None, "spoiler_text": "", "language": "en",
            "media_attachments": [], "mentions": [], "tags": [], "reblog": None, "poll": None, "edited_at": None,
            "favourites_count": 77, "text": text, **more,
        }  # fmt: skip
        self.statuses[key] = entity
        return entity

    def notify(self, kind: str, account: dict[str, Any], status: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        key = str(500 + len(self.notifications))
        at = status["created_at"] if status else _iso(NOON)
        entity: dict[str, Any] = {"id": key, "type": kind, "created_at": at, "account": account, **more}
        if status is not None:
            entity["status"] = status
        self.notifications.append(entity)
        return entity

    def mention(self, author: dict[str, Any], text: str, *, age: timedelta = timedelta(), **more: Any) -> dict[str, Any]:
        status = self.status(author, text, age=age, **{"mentions": [{"id": self.me["id"], "acct": "acme"}], **more})
        self.notify("mention", author, status)
        return status

    # The API

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.log.append(request)
        early = self.before(request)
        return early if early is not None else self.after(request, self._answer(request))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        query = parse_qs(request.url.query.decode())
        path = request.url.path.split("/")[2:]
        known = request.headers.get("authorization") == f"Bearer {TOKEN}"
        match (request.method, path):
            case ("GET", ["v1", "timelines", "tag", tag]):
                tagged = [s for s in self.statuses.values() if {"name": tag} in s["tags"]]
                return self._page(request, tagged, query)
            case ("GET", ["v1", "statuses"]):
                found = [self.statuses[key] for key in query.get("id[]", []) if key in self.statuses]
                return httpx.Response(200, json=found) if self.many else _error(404, "Not Found")
            case ("GET", ["v1", "statuses", key]):
                return self._one(self.statuses, key)
            case ("GET", ["v1", "accounts", key]) if key.isdigit():
                return self._one(self.accounts, key)
            case ("GET", ["v2", "instance"]):
                return httpx.Response(200, json={"configuration": {"urls": {"streaming": "wss://example.social"}}})
        return self._private(request, path, query) if known else _error(401, "The access token is invalid")

    def _private(self, request: httpx.Request, path: list[str], query: dict[str, list[str]]) -> httpx.Response:
        match (request.method, path):
            case ("GET", ["v1", "accounts", "verify_credentials"]):
                return httpx.Response(200, json=self.me)
            case ("GET", ["v1", "accounts", "relationships"]):
                return httpx.Response(200, json=[self.relationships.get(key, {"id": key}) for key in query["id[]"]])
            case ("GET", ["v1", "accounts", "lookup"]):
                found = [a for a in self.accounts.values() if a["acct"] == query["acct"][0]]
                return httpx.Response(200, json=found[0]) if found else _error(404, "Record not found")
            case ("GET", ["v1", "accounts", key, "statuses"]):
                own = [s for s in self.statuses.values() if s["account"]["id"] == key and not s["reblog"]]
                return self._page(request, own, query)
            case ("GET", ["v1", "notifications"]):
                return self._page(request, self.notifications, query)
            case ("GET", ["v2", "search"]):
                return self._search(query)
            case ("GET", ["v1", "statuses", key, "source"]):
                text = self.statuses[key]["text"]
                return httpx.Response(200, json={"id": key, "text": text}) if self.source else _error(404, "Not Found")
            case ("POST", ["v1", "statuses"]):
                return self._post(request)
            case ("DELETE", ["v1", "statuses", key]):
                found = self.statuses.pop(key, None)
                return httpx.Response(200, json=found) if found else _error(404, "Record not found")
            case ("POST", ["v1", "statuses", key, "favourite"]):
                return self._one(self.statuses, key)
            case (_, [_, "media", *_]):
                return self._media(request)
        return _error(404, "Not Found")

    def _media(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202 if self.media_waits else 200, json={"id": "7001", "type": "image", "url": None})
        self.media_waits -= 1
        return httpx.Response(206 if self.media_waits >= 0 else 200, json={"id": "7001"})

    def _one(self, found: dict[str, dict[str, Any]], key: str) -> httpx.Response:
        return httpx.Response(200, json=found[key]) if key in found else _error(404, "Record not found")

    def _window(self, elements: list[dict[str, Any]], query: dict[str, list[str]], lower: str) -> list[dict[str, Any]]:
        above = int(query.get(lower, ["0"])[0])
        below = int(query.get("max_id", ["99999999"])[0])
        chosen = [element for element in elements if above < int(element["id"]) < below]
        return sorted(chosen, key=lambda element: -int(element["id"]))[: self.limit]

    def _page(self, request: httpx.Request, elements: list[dict[str, Any]], query: dict[str, list[str]]) -> httpx.Response:
        page = self._window(elements, query, "since_id")
        headers = {}
        if page and self.links:
            at = f"{SERVER}{request.url.path}?limit=40&access_token={TOKEN}"
            headers["link"] = f'<{at}&max_id={page[-1]["id"]}>; rel="next", <{at}&min_id={page[0]["id"]}>; rel="prev"'
        return httpx.Response(200, json=page, headers=headers)

    def _search(self, query: dict[str, list[str]]) -> httpx.Response:
        word = query["q"][0]
        if query["type"] == ["accounts"]:
            return httpx.Response(200, json={"accounts": [a for a in self.accounts.values() if word in (a["uri"], a["url"])]})
        found = [s for s in self.statuses.values() if word in s["content"]]
        return httpx.Response(200, json={"accounts": [], "statuses": self._window(found, query, "min_id"), "hashtags": []})

    def _post(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        key = request.headers["idempotency-key"]
        if key not in self.keys:
            if len(body["status"]) > 500:
                return _error(422, "Validation failed: Text character limit of 500 exceeded")
            made = self.status(
                self.me, body["status"], visibility=body["visibility"], in_reply_to_id=body.get("in_reply_to_id"),
                spoiler_text=body.get("spoiler_text", ""), media=body.get("media_ids"),
            )  # fmt: skip
            self.keys[key] = made["id"]
        return httpx.Response(200, json=self.statuses[self.keys[key]])


def _error(status: int, words: str) -> httpx.Response:
    return httpx.Response(status, json={"error": words})


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class MastodonDesk(Desk[MastodonConnector]):
    """One channel on the fake server."""

    def __init__(self, mastodon: FakeMastodon, **settings: Any) -> None:
        connector = MastodonConnector(MastodonSettings(**{"server": SERVER, "token": Secret(TOKEN), **settings}))
        super().__init__(connector, httpx.MockTransport(mastodon), StoppedHost({"token": TOKEN}, time=NOON))

    @property
    def ids(self) -> set[str]:
        return {item.id for item in self.items}


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def mastodon() -> FakeMastodon:
    """An empty server with our account."""
    return FakeMastodon()


@pytest.fixture
def desk(mastodon: FakeMastodon) -> Iterator[Callable[..., MastodonDesk]]:
    """Makes channels on the server, and closes them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(MastodonDesk(mastodon, **settings))
