"""A simulated year with a change of process in the middle: ``docs/process/year.md`` tells what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from company import DAY, year
from town import START, Clock, say, town

from socialcrm.cases import differences, read_playbook
from socialcrm.crm import CRM
from socialcrm.types import CaseState

SPRING = read_playbook("""
name = "spring"
[respond_within]
normal = "4h"
""")
AUTUMN = read_playbook("""
name = "autumn"
zone = "Europe/Rome"
[hours]
monday = ["08:00-20:00"]
tuesday = ["08:00-20:00"]
wednesday = ["08:00-20:00"]
thursday = ["08:00-20:00"]
friday = ["08:00-24:00"]
saturday = ["08:00-20:00"]
sunday = ["08:00-20:00"]
[respond_within]
high = "2h"
normal = "4h"
[escalation]
queue = "lead"
[[rule]]
name = "praise"
when = "'thank' in words or text.starts_with('great')"
ignore = true
[[rule]]
name = "outage"
when = "'outage' in words"
severity = "high"
queue = "network"
tags = ["outage"]
[[rule]]
name = "bills"
when = "'bill' in words or 'invoice' in words"
queue = "billing"
""")


@pytest.fixture(scope="module")
def company() -> Iterator[tuple[CRM, Clock]]:
    """The year, with the autumn playbook from the first of July on."""
    crm, clock = town()
    said = year()
    middle = 181 * DAY
    crm.playbooks.publish(SPRING, by="ana")
    crm.playbooks.aim("first answers", "first", share=0.9, by="ana")
    for week in range(53):
        begin, end = week * 7 * DAY, (week + 1) * 7 * DAY
        say(crm, *(one for one in said if begin <= one["at"] < end), size=200)
        clock.minutes = end
        crm.tick()
        crm.cases.each(crm.cases.find(state=CaseState.PENDING), "resolve", "answered", by="ana")
        if begin <= middle < end:
            crm.playbooks.publish(AUTUMN, by="ana")
            crm.playbooks.migrate(by="ana")
    yield crm, clock
    crm.close()


def test_a_year_is_told_by_its_log(company: tuple[CRM, Clock]) -> None:
    """Rebuilding the table from the log and deciding everything again both come out the same."""
    crm, _ = company
    with crm.store.read() as tx:
        assert differences(tx) == []
    told = crm.playbooks.replay()
    assert told.differing == []
    assert told.events > 3000


def test_the_goal_reports_for_each_playbook(company: tuple[CRM, Clock]) -> None:
    """Working hours and ignored praise make a target that was missed at night one that is kept."""
    (goal,) = company[0].playbooks.goals()
    spring, autumn = goal.versions[SPRING.version], goal.versions[AUTUMN.version]
    assert spring[1] < 0.75 < autumn[1]


def test_a_backtest_of_the_autumn_playbook_would_have_told_it_before(company: tuple[CRM, Clock]) -> None:
    """Over the whole year: fewer late first answers, fewer cases, an own queue for outages."""
    report = company[0].playbooks.backtest(AUTUMN)
    assert report.after.breaches["first"] < report.before.breaches["first"]
    assert report.after.queues["network"] > report.before.queues["network"]
    assert report.counts["missing"] > 0


def test_nobody_waits_unseen_at_the_end(company: tuple[CRM, Clock]) -> None:
    """Who still waits on the last evening wrote within the last days, and the inbox says why they stand where they do."""
    crm, _ = company
    for case in crm.inbox(limit=500):
        assert case.waiting_since is not None
        assert case.waiting_since > START + timedelta(days=360) or "thank" in case.excerpt or "great" in case.excerpt
        assert case.why


def test_one_agent_more_would_have_kept_more(company: tuple[CRM, Clock]) -> None:
    """The simulation of a staff over the autumn's waits."""
    crm, _ = company
    since, until = START + timedelta(days=181), START + timedelta(days=365)
    one, two = (crm.playbooks.staff(since=since, until=until, minutes=28, agents=count) for count in (1, 2))
    assert one.waits == two.waits > 500
    assert two.share >= one.share
