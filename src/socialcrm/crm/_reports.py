"""What a sync, a load or a flush did, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from socialcrm.crm.inbound import Absorbed
from socialcrm.errors import SocialCRMError

__all__ = ["ChannelReport", "FlushReport", "SyncReport"]


@define(kw_only=True)
class ChannelReport:
    """What happened on one channel.

    Args:
        channel: Its name.
        new: Interactions that were not there.
        changed: Interactions with a newer wording, or taken back.
        opened: Cases opened.
        quarantined: Elements that could not be parsed; ``crm.reprocess()`` tries them again.
        batches: Batches committed.
        doubts: Why a census was not believed.
        busy: Another worker was fetching this channel; nothing was done.
        error: What stopped it; what was committed before stays.
    """

    channel: str
    new: int = 0
    changed: int = 0
    opened: int = 0
    quarantined: int = 0
    batches: int = 0
    doubts: list[str] = field(factory=list)
    busy: bool = False
    error: SocialCRMError | None = None

    def add(self, absorbed: Absorbed) -> None:
        """Count what a batch brought."""
        self.batches += 1
        self.new += absorbed.new
        self.changed += absorbed.changed
        self.opened += absorbed.opened
        self.quarantined += absorbed.quarantined
        self.doubts += absorbed.doubts

    def __str__(self) -> str:
        if self.busy:
            return f"{self.channel}: another worker is fetching it"
        told = f"{self.channel}: {self.new} new, {self.changed} changed, {self.opened} cases opened"
        if self.quarantined:
            told += f", {self.quarantined} quarantined"
        if self.doubts:
            told += f", {'; '.join(self.doubts)}"
        return f"{told}; {type(self.error).__name__}: {self.error}" if self.error else told


@define(kw_only=True)
class SyncReport:
    """What a sync did on each channel, in the order of their names."""

    channels: list[ChannelReport] = field(factory=list)

    @property
    def new(self) -> int:
        """Interactions that were not there."""
        return sum(one.new for one in self.channels)

    @property
    def changed(self) -> int:
        """Interactions with a newer wording, or taken back."""
        return sum(one.changed for one in self.channels)

    @property
    def opened(self) -> int:
        """Cases opened."""
        return sum(one.opened for one in self.channels)

    @property
    def quarantined(self) -> int:
        """Elements that could not be parsed."""
        return sum(one.quarantined for one in self.channels)

    @property
    def errors(self) -> dict[str, SocialCRMError]:
        """What stopped a channel, by its name."""
        return {one.channel: one.error for one in self.channels if one.error is not None}

    def check(self) -> SyncReport:
        """Raise the first channel's error, with the others' as notes; return the report if there is none."""
        failed = self.errors
        if not failed:
            return self
        (name, first), *others = failed.items()
        first.add_note(f"on the channel {name!r}; the other channels were synced, and what was committed stays")
        for name, error in others:
            first.add_note(f"the channel {name!r} failed too: {type(error).__name__}: {error}")
        raise first

    def __iter__(self) -> Iterator[ChannelReport]:
        return iter(self.channels)

    def __str__(self) -> str:
        return "\n".join(map(str, self.channels)) or "no channels to sync; add one with crm.channels.add(…)"


@define(kw_only=True)
class FlushReport:
    """What a flush did, by the replies' short ids.

    Args:
        sent: Confirmed by the platform.
        reconciled: Found on the platform after an unclear attempt.
        postponed: To be tried again later, with the reason.
        unknown: May have arrived; asked again at the next flush, never sent again blindly.
        failed: Refused, with the reason; ``crm.retry(…)`` queues one again.
    """

    sent: list[str] = field(factory=list)
    reconciled: list[str] = field(factory=list)
    postponed: dict[str, str] = field(factory=dict)
    unknown: dict[str, str] = field(factory=dict)
    failed: dict[str, str] = field(factory=dict)

    def __str__(self) -> str:
        told = [f"{len(self.sent) + len(self.reconciled)} delivered"]
        for word, which in (("postponed", self.postponed), ("unclear", self.unknown), ("failed", self.failed)):
            told += [f"{name} {word}: {reason}" for name, reason in which.items()]
        return "\n".join(told)
