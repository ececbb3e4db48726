"""One customer's journey."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from _town import MONDAY, Town
from hypothesis import given, settings
from hypothesis import strategies as st

from socialcrm.errors import NotFound
from socialcrm.journeys import Waiting
from socialcrm.journeys._waits import Fact, spans
from socialcrm.types import Visibility


def test_a_journey_tells_who_waited_for_whom(town: Town) -> None:
    """The customer waits from the first unanswered word to our answer; then we wait for the customer."""
    first = town.says("ada", at=0)
    town.says("ada", at=10)
    town.we("Try this.", at=30, parent=first)
    town.says("ada", at=90)
    waits = town.crm.journey(town.customer("Ada")).waits
    assert [(one.who, one.span, one.answered) for one in waits] == [
        (Waiting.CUSTOMER, timedelta(minutes=30), True),
        (Waiting.US, timedelta(minutes=60), True),
        (Waiting.CUSTOMER, timedelta(days=1, minutes=-90), False),
    ]


def test_a_change_of_place_is_another_channel_or_going_private(town: Town) -> None:
    """Going on in private on the same channel, and then on another channel, are two changes."""
    town.says("ada", at=0, channel="forum", visibility="public")
    town.says("ada", at=5, channel="forum", visibility="private")
    town.says("ada", at=9, channel="mail")
    crm = town.crm
    ids = sorted({one.author.ref for one in crm.interactions()})
    assert len(ids) == 1, "one account on one platform is one identity"
    changes = crm.journey(town.customer("Ada")).changes
    assert [(one.origin, one.before, one.target, one.after) for one in changes] == [
        ("forum", Visibility.PUBLIC, "forum", Visibility.PRIVATE),
        ("forum", Visibility.PRIVATE, "mail", Visibility.PRIVATE),
    ]


def test_an_automatic_reply_is_neither_contact_nor_answer(town: Town) -> None:
    """What a program sends ends no wait and begins none."""
    first = town.says("ada", at=0)
    town.we("We have received your mail.", at=1, parent=first, automatic=True)
    town.says("ada", "I am on a lake.", at=2, automatic=True)
    (wait,) = town.crm.journey(town.customer("Ada")).waits
    assert (wait.since, wait.until) == (MONDAY, None)


def test_a_resolution_ends_the_wait_without_an_answer(town: Town) -> None:
    """Somebody who was helped otherwise no longer waits."""
    town.says("ada", at=0)
    town.now = MONDAY + timedelta(minutes=20)
    town.crm.cases.resolve(town.case("Ada"), by="ana")
    (wait,) = town.crm.journey(town.customer("Ada")).waits
    assert (wait.span, wait.answered) == (timedelta(minutes=20), False)


def test_a_merged_customer_leads_to_the_journey_of_both(town: Town) -> None:
    """The old id shows the journey of whom they were merged into."""
    town.says("ada", at=0)
    town.says("bea", at=5, channel="forum")
    ada, bea = town.customer("Ada"), town.customer("Bea")
    town.crm.cases.join(ada, bea, by="ana", reason="she said so")
    assert town.crm.journey(bea) == town.crm.journey(ada)
    assert town.crm.journey(bea).channels == ("mail", "forum")


def test_an_unknown_customer_is_not_found(town: Town) -> None:
    """A journey of nobody is an error, not an empty page."""
    with pytest.raises(NotFound, match="u99"):
        town.crm.journey("u99")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30), st.none() | st.integers(0, 80))
def test_waits_alternate_and_leave_no_gap(told: list[tuple[int, bool]], ended: int | None) -> None:
    """Within a case each wait begins where the one before ended, the sides take turns, and only the last may last."""
    facts = [Fact(1, at, inbound, 1, ended) for at, inbound in sorted(told)]
    found = list(spans(facts))
    assert bool(found) == bool(facts)
    for before, after in pairwise(found):
        assert before.until == after.since
        assert before.who is not after.who
        assert before.answered
    assert all(one.until is None or one.until >= one.since for one in found)
    if found:
        assert (found[-1].until is None) == (ended is None)
        assert not found[-1].answered


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 50), st.booleans()), max_size=30))
def test_cases_do_not_touch_each_other(told: list[tuple[int, int, bool]]) -> None:
    """The waits of several cases are those of each on its own."""
    facts = [Fact(case, at, inbound, 1, None) for case, at, inbound in sorted(told)]
    alone = [span for key in (1, 2, 3) for span in spans([one for one in facts if one.case == key])]
    assert list(spans(facts)) == alone
