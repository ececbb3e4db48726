"""Posts and direct messages of the API v2. Pure.

An edit gives a post a new id ("Edit Posts"). The first of ``edit_history_post_ids`` never changes: it is the post's id here,
and every later version is an edit of it. Names are read in both spellings: ``referenced_posts`` is today's,
``referenced_tweets`` what guides, the Activity API and recorded traffic have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Interaction, Kind, Visibility
from socialcrm_x._fields import either, mapping, required, rows, text_of, when
from socialcrm_x._ids import number, time_of
from socialcrm_x._people import identity_of, is_protected, unwrap
from socialcrm_x._text import plain, whole

__all__ = ["DM", "first_of", "history", "parse_message", "parse_post", "pick"]

DM = "dm"
"""The scope of direct messages: their ids are not those of posts."""

_MIMES = {"photo": "image/jpeg", "video": "video/mp4", "animated_gif": "video/mp4"}


def history(post: Any) -> list[str]:
    """Return the ids of a post's versions, the first one first; its own id where X tells nothing else."""
    listed = rows(either(post, "edit_history_post_ids", "edit_history_tweet_ids"))
    found = [key for key in listed if isinstance(key, str) and key]
    return sorted(found, key=number) or [text_of(post, "id")]


def first_of(post: Any) -> str:
    """Return the id of a post's first version."""
    return history(post)[0]


def pick(includes: Any, names: tuple[str, ...], key: str, field: str = "id") -> Mapping[str, Any]:
    """Return what was expanded: the element of ``includes`` with this id."""
    for name in names:
        for element in rows(mapping(includes).get(name)):
            body = unwrap(element)
            if key and text_of(body, field) == key:
                return body
    return {}


_POSTS = ("posts", "tweets")


def parse_post(body: Any) -> Interaction:
    """Read a post with what was expanded for it.

    Args:
        body: ``data``, the post (reference: Post object), and ``includes``.

    Where X did not say who wrote (it does if asked for ``author_id``), the author is one nobody else can be taken for.

    Raises:
        PayloadError: It has no id or time.
    """
    post, includes = mapping(mapping(body).get("data")), mapping(body).get("includes")
    own = required(post, "id")
    key = first_of(post)
    author = pick(includes, ("users",), text_of(post, "author_id"))
    at, edited = _times(post, includes, key)
    refs = {text_of(ref, "type"): text_of(ref, "id") for ref in rows(either(post, "referenced_posts", "referenced_tweets"))}
    shown: dict[str, Any] = {
        "id": key,
        "at": at,
        "author": identity_of(author, text_of(post, "author_id") or f"author-of-{key}"),
        "conversation": text_of(post, "conversation_id"),
        "visibility": Visibility.LIMITED if _limited(post, author) else Visibility.PUBLIC,
        "url": f"https://x.com/{text_of(author, 'username') or 'i'}/status/{own}",
    }
    if "retweeted" in refs:
        shared = _known(includes, refs["retweeted"])
        return Interaction(**{**shown, "conversation": ""}, parent=shared, kind=Kind.REACTION, extra={"type": "repost"})
    parent = refs.get("replied_to") or text_of(post, "in_reply_to_tweet_id") or text_of(post, "in_reply_to_post_id")
    text, entities = whole(post)
    quoted = pick(includes, _POSTS, refs.get("quoted", ""))
    extra: dict[str, Any] = {"quote": {"id": refs["quoted"]}} if "quoted" in refs else {}
    return Interaction(
        **shown,
        parent=_known(includes, parent) if parent else None,
        kind=Kind.REPLY if parent else Kind.POST,
        text=plain(text, entities, post.get("display_text_range"), bare=bool(parent)) + _choices(post, includes),
        quoted=plain(*whole(quoted), None) if quoted else "",
        language=_language(post),
        attachments=tuple(_attachments(post, includes)),
        edited_at=edited,
        extra=extra,
    )


