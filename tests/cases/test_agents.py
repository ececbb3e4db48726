"""What agents do: every command, two agents at once, and who gets a case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from town import START, answer, say, town, words

from socialcrm.cases import Agent, Desk, Hours, Playbook, Queue, Wish, choose, differences, simulate, staff
from socialcrm.crm import CRM
from socialcrm.errors import ConflictError, SettingsError, StateError
from socialcrm.types import CaseState, Severity

MINUTE = 60_000_000


def _sound(crm: CRM) -> None:
    with crm.store.read() as tx:
        assert differences(tx) == []
    assert crm.playbooks.replay().differing == []


def test_a_merged_case_lives_on_in_the_other() -> None:
    """What both waited for is waited for since the earlier of both; the old number leads to the new one."""
    crm, clock = town()
    say(crm, words("ada", 0))
    crm.cases.close("c1", by="ana")
    clock.minutes = 5
    say(crm, words("ada", 10), words("ada", 12, "more", thread="other"))
    crm.cases.split("c2", ["i3"], by="ana")
    assert {case.ref for case in crm.inbox()} == {"c2", "c3"}
    kept = crm.cases.merge("c3", "c2", by="ana")
    assert (kept.ref, kept.contacts, kept.waiting_since) == ("c2", 2, START + timedelta(minutes=10))
    assert crm.case("c3").ref == "c2"
    assert {one.case for one in crm.interactions(customer=kept.customer)} == {"c1", "c2"}
    say(crm, words("ada", 20, thread="other"))
    assert crm.case("c2").contacts == 3
    _sound(crm)


def test_a_split_case_goes_on_in_its_own_conversation() -> None:
    """What is said where the split interactions stood belongs to the new case; the rest to the old one."""
    crm, _ = town()
    say(crm, words("ada", 0, thread="bill"), words("ada", 5, thread="router"))
    assert len(crm.inbox()) == 1
    new = crm.cases.split("c1", ["i2"], by="ana")
    assert new.ref == "c2"
    say(crm, words("ada", 9, thread="router"), words("ada", 11, thread="bill"), answer(words("ada", 9, thread="router"), 12))
    assert crm.case("c1").contacts == 2
    assert (crm.case("c2").contacts, crm.case("c2").state) == (0, CaseState.PENDING)
    with pytest.raises(SettingsError, match="does not hold"):
        crm.cases.split("c1", ["i2"], by="ana")
    with pytest.raises(SettingsError, match="nothing of the customer's would be left"):
        crm.cases.split("c1", [one.ref for one in crm.interactions(case="c1")], by="ana")
    _sound(crm)


def test_a_follow_up_takes_the_next_word() -> None:
    """It begins without a contact, says what it follows, and is the customer's case from then on."""
    crm, clock = town()
    say(crm, words("ada", 0))
    crm.cases.close("c1", by="ana")
    clock.minutes = 10
    new = crm.cases.follow_up("c1", by="ana", reason="refund")
    assert (new.ref, new.state, crm.cases.detail("c2").follows) == ("c2", CaseState.OPEN, "c1")
    assert crm.inbox() == []
    say(crm, words("ada", 20))
    assert [(case.ref, case.contacts) for case in crm.inbox()] == [("c2", 1)]
    _sound(crm)


def test_two_agents_never_answer_unaware() -> None:
    """A claim refuses the other agent's commands and whatever they read before; it ends by itself."""
    crm, clock = town()
    say(crm, words("ada", 0))
    read = crm.case("c1")
    crm.cases.claim("c1", by="ana", minutes=15)
    with pytest.raises(ConflictError, match="changed since"):
        crm.cases.resolve(read, by="bo")
    with pytest.raises(ConflictError, match="claimed by ana for 15 more minutes"):
        crm.cases.resolve("c1", by="bo")
    crm.cases.grade("c1", Severity.HIGH, by="ana")
    clock.minutes = 16
    assert crm.cases.resolve("c1", by="bo", reason="done").state is CaseState.RESOLVED
    assert crm.cases.detail("c1").reason == "done"
    _sound(crm)


