"""Progress on a terminal: one bar for each channel; nothing where nobody watches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from socialcrm.cli._session import Session
from socialcrm.cli._text import one_line
from socialcrm.crm import Progress as Told

__all__ = ["bars"]


@contextmanager
def bars(session: Session) -> Iterator[Callable[[Told], None] | None]:
    """Show how far each channel has come, on stderr.

    Yields:
        What to call with each step; ``None`` where there is no terminal.
    """
    if session.json or not session.errors.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[new]} new", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=session.errors, transient=True) as progress:
        tasks: dict[str, TaskID] = {}
        turn = threading.Lock()

        def step(told: Told) -> None:
            name = one_line(told.channel)
            with turn:
                if name not in tasks:
                    tasks[name] = progress.add_task(name, total=told.total or None, new=0)
            progress.update(tasks[name], completed=told.done, total=told.total or None, new=told.interactions)

        yield step
