"""The doors for webhooks: what they answer, what they store, what they keep to themselves. All people are invented."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from attrs import frozen

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import (
    Batch,
    Capabilities,
    Connector,
    ConnectorInfo,
    Hook,
    Incoming,
    PluginManager,
    Raw,
    hookimpl,
)
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Identity, Interaction, Item, Secret
from socialcrm.webhooks import asgi, receive, wsgi

KEY = "hush-hush"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Ask = Callable[..., "Got"]


@frozen(kw_only=True)
class BellSettings:
    secret: Secret


class BellConnector(Connector[BellSettings]):
    """Takes posts that carry an HMAC of address and body."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="bell", settings=BellSettings, capabilities=Capabilities(webhook=True)
    )

    def receive(self, request: Incoming) -> Hook:
        if request.headers.get("x-bell-signature") != sign(request.url, request.body, self.settings.secret.reveal()):
            raise VerificationError(f"bell: wrong signature; it should be made with {KEY}")  # as a careless plugin would
        if request.method == "GET":
            return Hook(body=str(request.query["challenge"]).encode())
        try:
            posts = json.loads(request.body)
        except ValueError:
            raise PayloadError(f"bell: no JSON: {request.body!r}") from None
        if posts == ["stumble"]:
            raise KeyError(request.body)
        return Hook(status=202, batches=tuple(Batch([Raw("post", post)]) for post in posts))

    def parse(self, raw: Raw) -> Iterable[Item]:
        yield Interaction(id=raw.body["id"], at=NOON, author=Identity(id="mara", name="Mara"), text=raw.body["text"])


class MuteConnector(Connector[BellSettings]):
    """Has no webhook."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(platform="mute", settings=BellSettings)


class Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [BellConnector, MuteConnector]


@frozen
class Got:
    """An answer; ``stored`` is how many interactions another reader saw at the moment it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes
    stored: int


def sign(url: str, body: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), url.encode() + body, hashlib.sha256).hexdigest()


def posts(*texts: str) -> bytes:
    return json.dumps([{"id": text, "text": text} for text in texts]).encode()


def opened(path: Path) -> CRM:
    plugins = PluginManager(find=lambda: ())
    plugins.register(Plugin(), "bell")
    return socialcrm.open(str(path), plugins=plugins, clock=lambda: NOON)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BELL_KEY", KEY)
    return tmp_path / "team.db"


@pytest.fixture
def crm(path: Path) -> Iterator[CRM]:
    with opened(path) as ready:
        ready.channels.add("bell", name="shop", secret="env:BELL_KEY")
        ready.channels.add("mute", name="mute", secret="env:BELL_KEY")
        yield ready


def by_asgi(path: Path, app: Any, method: str, target: str, headers: dict[str, str], body: bytes, root: str = "") -> Got:
    where, _, query = target.partition("?")
    raw = [(name.lower().encode(), value.encode()) for name, value in {"Host": "us.example.org", **headers}.items()]
    scope = {
        "type": "http", "method": method, "scheme": "https", "path": where, "raw_path": where.encode(), "root_path": root,
        "query_string": query.encode(), "headers": raw,
    }  # fmt: skip
    waiting: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[:7], "more_body": True},
        {"type": "http.request", "body": body[7:]},
    ]
    sent: list[MutableMapping[str, Any]] = []
    stored: list[int] = []

    async def take() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        if not sent:
            with opened(path) as other:
                stored.append(len(other.interactions()))
        sent.append(message)

    asyncio.run(app(scope, take, send))
    start, end = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return Got(start["status"], told, end["body"], stored[0])


