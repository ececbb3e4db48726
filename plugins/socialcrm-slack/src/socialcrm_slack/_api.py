"""Calls of the Web API: form fields by POST, one rate budget for each method.

"Rate limits" counts by method, workspace and app; "Using the Slack Web API" takes every method by POST with form fields.
"""

from __future__ import annotations

from typing import Any

from socialcrm.connectors import Call, Flow
from socialcrm.errors import PayloadError
from socialcrm_slack._fields import mapping, rows, text_of

__all__ = ["ask", "listed", "next_of", "tell"]


def ask(method: str, **form: str) -> Flow[Any]:
    """Call a method that only reads, and return the body. Empty fields are left out."""
    fields = {name: value for name, value in form.items() if value}
    answer = yield from Call("POST", f"/api/{method}", form=fields, bucket=method, repeatable=True)
    return answer.json(dict)


def tell(method: str, *, repeatable: bool = False, **form: str) -> Flow[Any]:
    """Call a method that changes something, and return the body. Empty fields are left out."""
    fields = {name: value for name, value in form.items() if value}
    answer = yield from Call("POST", f"/api/{method}", form=fields, bucket=method, repeatable=repeatable)
    return answer.json(dict)


def listed(method: str, key: str, **form: str) -> Flow[list[Any]]:
    """Read a listing to its end ("Pagination").

    Raises:
        PayloadError: It goes in circles.
    """
    found: list[Any] = []
    cursors: set[str] = set()
    after = ""
    while True:
        body = yield from ask(method, cursor=after, **form)
        found += rows(mapping(body).get(key))
        after = next_of(body)
        if not after:
            return found
        if after in cursors:
            raise PayloadError(f"slack: {method} gives the same page again and again; try again later")
        cursors.add(after)


def next_of(body: Any) -> str:
    """Return where the next page begins; empty on the last one."""
    return text_of(mapping(body).get("response_metadata"), "next_cursor")
