"""Both drivers give a flow the same answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm import transport
from socialcrm.connectors import All, Batch, Blocking, Call, Flow, Now, Raw, Step
from socialcrm.errors import (
    NotFound,
    PluginError,
    RateLimited,
    SocialCRMError,
    StoreError,
    UnclearError,
    Unreachable,
)
from socialcrm.transport import AsyncDriver, Driver, Host, open_async_client, open_client

from .conftest import Place, Runner, Time, echo, one


def test_a_flow_of_all_kinds_of_steps(run: Runner) -> None:
    """Calls, batches, the time and foreign libraries come back where the flow stands."""

    class Fixed(Host):
        def now(self) -> datetime:
            return datetime(2026, 1, 2, tzinfo=UTC)

    def flow() -> Flow[Any]:
        first = yield from Call("GET", "/1")
        yield from Batch([Raw(kind="post", body=first.json())], {"after": "1", "gone": None})
        return first.status, (yield from Now()), (yield from Blocking(max, (3, 4)))

    host = Fixed()
    assert run(flow(), echo, host=host) == (200, datetime(2026, 1, 2, tzinfo=UTC), 4)
    assert host.cursor == {"after": "1"}
    assert [type(step) for step in host.intents] == [Blocking]


def test_the_answers_of_all_keep_the_order_of_the_calls(run: Runner) -> None:
    """However many run at once, the answers stand as the calls did."""
    calls = tuple(Call("GET", f"/{n}") for n in range(25))
    answers = run(one(All(calls)), echo)
    assert [answer.json()["url"].rpartition("/")[2] for answer in answers] == [str(n) for n in range(25)]
    assert run(one(All(())), echo) == ()


def test_one_failing_call_fails_all_after_the_others_are_done(run: Runner) -> None:
    """The first failure in order is raised, and no call is left under way."""
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(404 if request.url.path in ("/2", "/4") else 200)

    with pytest.raises(NotFound, match="/2"):
        run(one(All(tuple(Call("GET", f"/{n}") for n in range(6)))), handler)
    assert sorted(seen) == [f"/{n}" for n in range(6)]


def test_an_error_is_thrown_in_where_the_flow_stands(run: Runner) -> None:
    """A flow may catch the error of a step and go on."""

    def flow() -> Flow[str]:
        try:
            yield from Call("GET", "/gone")
        except NotFound:
            answer = yield from Call("GET", "/here")
            return str(answer.json()["url"])
        return "?"

    assert run(flow(), lambda r: httpx.Response(404) if r.url.path == "/gone" else echo(r)).endswith("/here")


def test_a_foreign_library_may_raise_what_it_likes(run: Runner) -> None:
    """The flow gets the very exception of a blocking call."""

    def fail() -> None:
        raise LookupError("vendor")

    with pytest.raises(LookupError, match="vendor"):
        run(one(Blocking(fail)), echo)


@pytest.mark.parametrize("method", ["commit", "intend", "grant", "now", "progress"])
def test_a_failing_host_ends_the_flow(run: Runner, method: str) -> None:
    """What the host raises comes out of run as it is; the flow can't swallow it, and is closed."""
    closed = []

    class Failing(Host):
        pass

    def fail(self: Host, *args: Any) -> Any:
        raise StoreError("disk full")

    setattr(Failing, method, fail)

    def flow() -> Flow[None]:
        try:
            yield from Now()
            yield from Call("POST", "/")
            yield from Batch([], {"a": "b"})
        except Exception:  # noqa: BLE001 - the widest a flow can catch
            closed.append("swallowed")
        finally:
            closed.append("closed")

    with pytest.raises(StoreError, match="disk full"):
        run(flow(), echo, host=Failing())
    assert closed == ["closed"]


def test_a_flow_that_yields_no_step_is_told_so(run: Runner) -> None:
    """A step without ``yield from``, or anything else, is an error of the plugin."""

    def flow() -> Flow[None]:
        yield "GET /"  # type: ignore[misc]

    with pytest.raises(PluginError, match="yields str"):
        run(flow(), echo)


def test_progress_is_told_of_every_step_that_is_done(run: Runner) -> None:
    """The host can show how far a flow has come."""
    seen = []

    class Watching(Host):
        def progress(self, step: Step[object]) -> None:
            seen.append(type(step).__name__)

    def flow() -> Flow[None]:
        yield from Now()
        yield from Call("GET", "/")

    run(flow(), echo, host=Watching())
    assert seen == ["Now", "Call"]


