"""Lists that notebooks show as tables, and that turn into data frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from socialcrm.types import _show

__all__ = ["Shown"]

T = TypeVar("T")


class Shown(list[T]):
    """A list of records; in every other way a plain ``list``.

    Args:
        records: What it holds.
        kind: The class of the records, so that an empty one still knows its columns.
    """

    def __init__(self, records: Iterable[T], kind: type[T]) -> None:
        super().__init__(records)
        self.kind = kind

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return the records as a data frame, a row for each.

        Args:
            backend: ``pandas``, ``polars`` or ``pyarrow``.

        Raises:
            SettingsError: That library is not installed (extra ``notebook``).

        Example:
            >>> crm.inbox().to_frame("polars")  # doctest: +SKIP
        """
        return _show.framed(self, backend)

    def _repr_html_(self) -> str | None:
        return _show.rendered(self)


def _html(shown: Any) -> str:
    from socialcrm.notebook import html

    return html(shown)


def _frame(shown: Any, backend: str) -> Any:
    from socialcrm.notebook import to_frame

    return to_frame(shown, backend)


_show.install(_html, _frame)
