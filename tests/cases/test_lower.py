"""Rules mean the same lowered to Python as in the engine whose language they are written in."""

from __future__ import annotations

import string
from typing import Any

import pytest
import rule_engine
from hypothesis import given, settings
from hypothesis import strategies as st

from socialcrm.cases import VOCABULARY, Fact
from socialcrm.cases._lower import _context, lower
from socialcrm.errors import PlaybookError
from socialcrm.store import CaseRow

TEXTS = ("text", "subject", "channel", "platform", "language", "entitlement", "case_queue")
NUMBERS = ("hour", "contacts", "case_hours")
SETS = ("words", "customer_tags", "case_tags")
PLAIN = st.text(string.ascii_letters + " ", max_size=6)


def _literal(text: str) -> str:
    return f'"{text}"'


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A text: a name, one of its forms, or a literal."""
    name = draw(st.sampled_from(TEXTS))
    return draw(st.sampled_from((name, f"{name}.as_lower", f"{name}.as_upper", _literal(draw(PLAIN)))))


@st.composite
def atoms(draw: st.DrawFn) -> str:
    """A comparison of each kind that the whitelist has."""
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return f"{draw(texts())} {draw(st.sampled_from(('==', '!=')))} {draw(texts())}"
    if kind == 1:
        sign = draw(st.sampled_from(("==", "!=", "<", "<=", ">", ">=")))
        return f"{draw(st.sampled_from(NUMBERS))} {sign} {draw(st.sampled_from((0, 1, 3, 9, 2.5)))}"
    if kind == 2:
        return f"{draw(texts())} in {draw(st.sampled_from(SETS))}"
    if kind == 3:
        return f"{_literal(draw(PLAIN))} in {draw(st.sampled_from(TEXTS))}"
    if kind == 4:
        return f"{draw(texts())} in [{', '.join(map(_literal, draw(st.lists(PLAIN, min_size=1, max_size=3))))}]"
    if kind == 5:
        return f"{draw(st.sampled_from(TEXTS))}.{draw(st.sampled_from(('starts_with', 'ends_with')))}({_literal(draw(PLAIN))})"
    if kind == 6:
        return f"{draw(texts())}.length > {draw(st.integers(0, 6))}"
    return draw(
        st.sampled_from(("new_case", "true", "false", "weekday == 'monday'", "kind in ['post', 'reply']", "hour in [8, 9]"))
    )


conditions = st.recursive(
    atoms(),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)


def _case(queue: str, tags: str) -> CaseRow:
    return CaseRow(
        1, 1, 1, "open", "normal", queue, "", 2, 0, None, None, None, None, None, None, None, None, None, 1, 1, 0, tags,
        "v", 1, None, "", "", 0, None, None, None, 0, "",
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    condition=conditions,
    text=PLAIN,
    subject=PLAIN,
    tags=st.frozensets(PLAIN, max_size=2),
    hours=st.integers(0, 60),
    case=st.one_of(st.none(), st.builds(_case, PLAIN, st.sampled_from(("", "vip", "vip,bill")))),
)
def test_lowered_conditions_hold_exactly_when_the_engine_says_so(
    condition: str, text: str, subject: str, tags: frozenset[str], hours: int, case: Any
) -> None:
    """Over every kind of node, the lowered function and the engine agree."""
    fact = Fact("received", hours * 3_600_000_000, 1, "post", "approved", text=text, subject=subject, tags=tags, channel="mail")
    seen = {name: _value(name, fact, case) for name in VOCABULARY}
    wanted = bool(rule_engine.Rule(condition, context=_context()).matches(seen))
    assert (lower([condition], "Europe/Rome")(fact, case) == (0,)) == wanted


def _value(name: str, fact: Fact, case: Any) -> Any:
    from socialcrm.cases import _lower

    names = {"f": fact, "c": case, "z": _lower._zone("Europe/Rome"), "clock": _lower._clock, "days": _lower.DAYS}
    value = eval(VOCABULARY[name].code, {**names, "words_of": _lower._words, "tags_of": _lower._tags})
    return set(value) if isinstance(value, frozenset) else value


@pytest.mark.parametrize(
    "condition",
    [
        "text =~~ '(a+)+$'",
        "[x for x in words][0] == 'a'",
        "$any([x == 'a' for x in words])",
        "contacts + 1 > 2",
        "contacts * 1000000 > 2",
        "text[0] == 'a'",
        "text.split('a')",
        "new_case ? true : false",
        "$now > contacts",
        "text == 1",
        "kind == 'pst'",
        "contacts > 'a'",
        "text",
        "contacts and new_case",
        "text in ['a', 1]",
        "kind = 'post'",
        "kind ==",
        "kindness == 'post'",
        "text.lower == 'a'",
        "'a' == 'b' " + "or 'a' == 'b' " * 200,
    ],
)
def test_what_is_not_on_the_whitelist_is_refused(condition: str) -> None:
    """Whatever could run for ever, hold never, or means something else than it looks like does not load."""
    with pytest.raises(PlaybookError):
        lower([condition], "UTC")


@pytest.mark.parametrize(
    "name",
    [
        "followers",
        "follower_count",
        "likes",
        "verified",
        "author.verified",
        "audience",
        "engagement",
        "reach",
        "influence",
        "avatar",
    ],
)
def test_a_name_about_influence_is_refused_with_the_reason(name: str) -> None:
    """A rule that asks how influential a customer is does not load, and the message says why."""
    with pytest.raises(PlaybookError, match="how influential a customer is decides nothing here"):
        lower([f"{name.split('.')[-1]} > 3"], "UTC")
