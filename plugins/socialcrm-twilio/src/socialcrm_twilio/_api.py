"""Calls of the REST API 2010-04-01: resources of the account, pages of its lists.

A list is newest first, and its ``next_page_uri`` names a page token, made of the SID at which the page begins: it is no
credential, and what arrives above it moves nothing (examples in Twilio's OpenAPI description).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from socialcrm.connectors import All, Call, Flow
from socialcrm.errors import ServerFault
from socialcrm_twilio._fields import rows, text_of

__all__ = ["Asked", "Page", "ask", "listed", "page", "path", "several"]

Asked: TypeAlias = Mapping[str, tuple[str, str, Mapping[str, str]]]
"""Lists to read, by names of the caller's: resource, key, filters."""

_AT_ONCE = 10
"""How many calls go out together: the account's limit is on concurrent requests (error 20429)."""


@frozen(kw_only=True)
class Page:
    """A page of a list.

    Args:
        rows: Its elements.
        next: Where the next page begins, as page number and page token; empty on the last one.
    """

    rows: Sequence[Mapping[str, Any]]
    next: str = ""

    @property
    def anchored(self) -> bool:
        """Whether the next page begins at an element, so that nothing moves across it unseen."""
        return not self.next or " " in self.next


def path(account: str, resource: str) -> str:
    """Return the path of one of the account's resources."""
    return f"/2010-04-01/Accounts/{account}/{resource}.json"


def ask(account: str, resource: str, **params: str) -> Flow[Mapping[str, Any]]:
    """Read one resource, by its path below the account."""
    answer = yield from Call("GET", path(account, resource), params=params, bucket="read")
    return answer.json(dict, "sid")


def page(account: str, resource: str, key: str, params: Mapping[str, str], place: str = "") -> Flow[Page]:
    """Read one page of a list.

    Args:
        account: The account's SID.
        resource: The list's path below the account.
        key: The field that holds the elements.
        params: Filters and ``PageSize``.
        place: `Page.next` of the page before; empty for the first.

    Raises:
        PayloadError: This is no such list.
    """
    count, _, token = place.partition(" ")
    asked = {**params, **({"Page": count} if count else {}), **({"PageToken": token} if token else {})}
    answer = yield from Call("GET", path(account, resource), params=asked, bucket="read")
    body = answer.json(dict, key)
    query = parse_qs(urlsplit(text_of(body, "next_page_uri")).query)
    after = " ".join(query[name][0] for name in ("Page", "PageToken") if name in query)
    if after and after == place:
        raise ServerFault(f"twilio: {resource} gives the same page again and again; it is tried again later")
    return Page(rows=rows(body[key]), next=after)


def listed(account: str, resource: str, key: str, **params: str) -> Flow[list[Mapping[str, Any]]]:
    """Read a list to its end."""
    found: list[Mapping[str, Any]] = []
    place = ""
    while True:
        one = yield from page(account, resource, key, {"PageSize": "1000", **params}, place)
        found += one.rows
        place = one.next
        if not place:
            return found


def several(account: str, asked: Asked) -> Flow[dict[str, list[Mapping[str, Any]]]]:
    """Read the first page of several lists, a few at once.

    Args:
        account: The account's SID.
        asked: Which.

    Raises:
        NotFound: What a list belongs to has gone since it was listed: the next walk will not see it any more.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for names in _chunks(list(asked)):
        calls = []
        for name in names:
            resource, _, filters = asked[name]
            calls.append(Call("GET", path(account, resource), params={"PageSize": "1000", **filters}, bucket="read"))
        answers = yield from All(calls)
        for name, answer in zip(names, answers, strict=True):
            key = asked[name][1]
            found[name] = rows(answer.json(dict, key)[key])
    return found


def _chunks(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]
