"""Tolerant reading of JSON fields, and how chats, topics and their messages are named here.

A message's id is unique within its chat only ("Message": "unique message identifier inside this chat"), so the scope of an
item is the chat's id. Messages of a connected business account are numbered by that account, and those of a person's export by
that person: their scope names that too.

=============================  ==============================  =========================
where                          scope                           conversation
=============================  ==============================  =========================
a private chat, group, channel ``-1001234``                    ``-1001234``
a topic in it                  ``-1001234``                    ``-1001234:7``
a topic of direct messages     ``-1001234``                    ``-1001234:d7``
a business account's chat      ``99@CONNECTION``               ``99@CONNECTION``
a person's export              ``99#export``                   ``99#export``
=============================  ==============================  =========================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from socialcrm.errors import PayloadError, RefusedError

__all__ = ["Place", "key_of", "mapping", "moment", "place_of", "required", "rows", "scope_of", "text_of", "whole"]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(body: Any, key: str) -> str:
    """Return a text field, empty where it is missing or of another type; a number becomes its digits."""
    value = mapping(body).get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def whole(body: Any, key: str) -> int | None:
    """Return a whole number, ``None`` where it is missing or of another type."""
    value = mapping(body).get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def required(body: Any, key: str) -> str:
    """Return a text field, or a number's digits, that must be there; an id 0 means that there is none.

    Raises:
        PayloadError: It is missing, or this is no object.
    """
    value = text_of(body, key)
    if not value or value == "0":
        raise PayloadError(f"expected an object with {key!r}, got {type(body).__name__} without; it can't be told from others")
    return value


def moment(value: Any) -> datetime:
    """Return a time in seconds since 1970, a number or its digits, as aware UTC.

    Raises:
        PayloadError: It is none; 0 stands for a time that Telegram does not tell.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, int | str) or int(value) <= 0:
            raise ValueError(value)
        return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError):
        raise PayloadError(f"expected a time in seconds since 1970, got {value!r:.40}") from None


def scope_of(chat: str, business: str = "") -> str:
    """Return the namespace of a chat's message ids."""
    return f"{chat}@{business}" if business else chat


def key_of(scope: str, thread: str = "", direct: str = "") -> str:
    """Return the conversation's key: the chat, or a topic in it."""
    return f"{scope}:d{direct}" if direct else f"{scope}:{thread}" if thread else scope


@frozen(kw_only=True)
class Place:
    """Where a message goes.

    Args:
        chat: The chat's id.
        thread: The topic in it.
        direct: The topic of a channel's direct messages.
        business: The business connection on whose behalf.
    """

    chat: int
    thread: int | None = None
    direct: int | None = None
    business: str = ""

    @property
    def scope(self) -> str:
        """The namespace of its message ids."""
        return scope_of(str(self.chat), self.business)

    @property
    def fields(self) -> dict[str, Any]:
        """How the methods of the Bot API name it."""
        named = {
            "chat_id": self.chat,
            "message_thread_id": self.thread,
            "direct_messages_topic_id": self.direct,
            "business_connection_id": self.business or None,
        }
        return {name: value for name, value in named.items() if value is not None}


_KEY = re.compile(r"(-?[0-9]+)(?:@(.+)|:(?:(d)?([0-9]+)))?")


def place_of(scope: str, conversation: str) -> Place:
    """Return where an answer goes: into the chat that the scope names, and the topic that the conversation names.

    Raises:
        RefusedError: Neither names a chat that a bot can write to.
    """
    told = _KEY.fullmatch(conversation)
    chat = _KEY.fullmatch(scope) or told
    if chat is None:
        raise RefusedError(
            "telegram: what is answered names no chat that a bot can write to (it came from an export, or from outside of any "
            "chat); answer something that the bot received"
        )
    number = int(told[4]) if told is not None and told[4] else None
    direct = told is not None and bool(told[3])
    return Place(
        chat=int(chat[1]),
        thread=None if direct else number,
        direct=number if direct else None,
        business=chat[2] or (told[2] if told is not None else "") or "",
    )
