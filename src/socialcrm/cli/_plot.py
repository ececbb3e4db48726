"""What happens in the demo: the same calls that a program of yours would make.

Acts may be played again on a database that is kept: what is done already is not done twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from attrs import frozen

from socialcrm.cli._rehearse import Rehearsal, rehearse
from socialcrm.cli._world import DATA
from socialcrm.crm import CRM, ChannelReport, Progress
from socialcrm.errors import GuardError, NotFound
from socialcrm.types import Case, Customer, Direction, Event, Identity, Interaction, Severity

__all__ = ["ARCHIVES", "Grading", "Joining", "flood", "grade", "held_back", "join", "load", "missing", "replies", "story_of"]

AGENT = "ines"

ARCHIVES = {
    "support.mbox": ("email", "mail", {"address": "support@example.com", "trusted_authserv_id": "mx.example.com"}),
    "blog.wxr.xml": ("wordpress", "blog", {"server": "https://blog.example.com", "staff": "2,3"}),
    "mastodon.json": ("mastodon", "mastodon", {"server": "https://social.example"}),
}
"""By file: the platform, the channel's name, and its settings."""

_EDITH, _VINCENT = ("mail", "Edith Calloway"), ("mastodon", "Vincent Vale")
_JOINS = (
    (("mail", "Mara Lindqvist"), ("blog", "mara_l"), "her account on the blog has the address that she writes mail from"),
    (("mastodon", "Tomasz W."), ("blog", "Tomasz Wrona"), "Mastodon verified the web page that he gives on the blog"),
    (("mastodon", "Priya"), ("mail", "Priya Raman"), "she announced her mail in a direct message, and it says so"),
)
_REPLIES = (
    (
        _EDITH,
        "Dear Mrs Calloway,\n\nI am sorry, you have waited far too long. A technician comes today before noon.\n\nInes Falk",
    ),
    (
        ("mastodon", "Bob Harker"),
        "Sorry, Bob, nobody should have to ask twice. The limit was on our side and is gone: please try again.",
    ),
    (("blog", "Ulrike Sommer"), "Entschuldigung, Frau Sommer: sechs Nächte sind sechs zu viel. 4.2.1 kommt morgen ab 1 Uhr."),
)
_UNGUARDED = "Sorry, Bob! Is +1-555-0142 still the number to call you on?"


@frozen(kw_only=True)
class Grading:
    """How the order changes once somebody has said how bad a problem is.

    Args:
        case: As graded.
        before: Its place in the inbox, from 1.
        after: Its place afterwards.
    """

    case: Case
    before: int
    after: int


@frozen(kw_only=True)
class Joining:
    """Two identities and what makes them one person.

    Args:
        customer: The one person.
        reason: Why.
        by: Who said so; empty where verified handles did it.
    """

    customer: Customer
    reason: str
    by: str


def missing(crm: CRM) -> list[str]:
    """Return the platforms whose plugins the demo lacks."""
    there = crm.plugins.connectors()
    return [platform for platform, _, _ in ARCHIVES.values() if platform not in there]


def load(crm: CRM, file: str, progress: Callable[[Progress], None] | None) -> ChannelReport:
    """Load one archive through its real connector."""
    platform, channel, settings = ARCHIVES[file]
    return crm.load(DATA / file, platform=platform, channel=channel, progress=progress, **settings)


def grade(crm: CRM) -> list[Grading]:
    """Let an agent say how bad two problems are, as a team does on a Monday morning."""
    wanted = ((_EDITH, Severity.URGENT), (_VINCENT, Severity.LOW))
    cases = [(_case_of(crm, who), severity) for who, severity in wanted]
    before = _places(crm)
    for case, severity in cases:
        if crm.case(case).severity is not severity:
            crm.cases.grade(case, severity, by=AGENT)
    after = _places(crm)
    return [Grading(case=crm.case(ref), before=before.get(ref, 0), after=after.get(ref, 0)) for ref, _ in cases]


def _places(crm: CRM) -> dict[str, int]:
    return {case.ref: place for place, case in enumerate(crm.inbox(limit=1000), 1)}


def join(crm: CRM) -> list[Joining]:
    """Let an agent say who is one person; archives alone prove less than live channels do."""
    joined = []
    for one, other, reason in _JOINS:
        a, b = _identity(crm, one), _identity(crm, other)
        if a.customer == b.customer:
            joined.append(Joining(customer=crm.customer(a.customer), reason="linked before", by=""))
        else:
            joined.append(Joining(customer=crm.cases.join(a, b, by=AGENT, reason=reason), reason=reason, by=AGENT))
    return joined


def story_of(crm: CRM, customer: Customer) -> tuple[Case, list[Interaction], list[Event]]:
    """Return a customer's latest case, what was said in it, and its audit trail."""
    case = crm.cases.find(customer=customer, limit=1)[0]
    return case, crm.interactions(case=case), crm.events(case)


def replies(crm: CRM) -> list[Rehearsal]:
    """Return one reply for each platform as it would leave; nothing is queued or sent."""
    shown = []
    for who, text in _REPLIES:
        target = _last(crm, who)
        shown.append(rehearse(crm, target, crm.preview(target.case, text, to=target.ref)))
    return shown


def held_back(crm: CRM) -> tuple[str, str]:
    """Return a public reply with private data in it, and what the guard says."""
    target = _last(crm, ("mastodon", "Bob Harker"))
    try:
        crm.cancel(crm.reply(target.case, _UNGUARDED, by=AGENT, to=target.ref))
    except GuardError as error:
        return _UNGUARDED, str(error)
    return _UNGUARDED, "the guard saw nothing in it"


def flood(crm: CRM) -> dict[str, Counter[str]]:
    """Return how many customers' interactions came in each hour of the outage's day, by channel."""
    day = datetime(2026, 10, 8, tzinfo=UTC)
    hours = {f"{hour:02}:00": Counter[str]() for hour in range(6, 22)}
    for one in crm.interactions():
        label = f"{one.at:%H}:00"
        if one.direction is Direction.INBOUND and day <= one.at < day + timedelta(days=1) and label in hours:
            hours[label][one.channel] += 1
    return hours


def _last(crm: CRM, who: tuple[str, str]) -> Interaction:
    channel, name = who
    for one in crm.interactions(channel=channel, newest=True):
        if one.author.name.startswith(name) and one.direction is Direction.INBOUND:
            return one
    raise NotFound(f"the demo's data lacks {name} on {channel}; install socialcrm again")


def _identity(crm: CRM, who: tuple[str, str]) -> Identity:
    return _last(crm, who).author


def _case_of(crm: CRM, who: tuple[str, str]) -> str:
    return _last(crm, who).case