def test_pending_says_for_what_and_a_snooze_ends() -> None:
    """The reason is kept; a snoozed case wakes at its time, by whichever comes first, a tick or a word."""
    crm, clock = town()
    say(crm, words("ada", 0), words("bo", 1))
    crm.cases.pend("c1", "waits for the router's number", by="ana")
    assert crm.cases.detail("c1").reason == "waits for the router's number"
    crm.cases.snooze("c2", START + timedelta(hours=1), by="ana")
    assert crm.inbox() == []
    clock.minutes = 59
    assert crm.tick() == 0
    clock.minutes = 60
    assert crm.tick() == 1
    assert [case.ref for case in crm.inbox()] == ["c2"]
    _sound(crm)


def test_notes_mention_and_stay_out_of_the_log() -> None:
    """What agents write is kept beside the log, which only says that they did."""
    crm, _ = town()
    say(crm, words("ada", 0))
    note = crm.cases.note("c1", "@bo knows this router, ask bo@example.com too", by="ana")
    assert note.mentions == ("bo",)
    assert [one.text for one in crm.cases.notes("c1")] == [note.text]
    assert "router" not in repr(crm.events("c1"))
    _sound(crm)


def test_fields_tags_and_bulk() -> None:
    """Many at once; the one that can't be done says why and stops nobody."""
    crm, _ = town()
    say(crm, words("ada", 0), words("bo", 1), words("cy", 2))
    crm.cases.describe("c1", {"order": 17, "vip": False}, by="ana")
    assert crm.cases.detail("c1").fields == {"order": 17, "vip": False}
    crm.cases.close("c2", by="ana")
    report = crm.cases.each(["c1", "c2", "c3"], "resolve", by="ana")
    assert report.done == ["c1", "c3"]
    assert "c2 is closed" in report.refused["c2"]
    with pytest.raises(SettingsError, match="can't be done to many"):
        crm.cases.each(["c1"], "split", by="ana")
    _sound(crm)


def test_what_a_blocked_customer_says_opens_nothing() -> None:
    """From the block on; what they said before stays, and so does what others say."""
    crm, clock = town()
    say(crm, words("ada", 0), words("bo", 1))
    crm.cases.close("c1", by="ana", reason="spam")
    clock.minutes = 5
    crm.cases.block("u1", by="ana")
    say(crm, words("ada", 10), words("bo", 11))
    assert [case.ref for case in crm.inbox()] == ["c2"]
    _sound(crm)


def test_a_contract_counts_from_when_it_is_known() -> None:
    """The customer of a contract counts as due sooner, for what they say from then on."""
    crm, clock = town(Playbook(entitlements={"gold": timedelta(hours=2)}))
    say(crm, words("ada", 0), words("bo", 30))
    clock.minutes = 60
    crm.cases.know("u2", entitlement="gold", by="ana")
    assert [case.ref for case in crm.inbox()] == ["c1", "c2"]
    say(crm, words("bo", 70))
    assert [case.ref for case in crm.inbox()] == ["c2", "c1"]
    assert crm.cases.detail("c2").entitlement == "gold"
    _sound(crm)


def test_an_impossible_step_is_refused() -> None:
    """A closed case stays closed, and an open one can't be woken."""
    crm, _ = town()
    say(crm, words("ada", 0))
    with pytest.raises(StateError, match="wake is not possible"):
        crm.cases.wake("c1", by="ana")
    crm.cases.close("c1", by="ana")
    for act in (crm.cases.resolve, crm.cases.reopen, crm.cases.wake):
        with pytest.raises(StateError, match="c1 is closed"):
            act("c1", by="ana")


