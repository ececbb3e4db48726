"""What the platform could not deliver after all is sent once more, and nothing else is. All people are invented."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from socialcrm.errors import StateError
from socialcrm.testing import FAULTS
from socialcrm.types import OutboxState

sys.path.insert(0, str(Path(__file__).parent))
from _reports import Desk

HOUR = timedelta(hours=1, minutes=1)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as made:
        yield made


def threaded(desk: Desk) -> bool:
    """Whether each message answers the part before, as it stood when the message was made."""
    stands = {0: "1"}
    for post in desk.ours:
        place = desk.parts.index(post.text) + 1
        if post.parent != stands[place - 1]:
            return False
        stands[place] = post.id
    return True


@pytest.mark.parametrize("lost", [(0,), (1,), (3,), (0, 1), (1, 3), (0, 2), (1, 2, 3), (0, 1, 2, 3)])
def test_only_what_did_not_arrive_is_sent_again(desk: Desk, lost: tuple[int, ...]) -> None:
    """Whichever parts bounce, each part stands exactly once afterwards, and the reply names what stands."""
    desk.flush()
    posts = desk.ours
    for place in lost:
        desk.report(posts[place])
    told = desk.reply
    assert told.state is OutboxState.FAILED
    assert told.ids == tuple("" if place in lost else post.id for place, post in enumerate(posts))
    desk.wait(HOUR)
    desk.crm.retry(told)
    assert desk.flush().sent == [told.ref]
    assert len(desk.ours) == 4 + len(lost)
    assert desk.texts == list(desk.parts)
    assert desk.reply.ids == tuple(post.id for post in sorted(desk.arrived, key=lambda post: post.text[-4:]))
    assert desk.reply.error == ""


def test_a_part_that_is_sent_again_answers_the_part_before(desk: Desk) -> None:
    """The thread reads on: the new second part hangs below the first, the new fourth below the third."""
    desk.flush()
    first, second, third, fourth = desk.ours
    desk.report(second)
    desk.report(fourth)
    desk.crm.retry(desk.reply)
    desk.flush()
    again = desk.ours[4:]
    assert [(post.parent, post.text[-5:]) for post in again] == [(first.id, "(2/4)"), (third.id, "(4/4)")]
    assert threaded(desk)


def test_the_author_reads_which_part_failed_and_why(desk: Desk) -> None:
    """The error names the parts and the platform's reason."""
    desk.flush()
    desk.report(desk.ours[1])
    desk.report(desk.ours[3])
    assert desk.reply.error == "the platform took parts 2 and 4 of 4, and could not deliver them: no such number"


def test_a_failure_told_twice_is_one(desk: Desk) -> None:
    """A failure of an earlier try says nothing about the new one, however late it comes again."""
    desk.flush()
    lost = desk.ours[1]
    desk.report(lost)
    desk.report(lost)
    desk.crm.retry(desk.reply)
    desk.report(lost, after=7)
    desk.flush()
    desk.report(lost, after=9)
    assert (desk.reply.state, desk.reply.ids[1]) == (OutboxState.SENT, desk.ours[-1].id)


def test_a_new_part_can_fail_too(desk: Desk) -> None:
    """What is sent again and bounces again is sent a third time."""
    desk.flush()
    for _ in range(3):
        desk.report(desk.ours[-1])
        desk.wait(HOUR)
        desk.crm.retry(desk.reply)
        desk.flush()
    assert desk.texts == list(desk.parts)
    assert len(desk.ours) == 7


def test_a_failure_that_is_told_while_the_rest_is_sent_again_counts(desk: Desk) -> None:
    """It stays the worker's own till it is over; then it has failed, and the next retry sends just that part."""
    desk.flush()
    first, second = desk.ours[:2]
    desk.report(second)
    desk.crm.retry(desk.reply)
    states: list[str] = []

    def happen(_number: int) -> None:
        desk.report(first)
        states.append(desk.reply.state.value)

    desk.gate.happen = happen
    assert list(desk.flush().failed) == [desk.reply.ref]
    assert states == ["sending"]
    assert desk.reply.ids[0] == ""
    desk.crm.retry(desk.reply)
    desk.flush()
    assert desk.texts == list(desk.parts)
    assert len(desk.ours) == 6


@pytest.mark.parametrize("fetched", [False, True], ids=["nobody has seen it", "it was fetched meanwhile"])
def test_a_failure_that_is_told_before_the_receipt_counts(desk: Desk, fetched: bool) -> None:
    """The first part bounces while the fourth is still to be sent."""

    def happen(_number: int) -> None:
        if len(desk.ours) == 3 and not desk.told:
            desk.gate.happen = lambda _number: None
            if fetched:
                desk.crm.sync()
            desk.report(desk.ours[0])

    desk.gate.happen = happen
    assert list(desk.flush().failed) == [desk.reply.ref]
    desk.crm.retry(desk.reply)
    desk.flush()
    assert desk.texts == list(desk.parts)
    assert len(desk.ours) == 5


