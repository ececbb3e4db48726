"""Who gets credentials, how they are renewed, and that they never show."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import attrs
import httpx
import pytest

from socialcrm.connectors import All, Batch, Call, Capabilities, ConnectorInfo, Flow, Grant, Step
from socialcrm.errors import CredentialsError, PluginError, RefusedError, SocialCRMError, StoreError, UnclearError, Unreachable
from socialcrm.transport import AsyncDriver, Driver, Host, open_async_client, open_client

from .conftest import ORIGIN, TOKEN, Place, Runner


def one(step: Step[Any]) -> Flow[Any]:
    return (yield from step)


class Platform:
    """Knows one token at a time, and renews it."""

    def __init__(self, token: str = "canary-token-2", renewal: httpx.Response | None = None) -> None:
        self.token, self.renewal = token, renewal
        self.renewals = 0
        self.seen: list[tuple[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.url.path, request.headers.get("authorization", "")))
        if request.url.path == "/oauth/token":
            self.renewals += 1
            return self.renewal or httpx.Response(200, json={"access_token": self.token})
        return httpx.Response(200 if request.headers.get("authorization") == f"Bearer {self.token}" else 401)


@pytest.mark.parametrize(
    ("link", "is_signed"),
    [
        ("/a", True),
        (f"{ORIGIN}/a", True),
        ("https://SOCIAL.example.com:443/a", True),
        ("http://social.example.com/a", False),
        ("https://social.example.com:8443/a", False),
        ("https://cdn.example.org/a", False),
        ("https://social.example.com.example.org/a", False),
        ("https://social.example.com@cdn.example.org/a", False),
        ("https://cdn.example.org\\@social.example.com/a", True),
        ("https://social.example.com\\.example.org/a", False),
    ],
)
def test_only_the_own_origin_is_signed(run: Runner, link: str, is_signed: bool) -> None:
    """Scheme, host and port decide; another origin is called without credentials."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    run(one(Call("GET", link)), handler)
    assert ("authorization" in seen[0].headers) is is_signed
    assert seen[0].url.userinfo == b""
    assert not is_signed or seen[0].url.host == "social.example.com"


def test_a_call_may_ask_not_to_be_signed(run: Runner) -> None:
    """``auth=False`` is obeyed on the own origin too."""
    platform = Platform()
    with pytest.raises(CredentialsError):
        run(one(Call("GET", "/a", auth=False)), platform)
    assert platform.seen == [("/a", "")]


def test_redirects_are_signed_for_the_own_origin_only(run: Runner) -> None:
    """Each hop is judged by its own address, and signed anew."""
    seen: list[tuple[str, str | None]] = []
    hops = {"/a": "/b?x=1", "/b": "https://cdn.example.org/c"}

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), request.headers.get("authorization")))
        onward = hops.get(request.url.path)
        return httpx.Response(302, headers={"Location": onward}) if onward else httpx.Response(200, content=b"end")

    assert run(one(Call("GET", "/a", params={"q": "1"})), handler).content == b"end"
    bearer = f"Bearer {TOKEN}"
    assert seen == [(f"{ORIGIN}/a?q=1", bearer), (f"{ORIGIN}/b?x=1", bearer), ("https://cdn.example.org/c", None)]


def test_redirects_end(run: Runner) -> None:
    """A loop of redirects is an error that says so."""
    with pytest.raises(RefusedError, match="more than 10 redirects"):
        run(one(Call("GET", "/a")), lambda r: httpx.Response(301, headers={"Location": "/a"}))


def test_a_redirect_away_from_tls_is_refused(run: Runner) -> None:
    """What was asked for over TLS does not come in clear."""
    with pytest.raises(RefusedError, match="without TLS"):
        run(one(Call("GET", "/a")), lambda r: httpx.Response(301, headers={"Location": "http://social.example.com/a"}))


def test_a_redirected_post_is_the_flows_business(run: Runner) -> None:
    """Only GET and HEAD are followed."""
    answer = run(one(Call("POST", "/a")), lambda r: httpx.Response(303, headers={"Location": "/b"}))
    assert (answer.status, answer.headers["location"]) == (303, "/b")


