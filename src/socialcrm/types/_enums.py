"""The closed sets of the field's terms."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "CaseState",
    "Direction",
    "HandleKind",
    "Kind",
    "Moderation",
    "OutboxState",
    "Severity",
    "Visibility",
]


class Direction(StrEnum):
    """Who wrote: ``inbound`` is a customer, ``outbound`` is us."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Visibility(StrEnum):
    """Who can read it: everybody, a limited audience (followers, members), or only those addressed."""

    PUBLIC = "public"
    LIMITED = "limited"
    PRIVATE = "private"


class Kind(StrEnum):
    """What happened; ``other`` keeps what the library has no word for, with its raw payload."""

    POST = "post"
    REPLY = "reply"
    MESSAGE = "message"
    REVIEW = "review"
    REACTION = "reaction"
    CALL = "call"
    EMAIL = "email"
    VISIT = "visit"
    OTHER = "other"


class Moderation(StrEnum):
    """How the platform's moderation stands to it: shown, waiting, taken for spam, or taken down (revocably)."""

    APPROVED = "approved"
    HELD = "held"
    SPAM = "spam"
    REMOVED = "removed"


class HandleKind(StrEnum):
    """A way to recognise one person in two places."""

    EMAIL = "email"
    PHONE = "phone"
    ACCOUNT = "account"
    URL = "url"


class Severity(StrEnum):
    """How bad the problem is for the customer; never how loud or how popular the customer is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class CaseState(StrEnum):
    """Where a case stands; ``socialcrm.cases.TRANSITIONS`` says what may follow what."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    CLOSED = "closed"


class OutboxState(StrEnum):
    """Where a reply stands between being written and being confirmed by the platform."""

    DRAFT = "draft"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RECONCILED = "reconciled"
