"""Where the Graph API lies and how its lists are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from attrs import Factory, frozen

from socialcrm.connectors import Call, Flow
from socialcrm_meta._values import mapping, text

__all__ = ["FACEBOOK", "INSTAGRAM", "VERSION", "Page", "check_version", "node", "read_page"]

VERSION = "v26.0"
"""The current version (its documentation's examples, October 2026); each lives two years at least (Platform Versioning)."""

FACEBOOK = "https://graph.facebook.com"
INSTAGRAM = "https://graph.instagram.com"

_KEPT = ("after", "until", "__paging_token", "offset")
_VERSION = re.compile(r"v\d{1,3}\.\d{1,2}")


@frozen(kw_only=True)
class Page:
    """One page of a list.

    Args:
        rows: The elements as they came; not all need be objects.
        more: The parameters that bring the next page; empty on the last one. Never a link: that carries the token.
        total: How many elements there are, where ``summary`` was asked for; else ``None``.
    """

    rows: tuple[Any, ...]
    more: Mapping[str, str] = Factory(dict)
    total: int | None = None


def check_version(value: str) -> str:
    """Return a version of the Graph API as it stands in paths.

    Raises:
        ValueError: It is none.
    """
    value = value.strip().lower()
    if not _VERSION.fullmatch(value):
        raise ValueError(f"version should look like {VERSION}: a version of Meta's Graph API")
    return value


def node(version: str, *names: str) -> str:
    """Return the path of a node or an edge; ids are escaped, whatever they hold."""
    return "/" + "/".join(quote(name, safe="") for name in (version, *names))


def read_page(path: str, params: Mapping[str, str], more: Mapping[str, str], *, bucket: str = "default") -> Flow[Page]:
    """Read one page (Graph API: Paginated Results).

    A page may be shorter than asked or empty although there is more: only the absence of ``paging.next`` ends a list.

    Args:
        path: The edge.
        params: What is asked.
        more: What the page before gave.
        bucket: The rate budget.

    Raises:
        PayloadError: The answer is no list.
    """
    answer = yield from Call("GET", path, params={**params, **more}, bucket=bucket)
    body = answer.json(dict, "data")
    found = body["data"]
    total = mapping(body.get("summary")).get("total_count")
    return Page(
        rows=tuple(found) if isinstance(found, list) else (),
        more=next_of(body),
        total=total if isinstance(total, int) else None,
    )


def next_of(edge: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of the next page of an edge; empty where there is none."""
    paging = mapping(edge.get("paging"))
    link = text(paging.get("next"))
    if not link:
        return {}
    after = text(mapping(paging.get("cursors")).get("after"))
    if after:
        return {"after": after}
    try:
        query = dict(parse_qsl(urlsplit(link).query))
    except ValueError:
        return {}
    return {name: query[name] for name in _KEPT if query.get(name)}
