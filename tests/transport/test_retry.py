"""What is tried again, how long it waits, and what must never be sent twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from socialcrm.connectors import Answer, Call, Flow, Step, Verdict
from socialcrm.errors import (
    ForbiddenError,
    NotFound,
    PayloadError,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    UnclearError,
    Unreachable,
)
from socialcrm.transport import Budget, Host

from .conftest import Place, Runner, Time


def one(step: Step[Any]) -> Flow[Any]:
    return (yield from step)


class Server:
    """Answers with what it is given, in turn; then with 200."""

    def __init__(self, *turns: int | Exception | httpx.Response) -> None:
        self.turns = list(turns)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        turn = self.turns.pop(0) if self.turns else 200
        if isinstance(turn, Exception):
            raise turn
        return httpx.Response(turn) if isinstance(turn, int) else turn


AGAIN, ERROR = "again", "error"


@pytest.mark.parametrize(
    ("turn", "get", "post"),
    [
        (500, AGAIN, UnclearError),
        (503, AGAIN, UnclearError),
        (408, AGAIN, UnclearError),
        (429, AGAIN, AGAIN),
        (403, ForbiddenError, ForbiddenError),
        (404, NotFound, NotFound),
        (422, RefusedError, RefusedError),
        (httpx.ConnectError("x"), AGAIN, AGAIN),
        (httpx.ConnectTimeout("x"), AGAIN, AGAIN),
        (httpx.PoolTimeout("x"), AGAIN, AGAIN),
        (httpx.ReadTimeout("x"), AGAIN, UnclearError),
        (httpx.WriteTimeout("x"), AGAIN, UnclearError),
        (httpx.ReadError("x"), AGAIN, UnclearError),
        (httpx.RemoteProtocolError("x"), AGAIN, UnclearError),
        (httpx.DecodingError("x"), AGAIN, UnclearError),
        (httpx.UnsupportedProtocol("x"), SettingsError, SettingsError),
        (httpx.LocalProtocolError("x"), SettingsError, SettingsError),
    ],
)
def test_the_retry_rule(run: Runner, turn: Any, get: Any, post: Any) -> None:
    """Repeatable calls are tried again after a passing failure; others only if they certainly were not processed."""
    for method, expected in (("GET", get), ("POST", post)):
        server, host = Server(turn), Host()
        if expected == AGAIN:
            assert run(one(Call(method, "/a")), server, host=host).status == 200
            assert len(server.seen) == 2
        else:
            with pytest.raises(expected) as caught:
                run(one(Call(method, "/a")), server, host=host)
            assert type(caught.value) is expected
            assert len(server.seen) == 1
        assert len(host.intents) == (method == "POST")


def test_an_unclear_call_says_why(run: Runner) -> None:
    """The cause is what happened, and the message names the call."""
    with pytest.raises(UnclearError, match="POST /a: it may or may not") as caught:
        run(one(Call("POST", "/a")), Server(502))
    assert isinstance(caught.value.__cause__, ServerFault)


def test_an_unclear_call_that_is_declared_repeatable_is_repeated(run: Runner) -> None:
    """A connector may know that a POST carries an idempotency key."""
    server = Server(500, httpx.ReadTimeout("x"))
    assert run(one(Call("POST", "/a", repeatable=True)), server).status == 200
    assert len(server.seen) == 3


def test_a_post_whose_answer_is_too_big_is_unclear(run: Runner) -> None:
    """It was processed, but nobody can read what came of it."""
    with pytest.raises(UnclearError) as caught:
        run(one(Call("POST", "/a")), Server(httpx.Response(200, content=b"x" * 100)), policy=run.time.policy(body=10))
    assert isinstance(caught.value.__cause__, PayloadError)


def test_waits_grow_with_full_jitter(run: Runner) -> None:
    """The ceiling of the random wait doubles up to the cap, and attempts end."""
    with pytest.raises(ServerFault):
        run(one(Call("GET", "/a")), Server(*[500] * 9), policy=run.time.policy(cap=5))
    assert run.time.slept == [1, 2, 4, 5]


def test_all_attempts_together_take_no_longer_than_overall(run: Runner) -> None:
    """A wait that would end after the overall time is not begun."""
    with pytest.raises(ServerFault):
        run(one(Call("GET", "/a")), Server(*[500] * 9), policy=run.time.policy(attempts=9, overall=8))
    assert run.time.slept == [1, 2, 4]


def test_what_the_platform_asks_for_is_waited(run: Runner) -> None:
    """``Retry-After`` counts where it is longer than our own wait."""
    run(one(Call("POST", "/a")), Server(httpx.Response(429, headers={"Retry-After": "30"})))
    assert run.time.slept == [30]


def test_a_long_wait_is_left_to_the_scheduler(run: Runner) -> None:
    """Beyond the policy's longest wait, the error comes at once and says when to come back."""
    server = Server(httpx.Response(429, headers={"Retry-After": "300"}))
    with pytest.raises(RateLimited) as caught:
        run(one(Call("GET", "/a")), server)
    assert (caught.value.retry_after, run.time.slept, len(server.seen)) == (300, [], 1)


