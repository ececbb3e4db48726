"""What a public page says of the software behind it: for `Connector.recognise`."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

from attrs import Factory, frozen

from socialcrm.connectors._steps import Answer

__all__ = ["Site", "read_site"]

_ENOUGH = 300_000
"""How many bytes of a page are looked at: what we look for stands in its head."""


@frozen(kw_only=True)
class Site:
    """What the head of a page says.

    Args:
        metas: ``content`` of the meta elements, by ``name`` or ``property`` in lower case (``generator``, ``og:url``).
        links: ``href`` of the link elements, by each word of ``rel`` in lower case (``canonical``); the first of each.
        ids: The ``id`` attributes of all elements.
    """

    metas: Mapping[str, str] = Factory(dict)
    links: Mapping[str, str] = Factory(dict)
    ids: frozenset[str] = frozenset()

    @property
    def generator(self) -> str:
        """What made the page, in its own words; empty where it does not say."""
        return self.metas.get("generator", "")


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.metas: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if told.get("id"):
            self.ids.add(told["id"])
        if tag == "meta":
            name = told.get("name") or told.get("property") or ""
            self.metas.setdefault(name.lower(), told.get("content", ""))
        elif tag == "link":
            for word in told.get("rel", "").lower().split():
                self.links.setdefault(word, told.get("href", ""))


def read_site(page: Answer) -> Site:
    """Read the head of a page; whatever it holds, nothing is raised.

    Args:
        page: What the address answered.

    Returns:
        What it says of itself; nothing where it is no HTML.
    """
    head = _Head()
    head.feed(page.content[:_ENOUGH].decode("utf-8", "replace"))
    return Site(metas=head.metas, links=head.links, ids=frozenset(head.ids))
