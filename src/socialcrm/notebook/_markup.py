"""HTML in which nothing that a customer wrote is markup.

Invariant: text becomes markup in one place, `tag`, which escapes every string that is not `Markup` already. Customers' words
are shown inside ``<bdi>``, so that right-to-left text or a stray control character can't rearrange what stands around them.
Links lead to ``http`` and ``https`` only. Nothing is fetched: no picture, no script, no style sheet.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias
from urllib.parse import urlsplit

__all__ = ["Content", "Markup", "link", "moment", "page", "said", "span_of", "table", "tag"]

_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NAME = re.compile(r"[a-z][a-z0-9-]*")

STYLE = """
.scrm{font:14px/1.45 system-ui,sans-serif;color:inherit;max-width:64em;overflow-x:auto}
.scrm a{color:inherit;text-decoration:underline}
.scrm h4{margin:.2em 0 .4em;font-size:1.1em}
.scrm table{border-collapse:collapse;margin:.4em 0;background:transparent;color:inherit}
.scrm th,.scrm td{padding:.25em .7em .25em 0;text-align:left;vertical-align:top;background:transparent;border:0}
.scrm th,.scrm td{border-bottom:1px solid rgba(128,128,128,.35)}
.scrm th{font-weight:600;white-space:nowrap}
.scrm td.n,.scrm th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.scrm .m{opacity:.72;font-size:.92em}
.scrm .w{white-space:nowrap}
.scrm .t{white-space:pre-wrap;overflow-wrap:anywhere}
.scrm .b{display:inline-block;padding:0 .5em;border:1px solid rgba(128,128,128,.6);border-radius:.8em}
.scrm .b{font-size:.85em;white-space:nowrap}
.scrm .hot{border-color:#d9480f;border-width:2px}
.scrm .in,.scrm .out{margin:.4em 0;padding:.2em .8em;border-left:3px solid #3b82f6;max-width:46em}
.scrm .out{margin-left:2.5em;border-left-color:#10a36f}
.scrm svg{max-width:100%;height:auto;color:inherit}
.scrm svg text{fill:currentColor;font:11px system-ui,sans-serif}
"""


class Markup(str):
    """Text that is markup: made by `tag`, from escaped parts."""

    __slots__ = ()


Content: TypeAlias = "str | Markup | Iterable[Content] | None"


def tag(name: str, *content: Content, **attributes: str | float | None) -> Markup:
    """Return an element.

    Args:
        name: Its name; ours, never a customer's.
        content: Strings are escaped, `Markup` is not, ``None`` is left out.
        attributes: Values are escaped and quoted, ``None`` is left out; ``_`` in a name becomes ``-``, at its end it goes.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an element")
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(clean(str(value)), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{told}>{_joined(content)}</{name}>")


def _joined(content: Content) -> str:
    if content is None:
        return ""
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return html.escape(clean(content), quote=True)
    return "".join(_joined(one) for one in content)


def clean(text: str) -> str:
    """Return text without control characters, and without those that turn its direction round."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _REORDERING.sub("", text.replace("\r\n", "\n")))


def said(text: str, *, most: int | None = None) -> Markup:
    """Show a customer's words (or a name that they chose), kept apart from what surrounds them.

    Args:
        text: As they wrote it.
        most: How many characters at most.
    """
    shown = text if most is None or len(text) <= most else text[: most - 1].rstrip() + "…"
    return tag("bdi", shown, dir="auto")


def link(url: str, *label: Content) -> Markup:
    """Link to a page on the web; anything else that calls itself an address is shown as text."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme.lower() not in ("http", "https") or not parts.netloc or clean(url) != url:
        return tag("span", *label)
    return tag("a", *label, href=url, rel="noopener noreferrer nofollow", target="_blank")


def table(heads: Iterable[tuple[str, str]], rows: Iterable[Iterable[Content]]) -> Markup:
    """Return a table.

    Args:
        heads: For each column its title and its class (``n`` for numbers).
        rows: The cells.
    """
    columns = list(heads)
    lines = [
        tag("tr", *(tag("td", cell, class_=kind or None) for cell, (_, kind) in zip(row, columns, strict=True))) for row in rows
    ]
    top = tag("tr", *(tag("th", title, class_=kind or None) for title, kind in columns))
    return tag("table", tag("thead", top), tag("tbody", lines))


def page(*content: Content) -> Markup:
    """Return the whole: readable on light and on dark, with all that it needs."""
    return tag("div", Markup(f"<style>{STYLE}</style>"), *content, class_="scrm")


def moment(at: datetime | None) -> Markup:
    """Show a time in UTC."""
    return tag("span", f"{at:%Y-%m-%d %H:%M}" if at is not None else "–", class_="w")


def span_of(span: timedelta | None) -> str:
    """Show how long something takes."""
    if span is None:
        return "no data yet"
    minutes = int(span.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes // 60 % 24} h"
