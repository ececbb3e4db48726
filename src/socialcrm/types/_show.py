"""How a record looks in a notebook.

The types know no renderer. Whoever opens a workspace installs one; without it a notebook falls back to the plain ``repr``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Shows", "framed", "install", "rendered"]

_html: Callable[[Any], str] | None = None
_frame: Callable[[Any, str], Any] | None = None


def install(html: Callable[[Any], str], frame: Callable[[Any, str], Any]) -> None:
    """Say who renders records.

    Args:
        html: Makes escaped HTML of a record or a list of records.
        frame: Makes a data frame of records, given the name of the library to use.
    """
    global _html, _frame
    _html, _frame = html, frame


def rendered(shown: Any) -> str | None:
    """Return a record as HTML; ``None`` while nobody renders."""
    return _html(shown) if _html is not None else None


def framed(shown: Any, backend: str) -> Any:
    """Return records as a data frame.

    Raises:
        RuntimeError: No workspace was opened in this process, so nobody makes frames.
    """
    if _frame is None:
        raise RuntimeError("open a workspace first (socialcrm.open), or call socialcrm.notebook.to_frame")
    return _frame(shown, backend)


class Shows:
    """A record that notebooks show as HTML."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        return rendered(self)
