"""What becomes of a `Call`: sign, send, judge, wait, renew, try again. One source for both drivers; no I/O."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from attrs import define, field, frozen

from socialcrm.connectors import Answer, Call, Connector, Flow, Grant, Step
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    PayloadError,
    RateLimited,
    RefusedError,
    RetryError,
    UnclearError,
    Unreachable,
)
from socialcrm.transport._budget import Budget
from socialcrm.transport._effects import Ask, Renew, Send, Sleep, Tries, Work, ask
from socialcrm.transport._host import Host
from socialcrm.transport._policy import Policy, unclear
from socialcrm.transport._request import follow, own, place, target

__all__ = ["Channel", "Turn", "exchange", "persist", "renew", "signed"]


@frozen(kw_only=True)
class Channel:
    """What all flows of a driver share.

    Args:
        connector: Whose flows they are.
        host: Who runs them.
        budget: The channel's rate budgets.
        policy: The bounds.
        renewing: The flow is itself a renewal: nothing is announced, committed or renewed again.
    """

    connector: Connector[Any]
    host: Host
    budget: Budget
    policy: Policy
    renewing: bool = False


@define
class Turn:
    """What the attempts at one step have in common.

    Args:
        step: The step.
        repeatable: Whether it may be repeated when its outcome is unclear.
        used: The grant that the last attempt was signed with; ``None`` where it was not signed.
        announced: Whether the host knows that it comes.
    """

    step: Step[Any]
    repeatable: bool
    used: Grant | None = field(default=None, repr=False)
    announced: bool = False

    def announce(self, channel: Channel) -> Work[None]:
        """Tell the host, once, that a step which can't be repeated comes next."""
        if not (self.repeatable or self.announced or channel.renewing):
            yield Ask(channel.host.intend, (self.step,))
            self.announced = True


def exchange(channel: Channel, call: Call) -> Work[Answer]:
    """Make a call, as often as it takes and may be.

    Raises:
        UnclearError: It may have been processed, and must not be repeated; the cause says what went wrong.
        SocialCRMError: What `Connector.judge` said, or `Unreachable`.
    """
    turn = Turn(call, call.repeatable)
    answer: Answer = yield from persist(channel, turn, partial(_attempt, channel, turn, call), place(call))
    return answer


def persist(channel: Channel, turn: Turn, attempt: Callable[[], Work[Any]], what: str) -> Work[Any]:
    """Try a step as the policy allows; where its credentials are not accepted, renew them once and try again.

    Raises:
        UnclearError: The step can't be repeated and its outcome is not known.
    """
    fresh = channel.renewing or not channel.connector.info.capabilities.renew
    while True:
        try:
            return (yield Tries(attempt, turn.repeatable))
        except CredentialsError:
            if fresh or turn.used is None:
                raise
        except (RetryError, PayloadError) as error:
            if not unclear(error, repeatable=turn.repeatable):
                raise
            raise UnclearError(
                f"{what}: it may or may not have been processed ({error}); look on the platform before it is sent again"
            ) from error
        fresh = True
        yield Renew(turn.used)


def renew(channel: Channel, used: Grant, drive: Callable[[Flow[Grant]], Grant]) -> None:
    """Renew the credentials under the host's lock, unless somebody else did. Blocks.

    Args:
        channel: Whose.
        used: The grant that was not accepted.
        drive: Runs the connector's renewal on this thread.

    Raises:
        CredentialsError: The platform does not renew them.
        RetryError: It could not be tried; the call that needed it was not processed.
    """
    host = channel.host
    with ExitStack() as held:
        ask(held.enter_context, ask(host.renewing))
        if dict(ask(host.grant)) == dict(used):
            ask(host.renewed, _renewed(channel, used, drive))


def signed(channel: Channel, call: Call, grant: Grant) -> Call:
    """Return the call with credentials."""
    return channel.connector.sign(call, grant, ask(channel.host.now), ask(channel.host.nonce))


def _renewed(channel: Channel, used: Grant, drive: Callable[[Flow[Grant]], Grant]) -> Grant:
    platform = channel.connector.info.platform
    try:
        return drive(channel.connector.renew(used))
    except RateLimited:
        raise
    except (RetryError, UnclearError) as error:
        raise Unreachable(
            f"{platform}: the credentials have expired and could not be renewed now ({error}); it is tried again later",
            retry_after=getattr(error, "retry_after", None),
            processed=False,
        ) from error
    except (RefusedError, ForbiddenError) as error:
        raise CredentialsError(
            f"{platform}: the credentials have expired and are not renewed ({error}); give consent again"
        ) from error


def _attempt(channel: Channel, turn: Turn, call: Call) -> Work[Answer]:
    origin, hop = channel.connector.origin, call
    for _ in range(channel.policy.redirects + 1):
        url = target(origin, hop)
        yield from _rest(channel, call)
        turn.used = (yield Ask(channel.host.grant)) if call.auth and own(origin, url) else None
        yield from turn.announce(channel)
        answer: Answer = yield _send(channel, turn, hop)
        verdict = channel.connector.judge(call, answer)
        channel.budget.rest(verdict.rest)
        if verdict.error is not None:
            raise verdict.error
        onward = follow(hop, url, answer)
        if onward is None:
            return answer
        hop = onward
    raise RefusedError(f"{place(call)}: more than {channel.policy.redirects} redirects; check the channel's address")


def _send(channel: Channel, turn: Turn, call: Call) -> Send:
    # The signed call is a local of no frame that an error passes through, so no traceback shows it.
    ready = call if turn.used is None else signed(channel, call, turn.used)
    return Send(call, target(channel.connector.origin, ready), ready)


def _rest(channel: Channel, call: Call) -> Work[None]:
    while (seconds := channel.budget.wait(call.bucket)) > 0:
        if seconds > channel.policy.longest:
            raise RateLimited(
                f"{place(call)}: the rate budget {call.bucket!r} is used up for {seconds:.0f} s; it is tried again later",
                retry_after=seconds,
            )
        yield Sleep(seconds)
