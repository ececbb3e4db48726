"""From a reply as written to a message as the platform will get it. Nothing here touches a network or a clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from attrs import frozen

from socialcrm.connectors import Connector
from socialcrm.errors import GuardError, UnsupportedError
from socialcrm.outbox._guard import private_data
from socialcrm.outbox._split import split
from socialcrm.types import Visibility

__all__ = ["Target", "check", "compose"]


@frozen(kw_only=True)
class Target:
    """What a reply answers.

    Args:
        channel: The channel's name.
        name: The name of the one who wrote.
        at: When they wrote, aware.
        visibility: Who can read what they wrote.
    """

    channel: str
    name: str
    at: datetime
    visibility: Visibility


def compose(connector: Connector[Any], target: Target, text: str, visibility: Visibility, now: datetime) -> tuple[str, ...]:
    """Split a reply into what the platform will get, or refuse what its capabilities rule out.

    Raises:
        UnsupportedError: The platform can't send, not in this visibility, or no longer (its reply window is over).
        TooLong: The text exceeds the limit and the platform has no threads; says by how much.
        SettingsError: The text is empty.
    """
    info = connector.info
    can = info.capabilities
    name = info.title or info.platform
    if not can.send:
        raise UnsupportedError(f"{name} can't send: this plugin only reads; answer {target.name} on another channel")
    if visibility not in can.visibility:
        allowed = ", ".join(sorted(can.visibility)) or "none"
        raise UnsupportedError(f"{name} has no {visibility} replies; possible: {allowed}")
    moves = visibility is Visibility.PRIVATE and target.visibility is not Visibility.PRIVATE
    if moves and not (can.private_reply or can.move_to_private):
        raise UnsupportedError(
            f"{name} can't answer something {target.visibility} in private; ask {target.name} to write to you in private"
        )
    window = connector.reply_window
    if visibility is Visibility.PRIVATE and window is not None and now - target.at > window:
        raise UnsupportedError(
            f"{name} allows private answers for {window} only, and {target.name} wrote at {target.at:%Y-%m-%d %H:%M} UTC; "
            "use another channel"
        )
    return split(text, connector.text_limit, threads=can.threads)


def check(text: str, visibility: Visibility, *, allowed: Collection[str] = (), objections: Iterable[str] = ()) -> None:
    """Hold a reply back that shows private data in public, or that a review objects to.

    Args:
        text: As written.
        visibility: Who will be able to read it.
        allowed: Addresses and numbers that are our own.
        objections: What reviews said.

    Raises:
        GuardError: With every reason; no private value stands in it.
    """
    reasons = [one for one in objections if one]
    if visibility is not Visibility.PRIVATE:
        found = private_data(text, allowed=allowed)
        reasons += [f"it shows {one.kind.replace('_', ' ')} ({one.excerpt}) where others can read it" for one in found]
    if reasons:
        told = "; ".join(reasons)
        raise GuardError(f"the reply is held back: {told}. Change it, send it in private, or pass anyway=True on purpose")
