"""Elements as platforms will send them one day: with fields missing, added, or of another kind."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from socialcrm.connectors import Raw

__all__ = ["mangled"]

_ODD = st.sampled_from(
    [None, True, 0, -1, 10**30, 1.5, "", "x", "\ud83d", "2026-13-45T99:99", "-0001-01-01", [], {}, [None], {"id": None}]
).map(copy.deepcopy)


@st.composite
def mangled(draw: st.DrawFn, samples: Sequence[Raw]) -> Raw:
    """Draw a sample with one to four places changed."""
    raw = draw(st.sampled_from(samples))
    body = copy.deepcopy(raw.body)
    for _ in range(draw(st.integers(1, 4))):
        body = _changed(draw, body)
    gone = draw(st.sampled_from([*raw.context, ""]))
    return evolve(raw, body=body, context={name: value for name, value in raw.context.items() if name != gone})


def _changed(draw: st.DrawFn, body: Any) -> Any:
    if isinstance(body, bytes | str):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 40)))
        filler: Any = draw(st.binary(max_size=12)) if isinstance(body, bytes) else draw(st.text(max_size=12))
        return body[:start] + filler + body[end:]
    places = list(_places(body))
    if not places:
        return draw(_ODD)
    holder, key = draw(st.sampled_from(places))
    how = draw(st.sampled_from(["drop", "replace", "add"]))
    if how == "replace":
        holder[key] = draw(_ODD)
    elif how == "drop":
        del holder[key]
    elif isinstance(holder, dict):
        holder["an_unheard_of_field"] = draw(_ODD)
    else:
        holder.append(draw(_ODD))
    return body


def _places(value: Any) -> Any:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