@pytest.mark.parametrize(
    ("error", "repeatable", "calls", "comes_out"),
    [
        (Unreachable("x"), True, 5, Unreachable),
        (Unreachable("x"), False, 1, UnclearError),
        (Unreachable("x", processed=False), False, 5, Unreachable),
        (RateLimited("x"), False, 5, RateLimited),
    ],
)
def test_a_foreign_library_is_called_again_like_any_call(
    run: Runner, error: Exception, repeatable: bool, calls: int, comes_out: type[Exception]
) -> None:
    """The retry rule holds for blocking steps whose function raises our errors; the intent is stored once."""
    seen, host = [], Host()

    def fail() -> None:
        seen.append(1)
        raise error

    with pytest.raises(comes_out) as caught:
        run(one(Blocking(fail, repeatable=repeatable)), echo, host=host)
    assert type(caught.value) is comes_out
    assert (len(seen), len(host.intents)) == (calls, not repeatable)


def test_an_interrupt_passes_and_closes_the_flow() -> None:
    """Ctrl-C is nobody's to catch; the flow can clean up."""
    closed = []

    def flow() -> Flow[None]:
        try:
            yield from Call("GET", "/")
        finally:
            closed.append(True)

    def handler(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    with open_client(transport=httpx.MockTransport(handler)) as client, pytest.raises(KeyboardInterrupt):
        Driver(Place(), Host(), client=client).run(flow())
    assert closed == [True]


def test_cancelling_closes_the_flow() -> None:
    """A cancelled task ends where it stands, and the flow can clean up."""
    closed = []

    async def main() -> None:
        under_way = asyncio.Event()

        async def handler(request: httpx.Request) -> httpx.Response:
            under_way.set()
            return await asyncio.Future()

        def flow() -> Flow[None]:
            try:
                yield from All((Call("GET", "/1"), Call("GET", "/2")))
            finally:
                closed.append(True)

        async with open_async_client(transport=httpx.MockTransport(handler)) as client:
            task = asyncio.ensure_future(AsyncDriver(Place(), Host(), client=client).run(flow()))
            await under_way.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert closed == [True]


turns = st.lists(
    st.sampled_from([200, 200, 302, 401, 403, 429, 500, httpx.ConnectError("x"), httpx.ReadError("x")]), max_size=12
)
asked = st.lists(
    st.one_of(
        st.builds(Call, st.sampled_from(["GET", "POST", "DELETE"]), st.sampled_from(["/a", "https://cdn.example.org/b"])),
        st.builds(lambda n: Batch([], {"n": str(n)}), st.integers(0, 9)),
        st.just(Blocking(max, (1, 2))),
    ),
    max_size=5,
)


@given(turns=turns, steps=asked, catching=st.booleans())
def test_both_drivers_do_the_same(turns: list[Any], steps: list[Step[Any]], catching: bool) -> None:
    """Whatever the platform answers: the same requests, waits, intents, batches and result, on a thread and on a loop."""
    assert played("sync", turns, steps, catching) == played("async", turns, steps, catching)


def played(kind: str, turns: list[Any], steps: list[Step[Any]], catching: bool) -> Any:
    left, requests, host = list(turns), [], Host({"token": "old", "refresh": "r"})

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append((request.method, str(request.url), request.headers.get("authorization")))
        turn = left.pop(0) if left else 200
        if isinstance(turn, Exception):
            raise turn
        return httpx.Response(turn, json={"access_token": "new"}, headers={"location": "/moved"})

    def flow() -> Flow[list[str]]:
        found = []
        for step in steps:
            try:
                found.append(str((yield from step)))
            except SocialCRMError as error:
                found.append(str(error))
                if not catching:
                    raise
        return found

    run, result = Runner(kind=kind, time=Time()), None
    try:
        result = run(flow(), handler, host=host)
    except SocialCRMError as error:
        result = (type(error), str(error), type(error.__cause__))
    return result, requests, run.time.slept, host.intents, host.batches, host.grant()


def test_the_public_names_are_sorted_and_there() -> None:
    """Every name in ``__all__`` exists, once, in order."""
    assert sorted(set(transport.__all__), key=lambda name: (not name[0].isupper(), name)) == transport.__all__
    assert all(hasattr(transport, name) for name in transport.__all__)
