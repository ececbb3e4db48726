"""What the rows of a data export mean ("How do I request a copy of my Reddit data and information?"). Pure.

The columns are those that public readers of exports agree on: ``id, permalink, date, ip, subreddit, gildings`` and, for posts,
``title, url, body``; for comments ``link, parent, body``; for messages ``thread_id, from, to, subject, body``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Direction, Identity, Interaction, Item, Kind, Visibility
from socialcrm_reddit._fields import mapping, moment, required, text_of
from socialcrm_reddit._people import SITE, gone, named
from socialcrm_reddit._text import readable

__all__ = ["parse_export"]

_LINK = re.compile(r"/comments/([a-z0-9]+)(?:/|$)", re.IGNORECASE)


def parse_export(raw: Raw) -> Iterable[Item]:
    """Read a row of an export; ``raw.context`` says whose it is.

    Raises:
        PayloadError: The row can't be read.
    """
    what, row = raw.kind.removeprefix("export."), mapping(raw.body)
    if not row:
        raise PayloadError(f"a row of {what} is no object; load the export again")
    if what == "account":
        who = named(required(row, "name"))
        return [Account(id=who.id, name=who.name, handle=who.handle, url=who.url)]
    me = raw.context.get("me", "")
    if what in ("posts", "comments"):
        return [_written(what, row, me)]
    if what in ("messages", "messages_archive"):
        return [_message(row, me)]
    return []


def _name(row: Mapping[str, Any], prefix: str) -> str:
    return f"{prefix}_{required(row, 'id').removeprefix(prefix + '_')}"


def _who(name: str, about: str) -> Identity:
    name = re.sub(r"^/?u/", "", name.strip())
    return named(name) if name and name != "[deleted]" else gone(about)


def _written(what: str, row: Mapping[str, Any], me: str) -> Interaction:
    """A post or comment: the export holds our own only."""
    post = what == "posts"
    name = _name(row, "t3" if post else "t1")
    found = _LINK.search(text_of(row, "permalink") or text_of(row, "link"))
    link = name if post else f"t3_{found[1]}" if found else ""
    above = text_of(row, "parent").strip()
    lines = [readable(text_of(row, "body")), _outside(text_of(row, "url")) if post else ""]
    address = text_of(row, "permalink").strip()
    return Interaction(
        id=name,
        at=moment(row, "date"),
        author=_who(me, name),
        conversation=link,
        parent=None if post else (above if above.startswith(("t1_", "t3_")) else f"t1_{above}") if above else link or None,
        kind=Kind.POST if post else Kind.REPLY,
        direction=Direction.OUTBOUND,
        visibility=Visibility.PUBLIC,
        text="\n".join(line for line in lines if line),
        subject=readable(text_of(row, "title")),
        url=address if address.startswith("https://") else f"{SITE}{address}" if address.startswith("/") else "",
        extra={"subreddit": text_of(row, "subreddit")},
    )


def _outside(url: str) -> str:
    """The link of a link post; a text post's ``url`` is its own page."""
    return "" if _LINK.search(url) else url.strip()


def _message(row: Mapping[str, Any], me: str) -> Interaction:
    name, sender = _name(row, "t4"), text_of(row, "from").strip()
    thread = text_of(row, "thread_id").strip()
    return Interaction(
        id=name,
        scope="message",
        at=moment(row, "date"),
        author=_who(sender, name),
        conversation=f"t4_{thread.removeprefix('t4_')}" if thread else name,
        kind=Kind.MESSAGE,
        direction=Direction.OUTBOUND if me and sender.lower() in (me.lower(), f"u/{me.lower()}") else Direction.INBOUND,
        visibility=Visibility.PRIVATE,
        text=readable(text_of(row, "body")),
        subject=text_of(row, "subject"),
        url=f"{SITE}/message/messages/{name[3:]}",
        extra={"to": text_of(row, "to")},
    )
