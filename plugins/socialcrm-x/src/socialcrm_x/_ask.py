"""What we ask X for: fields, expansions, and how a page is taken apart without loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from socialcrm.connectors import Raw
from socialcrm_x._fields import mapping, rows, text_of
from socialcrm_x._people import unwrap

__all__ = ["USER_FIELDS", "message_fields", "post_fields", "split"]

USER_FIELDS = "id,name,profile_image_url,protected,url,username"
_MEDIA = "alt_text,media_key,preview_image_url,type,url,variants"
_POST = "attachments,community_id,conversation_id,created_at,display_text_range,edit_controls,entities,id,lang,scopes,text"


def post_fields(*, old: bool) -> dict[str, str]:
    """Return the query fields for posts (reference: ``post.fields``, expansions).

    Args:
        old: By the names that X's guides still use: ``tweet.fields``, ``referenced_tweets.id``, ``note_tweet``.
    """
    if old:
        fields = {"tweet.fields": f"{_POST},author_id,in_reply_to_user_id,note_tweet,referenced_tweets"}
        expand = "attachments.media_keys,attachments.poll_ids,author_id,edit_history_tweet_ids,referenced_tweets.id"
        return {**fields, "expansions": expand, "user.fields": USER_FIELDS, "media.fields": _MEDIA}
    expand = "attachments.media_keys,attachments.poll_ids,author_id,edit_history_post_ids,in_reply_to_user_id,referenced_posts"
    return {
        "post.fields": f"{_POST},note_post", "expansions": expand, "user.fields": USER_FIELDS, "media.fields": _MEDIA,
    }  # fmt: skip


def message_fields(*, old: bool) -> dict[str, str]:
    """Return the query fields for direct messages (reference: ``dm_event.fields``, expansions)."""
    fields = "attachments,created_at,dm_conversation_id,entities,event_type,id,text"
    expand = "attachments.media_keys,participant_ids,sender_id"
    return {
        "dm_event.fields": f"{fields},sender_id,referenced_tweets" if old else fields,
        "expansions": f"{expand},{'referenced_tweets.id' if old else 'referenced_posts'}",
        "user.fields": USER_FIELDS,
        "media.fields": _MEDIA,
    }


def split(body: Mapping[str, Any], kind: str) -> list[Raw]:
    """Take a page apart: each element with what was expanded for it, then what is left over, then X's partial errors.

    Args:
        body: The answer: ``data`` (a list, or one element), ``includes``, ``errors``.
        kind: The kind of its elements.
    """
    includes = mapping(body.get("includes"))
    data = body.get("data")
    elements = data if isinstance(data, list) else [] if data is None else [data]
    used: set[int] = set()
    raws = []
    for element in elements:
        chosen = _belonging(element, includes)
        used |= {id(one) for group in chosen.values() for one in group}
        raws.append(Raw(kind=kind, body={"data": element, **({"includes": chosen} if chosen else {})}))
    rest = {name: [one for one in rows(group) if id(one) not in used] for name, group in includes.items()}
    if any(rest.values()):
        raws.append(Raw(kind="includes", body={name: group for name, group in rest.items() if group}))
    return raws + [Raw(kind="problem", body=error) for error in rows(body.get("errors"))]


def _belonging(element: Any, includes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What an element names by id, and what that names: the quoted post's author, for example."""
    words = set(_words(element))
    for name in ("posts", "tweets"):
        for post in rows(includes.get(name)):
            if text_of(post, "id") in words:
                words |= set(_words(post))
    chosen = {}
    for name, group in includes.items():
        kept = [one for one in rows(group) if {text_of(unwrap(one), "id"), text_of(one, "media_key")} & words - {""}]
        if kept:
            chosen[name] = kept
    return chosen


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _words(one)
    elif isinstance(value, list):
        for one in value:
            yield from _words(one)
