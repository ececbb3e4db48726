"""Both drivers give a flow the same answers."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm import transport
from socialcrm.connectors import All, Batch, Blob, Blocking, Call, Flow, Now, Raw, Step
from socialcrm.errors import (
    NotFound,
    PayloadError,
    PluginError,
    RateLimited,
    SocialCRMError,
    StoreError,
    UnclearError,
    Unreachable,
)
from socialcrm.transport import AsyncDriver, Driver, Host, open_async_client, open_client

from .conftest import Place, Runner, Time


def echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(
        200, json={"method": request.method, "url": str(request.url), "body": request.content.decode("latin-1")}
    )


def one(step: Step[Any]) -> Flow[Any]:
    return (yield from step)


def test_a_path_is_joined_to_the_origin_with_its_query(run: Runner) -> None:
    """Fields go into the query, a repeated key as often as it has values."""
    answer = run(one(Call("GET", "/a", params={"tag": ["x", "y z"], "q": "ä&b"})), echo)
    assert answer.json()["url"] == "https://social.example.com/a?tag=x&tag=y%20z&q=%C3%A4%26b"


def test_a_link_keeps_its_own_query(run: Runner) -> None:
    """What a call adds to a link's query stands behind it and changes nothing of it."""
    answer = run(one(Call("GET", "https://social.example.com/a?after=%7Eb+c", params={"limit": "5"})), echo)
    assert answer.json()["url"] == "https://social.example.com/a?after=%7Eb+c&limit=5"


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (Call("POST", "/a", json={"b": 1}), '{"b":1}'),
        (Call("POST", "/a", form={"b": ["1", "2"], "c": "d e"}), "b=1&b=2&c=d+e"),
        (Call("PUT", "/a", content=b"\x00raw"), "\x00raw"),
    ],
)
def test_bodies(run: Runner, call: Call, body: str) -> None:
    """JSON, forms with repeated fields and raw bytes arrive as they were asked for."""
    assert run(one(call), echo).json()["body"] == body


def test_a_file_is_sent_from_disk(run: Runner, tmp_path: Any) -> None:
    """A blob is a body of known length, or a part of a form, and is read again for every attempt."""
    path = tmp_path / "photo.png"
    path.write_bytes(b"PNG" * 50_000)
    blob = Blob(sha256="0", path=path, size=150_000, mime="image/png", name="photo.png")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200 if len(seen) > 1 else 503)

    run(one(Call("PUT", "/a", content=blob)), handler)
    assert [request.content for request in seen] == [path.read_bytes()] * 2
    assert seen[1].headers["content-length"] == "150000"
    run(one(Call("POST", "/a", form={"alt": "a cat"}, files={"file": blob})), handler)
    assert path.read_bytes() in seen[2].content
    assert b'name="alt"\r\n\r\na cat' in seen[2].content
    assert b'filename="photo.png"\r\nContent-Type: image/png' in seen[2].content


def test_a_saved_body_is_a_file_known_by_its_content(run: Runner) -> None:
    """``save`` puts the body on disk, with its digest, size, type and name."""

    def look(answer: Any) -> None:
        blob = answer.blob
        assert blob.path.read_bytes() == b"x" * 100_000
        assert (blob.sha256, blob.size) == (hashlib.sha256(b"x" * 100_000).hexdigest(), 100_000)
        assert (blob.mime, blob.name) == ("image/gif", "cat one.gif")

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"x" * 100_000, headers={"content-type": "image/gif"})

    answer = run(one(Call("GET", "/media/cat%20one.gif", save=True)), handler, look=look)
    assert answer.content == b""
    assert not answer.blob.path.exists()


def test_a_saved_error_still_has_its_body(run: Runner) -> None:
    """The connector judges an error by its body, so that is not saved."""
    seen = []

    class Judging(Place):
        def judge(self, call: Call, answer: Any) -> Any:
            seen.append(answer.content)
            return super().judge(call, answer)

    with pytest.raises(NotFound):
        run(one(Call("GET", "/gone", save=True)), lambda r: httpx.Response(404, content=b"why"), connector=Judging())
    assert seen == [b"why"]


@pytest.mark.parametrize("save", [False, True])
def test_a_body_beyond_the_limit_is_refused(run: Runner, save: bool) -> None:
    """A huge answer does not fill the memory or the disk."""
    policy = run.time.policy(body=1000, saved=1000)
    with pytest.raises(PayloadError, match=r"GET /big.*more than 1000 bytes"):
        run(one(Call("GET", "/big", save=save)), lambda r: httpx.Response(200, content=b"x" * 1001), policy=policy)


def test_headers_are_lower_case_and_joined(run: Runner) -> None:
    """A repeated header is one value, joined by a comma."""
    reply = httpx.Response(200, headers=[("Link", "a"), ("X-Y", "1"), ("Link", "b")])
    assert run(one(Call("GET", "/")), lambda r: reply).headers["link"] == "a, b"


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


@pytest.mark.parametrize("path", ["a", "@evil.example.org/", ""])
def test_a_path_begins_with_a_slash(run: Runner, path: str) -> None:
    """A path can't change the host that it is joined to."""
    with pytest.raises(PluginError, match="begins with '/'"):
        run(one(Call("GET", path)), echo)


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


def test_a_folder_that_takes_no_file_is_not_the_platforms_fault(run: Runner, tmp_path: Any) -> None:
    """A full or missing disk is reported as ours, and the call is not tried again."""
    (tmp_path / "file").write_text("")
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    with pytest.raises(StoreError, match="can't be saved"):
        run(one(Call("GET", "/", save=True)), handler, folder=tmp_path / "file" / "below")
    assert len(seen) == 1


@pytest.mark.parametrize("part", [True, False])
def test_a_file_that_is_gone_is_not_sent(run: Runner, tmp_path: Any, part: bool) -> None:
    """The message names the file, and the step is not unclear."""
    blob = Blob(sha256="0", path=tmp_path / "gone.png", size=10)
    call = Call("POST", "/", files={"file": blob}) if part else Call("POST", "/", content=blob)
    with pytest.raises(StoreError, match=r"gone\.png can't be read"):
        run(one(call), echo)


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
