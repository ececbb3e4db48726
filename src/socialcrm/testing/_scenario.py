"""What a plugin brings for its contract test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import Factory, frozen

from socialcrm.connectors import Answer, Incoming, Raw
from socialcrm.testing._platform import Streams

__all__ = ["Scenario", "Webhook"]


@frozen(kw_only=True)
class Webhook:
    """How a platform calls us.

    Args:
        sign: Makes the request that delivers a body, signed at a time.
        events: Bodies with one event each, which may arrive in any order: best a new element, its edit, a deletion.
        many: One body that holds all of these events.
        unknown: A body with an event that nobody knows.
        header: The header with the signature, lower case; empty where the platform does not sign.
        ages: The signature holds a time, so an old request is refused.
        challenge: The request with which the platform asks whether we are there, and what it wants to hear.
    """

    sign: Callable[[bytes, datetime], Incoming]
    events: tuple[bytes, ...]
    many: bytes = b""
    unknown: bytes = b""
    header: str = ""
    ages: bool = False
    challenge: tuple[Incoming, bytes] | None = None


@frozen(kw_only=True)
class Scenario:
    """A platform with some content, and what may happen there.

    Args:
        platform: Makes the platform, the same each time it is called: see `socialcrm.testing.Platform`. Its attribute
            ``now``, if it has one, is kept at the time of the test.
        settings: The channel's settings. Secrets may be plain text here: their values are the canaries that are looked
            for everywhere. For a platform of byte streams a function that makes them of the ports, by name.
        changes: What may happen on the platform between two calls; each is tried between all calls: a new element, an
            edit, a deletion.
        variants: The same content in other words, by a name for people: other page sizes, overlapping, reordered,
            repeated or empty pages.
        streams: The servers of a platform that speaks byte streams.
        webhook: How the platform calls us, if it does.
        archive: Writes the platform's export into a folder and returns its path.
        archived: The texts in that export, in any order.
        samples: Further elements to parse: other kinds, odd ones.
        sites: Web addresses of the platform that can be read without credentials, each with the page that it answers
            (``None``: the address alone tells).
        reply: A text to answer with.
        sends: We may answer with these settings.
        settles: Whether an unclear send arrived can always be found out on this platform.
        now: The time of the test, aware.
        later: What passes between two syncs.
    """

    platform: Callable[[], Any]
    settings: Mapping[str, Any] | Callable[[Mapping[str, int]], Mapping[str, Any]] = Factory(dict)
    changes: tuple[Callable[[Any], object], ...] = ()
    variants: Mapping[str, Callable[[], Any]] = Factory(dict)
    streams: Callable[[Any], Streams] | None = None
    webhook: Callable[[Any], Webhook] | None = None
    archive: Callable[[Path], Path] | None = None
    archived: tuple[str, ...] = ()
    samples: tuple[Raw, ...] = ()
    sites: tuple[tuple[str, Answer | None], ...] = ()
    reply: str = "Sorry for the trouble. Could you please try again now?"
    sends: bool = True
    settles: bool = True
    now: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)
    later: timedelta = timedelta(hours=3)
