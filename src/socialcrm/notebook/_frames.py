"""Records as data frames of pandas, Polars or PyArrow, built through narwhals.

One row for each record. Text and enums are strings, times are aware (UTC, microseconds), waits are durations, tuples of words
are joined by ``", "``, mappings are JSON; what is missing is null. Counts that may be missing are floats, because pandas has no
null among its plain integers. The columns depend on the kind of record only, never on the
data, so an empty frame has them too.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from itertools import islice
from types import UnionType
from typing import Any

import attrs

from socialcrm.errors import SettingsError

__all__ = ["columns", "frames", "to_frame"]

BACKENDS = ("pandas", "polars", "pyarrow")

Getter = Callable[[Any], Any]
Column = tuple[str, type, Getter]

_SPECIAL: dict[str, dict[str, list[Column]]] = {
    "Interaction": {
        "author": [
            ("author", str, lambda one: str(one.author)),
            ("author_ref", str, lambda one: one.author.ref),
            ("platform", str, lambda one: one.author.platform),
        ],
        "attachments": [("attachments", int, lambda one: len(one.attachments))],
        "revisions": [("revisions", int, lambda one: len(one.revisions))],
        "references": [],
    },
    "Reply": {"to": [("to", str, lambda one: str(one.to)), ("to_ref", str, lambda one: one.to.ref)]},
    "Customer": {
        "identities": [
            ("platforms", str, lambda one: ", ".join(sorted({who.platform for who in one.identities}))),
            ("identities", int, lambda one: len(one.identities)),
        ]
    },
    "ChannelCoverage": {"holes": [("holes", int, lambda one: len(one.holes))]},
}
"""Fields that become something else than one column of their own name."""

_PARTS: dict[str, Callable[[Any], Iterable[Any]]] = {
    "Journey": lambda one: one.interactions,
    "Conversation": lambda one: one.interactions,
    "Map": lambda one: one.channels,
    "Coverage": lambda one: one.channels,
}
"""Records that stand for several: what their rows are."""


def to_frame(records: Any, backend: str = "pandas", *, kind: type | None = None) -> Any:
    """Return records as a data frame.

    Args:
        records: One record, several of one kind, dictionaries with the same keys (an event log), or a report, map, journey …
        backend: ``pandas``, ``polars`` or ``pyarrow``; it has to be installed.
        kind: The class of the records, for an empty list; found out from the first one otherwise.

    Returns:
        A frame of that library. `columns` says what its columns are.

    Raises:
        SettingsError: The library is not installed or not known, or the records are of several kinds.

    Example:
        >>> crm.inbox().to_frame()  # doctest: +SKIP
    """
    if type(records).__name__ == "Report":
        return _build([_report_line(records, row) for row in records.rows or (records.total,)], _report_kinds(records), backend)
    parts = _PARTS.get(type(records).__name__)
    rows = list(parts(records)) if parts is not None else [records] if attrs.has(type(records)) else list(records)
    if rows and isinstance(rows[0], Mapping):
        return _build(rows, dict.fromkeys(rows[0], str), backend)
    kind = type(rows[0]) if rows else kind or getattr(records, "kind", None)
    if kind is None:
        return _build([], {}, backend)
    strange = next((one for one in rows if type(one) is not kind), None)
    if strange is not None:
        raise SettingsError(f"a frame holds one kind of record; there are {kind.__name__} and {type(strange).__name__}")
    spec = _columns(kind)
    data = {name: [getter(one) for one in rows] for name, _, getter in spec}
    return _native(data, {name: of for name, of, _ in spec}, backend)


def frames(records: Iterable[Any], size: int = 50_000, backend: str = "pandas") -> Iterator[Any]:
    """Yield frames of at most ``size`` rows, so that a set that does not fit into memory can be worked through.

    Args:
        records: Any iterable, ``crm.stream()`` for example.
        size: Rows in a frame.
        backend: As for `to_frame`.
    """
    rest = iter(records)
    while part := list(islice(rest, size)):
        yield to_frame(part, backend)


def columns(kind: type) -> dict[str, str]:
    """Say which columns a frame of these records has: by name, the Python type that the values stand for."""
    return {name: of.__name__ for name, of, _ in _columns(kind)}


@cache
def _columns(kind: type) -> tuple[Column, ...]:
    special = _SPECIAL.get(kind.__name__, {})
    hints = typing.get_type_hints(kind)
    found: list[Column] = []
    for field in attrs.fields(kind):
        if field.name in special:
            found += special[field.name]
        else:
            found.append((field.name, _plain_type(hints[field.name]), _getter(field.name)))
    return tuple(found)


def _plain_type(hint: Any) -> type:
    if typing.get_origin(hint) in (typing.Union, UnionType):
        inner = [_plain_type(one) for one in typing.get_args(hint) if one is not type(None)]
        return inner[0] if len(set(inner)) == 1 else str
    return hint if hint in (int, float, bool, datetime, timedelta) else str


def _getter(name: str) -> Getter:
    def get(record: Any) -> Any:
        return _plain(getattr(record, name))

    return get


_AS_THEY_ARE = frozenset({str, int, float, bool, datetime, timedelta, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value)
    return str(value)


def _report_kinds(report: Any) -> dict[str, type]:
    kinds: dict[str, type] = {"part": str}
    for measure in report.measures:
        kinds[measure.name] = timedelta if measure.unit == "time" else float
    return kinds


def _report_line(report: Any, row: Any) -> dict[str, Any]:
    return {"part": row.part, **{measure.name: row[measure.name] for measure in report.measures}}


def _build(rows: list[Any], kinds: Mapping[str, type], backend: str) -> Any:
    return _native({name: [row[name] for row in rows] for name in kinds}, kinds, backend)


def _native(data: dict[str, list[Any]], kinds: Mapping[str, type], backend: str) -> Any:
    if backend not in BACKENDS:
        raise SettingsError(f"there are no frames of {backend!r}; choose one of {', '.join(BACKENDS)}")
    try:
        import narwhals as nw

        dtypes: dict[type, Any] = {
            str: nw.String(),
            int: nw.Int64(),
            float: nw.Float64(),
            bool: nw.Boolean(),
            datetime: nw.Datetime("us", "UTC"),
            timedelta: nw.Duration("us"),
        }
        schema = {name: dtypes[of] for name, of in kinds.items()}
        return nw.from_dict(data, schema, backend=backend).to_native()  # type: ignore[arg-type]  # checked above
    except ImportError as error:
        raise SettingsError(f"frames need narwhals and {backend}: pip install 'socialcrm[notebook]' {backend}") from error