def _times(post: Mapping[str, Any], includes: Any, key: str) -> tuple[datetime, datetime | None]:
    """When the first version was written, and when this one, if it is another."""
    own = text_of(post, "id")
    made = when(post, "created_at") or time_of(own)
    if made is None:
        raise PayloadError(f"post {own} has no created_at, and its id tells no time; ask for the field created_at")
    if own == key:
        return made, None
    return when(pick(includes, _POSTS, key), "created_at") or time_of(key) or made, time_of(own) or made


def _limited(post: Mapping[str, Any], author: Any) -> bool:
    return is_protected(author) or mapping(post.get("scopes")).get("followers") is True


def _known(includes: Any, key: str) -> str:
    """The first version's id of a post that is named by any of its versions."""
    found = pick(includes, _POSTS, key)
    return first_of(found) if found else key


def _language(post: Mapping[str, Any]) -> str:
    """BCP 47; X has codes of its own for posts without words (``und``, ``qme``, ``zxx``)."""
    code = text_of(post, "lang")
    return "" if code in ("und", "zxx") or (len(code) == 3 and code.startswith("q")) else code


def _choices(post: Mapping[str, Any], includes: Any) -> str:
    keys = rows(mapping(post.get("attachments")).get("poll_ids"))
    polls = [pick(includes, ("polls",), key) for key in keys if isinstance(key, str)]
    labels = [text_of(option, "label") for poll in polls for option in rows(poll.get("options"))]
    return "".join(f"\n- {label}" for label in labels if label)


def _attachments(post: Mapping[str, Any], includes: Any) -> Iterable[Attachment]:
    for key in rows(mapping(post.get("attachments")).get("media_keys")):
        medium = pick(includes, ("media",), key if isinstance(key, str) else "", "media_key")
        kind = text_of(medium, "type")
        films = [film for film in rows(medium.get("variants")) if text_of(film, "content_type") == "video/mp4"]
        best = max(films, key=_rate, default=None)
        url = text_of(medium, "url") or text_of(best, "url") or text_of(medium, "preview_image_url")
        if url:
            name = url.partition("?")[0].rpartition("/")[2]
            mime = "image/png" if name.endswith(".png") else _MIMES.get(kind, "application/octet-stream")
            mime = mime if text_of(medium, "url") or best else "image/jpeg"
            yield Attachment(url=url, name=name, mime=mime, description=text_of(medium, "alt_text"))


def _rate(film: Any) -> int:
    rate = either(film, "bit_rate", "bitrate")
    return rate if isinstance(rate, int) else 0


def parse_message(body: Any) -> list[Interaction]:
    """Read a direct message event with what was expanded for it; who joined or left a group says nothing to us.

    Args:
        body: ``data``, the event ("Direct Messages lookup"), and ``includes``.

    Raises:
        PayloadError: It has no id or time.
    """
    event, includes = mapping(mapping(body).get("data")), mapping(body).get("includes")
    key, kind = required(event, "id"), text_of(event, "event_type") or "MessageCreate"
    if kind in ("ParticipantsJoin", "ParticipantsLeave"):
        return []
    at = when(event, "created_at") or time_of(key)
    if at is None:
        raise PayloadError(f"message {key} has no created_at, and its id tells no time; ask for the field created_at")
    sender = text_of(event, "sender_id")
    shared = [text_of(ref, "id") for ref in rows(either(event, "referenced_posts", "referenced_tweets"))]
    return [
        Interaction(
            id=key,
            scope=DM,
            at=at,
            author=identity_of(pick(includes, ("users",), sender), sender or f"sender-of-{key}"),
            conversation=text_of(event, "dm_conversation_id"),
            kind=Kind.MESSAGE if kind == "MessageCreate" else Kind.OTHER,
            visibility=Visibility.PRIVATE,
            text=plain(text_of(event, "text"), event.get("entities"), None),
            attachments=tuple(_attachments(event, includes)),
            extra={"posts": shared} if shared else {},
        )
    ]
