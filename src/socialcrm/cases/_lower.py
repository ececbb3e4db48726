"""Lowers conditions to one Python function.

`rule-engine` is the language, the parser and the type checker; it is never called per fact. Its typed tree is walked once,
through a whitelist of nodes whose cost is bounded by the length of what they look at: no loops, no comprehensions, no regular
expressions, no arithmetic, no attribute but the few named ones. ``tests/cases/test_lower.py`` compares both on every node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import rule_engine  # type: ignore[import-untyped]  # it ships no types
from attrs import define, field
from rule_engine import DataType, ast
from rule_engine.errors import (  # type: ignore[import-untyped]  # as above
    AttributeResolutionError,
    EngineError,
    RuleSyntaxError,
    SymbolResolutionError,
)

from socialcrm.cases._calendar import DAYS
from socialcrm.cases._facts import VOCABULARY, Fact, about_influence, closest
from socialcrm.errors import PlaybookError
from socialcrm.store import CaseRow

__all__ = ["INFLUENCE_BLIND", "Match", "lower"]

INFLUENCE_BLIND = (
    "how influential a customer is decides nothing here: cases are ordered by need, and audience, engagement and verification "
    "are no part of it"
)

Match = Callable[[Fact, CaseRow | None], tuple[int, ...]]
"""Returns the places of the conditions that hold."""

_TYPES = {
    "text": DataType.STRING,
    "number": DataType.FLOAT,
    "flag": DataType.BOOLEAN,
    "texts": DataType.SET(DataType.STRING),
}
_COMPARE = {"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_PROPERTIES = {"as_lower": ("text", "{}.lower()"), "as_upper": ("text", "{}.upper()"), "length": ("number", "len({})")}
_METHODS = {"starts_with": "startswith", "ends_with": "endswith"}
_LONGEST = 2000
_WORD = re.compile(r"\w+")


def lower(conditions: Sequence[str], zone: str) -> Match:
    """Turn conditions into one function.

    Args:
        conditions: In ``rule-engine``'s language, over the names of `VOCABULARY`.
        zone: The time zone in which hours and days are meant.

    Raises:
        PlaybookError: One does not parse, names what is not allowed, or compares unlike things. The message begins with
            ``condition N:``; N counts from 0.
    """
    lowering = _Lowering()
    tests = []
    for place, condition in enumerate(conditions):
        try:
            tests.append(lowering.condition(condition))
        except PlaybookError as error:
            raise PlaybookError(f"condition {place}: {error}") from None
    body = [f"    {name} = {code}" for name, code in lowering.once.items()]
    body += [f"    if {test}: hits.append({place})" for place, test in enumerate(tests)]
    source = "\n".join(["def match(f, c):", "    hits = []", *body, "    return tuple(hits)"])
    names: dict[str, Any] = {
        "__builtins__": {"len": len, "tuple": tuple},
        "z": _zone(zone),
        "clock": _clock,
        "days": DAYS,
        "words_of": _words,
        "tags_of": _tags,
        **lowering.constants,
    }
    exec(compile(source, "<playbook>", "exec"), names)  # noqa: S102 - the source is built from whitelisted nodes only
    match: Match = names["match"]
    return match


def _clock(at: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _tags(case: CaseRow | None) -> frozenset[str]:
    return frozenset(case.tags.split(",")) if case is not None and case.tags else frozenset()


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@cache
def _context() -> rule_engine.Context:
    types = {name: _TYPES[word.type] for name, word in VOCABULARY.items()}
    return rule_engine.Context(type_resolver=rule_engine.type_resolver_from_dict(types))


@define
class _Lowering:
    """The code of all conditions: what several of them look at is computed once."""

    once: dict[str, str] = field(factory=dict)
    constants: dict[str, Any] = field(factory=dict)
    _names: dict[str, str] = field(factory=dict)

    def condition(self, text: str) -> str:
        tree = _parse(text)
        kind, code = self._node(tree)
        if kind != "flag":
            raise PlaybookError(f"{text!r} is no condition; compare it with something")
        return code

    def _node(self, node: Any) -> tuple[str, str]:
        visit = _VISITS.get(type(node))
        if visit is None:
            what = type(node).__name__.removesuffix("Expression")
            reason = "; a regular expression could run for ever, use `in`" if what == "FuzzyComparison" else ""
            raise PlaybookError(
                f"{what} is not allowed in a rule{reason}; allowed are and, or, not, comparisons, in, texts, numbers, lists, "
                f"the names of facts, and {', '.join([*_PROPERTIES, *_METHODS])} of a text"
            )
        return visit(self, node)

    def logic(self, node: Any) -> tuple[str, str]:
        sides = [self._flag(side) for side in (node.left, node.right)]
        return "flag", f"({sides[0]} {node.type} {sides[1]})"

    def unary(self, node: Any) -> tuple[str, str]:
        if node.type != "not":
            raise PlaybookError("arithmetic is not allowed in a rule; write the number itself")
        return "flag", f"(not {self._flag(node.right)})"

    def _flag(self, node: Any) -> str:
        kind, code = self._node(node)
        if kind != "flag":
            raise PlaybookError(f"and, or, not stand between conditions, and {code.removeprefix('v_')} is a {kind}")
        return code

    def compare(self, node: Any) -> tuple[str, str]:
        left, right = self._node(node.left), self._node(node.right)
        if left[0] != right[0] or (node.type not in ("eq", "ne") and left[0] != "number"):
            raise PlaybookError(f"a {left[0]} can't be compared with a {right[0]} by {_COMPARE[node.type]}")
        self._known(node.left, node.right)
        self._known(node.right, node.left)
        return "flag", f"({left[1]} {_COMPARE[node.type]} {right[1]})"

    def _known(self, symbol: Any, *literals: Any) -> None:
        """Refuse a value that a closed set does not have: such a rule could never hold."""
        values = VOCABULARY[symbol.name].values if type(symbol) is ast.SymbolExpression else frozenset()
        for literal in literals if values else ():
            if type(literal) is ast.StringExpression and literal.value not in values:
                raise PlaybookError(
                    f"{symbol.name} is never {literal.value!r}{closest(literal.value, values)}; "
                    f"it is one of {', '.join(sorted(values - {''}))}"
                )

    def contains(self, node: Any) -> tuple[str, str]:
        (outer, container), (inner, member) = self._node(node.container), self._node(node.member)
        if (outer, inner) not in (("texts", "text"), ("text", "text"), ("numbers", "number")):
            raise PlaybookError(f"a {inner} can't be in a {outer}")
        if isinstance(node.container, ast.ArrayExpression | ast.SetExpression):
            self._known(node.member, *node.container.value)
        return "flag", f"({member} in {container})"

    def listed(self, node: Any) -> tuple[str, str]:
        kinds = {type(item) for item in node.value}
        if kinds not in ({ast.StringExpression}, {ast.FloatExpression}):
            raise PlaybookError("a list in a rule holds texts only, or numbers only")
        constant = self._constant(frozenset(_number(item.value) for item in node.value))
        return ("texts" if kinds == {ast.StringExpression} else "numbers"), constant

    def literal(self, node: Any) -> tuple[str, str]:
        if type(node) is ast.BooleanExpression:
            return "flag", repr(bool(node.value))
        kind = "text" if type(node) is ast.StringExpression else "number"
        return kind, self._constant(_number(node.value))

    def _constant(self, value: Any) -> str:
        name = self._names.setdefault(f"constant {value!r}", f"k{len(self.constants)}")
        self.constants.setdefault(name, value)
        return name

    def symbol(self, node: Any) -> tuple[str, str]:
        if node.scope is not None or node.name not in VOCABULARY:
            raise PlaybookError(f"{node.name} is not allowed in a rule")
        word = VOCABULARY[node.name]
        self.once.setdefault(f"v_{node.name}", word.code)
        return word.type, f"v_{node.name}"

    def attribute(self, node: Any) -> tuple[str, str]:
        kind, code = self._node(node.object)
        if kind != "text" or node.name not in _PROPERTIES:
            raise PlaybookError(
                f"{node.name} is not allowed in a rule; allowed are {', '.join([*_PROPERTIES, *_METHODS])} of a text"
            )
        result, shape = _PROPERTIES[node.name]
        name = f"{code}_{node.name}"
        self.once.setdefault(name, shape.format(code))
        return result, name

    def call(self, node: Any) -> tuple[str, str]:
        function = node.function
        if type(function) is not ast.GetAttributeExpression or function.name not in _METHODS or len(node.arguments) != 1:
            raise PlaybookError(f"that function is not allowed in a rule; allowed are {', '.join(_METHODS)} of a text")
        kind, code = self._node(function.object)
        inner, argument = self._node(node.arguments[0])
        if kind != "text" or inner != "text":
            raise PlaybookError(f"{function.name} compares two texts")
        return "flag", f"{code}.{_METHODS[function.name]}({argument})"


_VISITS: dict[type, Callable[[_Lowering, Any], tuple[str, str]]] = {
    ast.LogicExpression: _Lowering.logic,
    ast.UnaryExpression: _Lowering.unary,
    ast.ComparisonExpression: _Lowering.compare,
    ast.ArithmeticComparisonExpression: _Lowering.compare,
    ast.ContainsExpression: _Lowering.contains,
    ast.ArrayExpression: _Lowering.listed,
    ast.SetExpression: _Lowering.listed,
    ast.StringExpression: _Lowering.literal,
    ast.FloatExpression: _Lowering.literal,
    ast.BooleanExpression: _Lowering.literal,
    ast.SymbolExpression: _Lowering.symbol,
    ast.GetAttributeExpression: _Lowering.attribute,
    ast.FunctionCallExpression: _Lowering.call,
}


def _number(value: Any) -> Any:
    return value if isinstance(value, str) or value != int(value) else int(value)


def _parse(text: str) -> Any:
    """Parse and type-check one condition, with errors that say what to write instead."""
    if len(text) > _LONGEST:
        raise PlaybookError(f"a condition of {len(text)} characters is longer than {_LONGEST}; make several rules of it")
    try:
        return rule_engine.Rule(text, context=_context()).statement.expression
    except SymbolResolutionError as error:
        name = str(error.symbol_name)
        if about_influence(name):
            raise PlaybookError(f"{name!r} is refused: {INFLUENCE_BLIND}") from None
        raise PlaybookError(f"unknown name {name!r}{closest(name, VOCABULARY)}; allowed are {', '.join(VOCABULARY)}") from None
    except AttributeResolutionError as error:
        name = str(error.attribute_name)
        if about_influence(name):
            raise PlaybookError(f"{name!r} is refused: {INFLUENCE_BLIND}") from None
        allowed = [*_PROPERTIES, *_METHODS]
        raise PlaybookError(f"a text has no {name!r}{closest(name, allowed)}; allowed are {', '.join(allowed)}") from None
    except RuleSyntaxError as error:
        raise PlaybookError(f"{text!r} can't be read: {error.message}; texts stand in quotes, equality is ==") from None
    except EngineError as error:
        raise PlaybookError(f"{text!r} can't be checked: {error.message}") from None
