"""What goes out, what comes in by webhook, and how an answer is judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import Factory, field, frozen

from socialcrm.connectors._steps import Batch, Blob, Fields
from socialcrm.errors import SocialCRMError
from socialcrm.types import Visibility
from socialcrm.types._time import aware

__all__ = ["Hook", "Incoming", "Outgoing", "Receipt", "Verdict"]


@frozen(kw_only=True)
class Outgoing:
    """A reply as the platform will get it: already split, within the declared limits.

    Args:
        id: Ours, unique for ever and the same at every attempt: an idempotency key where the platform takes one. What was
            taken, could not be delivered and is ordered once more goes under a new one.
        conversation: The platform's key of the conversation.
        parts: The texts, in order, at least one.
        reply_to: The platform's id of what it answers.
        scope: The scope of ``reply_to``.
        to: The platform's account id of the one who wrote; the address for mail.
        to_handle: How to address them in text (``@mara@example.social``), where the platform needs it.
        visibility: Who will be able to read it.
        subject: For platforms with subjects.
        references: Ids of the thread, oldest first, for platforms that carry them.
        media: Files to send along.
        at: When the reply was queued (or ordered once more, under a new ``id``), aware: the date that a platform without a
            clock of its own is given.
    """

    id: str
    conversation: str
    parts: tuple[str, ...]
    reply_to: str | None = None
    scope: str = ""
    to: str = ""
    to_handle: str = ""
    visibility: Visibility = Visibility.PUBLIC
    subject: str = ""
    references: tuple[str, ...] = ()
    media: tuple[Blob, ...] = ()
    at: datetime | None = field(default=None, validator=aware)


@frozen(kw_only=True)
class Receipt:
    """What the platform confirmed.

    Args:
        ids: The platform's ids, one for each part.
        conversation: Where answers will come, if elsewhere than asked (a public comment answered in private).
        scope: The scope of ``ids``, if another than that of what it answers (a message that answers a comment).
        at: The platform's time of it, aware, where it says.
        url: Where people can see it.
    """

    ids: tuple[str, ...]
    conversation: str | None = None
    scope: str | None = None
    at: datetime | None = field(default=None, validator=aware)
    url: str = ""


@frozen(kw_only=True)
class Incoming:
    """A webhook request as it came, unread.

    Args:
        method: Upper case.
        url: As the platform addressed it: some signatures cover it.
        query: Query fields.
        headers: Names in lower case.
        body: As received: signatures cover these bytes.
        at: Our time, aware: some signatures age.
    """

    method: str
    url: str
    query: Fields = Factory(dict)
    headers: Mapping[str, str] = Factory(dict)
    body: bytes = field(default=b"", repr=False)
    at: datetime = field(validator=aware)


@frozen(kw_only=True)
class Hook:
    """What a webhook request means, and how to answer it; the answer goes out after the batches are durable.

    Args:
        status: The HTTP status to answer.
        body: The body to answer (a verification challenge, often).
        mime: Its media type.
        batches: What it brought, split by account.
    """

    status: int = 200
    body: bytes = b""
    mime: str = "text/plain"
    batches: tuple[Batch, ...] = ()


@frozen(kw_only=True)
class Verdict:
    """What an answer means.

    Args:
        error: ``None`` where it is as good as its status says; else the error to act on. A `RetryError` is tried again by
            the transport where the call may be repeated; `CredentialsError` first tries ``renew``.
        rest: Rate budgets that are used up: bucket to seconds until they fill again.
    """

    error: SocialCRMError | None = None
    rest: Mapping[str, float] = Factory(dict)
