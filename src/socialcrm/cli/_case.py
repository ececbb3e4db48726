"""``socialcrm case``: a case as its story, and what an agent can do to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from socialcrm.cli._session import Session, command_options
from socialcrm.cli._text import when
from socialcrm.errors import SettingsError
from socialcrm.types import Case, Severity

__all__ = ["case"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class _CaseGroup(click.Group):
    """``case c9`` shows it; ``case resolve c9`` does something."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ahead = {"--json", "--events"} & set(args[:1])
        return super().parse_args(ctx, ["show", *args] if ahead else args)


@click.group(cls=_CaseGroup, subcommand_metavar="REF | COMMAND REF ...")
def case() -> None:
    """Show a case across channels, or change it.

    \b
    Example:
      socialcrm case c9
      socialcrm case c9 --events
      socialcrm case grade c9 urgent --by ana
    """


_BY = click.option("--by", required=True, envvar="SOCIALCRM_BY", metavar="NAME", help="Who does it (or $SOCIALCRM_BY).")


@case.command()
@click.argument("ref")
@click.option("--events", is_flag=True, help="Also show the audit trail: what was decided, when, by whom.")
@command_options
@click.pass_obj
def show(session: Session, ref: str, events: bool) -> None:
    """Show a case. Everything said stands in the order in which it happened, across channels.

    \b
    Example:
      socialcrm case show c9 --events
    """
    from socialcrm.cli._story import show_case, show_events

    with session.crm() as crm:
        found = crm.case(ref)
        said = crm.interactions(case=found)
        trail = crm.events(found) if events else []
        waiting = [one for one in crm.outbox() if one.case == found.ref and one.state.value not in ("sent", "reconciled")]
        now = crm.clock()
    if session.json:
        told = {"case": found, "interactions": said, "replies": waiting}
        session.emit({**told, "events": trail} if events else told)
        return
    show_case(session.console, found, said, waiting, now)
    if events:
        show_events(session.console, trail, now)


def _done(session: Session, found: Case, told: str) -> None:
    if session.json:
        session.emit(found)
    else:
        session.say(f"{found.ref} ({found.customer_name}) {told}; {found.why}.")


def _command(name: str, told: str, text: str) -> None:
    """Register an action that needs nothing but the case and the agent."""

    @case.command(name, help=text)
    @click.argument("ref")
    @_BY
    @command_options
    @click.pass_obj
    def act(session: Session, ref: str, by: str) -> None:
        with session.crm() as crm:
            _done(session, getattr(crm.cases, name)(ref, by=by), told)


for _name, _told, _text in (
    ("resolve", "is resolved", "Say that the problem is solved. The customer's next word reopens the case."),
    ("close", "is closed", "End a case for good. What the customer says later opens a new one."),
    ("reopen", "is open again", "Take a resolved case up again."),
    ("wake", "is awake", "Take a snoozed case up again."),
):
    _command(_name, _told, f"{_text}\n\n\b\nExample:\n  socialcrm case {_name} c9 --by ana")


@case.command()
@click.argument("ref")
@click.argument("agent")
@_BY
@command_options
@click.pass_obj
def assign(session: Session, ref: str, agent: str, by: str) -> None:
    """Give a case to an agent; '' gives it to nobody.

    \b
    Example:
      socialcrm case assign c9 ben --by ana
    """
    with session.crm() as crm:
        _done(session, crm.cases.assign(ref, agent, by=by), f"is {agent}'s" if agent else "is nobody's")


@case.command()
@click.argument("ref")
@click.argument("severity", type=click.Choice([one.value for one in Severity]))
@_BY
@command_options
@click.pass_obj
def grade(session: Session, ref: str, severity: str, by: str) -> None:
    """Say how bad the problem is. By when an answer is due follows from it.

    \b
    Example:
      socialcrm case grade c9 urgent --by ana
    """
    with session.crm() as crm:
        _done(session, crm.cases.grade(ref, Severity(severity), by=by), f"is graded {severity}")


@case.command()
@click.argument("ref")
@click.argument("tags", nargs=-1)
@_BY
@command_options
@click.pass_obj
def tag(session: Session, ref: str, tags: tuple[str, ...], by: str) -> None:
    """Set a case's tags. They replace those it has.

    \b
    Example:
      socialcrm case tag c9 outage fixed-line --by ana
    """
    with session.crm() as crm:
        found = crm.cases.tag(ref, tags, by=by)
    _done(session, found, f"is tagged {', '.join(found.tags)}" if found.tags else "has no tags")


@case.command()
@click.argument("ref")
@click.argument("until", metavar="UNTIL")
@_BY
@command_options
@click.pass_obj
def snooze(session: Session, ref: str, until: str, by: str) -> None:
    """Put a case aside.

    UNTIL is a while (30m, 4h, 3d, 1w) or a time (2026-10-13T09:00, UTC unless it says).

    The customer's next word wakes it, or socialcrm tick once the time has come.

    \b
    Example:
      socialcrm case snooze c9 3d --by ana
    """
    with session.crm() as crm:
        end = _until(until, crm.clock())
        _done(session, crm.cases.snooze(ref, end, by=by), f"sleeps until {when(end, crm.clock())} UTC")


def _until(told: str, now: datetime) -> datetime:
    number, unit = told[:-1], told[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) < 5:
        span: dict[str, Any] = {_UNITS[unit]: int(number)}
        return now + timedelta(**span)
    try:
        end = datetime.fromisoformat(told)
    except ValueError:
        raise SettingsError(f"{told!r} is no time; give 30m, 4h, 3d, 1w, or 2026-10-13T09:00") from None
    return (end if end.tzinfo else end.replace(tzinfo=UTC)).astimezone(UTC)