def by_wsgi(path: Path, app: Any, method: str, target: str, headers: dict[str, str], body: bytes, root: str = "") -> Got:
    where, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": root, "PATH_INFO": where.removeprefix(root), "QUERY_STRING": query,
        "wsgi.url_scheme": "https", "HTTP_HOST": "us.example.org", "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body), "CONTENT_TYPE": "application/json",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }  # fmt: skip
    setup_testing_defaults(environ)
    started: list[Any] = []
    stored: list[int] = []

    def start(status: str, told: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        with opened(path) as other:
            stored.append(len(other.interactions()))
        started.extend((int(status.split()[0]), dict(told)))
        return lambda _: None

    answer = validator(app)(environ, start)
    whole = b"".join(answer)
    answer.close()  # type: ignore[attr-defined]  # the validator's iterator has it, and wants it called
    return Got(started[0], started[1], whole, stored[0])


@pytest.fixture(params=["asgi", "wsgi"])
def ask(request: pytest.FixtureRequest, path: Path, crm: CRM) -> Ask:
    """Ask one of the applications, signed as it should be unless told otherwise."""
    make, call = {"asgi": (asgi, by_asgi), "wsgi": (wsgi, by_wsgi)}[request.param]

    def asked(
        target: str, body: bytes = b"", *, method: str = "POST", root: str = "", url: str = "", key: str = KEY, **options: Any
    ) -> Got:
        url = url or f"https://us.example.org{target}"
        app = make(options.pop("source", crm), **options)
        return call(path, app, method, target, {"X-Bell-Signature": sign(url, body, key)}, body, root)

    return asked


def test_what_it_answers_for_is_durable(ask: Ask) -> None:
    """When the answer leaves, another reader of the database sees all batches; the same request again changes nothing."""
    got = ask("/shop", posts("one", "two"))
    assert (got.status, got.stored) == (202, 2)
    assert ask("/shop", posts("one", "two")).stored == 2
    assert ask("/shop/", posts("three")).stored == 3


def test_a_challenge_is_answered(ask: Ask) -> None:
    """What the platform asks for comes back as it is, and never as a page."""
    got = ask("/shop?mode=subscribe&challenge=%3Cb%3E42", method="GET")
    assert (got.status, got.body) == (200, b"<b>42")
    assert got.headers["content-type"] == "text/plain"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-length"] == "5"


def test_a_wrong_signature(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """403 without a reason; nothing is stored, and neither key, body nor query is logged."""
    with caplog.at_level(logging.DEBUG):
        got = ask("/shop?token=query-secret", posts("private words"), key="guessed")
    assert (got.status, got.body, got.stored) == (403, b"", 0)
    assert "shop" in caplog.text
    for secret in (KEY, "guessed", "private words", "query-secret"):
        assert secret not in caplog.text


@pytest.mark.parametrize(("body", "status"), [(b"no json: private", 400), (b'["stumble"]', 500)])
def test_a_body_that_cannot_be_read(ask: Ask, caplog: pytest.LogCaptureFixture, body: bytes, status: int) -> None:
    """400 where the connector says so, 500 where it stumbles; the body is not logged either way."""
    with caplog.at_level(logging.DEBUG):
        got = ask("/shop", body)
    assert (got.status, got.body, got.stored) == (status, b"", 0)
    assert "private" not in caplog.text
    assert "stumble" not in caplog.text


@pytest.mark.parametrize("target", ["/nowhere", "/mute", "/", "/shop/more", "//shop"])
def test_nothing_there(ask: Ask, target: str) -> None:
    """An unknown channel, one without a webhook and any other address are all the same 404."""
    assert ask(target, posts("one")).status == 404


def test_too_large(ask: Ask) -> None:
    """A body over the limit is refused, one at the limit taken."""
    body = posts("one")
    assert ask("/shop", body, limit=len(body) - 1).status == 413
    assert ask("/shop", body, limit=len(body)).status == 202


def test_a_store_that_cannot_take_it(ask: Ask, crm: CRM, caplog: pytest.LogCaptureFixture) -> None:
    """503, so that the platform sends it again; when there is room it is taken."""
    with crm.store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.commit()
    body = posts("x" * 200_000)
    got = ask("/shop", body)
    assert (got.status, got.body, got.stored) == (503, b"", 0)
    assert got.headers["retry-after"] == "60"
    assert "disk is full" in caplog.text
    with crm.store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        connection.commit()
    assert ask("/shop", body).stored == 1


def test_a_missing_secret(ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """500, and the log names the reference to set."""
    monkeypatch.delenv("BELL_KEY")
    assert ask("/shop", posts("one")).status == 500
    assert "env:BELL_KEY" in caplog.text


def test_mounted_below_another_path(ask: Ask) -> None:
    """Below a prefix the channel is what follows it, and the address that was signed holds the prefix."""
    assert ask("/hooks/shop", posts("one"), root="/hooks").status == 202


def test_behind_a_proxy(ask: Ask) -> None:
    """The address as platforms call it, not the one inside, is what is verified."""
    body = posts("one")
    assert ask("/shop", body, url="https://public.example.com/shop").status == 403
    assert ask("/shop", body, url="https://public.example.com/shop", origin="https://public.example.com/").status == 202


def test_it_opens_what_it_is_given(ask: Ask, path: Path, crm: CRM) -> None:
    """A callable is called at the first request; where it fails, the platform is asked to come again."""
    assert ask("/shop", posts("one"), source=lambda: opened(path)).stored == 1
    assert ask("/shop", posts("two"), source=str(path.parent / "missing" / "team.db")).status == 503


def test_a_request_that_breaks_off(crm: CRM) -> None:
    """Where the client goes away in the middle, nothing is stored and nothing answered."""
    body = posts("one")
    sent: list[MutableMapping[str, Any]] = []
    waiting: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
    headers = [(b"x-bell-signature", sign("https://localhost/shop", body).encode())]
    scope = {"type": "http", "method": "POST", "scheme": "https", "path": "/shop", "headers": headers}

    async def take() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(asgi(crm)(scope, take, send))
    assert (sent, crm.interactions()) == ([], [])


def test_the_life_of_a_server(path: Path, crm: CRM) -> None:
    """It opens at startup, says why where it can't, and closes what it opened, not what it was given."""

    def live(source: Any) -> list[MutableMapping[str, Any]]:
        waiting = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[MutableMapping[str, Any]] = []

        async def take() -> dict[str, Any]:
            return waiting.pop(0)

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        asyncio.run(asgi(source)({"type": "lifespan"}, take, send))
        return sent

    made: list[CRM] = []

    def make() -> CRM:
        made.append(opened(path))
        return made[0]

    assert [message["type"] for message in live(make)] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert made[0].store.engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # every pool of a file has it
    failed = live(str(path.parent / "missing" / "team.db"))
    assert failed[0]["type"] == "lifespan.startup.failed"
    assert "can't be opened" in failed[0]["message"]
    live(crm)
    assert len(crm.channels) == 2


def test_from_any_framework(crm: CRM) -> None:
    """`receive` takes headers in any spelling, as a mapping or as pairs, and returns a plain triple."""
    url, body = "https://us.example.org/x", posts("one")
    signature = sign(url, body)
    for headers in ({"X-BELL-Signature": signature}, [("x-bell-signature", signature), ("Accept", "a"), ("accept", "b")]):
        status, told, answer = receive(crm, "shop", method="post", url=url, headers=headers, body=body)
        assert (status, told["content-type"], answer) == (202, "text/plain", b"")
    assert len(crm.interactions()) == 1
