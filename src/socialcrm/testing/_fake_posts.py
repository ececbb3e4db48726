"""What stands on the invented platform: accounts, threads, posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

__all__ = ["FakeAccount", "FakePost"]


@define(kw_only=True)
class FakeAccount:
    """Somebody on the platform.

    Args:
        id: Stable for ever.
        name: Shown to people.
        handle: Used to address them.
        email: Confirmed by the platform; empty where not.
    """

    id: str
    name: str
    handle: str
    email: str = ""

    def json(self) -> dict[str, Any]:
        """Return the account as the API shows it."""
        return {"id": self.id, "name": self.name, "handle": self.handle, "email": self.email or None}


@define(kw_only=True)
class FakePost:
    """Something that was said.

    Args:
        id: Unique only in its thread, where counting begins at 1.
        thread: The thread's id.
        seq: Grows over the whole platform: the order of its lists.
        author: Who said it.
        text: What was said.
        created: When.
        edited: When this wording was written, where it is not the first.
        parent: The id of what it answers, in the same thread.
        visibility: ``public``, ``limited`` or ``private``.
        kind: ``post``, or a word that connectors need not know.
        deleted: It was taken back.
        key: What the sender named it, for a platform that recognises a repeated send.
        mine: It was sent through the API, by the account that connectors use.
    """

    id: str
    thread: str
    seq: int
    author: FakeAccount
    text: str
    created: datetime
    edited: datetime | None = None
    parent: str | None = None
    visibility: str = "public"
    kind: str = "post"
    deleted: bool = False
    key: str = ""
    mine: bool = False
    extra: dict[str, Any] = field(factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the post as the API shows it."""
        return {
            "id": self.id,
            "thread": self.thread,
            "seq": self.seq,
            "author": self.author.json(),
            "text": self.text,
            "created_at": self.created.isoformat(),
            "edited_at": self.edited.isoformat() if self.edited is not None else None,
            "parent": self.parent,
            "visibility": self.visibility,
            "kind": self.kind,
            **self.extra,
        }
