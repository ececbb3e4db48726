"""What both applications share: the workspace that they open at the first request, and the addresses they answer at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

from attrs import define, field

from socialcrm.crm import CRM
from socialcrm.crm import open as open_crm

__all__ = ["Door", "Source"]

Source: TypeAlias = str | CRM | Callable[[], CRM]
"""A workspace, its database's address, or what opens it."""


@define
class Door:
    """Opens the workspace once, when it is first needed, and closes it if it opened it.

    Args:
        source: Where the workspace comes from.
        origin: Scheme and host as platforms call us, where a proxy hides them; empty to believe the request.
        limit: Bytes of the largest body to take.
    """

    source: Source
    origin: str
    limit: int
    _crm: CRM | None = None
    _turn: threading.Lock = field(factory=threading.Lock)

    def crm(self) -> CRM:
        """Return the workspace.

        Raises:
            SocialCRMError: It can't be opened.
        """
        with self._turn:
            if self._crm is None:
                self._crm = self._open()
            return self._crm

    def _open(self) -> CRM:
        if isinstance(self.source, CRM):
            return self.source
        return open_crm(self.source) if isinstance(self.source, str) else self.source()

    def close(self) -> None:
        """Close the workspace if it was opened here; the next request opens it again."""
        with self._turn:
            if self._crm is not None and self._crm is not self.source:
                self._crm.close()
            self._crm = None

    def url(self, scheme: str, host: str, target: str) -> str:
        """Return the address as the platform called it."""
        return (self.origin.rstrip("/") or f"{scheme}://{host}") + target

    @staticmethod
    def channel(path: str) -> str:
        """Return the channel that a path names: ``/NAME``, with or without a slash at its end; empty where it names none."""
        name = path.removeprefix("/").removesuffix("/")
        return "" if "/" in name or not path.startswith("/") else name
