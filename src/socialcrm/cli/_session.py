"""What all commands share: which database, how to show things, and the options for both."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click
from attrs import Factory, define

from socialcrm.cli import _world
from socialcrm.errors import NotFound, SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from socialcrm.crm import CRM

__all__ = ["Session", "command_options", "fields", "plain", "remember"]

F = TypeVar("F", bound=Callable[..., Any])


@define(slots=False)
class Session:
    """One run of the command line.

    Args:
        db: The database.
        workspace: The client's name.
        json: Write JSON for programs instead of text for people.
        debug: Show where an error comes from.
        options: More arguments of `socialcrm.open`; tests pass plugins, a clock and a client.
    """

    db: str = "socialcrm.db"
    workspace: str = "default"
    json: bool = False
    debug: bool = False
    options: Mapping[str, Any] = Factory(dict)

    @contextmanager
    def crm(self, *, new: bool = False) -> Iterator[CRM]:
        """Open the workspace.

        Args:
            new: The command may create the database.

        Raises:
            NotFound: There is no such file, and the command only reads.
        """
        import socialcrm

        path = _file(self.db)
        if path is not None and not new and not path.exists():
            raise NotFound(
                f"there is no database at {self.db}; add a channel (socialcrm channels add --help), see socialcrm demo, "
                "or name another one with --db"
            )
        extra = {**(_world.options() if path is not None and _world.is_demo(path) else {}), **self.options}
        with socialcrm.open(self.db, workspace=self.workspace, **extra) as crm:
            yield crm

    @cached_property
    def console(self) -> Console:
        """Where text for people goes: no markup is ever read from what we print."""
        return _console(stderr=False)

    @cached_property
    def errors(self) -> Console:
        """Where progress goes, so that it never mixes with the result."""
        return _console(stderr=True)

    def emit(self, value: Any) -> None:
        """Write one JSON document, in ASCII: whatever a customer wrote is escaped."""
        click.echo(json.dumps(plain(value)))

    def say(self, *paragraphs: str) -> None:
        """Write sentences for people, each on a line of its own."""
        from socialcrm.cli._text import clean

        for text in paragraphs:
            self.console.print(clean(text), soft_wrap=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    probe = Console(stderr=stderr)
    window = probe.is_terminal or "COLUMNS" in os.environ
    width = None if window else max(probe.width, 100)  # a log or a pipe has room
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def _file(url: str) -> Path | None:
    if "://" not in url:
        return Path(url) if url not in ("", ":memory:") else None
    rest = url.removeprefix("sqlite:///")
    return Path(rest) if rest not in (url, "", ":memory:") else None


def remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Keep an option in the session; the one nearest to the command wins."""
    if value is not None and param.name:
        setattr(ctx.ensure_object(Session), param.name, value)
    return value


def command_options(function: F) -> F:
    """Add ``--json``, and ``--db`` and ``--workspace`` as they stand before the command too."""
    options = (
        click.option("--workspace", metavar="NAME", callback=remember, expose_value=False, hidden=True),
        click.option("--db", metavar="URL", callback=remember, expose_value=False, help="The database."),
        click.option(
            "--json", is_flag=True, default=None, callback=remember, expose_value=False, help="Write JSON, for programs."
        ),
    )
    for option in options:
        function = option(function)
    return function


def fields(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``KEY=VALUE`` arguments.

    Raises:
        SettingsError: One has no ``=``.
    """
    found = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise SettingsError(f"{pair!r} should be KEY=VALUE, such as server=https://example.social")
        found[key] = value
    return found


def plain(value: Any) -> Any:
    """Return JSON values: records by their fields' names, times in ISO 8601 with their zone, enums as their words."""
    if isinstance(value, BaseException):
        return {"type": type(value).__name__, "message": str(value), "notes": list(getattr(value, "__notes__", ()))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if attrs.has(type(value)):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