def test_a_long_wait_of_a_failing_platform_is_left_to_the_scheduler(run: Runner) -> None:
    """A 503 may ask for a long wait too, and rests no bucket."""
    server = Server(httpx.Response(503, headers={"Retry-After": "300"}))
    with pytest.raises(ServerFault) as caught:
        run(one(Call("GET", "/a")), server)
    assert (caught.value.retry_after, run.time.slept, len(server.seen)) == (300, [], 1)


def test_an_exhausted_bucket_is_waited_for_before_the_call(run: Runner) -> None:
    """Budgets are shared by all flows of a channel, bucket by bucket."""
    budget = Budget(run.time.clock)
    budget.rest({"posts": 40})
    budget.rest({"posts": 10})
    run(one(Call("GET", "/a")), Server(), budget=budget)
    assert run.time.slept == []
    run(one(Call("GET", "/a", bucket="posts")), Server(), budget=budget)
    assert run.time.slept == [40]


def test_a_bucket_exhausted_for_long_is_left_to_the_scheduler(run: Runner) -> None:
    """No call is made that the platform would refuse."""
    budget, server = Budget(run.time.clock), Server()
    budget.rest({"default": 3600})
    with pytest.raises(RateLimited, match="'default' is used up for 3600 s") as caught:
        run(one(Call("GET", "/a")), server, budget=budget)
    assert caught.value.retry_after == pytest.approx(3600)
    assert server.seen == []


def test_a_good_answer_may_use_a_budget_up(run: Runner) -> None:
    """The connector's judge reads what remains, so that the next call waits before it is refused."""

    class Counting(Place):
        def judge(self, call: Call, answer: Answer) -> Verdict:
            return Verdict(rest={"default": 7} if answer.headers.get("x-ratelimit-remaining") == "0" else {})

    def flow() -> Flow[None]:
        yield from Call("GET", "/a")
        yield from Call("GET", "/a")

    run(flow(), Server(httpx.Response(200, headers={"X-RateLimit-Remaining": "0"})), connector=Counting())
    assert run.time.slept == [7]


def test_a_429_without_a_wait_rests_its_bucket(run: Runner) -> None:
    """The next attempt comes when the judge's rest is over, not after our own short wait."""
    run(one(Call("GET", "/a")), Server(429))
    assert sum(run.time.slept) == pytest.approx(60)


def test_an_error_never_quotes_the_query(run: Runner) -> None:
    """Addresses in messages have no query and no user information."""
    with pytest.raises(Unreachable) as caught:
        run(one(Call("GET", "https://ann:pw@cdn.example.org/a?key=canary")), Server(*[httpx.ConnectError("canary")] * 9))
    assert "GET https://cdn.example.org/a:" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_connecting_takes_less_than_the_whole_time(run: Runner) -> None:
    """So a call that runs out of time while connecting is known not to have been sent."""
    seen: list[dict[str, float]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200)

    run(one(Call("POST", "/a", timeout=12)), handler)
    run(one(Call("POST", "/a", timeout=600)), handler)
    assert [(times["connect"], times["read"]) for times in seen] == [(4, 12), (15, 600)]


class Drip(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose every piece takes ten seconds."""

    def __init__(self, time: Time) -> None:
        self.time = time

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(9):
            self.time.now += 10
            yield b"x"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def test_a_body_that_drips_runs_out_of_time(run: Runner) -> None:
    """The time-out is for the whole exchange, however often a little comes."""
    with pytest.raises(Unreachable, match="no whole answer within 30 s"):
        run(one(Call("GET", "/a")), lambda r: httpx.Response(200, stream=Drip(run.time)), policy=run.time.policy(attempts=1))