def test_a_failure_that_is_none_any_more_is_none(desk: Desk) -> None:
    """Delivered after all: whatever order the reports come in, the reply counts as sent."""
    desk.flush()
    one, other = desk.ours[:2]
    desk.report(one, "failed", after=1)
    desk.report(one, "delivered", after=2)
    desk.report(other, "delivered", after=2)
    desk.report(other, "failed", after=1)
    assert (desk.reply.state, desk.reply.error) == (OutboxState.SENT, "")
    assert desk.reply.ids == tuple(post.id for post in desk.ours)


def test_of_one_second_the_later_step_counts(desk: Desk) -> None:
    """A platform that tells whole seconds may say sent and failed at once: it has failed, in whatever order they come."""
    desk.flush()
    one, other = desk.ours[:2]
    for post, statuses in ((one, ("sent", "failed")), (other, ("failed", "sent"))):
        for status in statuses:
            desk.report(post, status)
    assert desk.reply.ids[:2] == ("", "")


def test_a_platform_that_knows_our_keys_gets_a_new_one(desk: Desk) -> None:
    """Under the old key it would take the new message for the one that bounced."""
    with Desk(idempotent=True) as other:
        other.flush()
        other.report(other.ours[2])
        other.crm.retry(other.reply)
        other.flush()
        assert other.texts == list(other.parts)


def test_what_is_gone_is_never_taken_for_what_is_new(desk: Desk) -> None:
    """The answer to the new try is lost, and the platform still shows the old message: nobody can know, so nobody sends."""
    desk.flush()
    desk.report(desk.ours[1])
    desk.crm.retry(desk.reply)
    desk.gate.spoil(lambda _proceed: (_ for _ in ()).throw(TimeoutError("timed out")), first=0, times=1)
    desk.deliver()
    assert desk.reply.state is OutboxState.UNKNOWN
    assert "could not deliver before" in desk.reply.error
    with pytest.raises(StateError, match="only a failed one"):
        desk.crm.retry(desk.reply)


def test_a_single_message_is_sent_again_whole() -> None:
    """A short reply that bounced leaves once more."""
    with Desk("It works again.") as desk:
        desk.flush()
        desk.report(desk.ours[0])
        assert desk.reply.ids == ("",)
        desk.crm.retry(desk.reply)
        desk.flush()
        assert desk.texts == ["It works again."]
        assert desk.reply.ids == (desk.ours[1].id,)


@pytest.mark.parametrize("refused", [1, 2, 3])
def test_a_part_that_is_refused_leaves_the_parts_before_it_alone(desk: Desk, refused: int) -> None:
    """The author reads how much stands there; another try sends the rest and nothing twice."""
    desk.gate.spoil(FAULTS["403"], first=refused, times=1)
    desk.flush()
    assert desk.reply.state is OutboxState.FAILED
    assert f"{refused} of 4 parts stand there" in desk.reply.error
    desk.crm.retry(desk.reply)
    desk.flush()
    assert [post.text for post in desk.ours] == list(desk.parts)
    assert threaded(desk)


def test_a_retry_that_is_taken_back_is_sent_later(desk: Desk) -> None:
    """Cancelled before it left, it can be ordered again, and what stood still stands."""
    desk.flush()
    desk.report(desk.ours[1])
    desk.crm.retry(desk.reply)
    desk.crm.cancel(desk.reply)
    desk.flush()
    assert len(desk.ours) == 4
    desk.crm.retry(desk.reply)
    desk.flush()
    assert desk.texts == list(desk.parts)


def test_killed_anywhere_in_a_retry_every_part_stands_once() -> None:
    """Two parts bounce; whenever the process dies while they are sent again, each part stands exactly once in the end."""
    number, died = 0, True
    while died:
        with Desk() as desk:
            desk.flush()
            desk.report(desk.ours[1])
            desk.report(desk.ours[3])
            desk.wait(HOUR)
            desk.crm.retry(desk.reply)
            died = desk.flush(kill=number) is None
            desk.wait(HOUR)
            assert desk.finish().state.value in ("sent", "reconciled"), number
            assert desk.texts == list(desk.parts), number
            assert len(desk.ours) == 6, number
            assert threaded(desk), number
        number += 1
    assert number > 6, "it was killed nowhere"