def test_no_cookie_is_kept(run: Runner) -> None:
    """A session cookie is not sent back."""
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "session=canary; Path=/"})

    def flow() -> Flow[None]:
        yield from Call("GET", "/a")
        yield from Call("GET", "/a")

    run(flow(), handler)
    assert seen == [None, None]


def test_expired_credentials_are_renewed_and_stored(run: Runner) -> None:
    """The call is made again with the new grant; even one that can't be repeated, since 401 means not processed."""
    platform, host = Platform(), Host({"token": "old-token"})
    assert run(one(Call("POST", "/a")), platform, host=host).status == 200
    assert platform.seen == [("/a", "Bearer old-token"), ("/oauth/token", ""), ("/a", "Bearer canary-token-2")]
    assert host.grant() == {"token": "canary-token-2"}
    assert len(host.intents) == 1


def test_credentials_are_renewed_once(run: Runner) -> None:
    """If the fresh ones are not accepted either, the error says so."""
    platform = Platform(renewal=httpx.Response(200, json={"access_token": "useless"}))
    with pytest.raises(CredentialsError):
        run(one(Call("GET", "/a")), platform)
    assert platform.renewals == 1


def test_what_another_process_renewed_is_used(run: Runner) -> None:
    """Under the lock, the grant is read again; if it changed, nothing is renewed."""
    platform = Platform()

    class Shared(Host):
        reads = 0

        def grant(self) -> Grant:
            self.reads += 1
            return {"token": "old-token" if self.reads == 1 else "canary-token-2"}

    assert run(one(Call("GET", "/a")), platform, host=Shared()).status == 200
    assert platform.renewals == 0


def test_many_calls_renew_once(run: Runner) -> None:
    """Calls that run at once and all find the grant expired share one renewal."""
    platform, host = Platform(), Host({"token": "old-token"})
    answers = run(one(All(tuple(Call("GET", f"/{n}") for n in range(20)))), platform, host=host)
    assert [answer.status for answer in answers] == [200] * 20
    assert platform.renewals == 1


def test_many_channels_renew_at_once_on_an_event_loop() -> None:
    """Renewals hold a worker thread each, and still none waits for a thread that another one holds."""

    async def main() -> list[int]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        clients = [open_async_client(transport=httpx.MockTransport(Platform())) for _ in range(6)]
        drivers = [AsyncDriver(Place(), Host({"token": "old"}), client=client) for client in clients]
        answers = await asyncio.gather(*(driver.run(one(Call("GET", "/a"))) for driver in drivers))
        for client in clients:
            await client.aclose()
        return [answer.status for answer in answers]

    assert asyncio.run(asyncio.wait_for(main(), 20)) == [200] * 6


def test_the_hosts_lock_stays_on_one_thread(run: Runner) -> None:
    """Lock, storing and release happen on the same thread, as locks of files and databases need."""
    threads: set[int] = set()

    class Locked(Host):
        def renewing(self) -> AbstractContextManager[object]:
            class Lock:
                def __enter__(self) -> None:
                    threads.add(threading.get_ident())

                def __exit__(self, *args: object) -> None:
                    threads.add(threading.get_ident())

            return Lock()

        def renewed(self, grant: Grant) -> None:
            threads.add(threading.get_ident())
            super().renewed(grant)

    run(one(Call("GET", "/a")), Platform(), host=Locked({"token": "old"}))
    assert len(threads) == 1


@pytest.mark.parametrize(
    ("renewal", "error", "processed"),
    [(400, CredentialsError, None), (403, CredentialsError, None), (500, Unreachable, False), (401, CredentialsError, None)],
)
def test_a_failed_renewal_says_whose_turn_it_is(run: Runner, renewal: int, error: type[Exception], processed: Any) -> None:
    """Refused means a person has to give consent again; a passing failure means later. The call itself is never unclear."""
    host = Host({"token": "old"})
    with pytest.raises(error) as caught:
        run(one(Call("POST", "/a")), Platform(renewal=httpx.Response(renewal)), host=host)
    assert not isinstance(caught.value, UnclearError)
    assert getattr(caught.value, "processed", None) is processed
    assert host.renewing().__enter__() is True  # the lock was released


