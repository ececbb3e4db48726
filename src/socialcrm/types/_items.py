"""What a platform's elements mean: the items that a connector's ``parse`` yields.

An `Interaction` is the same record at both ends: a connector fills in what the platform said, the store adds what we know
(``ref``, ``channel``, ``thread``, ``customer``, ``case``, ``received_at``, ``deleted_at``, ``revisions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from socialcrm.types._enums import Direction, Kind, Moderation, Visibility
from socialcrm.types._people import Identity
from socialcrm.types._record import EMPTY, quick
from socialcrm.types._show import Shows
from socialcrm.types._time import aware

__all__ = [
    "Account",
    "Attachment",
    "Census",
    "Deletion",
    "Delivery",
    "Edit",
    "Hole",
    "Interaction",
    "Item",
    "Revision",
]


@frozen(kw_only=True)
class Attachment:
    """A file that came with an interaction; the platform keeps it, we keep where.

    Args:
        url: Where the platform serves it.
        mime: Its media type, ``application/octet-stream`` where unknown.
        name: Its file name, where it has one.
        size: In bytes; ``None`` where unknown.
        description: The author's own description (alternative text).
    """

    url: str
    mime: str = "application/octet-stream"
    name: str = ""
    size: int | None = None
    description: str = ""


@frozen(kw_only=True)
class Item:
    """The root of everything that ``parse`` yields.

    Args:
        id: The platform's id of what this is about.
        scope: The namespace in which that id is unique on this channel; often empty, a chat's id where ids repeat.
    """

    id: str
    scope: str = ""


@frozen(kw_only=True)
class Revision:
    """An earlier wording of an interaction.

    Args:
        at: When that wording was written (the platform's time), aware.
        text: What it said.
    """

    at: datetime
    text: str


@quick
@frozen(kw_only=True)
class Interaction(Item, Shows):
    """One thing that happened: post, reply, message, review, reaction, call, email, visit.

    Args:
        at: The platform's time, aware.
        author: Who wrote it.
        conversation: The platform's key of the thread or exchange; empty where only ``parent`` tells.
        parent: The id (same scope) of what it answers; ``None`` where it begins something.
        references: Further ids of the same thread, oldest first, as mail carries them.
        kind: What sort of thing it is.
        direction: ``None`` lets ingest decide by whether the author is one of the channel's own accounts.
        visibility: Who can read it.
        moderation: How the platform's moderation stands to it.
        text: What it says, as plain text.
        subject: Its subject or title, where it has one.
        quoted: Quoted text and signature that were split off ``text``.
        url: Where people can see it.
        language: BCP 47 tag, empty where unknown.
        attachments: Files that came with it.
        edited_at: When this wording was written, where it is not the first; decides which of two wordings is newer.
        extra: What the platform tells beyond this, as JSON values; never used to decide.
        ref: Our short id (``i12``); empty until stored, as everything below.
        channel: Our channel's name.
        thread: Our short id of the conversation (``t4``).
        customer: Our short id of the customer whose matter it is (``u7``).
        case: Our short id of the case (``c3``).
        received_at: Our time.
        deleted_at: When the platform or its author took it back.
        revisions: Earlier wordings, oldest first, where they were asked for.
    """

    at: datetime = field(validator=aware)
    author: Identity
    conversation: str = ""
    parent: str | None = None
    references: tuple[str, ...] = ()
    kind: Kind = Kind.MESSAGE
    direction: Direction | None = None
    visibility: Visibility = Visibility.PUBLIC
    moderation: Moderation = Moderation.APPROVED
    text: str = ""
    subject: str = ""
    quoted: str = ""
    url: str = ""
    language: str = ""
    attachments: tuple[Attachment, ...] = ()
    edited_at: datetime | None = field(default=None, validator=aware)
    extra: Mapping[str, Any] = EMPTY
    ref: str = ""
    channel: str = ""
    thread: str = ""
    customer: str = ""
    case: str = ""
    received_at: datetime | None = None
    deleted_at: datetime | None = None
    revisions: tuple[Revision, ...] = ()


@frozen(kw_only=True)
class Edit(Item):
    """A new wording of something, where the platform sends only that; may come before its interaction.

    Args:
        at: When the wording was written, aware.
        text: What it says now.
        subject: Its subject now; ``None`` leaves it.
    """

    at: datetime = field(validator=aware)
    text: str
    subject: str | None = None


@frozen(kw_only=True)
class Deletion(Item):
    """Something was taken back; may come before its interaction.

    Args:
        at: When, aware; ``None`` where the platform does not say, then our time is used.
    """

    at: datetime | None = field(default=None, validator=aware)


@frozen(kw_only=True)
class Delivery(Item):
    """What the platform says of something we sent; may come out of order.

    Args:
        at: When, aware.
        status: ``sent``, ``delivered``, ``read`` or ``failed``.
        reason: Why it failed.
    """

    at: datetime = field(validator=aware)
    status: str
    reason: str = ""


@frozen(kw_only=True)
class Census(Item):
    """Everything that there is in a scope since a time: what we hold there and it lacks is gone.

    Yield one only after every page of a rescan was fetched. The store refuses a census that would take a suspicious part
    of what we hold (a lost permission looks like that) and records the doubt as a hole.

    Args:
        id: Names the rescan; free.
        ids: Every id that exists.
        since: From when on, aware.
        until: Until when, aware; ``None`` for no end. What was written later is not counted off.
        conversation: Only in this conversation (the platform's key); empty means the whole scope.
    """

    ids: frozenset[str]
    since: datetime = field(validator=aware)
    until: datetime | None = field(default=None, validator=aware)
    conversation: str = ""


@frozen(kw_only=True)
class Hole(Item):
    """A time in which we could not see, and that can't be fetched again.

    Args:
        id: Names the hole; free.
        since: From when, aware.
        at: Until when, aware.
        reason: Why we could not see.
    """

    since: datetime = field(validator=aware)
    at: datetime = field(validator=aware)
    reason: str = ""


@frozen(kw_only=True)
class Account(Item):
    """An account of ours, as ``identify`` or an archive tells it: what it writes is outbound.

    Args:
        id: The platform's stable account id.
        name: The name shown to people.
        handle: The name used to address it.
        url: Its page.
        key: Where one endpoint serves several accounts: what ``Batch.account`` will say.
    """

    name: str = ""
    handle: str = ""
    url: str = ""
    key: str = ""
