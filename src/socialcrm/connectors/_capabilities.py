"""What a connector declares that its platform can do.

Declared means implemented, both ways: the contract suite checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from attrs import field, frozen

from socialcrm.types import Visibility

__all__ = ["Capabilities", "TextLimit", "Unit", "measure"]


class Unit(StrEnum):
    """In what a platform counts a text's length."""

    BYTES = "bytes"
    UTF16 = "utf-16"
    CODE_POINTS = "code points"
    GRAPHEMES = "graphemes"
    WEIGHTED = "weighted"


@frozen
class TextLimit:
    """How long one message may be.

    Args:
        size: The most that one message may hold; ``None`` for no limit that we know of.
        unit: In what it is counted. Bytes are those of UTF-8.
        weigh: For `Unit.WEIGHTED`: the platform's own count.
    """

    size: int | None = None
    unit: Unit = Unit.CODE_POINTS
    weigh: Callable[[str], int] | None = None

    def measure(self, text: str) -> int:
        """Return the text's length in the limit's unit."""
        if self.weigh is not None:
            return self.weigh(text)
        return measure(text, self.unit)


def measure(text: str, unit: Unit) -> int:
    """Count a text in a unit.

    Args:
        text: Any text.
        unit: Not `Unit.WEIGHTED`, which only the platform's plugin can count.

    Returns:
        The length. Graphemes are those of Unicode Standard Annex 29.
    """
    unit = Unit(unit)
    if unit is Unit.BYTES:
        return len(text.encode("utf-8", "surrogatepass"))
    if unit is Unit.UTF16:
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    if unit is Unit.GRAPHEMES:
        import regex

        return sum(1 for _ in regex.finditer(r"\X", text))
    if unit is Unit.WEIGHTED:
        raise ValueError("a weighted limit needs TextLimit(weigh=...), the platform's own count")
    return len(text)


@frozen(kw_only=True)
class Capabilities:
    """What the platform, by this connector, can do.

    Args:
        send: It implements ``send`` (and ``settle``, unless ``idempotent``).
        text: How long one message may be.
        threads: A long text may be sent as several messages in order.
        visibility: In which visibilities we can answer.
        private_reply: A public interaction can be answered in private.
        idempotent: ``Outgoing.id`` makes a repeated send harmless on the platform.
        edits: Edits by customers can be seen.
        deletions: Deletions by customers can be seen.
        attachments: How many files a message of ours may carry; 0 for none.
        reply_window: How long after the customer's last message we may answer in private; ``None`` for ever.
        webhook: It implements ``receive``.
        archive: It implements ``load``.
        search: It implements ``search``.
        profile: It implements ``profile``.
        retract: It implements ``retract``.
        react: It implements ``react``.
        mark_read: It implements ``mark_read``.
        move_to_private: It implements ``move_to_private``: a private answer to something public is its own kind of send.
        renew: It implements ``renew``.
        public: What is public there can be read without credentials, and it implements ``recognise``.
    """

    send: bool = False
    text: TextLimit = field(factory=TextLimit)
    threads: bool = False
    visibility: frozenset[Visibility] = frozenset()
    private_reply: bool = False
    idempotent: bool = False
    edits: bool = False
    deletions: bool = False
    attachments: int = 0
    reply_window: timedelta | None = None
    webhook: bool = False
    archive: bool = False
    search: bool = False
    profile: bool = False
    retract: bool = False
    react: bool = False
    mark_read: bool = False
    move_to_private: bool = False
    renew: bool = False
    public: bool = False