def test_without_the_capability_nothing_is_renewed(run: Runner) -> None:
    """A connector that has no renewal is not asked for one."""

    class Fixed(Place):
        info = ConnectorInfo(platform="place", capabilities=Capabilities())

    platform = Platform()
    with pytest.raises(CredentialsError):
        run(one(Call("GET", "/a")), platform, connector=Fixed())
    assert platform.renewals == 0


def test_a_renewed_grant_that_cant_be_stored_ends_the_flow(run: Runner) -> None:
    """The store's error comes out as it is."""

    class Full(Host):
        def renewed(self, grant: Grant) -> None:
            raise StoreError("disk full")

    with pytest.raises(StoreError):
        run(one(Call("GET", "/a")), Platform(), host=Full({"token": "old"}))


def test_a_renewal_commits_nothing(run: Runner) -> None:
    """A renewal is no stream: a batch in it is an error of the plugin."""

    class Odd(Place):
        def renew(self, grant: Grant) -> Flow[Grant]:
            yield from Batch([], {"a": "b"})
            return grant

    with pytest.raises(PluginError, match="renewal commits nothing"):
        run(one(Call("GET", "/a")), Platform(), connector=Odd())


class Loud(Place):
    """Signs wherever a platform may want it: header, query and path."""

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        token = grant["token"]
        return attrs.evolve(
            call,
            path=f"/bot{token}{call.path}" if call.path.startswith("/") else call.path,
            params={**call.params, "access_token": token},
            headers={**call.headers, "Authorization": f"Bearer {token}"},
        )


class Silent(Loud):
    info = ConnectorInfo(platform="place")


class Failing:
    def __init__(self, failure: int | Exception) -> None:
        self.failure = failure

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert TOKEN in str(request.url.query)
        assert request.url.path.startswith(f"/bot{TOKEN}/")
        if isinstance(self.failure, Exception):
            raise self.failure
        return httpx.Response(self.failure)


def caught(run: Runner, handler: Any, connector: Place, host: Host | None = None) -> Exception | None:
    try:
        run(one(Call("POST", "/a")), handler, connector=connector, host=host)
    except Exception as error:  # noqa: BLE001 - whatever comes, it must not show the token
        return error
    return None


def test_a_credential_never_shows(run: Runner, caplog: pytest.LogCaptureFixture) -> None:
    """Not in any log at any level, nor in an error, its causes or the locals of its frames."""
    caplog.set_level(logging.DEBUG)
    failures: list[int | Exception] = [httpx.ReadTimeout(TOKEN), httpx.LocalProtocolError(TOKEN), 500, 403, 401, 200]
    for failure in failures:
        error = caught(run, Failing(failure), Silent())
        shown = traceback.TracebackException.from_exception(error, capture_locals=True) if error else None
        for frame in _frames(shown):
            assert "/socialcrm/" not in frame.filename or TOKEN not in str(frame.locals), frame.name
        assert TOKEN not in str(error)
    assert TOKEN not in caplog.text
    assert "POST /a 200 in" in caplog.text


def _frames(shown: traceback.TracebackException | None) -> list[traceback.FrameSummary]:
    if shown is None:
        return []
    return [*shown.stack, *_frames(shown.__cause__), *_frames(shown.__context__)]


def test_the_http_clients_own_log_goes_on_for_others(caplog: pytest.LogCaptureFixture) -> None:
    """Only our exchanges are kept out of the client's log; the application's other requests are logged as ever."""
    caplog.set_level(logging.INFO)
    with httpx.Client(transport=httpx.MockTransport(lambda r: httpx.Response(200))) as client:
        client.get("https://app.example.org/health")
    assert "https://app.example.org/health" in caplog.text


def test_a_credential_that_no_header_can_carry_is_not_quoted(run: Runner) -> None:
    """A line break or a typographic character in a token is reported without the token."""
    for token in ("canary-tökén", "canary-token\n"):
        error = caught(run, lambda r: httpx.Response(500), Place(), Host({"token": token}))
        assert isinstance(error, SocialCRMError)
        assert "canary" not in f"{error} {error.__cause__} {error.__context__}"


def test_drivers_show_nothing_of_the_grant() -> None:
    """``repr`` of driver and host names neither token nor header."""
    host = Host({"token": TOKEN})
    with open_client() as client, Driver(Place(), host, client=client) as driver:
        assert TOKEN not in repr(driver) + repr(host)
