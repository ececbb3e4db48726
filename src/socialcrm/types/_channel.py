"""Our configured accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, frozen

from socialcrm.types._items import Account

__all__ = ["Channel"]


@frozen(kw_only=True)
class Channel:
    """One configured account of ours on a platform.

    Args:
        name: Ours, unique in the workspace.
        platform: The platform's name.
        settings: As stored: secrets are references such as ``env:NAME``, never values.
        accounts: Who we are there, as the platform told.
        archive: Whether it only holds a loaded archive and is never synced.
        created_at: When it was added.
    """

    name: str
    platform: str
    settings: Mapping[str, Any] = Factory(dict)
    accounts: tuple[Account, ...] = ()
    archive: bool = False
    created_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.platform})"
