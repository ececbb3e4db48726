"""What happened, as the process may see it: the words that rules are written in.

Influence-blind by construction: there is no field for an audience, a badge or a reaction count, so neither a rule nor the
order of need can ask for one, and a playbook that names one is refused with the reason.
"""

from __future__ import annotations

import difflib
import re

from attrs import define, frozen

from socialcrm.cases._calendar import DAYS
from socialcrm.types import CaseState, Kind, Moderation, Severity, Visibility

__all__ = [
    "ACKNOWLEDGED",
    "RECEIVED",
    "REPLIED",
    "VOCABULARY",
    "WITHDRAWN",
    "Fact",
    "Word",
    "about_influence",
    "closest",
    "what_we_did",
]

RECEIVED, REPLIED, ACKNOWLEDGED, WITHDRAWN = "received", "replied", "acknowledged", "withdrawn"


@define
class Fact:
    """Something that happened, as the playbook may see it.

    Args:
        kind: ``received`` (from the customer), ``replied`` (from us), ``acknowledged`` (from us, automatically),
            ``withdrawn`` (the customer took something back), ``tick`` (time passed), or a command of an agent.
        at: When, in microseconds UTC.
        interaction: The key of the interaction, where one is meant.
        what: The interaction's kind.
        moderation: How the platform's moderation stands to it.
        actor: The agent, for commands.
        value: The command's argument; for ``withdrawn``, when the thing taken back had been written.
        channel: The channel's name.
        platform: The channel's platform.
        visibility: Who can read it.
        text: The words.
        subject: The subject.
        language: The language, as the platform says.
        tags: The customer's tags at that time.
        entitlement: The customer's contract at that time.
    """

    kind: str
    at: int
    interaction: int | None = None
    what: str = ""
    moderation: str = ""
    actor: str = ""
    value: str = ""
    channel: str = ""
    platform: str = ""
    visibility: str = ""
    text: str = ""
    subject: str = ""
    language: str = ""
    tags: frozenset[str] = frozenset()
    entitlement: str = ""


_NO_ANSWER = frozenset({Kind.REACTION.value, Kind.VISIT.value, Kind.OTHER.value})


def what_we_did(kind: str, seen: int | None) -> str:
    """Say whether something of ours answers the customer, or only acknowledges them.

    Args:
        kind: The interaction's kind: a like of ours, a whisper among colleagues or a moved topic is no answer.
        seen: The time of the last interaction that its author had seen; 0 for what went out by itself.
    """
    return ACKNOWLEDGED if seen == 0 or kind in _NO_ANSWER else REPLIED


@frozen
class Word:
    """A name that a rule may use.

    Args:
        type: ``text``, ``number``, ``flag`` or ``texts`` (a set).
        code: The Python expression over ``f`` (the fact), ``c`` (the case or ``None``) and ``z`` (the time zone).
        meaning: For people.
        values: What it can be, where that is a closed set.
    """

    type: str
    code: str
    meaning: str
    values: frozenset[str] = frozenset()


def _closed(names: type) -> frozenset[str]:
    return frozenset(str(one.value) for one in names)  # type: ignore[attr-defined]  # an enum


VOCABULARY: dict[str, Word] = {
    "channel": Word("text", "f.channel", "the channel's name"),
    "platform": Word("text", "f.platform", "the channel's platform"),
    "kind": Word("text", "f.what", "post, reply, message, review …", _closed(Kind)),
    "visibility": Word("text", "f.visibility", "public, limited or private", _closed(Visibility)),
    "moderation": Word("text", "f.moderation", "approved, held, spam or removed", _closed(Moderation)),
    "text": Word("text", "f.text", "what the customer wrote"),
    "subject": Word("text", "f.subject", "the subject, where the channel has one"),
    "language": Word("text", "f.language", "the language, as the platform says (en, it …)"),
    "words": Word("texts", "words_of(f.text)", "the words of the text, in lower case"),
    "hour": Word("number", "clock(f.at, z).hour", "the hour of the day in the playbook's zone, 0 to 23"),
    "weekday": Word("text", "days[clock(f.at, z).weekday()]", "monday … sunday, in the playbook's zone", frozenset(DAYS)),
    "customer_tags": Word("texts", "f.tags", "the customer's tags"),
    "entitlement": Word("text", "f.entitlement", "the customer's contract"),
    "new_case": Word("flag", "(c is None)", "no case of the customer would take this up"),
    "case_state": Word(
        "text", "(c.state if c is not None else '')", "the case's state, '' for none", _closed(CaseState) | {""}
    ),
    "case_severity": Word(
        "text", "(c.severity if c is not None else '')", "its severity, '' for none", _closed(Severity) | {""}
    ),
    "case_queue": Word("text", "(c.queue if c is not None else '')", "its queue, '' for none"),
    "case_tags": Word("texts", "tags_of(c)", "its tags"),
    "case_hours": Word("number", "((f.at - c.opened) // 3600000000 if c is not None else 0)", "its age in whole hours"),
    "contacts": Word(
        "number", "(c.contacts + 1 if c is not None else 1)", "how often the customer wrote since our last answer"
    ),
}
"""Every name that a rule may use."""

_INFLUENCE = re.compile(
    r"follow|audience|subscriber|\bfans?\b|friend|likes?\b|liked|favou?rite|upvote|downvote|share[sd]?\b|retweet|reblog|repost|boost"
    r"|views?\b|impression|\breach|engag|verif|badge|blue|checkmark|influen|klout|karma|popular|famous|celebrit|reputation|avatar"
    r"|reaction_count|\bscore",
    re.IGNORECASE,
)


def about_influence(name: str) -> bool:
    """Tell whether a name asks how influential somebody is."""
    return name not in VOCABULARY and _INFLUENCE.search(name.replace("_", " ")) is not None


def closest(name: str, names: object) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of some names, empty text where none is near."""
    near = difflib.get_close_matches(name, [str(one) for one in names], n=1)  # type: ignore[attr-defined]  # any iterable
    return f"; did you mean {near[0]!r}?" if near else ""
