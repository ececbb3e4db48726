"""A blog in memory that answers as the REST API does, and a driver of fifteen lines. All people are invented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import Factory, define
from tests.servers.wordpress import wordpress

from socialcrm.connectors import Answer, Batch, Call, Flow, Now, Raw
from socialcrm.errors import SocialCRMError
from socialcrm.types import Census, Interaction, Item, Secret
from socialcrm_wordpress import WordPressConnector, WordPressSettings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAPABILITIES = {
    "admin": {"moderate_comments": True, "edit_posts": True, "list_users": True},
    "editor": {"moderate_comments": True, "edit_posts": True},
    "author": {"edit_posts": True},
    "subscriber": {"read": True},
}
USERS = {1: "admin@example.com", 4: "subscriber@example.com"}


class Killed(Exception):
    """The process died here."""


@define
class Blog:
    """A blog with comments, as ``role`` sees it through the REST API."""

    role: str = "admin"
    comments: dict[int, dict[str, Any]] = Factory(dict)
    now: datetime = NOON
    calls: list[Call] = Factory(list)
    before: Callable[[Call], None] = Factory(lambda: lambda call: None)
    spoil: Callable[[Call, Answer], Answer] = Factory(lambda: lambda call, answer: answer)
    replies: dict[str, Answer] = Factory(dict)

    def add(self, text: str = "Hello", *, number: int = 0, **fields: Any) -> int:
        number = number or max(self.comments, default=0) + 1
        at = fields.pop("at", self.now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
        row = {"id": number, "post": 1, "parent": 0, "author": 0, "author_name": "Mara", "author_email": "mara@example.com"}
        row |= {"author_url": "", "date": at, "date_gmt": at, "status": "approved", "type": "comment", "meta": []}
        row |= {"link": f"https://blog.example.com/hello/#comment-{number}", "_links": {"up": [{"post_type": "post"}]}}
        row["content"] = {"raw": text, "rendered": f"<p>{text}</p>\n"}
        self.comments[number] = row | fields
        return number

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        self.before(call)
        route = call.path.removeprefix("/wp-json")
        if f"{call.method} {route}" in self.replies:
            return self.replies[f"{call.method} {route}"]
        return self.spoil(call, self._route(call, route))

    def _route(self, call: Call, route: str) -> Answer:
        if route == "/wp/v2/users/me":
            capabilities = CAPABILITIES[self.role]
            return reply({"id": 1, "name": "Ana", "slug": "ana", "link": "", "capabilities": capabilities})
        if route == "/wp/v2/users":
            wanted = map(int, str(call.params["include"]).split(","))
            return reply([{"id": user, "email": USERS[user]} for user in wanted if user in USERS])
        if route == "/wp/v2/comments" and call.method == "GET":
            return self._list(call)
        if route == "/wp/v2/comments":
            return self._create(dict(call.json))  # type: ignore[call-overload]  # our own JSON body
        number = int(route.rpartition("/")[2])
        if number not in self.comments:
            return problem(404, "rest_comment_invalid_id")
        if call.method == "DELETE":
            self.comments[number]["status"] = "trash"
        return reply(self.comments[number])

    def _list(self, call: Call) -> Answer:
        query = {name: str(value) for name, value in call.params.items()}
        rows = [self.comments[number] for number in sorted(self.comments)]
        if query.get("status") != "any":
            rows = [row for row in rows if row["status"] == "approved"]
        if "after" in query:
            rows = [row for row in rows if row["date"] + "Z" > query["after"]]
        for name in ("parent", "post", "author"):
            rows = [row for row in rows if query.get(name, str(row[name])) == str(row[name])]
        page = rows[int(query["offset"]) :][: int(query["per_page"])]
        seen = [row for row in page if not row.get("hidden")]  # WordPress hides what we may not read after it has paged
        if query["context"] == "view":
            seen = [{**row, "content": {"rendered": row["content"]["rendered"]}} for row in seen]
        return reply(seen, headers={"x-wp-total": str(len(rows))})

    def _create(self, body: dict[str, Any]) -> Answer:
        text = str(body["content"])
        for row in self.comments.values():
            if (row["parent"], row["author"], row["content"]["raw"]) == (body["parent"], body["author"], text):
                return problem(409, "comment_duplicate")
        number = self.add(text, post=body["post"], parent=body["parent"], author=body["author"], at=self.now)
        return reply(self.comments[number], status=201)


@define
class Store:
    """What a host would keep: raws and cursor, committed batch by batch."""

    raws: list[Raw] = Factory(list)
    cursor: dict[str, str] = Factory(dict)

    def commit(self, batch: Batch) -> None:
        self.raws.extend(batch.raws)
        for name, value in batch.cursor.items():
            if value is None:
                self.cursor.pop(name, None)
            else:
                self.cursor[name] = value

    def state(self, connector: WordPressConnector) -> dict[str, Interaction]:
        """Fold all raws as the host does: the last delivery of an id counts, a census removes what it lacks."""
        held: dict[str, Interaction] = {}
        for raw in self.raws:
            for item in connector.parse(raw):
                if isinstance(item, Interaction):
                    held[item.id] = item
                elif isinstance(item, Census):
                    held = {key: one for key, one in held.items() if key in item.ids or one.at < item.since}
        return held


def reply(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers or {}, content=content)


def problem(status: int, code: str) -> Answer:
    return reply({"code": code, "message": "No.", "data": {"status": status}}, status=status)


def drive(flow: Flow[Any], connector: WordPressConnector, blog: Blog, store: Store, *, kill_at: int = -1) -> Any:
    """Run a flow against the blog; dies before the step numbered ``kill_at``."""
    value: Any = None
    error: SocialCRMError | None = None
    for number in range(10_000):
        try:
            step = flow.send(value) if error is None else flow.throw(error)
        except StopIteration as stop:
            return stop.value
        if number == kill_at:
            raise Killed
        value = error = None
        if isinstance(step, Call):
            value = blog.answer(step)
            error = connector.judge(step, value).error
        elif isinstance(step, Batch):
            store.commit(step)
        elif isinstance(step, Now):
            value = blog.now
    raise AssertionError("the flow does not end")


class Bench:
    """A connector, a blog and a store that belong together."""

    def __init__(self, role: str = "admin", **settings: Any) -> None:
        credentials = {"username": "ana", "password": Secret("only for tests")} if role else {}
        values = {"server": "https://blog.example.com", "rescan_minutes": 0, **credentials, **settings}
        self.connector = WordPressConnector(WordPressSettings(**values))
        self.blog, self.store = Blog(role=role), Store()

    def sync(self, *, kill_at: int = -1) -> int:
        """Sync once; returns how many comments came."""
        before = len(self.store.raws)
        self.run(self.connector.fetch("comments", dict(self.store.cursor)), kill_at=kill_at)
        return sum(raw.kind == "comment" for raw in self.store.raws[before:])

    def run(self, flow: Flow[Any], *, kill_at: int = -1) -> Any:
        return drive(flow, self.connector, self.blog, self.store, kill_at=kill_at)

    @property
    def state(self) -> dict[str, Interaction]:
        return self.store.state(self.connector)

    def parse(self, row: Any, kind: str = "comment", **context: str) -> list[Item]:
        return list(self.connector.parse(Raw(kind=kind, body=row, context=context)))

    def one(self, **fields: Any) -> Interaction:
        """Parse one comment with these fields."""
        context = {"account_email": fields.pop("account_email")} if "account_email" in fields else {}
        (item,) = self.parse(self.blog.comments[self.blog.add(fields.pop("text", "Hello"), **fields)], **context)
        assert isinstance(item, Interaction)
        return item


@pytest.fixture
def bench() -> Bench:
    """An administrator's view of an empty blog."""
    return Bench()


@pytest.fixture(scope="session")
def benches() -> type[Bench]:
    """Make further ones: ``benches("editor", rescan_days=0)``; role ``""`` is a visitor."""
    return Bench


@pytest.fixture
def respond() -> Callable[..., Answer]:
    """Make an answer of a JSON value or bytes."""
    return reply


@pytest.fixture
def killed() -> type[Exception]:
    """What a killed flow raises in these tests."""
    return Killed


@pytest.fixture(scope="session")
def site() -> Iterator[Any]:
    """A real WordPress on loopback."""
    with wordpress() as running:
        yield running
