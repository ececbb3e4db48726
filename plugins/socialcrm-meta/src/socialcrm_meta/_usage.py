"""How much of Meta's rate budgets is used (Graph API: Rate Limits, the headers' sections)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from socialcrm.connectors import retry_after
from socialcrm_meta._values import mapping

__all__ = ["rest_of", "wait_of"]

_APP = ("x-app-usage", "x-page-usage", "x-ad-account-usage")
_BUSINESS = "x-business-use-case-usage"
_COUNTS = ("call_count", "total_cputime", "total_time")
_PAUSE = 300.0  # where a budget is used up and nobody says for how long: the windows are rolling hours


def rest_of(bucket: str, headers: Mapping[str, str]) -> dict[str, float]:
    """Return the seconds that a bucket should rest because a budget is used up to 100 %; empty while there is some left."""
    full = [mapping(one) for one in _reports(headers) if _full(mapping(one))]
    if not full:
        return {}
    return {bucket: max(_regain(one) or _PAUSE for one in full)}


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a throttled app regains access, where the headers tell (``estimated_time_to_regain_access``)."""
    told = [_regain(mapping(one)) for one in _reports(headers)]
    longest = max(told, default=0.0)
    return longest or retry_after(headers)


def _reports(headers: Mapping[str, str]) -> Iterator[Any]:
    for name in _APP:
        if name in headers:
            yield _json(headers[name])
    for reports in mapping(_json(headers.get(_BUSINESS, ""))).values():
        yield from reports if isinstance(reports, list) else ()


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return None


def _full(report: Mapping[str, Any]) -> bool:
    return any(isinstance(report.get(name), int | float) and report[name] >= 100 for name in _COUNTS)


def _regain(report: Mapping[str, Any]) -> float:
    minutes = report.get("estimated_time_to_regain_access")
    return float(minutes) * 60 if isinstance(minutes, int | float) and not isinstance(minutes, bool) and minutes > 0 else 0.0
