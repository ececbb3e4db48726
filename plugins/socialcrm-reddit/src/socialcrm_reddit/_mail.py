"""What a modmail conversation means. Pure.

A message's id is ``conversation/message`` in the scope ``modmail``: reading marks and answers need the conversation's. What
moderators write is ours: they answer as a team. A private note among moderators is nothing that passed between a customer and
us: it stays in the raw element, because an outbound interaction, of whatever kind, would count as an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Direction, Interaction, Item, Kind, Visibility
from socialcrm_reddit._fields import mapping, moment, required, text_of
from socialcrm_reddit._people import SITE, moderator_of
from socialcrm_reddit._text import readable

__all__ = ["MODMAIL", "conversation_of", "parse_mail"]

MODMAIL = "modmail"
"""The scope of modmail."""


def conversation_of(body: Any) -> Mapping[str, Any]:
    """Return the conversation's own fields: ``conversation``, or ``conversations`` after an action."""
    return mapping(mapping(body).get("conversation")) or mapping(mapping(body).get("conversations"))


def parse_mail(body: Any) -> Iterator[Item]:
    """Read a conversation with its messages (GET /api/mod/conversations/{id}).

    Raises:
        PayloadError: It has no id, or a message no time.
    """
    talk = conversation_of(body)
    key = required(talk, "id")
    messages = mapping(body).get("messages")
    if not isinstance(messages, Mapping):
        raise PayloadError(f"the modmail conversation {key} has no messages; is this Reddit's API?")
    for message in messages.values():
        if mapping(message).get("isInternal") is not True and talk.get("isInternal") is not True:
            yield _message(key, talk, message)


def _message(talk: str, about: Mapping[str, Any], message: Any) -> Interaction:
    key = f"{talk}/{required(message, 'id')}"
    return Interaction(
        id=key,
        scope=MODMAIL,
        at=moment(message, "date"),
        author=moderator_of(mapping(message).get("author"), key),
        conversation=f"{MODMAIL}:{talk}",
        kind=Kind.MESSAGE,
        direction=Direction.OUTBOUND if _is_ours(message) else Direction.INBOUND,
        visibility=Visibility.PRIVATE,
        text=readable(text_of(message, "bodyMarkdown")),
        subject=text_of(about, "subject"),
        url=f"{SITE}/mail/all/{talk}",
        extra={"subreddit": text_of(about.get("owner"), "displayName")},
    )


def _is_ours(message: Any) -> bool:
    """Whether the team wrote it; a moderator of another subreddit who writes to ours is a customer."""
    side, author = text_of(message, "participatingAs"), mapping(mapping(message).get("author"))
    if side:
        return side == "moderator"
    return author.get("isMod") is True and author.get("isParticipant") is not True
