"""Frozen records and closed sets: the words of Social CRM."""

from socialcrm.types._cases import Case, Conversation, Event, Reply
from socialcrm.types._channel import Channel
from socialcrm.types._enums import (
    CaseState,
    Direction,
    HandleKind,
    Kind,
    Moderation,
    OutboxState,
    Severity,
    Visibility,
)
from socialcrm.types._items import (
    Account,
    Attachment,
    Census,
    Deletion,
    Delivery,
    Edit,
    Hole,
    Interaction,
    Item,
    Revision,
)
from socialcrm.types._people import Customer, Handle, Identity
from socialcrm.types._secret import Secret
from socialcrm.types._time import from_micros, micros, utc

__all__ = [
    "Account",
    "Attachment",
    "Case",
    "CaseState",
    "Census",
    "Channel",
    "Conversation",
    "Customer",
    "Deletion",
    "Delivery",
    "Direction",
    "Edit",
    "Event",
    "Handle",
    "HandleKind",
    "Hole",
    "Identity",
    "Interaction",
    "Item",
    "Kind",
    "Moderation",
    "OutboxState",
    "Reply",
    "Revision",
    "Secret",
    "Severity",
    "Visibility",
    "from_micros",
    "micros",
    "utc",
]