OFFICE = Hours(zone="Europe/Rome", week={"monday": ((540, 1020),)})
TEAM = (
    Agent(name="ana", queues=frozenset({"q"}), languages=frozenset({"it"}), skills=frozenset({"billing"}), capacity=2),
    Agent(name="bo", queues=frozenset({"q"}), capacity=4),
    Agent(name="cy", queues=frozenset({"q"}), hours=OFFICE),
)
NIGHT, DAY = int(START.timestamp()) * 1_000_000 - 8 * 60 * MINUTE, int(START.timestamp()) * 1_000_000 + 60 * MINUTE


@pytest.mark.parametrize(
    ("wish", "queue", "loads", "at", "agent", "why"),
    [
        (Wish(queue="q"), Queue(name="q"), {"bo": 1}, DAY, "ana", "least loaded"),
        (Wish(queue="q"), Queue(name="q"), {"ana": 1, "bo": 1}, DAY, "cy", "least loaded"),
        (Wish(queue="q"), Queue(name="q"), {"ana": 1, "bo": 1}, NIGHT, "bo", "least loaded"),
        (Wish(queue="q"), Queue(name="q"), {"ana": 2, "bo": 4}, NIGHT, "", "has room"),
        (Wish(queue="q", knows="cy"), Queue(name="q"), {"cy": 3}, DAY, "cy", "knows the customer"),
        (Wish(queue="q", knows="cy"), Queue(name="q"), {}, NIGHT, "ana", "least loaded"),
        (Wish(queue="q", language="de"), Queue(name="q"), {}, NIGHT, "bo", "least loaded"),
        (Wish(queue="q"), Queue(name="q", skills=frozenset({"billing"})), {"ana": 1}, DAY, "ana", "least loaded"),
        (Wish(queue="q"), Queue(name="q", skills=frozenset({"law"})), {}, DAY, "", "can do law"),
        (Wish(queue="x"), Queue(name="x"), {}, DAY, "", "works for x"),
    ],
)
def test_who_gets_a_case_and_why(wish: Wish, queue: Queue, loads: dict[str, int], at: int, agent: str, why: str) -> None:
    """Queue, skills, language, duty and room rule agents out; then who knows the customer, then load, decides."""
    choice = choose(wish, queue, TEAM, Desk(at=at, loads=dict(loads)))
    assert choice.agent == agent
    assert why in choice.why


def test_round_robin_goes_round() -> None:
    """Everybody in turn, however many they have."""
    desk, queue = Desk(at=DAY), Queue(name="q", strategy="round_robin")
    told = []
    for _ in range(5):
        choice = choose(Wish(queue="q"), queue, TEAM, desk)
        desk.gave("q", choice.agent)
        told.append(choice.agent)
    assert told == ["ana", "bo", "cy", "ana", "bo"]


def test_routing_gives_the_most_needed_case_first_and_says_why() -> None:
    """The assignment stands in the audit trail with its reason; whoever can't be served is told."""
    crm, clock = town(Playbook(agents=(Agent(name="ana", queues=frozenset({"inbox"}), capacity=1),)))
    say(crm, words("ada", 0), words("bo", 1))
    clock.minutes = 5
    assert "has room" in crm.cases.route()["c2"]
    assert crm.case("c1").assignee == "ana"
    event = crm.events("c1")[-1]
    assert (event.kind, event.actor, event.rule) == ("assigned", "routing", "least loaded (0 waiting)")
    _sound(crm)


def test_more_agents_keep_more_targets() -> None:
    """The smallest number that keeps the share is found, one fewer does not, and the same seed tells the same."""
    waits = [(place * MINUTE, place * MINUTE + 60 * MINUTE, place) for place in range(0, 2000, 2)]
    found = staff(waits, minutes=10, share=0.95)
    assert found.share >= 0.95
    assert simulate(waits, found.agents - 1, minutes=10).share < 0.95
    assert simulate(waits, found.agents, minutes=10) == found
    with pytest.raises(SettingsError, match="not even 3 agents"):
        staff(waits, minutes=10, share=0.95, most=3)
