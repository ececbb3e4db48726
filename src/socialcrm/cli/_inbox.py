"""``socialcrm inbox`` and ``socialcrm search``: what needs an answer, and what was said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from socialcrm.cli._session import Session, command_options
from socialcrm.cli._text import one_line, span, when
from socialcrm.types import Case, Interaction, Severity, Visibility

__all__ = ["inbox", "inbox_table", "search", "severity_style", "two_lines", "visibility_style"]

_NARROW = 64

severity_style = {Severity.URGENT: "bold red", Severity.HIGH: "red", Severity.NORMAL: "", Severity.LOW: "dim"}
visibility_style = {Visibility.PUBLIC: "yellow", Visibility.LIMITED: "magenta", Visibility.PRIVATE: "green"}


@click.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--queue", help="Only of this queue.")
@click.option("--assignee", help="Only this agent's; '' for those that nobody has.")
@click.option("--severity", type=click.Choice([one.value for one in Severity]), help="Only of this severity.")
@command_options
@click.pass_obj
def inbox(session: Session, limit: int, queue: str | None, assignee: str | None, severity: str | None) -> None:
    """Who needs an answer, the greatest need first.

    Need is how long somebody has waited, how bad it is, and how often they wrote; never how many followers they have.

    \b
    Example:
      socialcrm inbox --limit 5
      socialcrm inbox --assignee ana
    """
    wanted = Severity(severity) if severity else None
    with session.crm() as crm:
        found = crm.inbox(limit=limit + 1, queue=queue, assignee=assignee, severity=wanted)
        now, any_channel = crm.clock(), len(crm.channels) > 0
    shown = found[:limit]
    if session.json:
        session.emit(shown)
    elif not shown:
        session.say("Nobody waits for an answer." if any_channel else "No channels yet. See: socialcrm channels add --help")
    else:
        session.console.print(inbox_table(shown, now, width=session.console.width))
        more = f"There are more: --limit {limit * 2}. " if len(found) > limit else ""
        session.say("", f"{more}Read one: socialcrm case {shown[0].ref}")


def inbox_table(cases: Sequence[Case], now: datetime, *, width: int, places: bool = False) -> RenderableType:
    """Return cases as a table of two lines each, or one below the other where there is no room for a table.

    Args:
        cases: In the order to show.
        now: For how long they wait.
        width: Columns of the terminal.
        places: Number them.
    """
    if width < _NARROW:
        return Group(*(_stacked(case) for case in cases))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    if places:
        table.add_column("", justify="right", no_wrap=True, style="dim")
    table.add_column("Case", no_wrap=True)
    table.add_column("Customer", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("Where", no_wrap=True, overflow="ellipsis", max_width=18)
    table.add_column("Waits", no_wrap=True)
    table.add_column("What they say, and why they stand here", no_wrap=True, overflow="ellipsis", ratio=1)
    for place, case in enumerate(cases, 1):
        cells = (two_lines(case.ref, "", "bold cyan"), _who(case), _where(case), _waits(case, now), _says(case))
        table.add_row(*((f"{place}",) if places else ()), *cells)
    return table


def _stacked(case: Case) -> Text:
    marks = _who(case).plain.partition("\n")[2]
    head = Text.assemble((case.ref, "bold cyan"), " ", (one_line(case.customer_name), "bold"))
    head.append(f" {marks}" if marks else "", style=severity_style[case.severity])
    head.append(f"\n{one_line(', '.join(case.channels))} ")
    head.append(case.visibility.value, style=visibility_style[case.visibility])
    return head.append(f"\n{one_line(case.excerpt)}").append(f"\n{one_line(case.why)}\n", style="dim")


def two_lines(upper: str, lower: str, style: str = "", lower_style: str = "dim") -> Text:
    """Return a cell of two lines, neither of which wraps."""
    return Text.assemble((one_line(upper), style), "\n", (one_line(lower), lower_style), overflow="ellipsis", no_wrap=True)


def _who(case: Case) -> Text:
    marks = [case.severity.value] if case.severity is not Severity.NORMAL else []
    marks += [case.assignee] if case.assignee else []
    return two_lines(case.customer_name, ", ".join(marks), "bold", severity_style[case.severity])


def _where(case: Case) -> Text:
    return two_lines(", ".join(case.channels), case.visibility.value, lower_style=visibility_style[case.visibility])


def _waits(case: Case, now: datetime) -> Text:
    return two_lines(span(now - case.waiting_since) if case.waiting_since else "", case.state.value)


def _says(case: Case) -> Text:
    waits, _, rest = case.why.partition(", ")
    return two_lines(case.excerpt or "(no text)", rest if waits.startswith("waits ") else case.why)


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@command_options
@click.pass_obj
def search(session: Session, words: tuple[str, ...], limit: int) -> None:
    """Find what was said, by its words, newest first.

    All words have to occur. A phrase stands in quotes of its own, and a star ends the beginning of a word.

    \b
    Example:
      socialcrm search router
      socialcrm search '"direct debit"' app*
    """
    with session.crm() as crm:
        found, now = crm.search(" ".join(words), limit=limit), crm.clock()
    if session.json:
        session.emit(found)
    elif not found:
        session.say("Nothing was found. Try fewer words, or the beginning of one: rout*")
    else:
        session.console.print(_found(found, now))


def _found(found: Sequence[Interaction], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column("Case", no_wrap=True, style="bold cyan")
    table.add_column("When", no_wrap=True)
    table.add_column("Who", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("Where", no_wrap=True, overflow="ellipsis", max_width=18)
    table.add_column("What", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in found:
        said = one_line(one.text or one.subject)
        table.add_row(one.case or "-", when(one.at, now), one_line(str(one.author)), one_line(one.channel), said)
    return table
