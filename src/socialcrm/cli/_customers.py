"""``socialcrm customer``, ``join`` and ``separate``: people, and the accounts that they are known by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from socialcrm.cli._inbox import visibility_style
from socialcrm.cli._session import Session, command_options
from socialcrm.cli._text import one_line, when
from socialcrm.types import Case, Customer, Direction, Identity, Interaction

__all__ = ["customer", "join", "separate", "show_identities", "show_journey"]


@click.command()
@click.argument("ref")
@command_options
@click.pass_obj
def customer(session: Session, ref: str) -> None:
    """Show a customer and their journey across channels.

    REF is a customer's id (u7), or a case's (c3) for the customer behind it.

    \b
    Example:
      socialcrm customer u7
    """
    with session.crm() as crm:
        found = crm.customer(crm.case(ref).customer if ref.startswith("c") else ref)
        said, cases = crm.interactions(customer=found), crm.cases.find(customer=found)
        now = crm.clock()
    if session.json:
        session.emit({"customer": found, "cases": cases, "interactions": said})
        return
    console = session.console
    console.print(Text.assemble((one_line(found.name), "bold"), f"  {found.ref}"))
    show_identities(console, found.identities)
    console.print(_cases(cases))
    console.print()
    show_journey(console, said, now)


def show_identities(console: Console, identities: Sequence[Identity]) -> None:
    """Print each identity with what it can be recognised by; a tick where the platform vouches for it."""
    for one in identities:
        line = Text.assemble(f"{one.ref}  {one_line(one.platform)}  ", (one_line(str(one)), "bold"))
        known = [f"{handle.value}{' ✓' if handle.verified else ' (not verified)'}" for handle in one.handles]
        known = known or [one.handle or one.url]
        line.append(f"  {one_line(', '.join(filter(None, known)))}", style="dim")
        console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _cases(cases: Sequence[Case]) -> Text:
    text = Text()
    for one in cases:
        text.append(f"  {one.ref}", style="bold cyan")
        text.append(f"  {one.state}, {one_line(one.why)}\n")
    text.rstrip()
    return text


def show_journey(console: Console, said: Sequence[Interaction], now: datetime) -> None:
    """Print a journey: its stations in one line, then what happened at each."""
    stations = [f"{channel} ({sight})" for (channel, sight), _ in groupby(said, lambda one: (one.channel, one.visibility))]
    console.print(Text(f"Journey: {one_line(' → '.join(stations))}", style="bold"), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=14)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for one in said:
        ours = one.direction is Direction.OUTBOUND
        who = Text("we" if ours else "they", style="blue" if ours else "bold")
        sight = Text(one.visibility.value, style=visibility_style[one.visibility])
        table.add_row(when(one.at, now), one_line(one.channel), sight, who, one_line(one.text or one.subject))
    console.print(table)


_BY = click.option("--by", required=True, envvar="SOCIALCRM_BY", metavar="NAME", help="Who says so (or $SOCIALCRM_BY).")
_REASON = click.option("--reason", required=True, help="Why, for whoever asks later.")


@click.command()
@click.argument("a")
@click.argument("b")
@_REASON
@_BY
@command_options
@click.pass_obj
def join(session: Session, a: str, b: str, reason: str, by: str) -> None:
    """Say that two identities are one person.

    A and B are identities (p12) or customers (u7). Their cases are drawn anew.

    \b
    Example:
      socialcrm join u7 u12 --reason 'she named her address in a direct message' --by ana
    """
    with session.crm() as crm:
        _tell(session, crm.cases.join(a, b, by=by, reason=reason))


@click.command()
@click.argument("a")
@click.argument("b")
@_REASON
@_BY
@command_options
@click.pass_obj
def separate(session: Session, a: str, b: str, reason: str, by: str) -> None:
    """Say that two identities are different people.

    What joined them no longer counts, and their cases are drawn anew.

    \b
    Example:
      socialcrm separate p11 p53 --reason 'two people share the name' --by ana
    """
    with session.crm() as crm:
        _tell(session, crm.cases.separate(a, b, by=by, reason=reason))


def _tell(session: Session, found: Customer) -> None:
    if session.json:
        session.emit(found)
        return
    session.say(f"{found.name} ({found.ref}) is known by:")
    show_identities(session.console, found.identities)
