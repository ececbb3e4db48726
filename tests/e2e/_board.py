"""A notice board that exists only for these tests: a server on loopback, and the connector that speaks to it.

It is as unhelpful as platforms are: a post sent twice stands there twice. All people are invented.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from socialcrm.connectors import (
    Batch,
    Call,
    Capabilities,
    Connector,
    ConnectorInfo,
    Cursor,
    Flow,
    Outgoing,
    PluginManager,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Unit,
    hookimpl,
)
from socialcrm.types import Account, Delivery, Identity, Interaction, Item, Visibility, from_micros

__all__ = ["Board", "board", "plugins"]

_PAGE = 50


@frozen(kw_only=True)
class BoardSettings:
    server: str


class BoardConnector(Connector[BoardSettings]):
    """Reads posts by their number, and answers them."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="board",
        settings=BoardSettings,
        streams={"posts": Stream()},
        capabilities=Capabilities(
            send=True, visibility=frozenset({Visibility.PUBLIC}), text=TextLimit(300, Unit.CODE_POINTS), threads=True
        ),
    )

    @property
    def origin(self) -> str:
        return self.settings.server

    def identify(self) -> Flow[Account]:
        yield from ()
        return Account(id="us", name="We")

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        after = int(cursor.get("after", "0"))
        while rows := (yield from Call("GET", "/posts", params={"after": str(after)})).json():
            after = rows[-1]["id"]
            yield from Batch([Raw("post", row) for row in rows], {"after": str(after)})

    def parse(self, raw: Raw) -> Iterable[Item]:
        row = raw.body
        if lost := row.get("lost"):
            yield Delivery(id=lost, at=from_micros(row["at"]), status="failed", reason="the paper fell down")
            return
        yield Interaction(
            id=str(row["id"]),
            at=from_micros(row["at"]),
            author=Identity(id=row["author"], name=row["author"].title()),
            conversation=row["thread"],
            parent=row["parent"] or None,
            text=row["text"],
        )

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        ids, parent = [], message.reply_to
        for place, text in enumerate(message.parts):
            found = cursor.get(f"part:{place}")
            if found is None:
                body = {"text": text, "parent": parent, "thread": message.conversation, "key": f"{message.id}:{place}"}
                found = str((yield from Call("POST", "/posts", json=body)).json()["id"])
                yield from Batch([], {f"part:{place}": found})
            ids.append(found)
            parent = found
        return Receipt(ids=tuple(ids))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        ids = [cursor[f"part:{place}"] for place in range(len(message.parts)) if f"part:{place}" in cursor]
        if len(ids) < len(message.parts):
            rows = (yield from Call("GET", "/sent", params={"key": f"{message.id}:{len(ids)}"})).json()
            if not rows:
                return None
            yield from Batch([], {f"part:{len(ids)}": str(rows[0]["id"])})
            ids.append(str(rows[0]["id"]))
        return Receipt(ids=tuple(ids)) if len(ids) == len(message.parts) else None


class Board:
    """The server's side.

    Attributes:
        posts: Everything that stands on it.
        lost: The numbers of posts that never reached their readers.
        before: Called with each request's method and path before it is answered; may hold it up.
    """

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.lost: set[int] = set()
        self.url = ""
        self.before: Callable[[str, str], object] = lambda _method, _path: None
        self._lock = threading.Lock()

    def write(self, author: str, text: str, *, thread: str = "", parent: str = "", key: str = "") -> int:
        """Put a post up; returns its number."""
        with self._lock:
            number = len(self.posts) + 1
            post = {"id": number, "at": 1_790_000_000_000_000 + number * 60_000_000, "author": author, "text": text}
            self.posts.append({**post, "thread": thread or f"thread-{number}", "parent": parent, "key": key})
        return number

    def lose(self, number: int) -> None:
        """Say that a post never reached its readers."""
        self.lost.add(number)
        self.posts[self.write("board", "") - 1]["lost"] = str(number)

    def ours(self) -> list[tuple[str, str]]:
        """Return what we posted: to which post, and the text, sorted."""
        return sorted((post["parent"], post["text"]) for post in self.posts if post["author"] == "us")

    def _answer(self, method: str, path: str, body: bytes) -> Any:
        self.before(method, path)
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if method == "POST":
            told = json.loads(body)
            return {"id": self.write("us", told["text"], thread=told["thread"], parent=told["parent"], key=told["key"])}
        if "key" in query:
            return [post for post in self.posts if post["key"] == query["key"]]
        return [post for post in self.posts if post["id"] > int(query["after"])][:_PAGE]


@contextmanager
def board() -> Iterator[Board]:
    """Serve an empty board on a free port of loopback."""
    served = Board()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = json.dumps(served._answer(self.command, self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the base class's word

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [BoardConnector]


def plugins() -> PluginManager:
    """Return the installed plugins and the board's."""
    manager = PluginManager()
    manager.register(_Plugin(), "board")
    return manager
