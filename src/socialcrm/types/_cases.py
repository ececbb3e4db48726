"""Cases, conversations, replies and events, as the reading side shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, frozen

from socialcrm.types._enums import CaseState, Direction, OutboxState, Severity, Visibility
from socialcrm.types._items import Interaction
from socialcrm.types._people import Identity
from socialcrm.types._show import Shows

__all__ = ["Case", "Conversation", "Event", "Reply"]


@frozen(kw_only=True)
class Case(Shows):
    """A customer's problem, from first contact to resolution; spans conversations and channels.

    Args:
        ref: Our short id (``c3``).
        customer: Our short id of the customer (``u7``).
        customer_name: The name to show.
        state: Where it stands.
        queue: Who should look at it.
        assignee: Which agent has it; empty for nobody.
        severity: How bad the problem is.
        contacts: How often the customer wrote since our last answer, at least 1 while one is due.
        channels: The names of the channels it spans, in the order of first contact.
        visibility: Who can read the interaction that waits for an answer.
        excerpt: The beginning of the interaction that waits for an answer, or of the last one.
        tags: Tags, sorted.
        opened_at: First contact.
        waiting_since: Since when the customer waits for us; ``None`` while we wait for them.
        due_at: By when an answer is due; ``None`` while none is.
        answered_at: Our first answer.
        resolved_at: When it was resolved.
        why: Why it stands where it does in the inbox, in words.
        version: Grows with every change; a reply based on an older one is refused.
    """

    ref: str
    customer: str
    customer_name: str = ""
    state: CaseState = CaseState.NEW
    queue: str = ""
    assignee: str = ""
    severity: Severity = Severity.NORMAL
    contacts: int = 0
    channels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    excerpt: str = ""
    tags: tuple[str, ...] = ()
    opened_at: datetime
    waiting_since: datetime | None = None
    due_at: datetime | None = None
    answered_at: datetime | None = None
    resolved_at: datetime | None = None
    why: str = ""
    version: int = 0

    def __str__(self) -> str:
        where = ", ".join(self.channels)
        return f"{self.ref:>5}  {self.customer_name}  [{self.state}, {where}]  {self.excerpt}  ({self.why})"


@frozen(kw_only=True)
class Conversation(Shows):
    """Interactions that belong together on one channel.

    Args:
        ref: Our short id (``t4``).
        channel: The channel's name.
        key: The platform's key, empty where only its replies hold it together.
        interactions: In the order of the platform's time.
    """

    ref: str
    channel: str
    key: str = ""
    interactions: tuple[Interaction, ...] = ()


@frozen(kw_only=True)
class Reply:
    """A reply of ours on its way: draft, outgoing and receipt in one row.

    Args:
        ref: Our short id (``o9``).
        case: The case that it answers.
        channel: The channel that it leaves by.
        to: The identity that it answers: always the one who wrote.
        text: As written.
        parts: As the platform will get it, one or several messages.
        visibility: Who will be able to read it.
        state: Where it stands.
        by: Who wrote it.
        created_at: When it was written.
        sent_at: When the platform confirmed it.
        ids: The platform's ids, one for each part; empty for a part that it took and could not deliver.
        error: Why it failed, or why its outcome is unknown.
        attempts: How often delivery was tried.
    """

    ref: str
    case: str
    channel: str
    to: Identity
    text: str
    parts: tuple[str, ...]
    visibility: Visibility
    state: OutboxState
    by: str
    created_at: datetime
    sent_at: datetime | None = None
    ids: tuple[str, ...] = ()
    error: str = ""
    attempts: int = 0
    direction: Direction = Direction.OUTBOUND

    def __str__(self) -> str:
        return f"{self.ref}  {self.state}  to {self.to} on {self.channel} ({self.visibility})"


@frozen(kw_only=True)
class Event:
    """One line of the audit trail: what was decided about a case, when, by whom and why. Holds no message text.

    Args:
        seq: Its place in the log of the workspace.
        case: The case's short id.
        kind: What happened (``opened``, ``received``, ``replied``, ``resolved`` …).
        at: When it happened, by the platform's clock for what came from there.
        actor: Who did it: an agent's name, or empty for the playbook.
        interaction: The interaction's short id, where one caused it.
        playbook: The version of the playbook that decided.
        rule: The rule that decided, empty for the playbook's defaults.
        data: What changed, as JSON values.
    """

    seq: int
    case: str
    kind: str
    at: datetime
    actor: str = ""
    interaction: str = ""
    playbook: str = ""
    rule: str = ""
    data: Mapping[str, Any] = Factory(dict)
