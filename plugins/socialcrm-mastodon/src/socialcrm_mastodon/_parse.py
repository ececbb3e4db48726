"""What the API's elements mean. Pure.

Ids: a status is known by its database id on the channel's server, the one that replies, deletions and our own sends name.
A status that came from another server also carries its URI as a reference, because an exported archive knows it by no
other name. A notification that is no status (a boost, a favourite) is ``notification-<id>`` in the same namespace, so that
it can point at the status it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.types import Attachment, Deletion, Edit, Hole, Interaction, Item, Kind, Visibility
from socialcrm_mastodon._activity import parse_activity, parse_actor
from socialcrm_mastodon._fields import mapping, moment, required, rows, text_of
from socialcrm_mastodon._people import account_of, identity_of
from socialcrm_mastodon._settings import host_of
from socialcrm_mastodon._text import plain

__all__ = ["parse", "parse_status"]

_CARRIES_STATUS = frozenset(("mention", "status", "quote", "quoted_update"))
_REACTIONS = frozenset(("favourite", "reblog", "follow", "follow_request", "pleroma:emoji_reaction", "emoji_reaction"))
_NOBODY = frozenset(
    ("poll", "severed_relationships", "moderation_warning", "admin.sign_up", "admin.report", "collection_update")
)
_VISIBILITY = {
    "public": Visibility.PUBLIC,
    "unlisted": Visibility.PUBLIC,
    "private": Visibility.LIMITED,
    "direct": Visibility.PRIVATE,
}
"""Entity "Status", visibility. What other servers add (``local``, ``mutuals_only``) is taken as limited."""

_MIMES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "avif": "image/avif", "heic": "image/heic", "mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime",
    "mp3": "audio/mpeg", "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/opus", "wav": "audio/wav",
    "flac": "audio/flac", "m4a": "audio/mp4", "pdf": "application/pdf",
}  # fmt: skip


def parse(raw: Raw, server: str) -> Iterable[Item]:
    """Say what an element means.

    Args:
        raw: An element, as the flows and ``load`` of this plugin make them.
        server: The channel's server; an archive says its own in the context.

    Raises:
        PayloadError: The element can't be read.
    """
    server = raw.context.get("server", server)
    if raw.kind == "status":
        return [parse_status(raw.body, server)]
    if raw.kind == "notification":
        return _notification(raw.body, server)
    if raw.kind == "account":
        return [account_of(raw.body, server)]
    if raw.kind == "deleted":
        return [Deletion(id=required(raw.body, "id"))]
    if raw.kind == "doubt":
        return [_doubt(raw.body)]
    if raw.kind == "activity":
        return parse_activity(raw.body, raw.context)
    if raw.kind == "actor":
        return [parse_actor(raw.body)]
    return []


def parse_status(status: Any, server: str) -> Interaction:
    """Read a Status entity (documentation: entities, "Status").

    Raises:
        PayloadError: It has no id, time or author, or is no object.
    """
    key = required(status, "id")
    at, author = moment(status, "created_at"), identity_of(status.get("account"), server)
    visibility = _VISIBILITY.get(text_of(status, "visibility"), Visibility.LIMITED)
    boosted = status.get("reblog")
    if isinstance(boosted, Mapping):
        return Interaction(
            id=key, at=at, author=author, kind=Kind.REACTION, parent=text_of(boosted, "id") or None,
            visibility=visibility, url=text_of(status, "url"), extra={"type": "reblog"},
        )  # fmt: skip
    parent, uri = text_of(status, "in_reply_to_id") or None, text_of(status, "uri")
    private = visibility is Visibility.PRIVATE
    quoted, extra = _quote(status.get("quote"))
    away = bool(uri) and host_of(uri) != host_of(server)
    return Interaction(
        id=key,
        at=at,
        author=author,
        parent=parent,
        references=(uri,) if away else (),
        kind=Kind.MESSAGE if private else Kind.REPLY if parent else Kind.POST,
        visibility=visibility,
        text=_wording(status, drop_quote=bool(quoted)),
        subject=text_of(status, "spoiler_text"),
        quoted=quoted,
        url=text_of(status, "url") or uri,
        language=text_of(status, "language"),
        attachments=tuple(_attachments(status.get("media_attachments"))),
        edited_at=moment(status, "edited_at") if status.get("edited_at") else None,
        extra={"visibility": text_of(status, "visibility"), **extra},
    )


def _wording(status: Mapping[str, Any], *, drop_quote: bool) -> str:
    html = text_of(status, "content")
    text = plain(html, drop_quote=drop_quote) if html else text_of(status, "text")
    choices = [text_of(option, "title") for option in rows(mapping(status.get("poll")).get("options"))]
    return "\n".join([text, *(f"- {choice}" for choice in choices)]).strip()


def _quote(quote: Any) -> tuple[str, dict[str, Any]]:
    """The quoted status's text, and what we keep of the link (entities "Quote" and "ShallowQuote")."""
    if not isinstance(quote, Mapping):
        return "", {}
    body = mapping(quote.get("quoted_status"))
    link = {"id": text_of(body, "id") or text_of(quote, "quoted_status_id"), "url": text_of(body, "url")}
    return plain(text_of(body, "content")), {"quote": {"state": text_of(quote, "state"), **link}}


def _attachments(media: Any) -> Iterable[Attachment]:
    for item in rows(media):
        url = text_of(item, "url") or text_of(item, "remote_url")
        if url:
            name = url.partition("?")[0].rpartition("/")[2]
            mime = _MIMES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
            yield Attachment(url=url, name=name, mime=mime, description=text_of(item, "description"))


def _notification(body: Any, server: str) -> Iterable[Item]:
    """Read a Notification entity: the status it carries, a reaction, or (a type we don't know) something ``other``."""
    key, kind = required(body, "id"), text_of(body, "type")
    status = body.get("status")
    if kind in _CARRIES_STATUS and isinstance(status, Mapping):
        return [parse_status(status, server)]
    if kind == "update" and isinstance(status, Mapping):
        return _boosted_edit(parse_status(status, server))
    if kind in _NOBODY:
        return []
    about = mapping(status)
    extra = {"type": kind}
    if text_of(body, "emoji"):
        extra["emoji"] = text_of(body, "emoji")
    return [
        Interaction(
            id=f"notification-{key}",
            at=moment(body, "created_at"),
            author=identity_of(body.get("account"), server),
            parent=text_of(about, "id") or None,
            kind=Kind.REACTION if kind in _REACTIONS else Kind.OTHER,
            visibility=_VISIBILITY.get(text_of(about, "visibility"), Visibility.LIMITED),
            extra=extra,
        )
    ]


def _boosted_edit(status: Interaction) -> Iterable[Item]:
    """A status that we boosted has a new wording: news only if we hold it, since nobody wrote to us."""
    if status.edited_at is not None:
        yield Edit(id=status.id, at=status.edited_at, text=status.text, subject=status.subject)


def _doubt(body: Any) -> Hole:
    reason = text_of(body, "reason")
    return Hole(id=required(body, "id"), since=moment(body, "since"), at=moment(body, "at"), reason=reason)
