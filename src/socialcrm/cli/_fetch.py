"""Getting what customers said: sync, watch, load; and the care of what was got."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

import click

from socialcrm.cli._app import show_error
from socialcrm.cli._session import Session, command_options, fields
from socialcrm.cli._text import one_line
from socialcrm.crm import ChannelReport, Progress, SyncReport
from socialcrm.crm import migrate as migrate_database

__all__ = ["load", "migrate", "reprocess", "sync", "tick", "watch"]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@command_options
@click.pass_obj
def sync(session: Session, names: tuple[str, ...]) -> None:
    """Fetch what is new on every channel, or on those named.

    A channel that fails stops no other; then the exit code is 1. Run it again at any time: nothing is doubled.

    \b
    Example:
      socialcrm sync
      socialcrm sync blog
    """
    from socialcrm.cli._progress import bars

    with session.crm() as crm:
        with bars(session) as progress:
            report = crm.sync(*names, strict=False, progress=progress)
        if not session.json and not report.channels:
            told = "Only archives here, which are never synced. " if len(crm.channels) else "No channels yet. "
            session.say(f"{told}Add one: socialcrm channels add PLATFORM NAME KEY=VALUE…")
    _show(session, report)


def _show(session: Session, report: SyncReport) -> None:
    """Write a report, then each failed channel's error; exit 1 if there is one."""
    if session.json:
        session.emit({"channels": report.channels, "new": report.new, "opened": report.opened})
    else:
        for one in report:
            session.say(_line(one))
    for name, error in report.errors.items():
        show_error(error, prefix=f"{name}: ")
    if report.errors:
        raise click.exceptions.Exit(1)


def _line(one: ChannelReport) -> str:
    if one.busy:
        return f"{one.channel}: another worker is fetching it"
    told = [f"{one.new} new", f"{one.opened} {'case' if one.opened == 1 else 'cases'} opened"]
    told += [f"{one.changed} changed"] if one.changed else []
    told += [f"{one.quarantined} could not be read and are kept (socialcrm reprocess)"] if one.quarantined else []
    told += [*one.doubts, *(["stopped by an error, see below"] if one.error else [])]
    return f"{one.channel}: {', '.join(told)}"


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@command_options
@click.pass_obj
def watch(session: Session, names: tuple[str, ...]) -> None:
    """Follow live streams until you press Ctrl-C.

    With --json, one JSON line for each batch that was stored.

    \b
    Example:
      socialcrm watch acme
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("Stopping at the next quiet moment; press Ctrl-C again to stop at once.", err=True)

    def told(step: Progress) -> None:
        if session.json:
            session.emit(step)
        else:
            session.say(f"{step.channel}: {step.interactions} new so far")

    with session.crm() as crm:
        asked = [crm.channels[name] for name in names] or [one for one in crm.channels if not one.archive]
        live = [one for one in asked if any(s.live for s in crm.plugins.connector(one.platform).info.streams.values())]
        if not live:
            session.errors.print("None of these channels has a live stream; fetch them with: socialcrm sync", soft_wrap=True)
            return
        session.errors.print(f"Following {one_line(', '.join(map(str, live)))}. Ctrl-C stops.", soft_wrap=True)
        before = signal.signal(signal.SIGINT, on_signal)
        try:
            crm.watch(*(one.name for one in live), stop=stop.is_set, progress=told)
        finally:
            signal.signal(signal.SIGINT, before)


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--platform", required=True, help="Whose archive it is: email, mastodon, …")
@click.option("--channel", required=True, help="The channel to put it into; it is added where there is none.")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@command_options
@click.pass_obj
def load(session: Session, path: Path, platform: str, channel: str, settings: tuple[str, ...]) -> None:
    """Load a platform's export archive. Loading it again changes nothing.

    \b
    Example:
      socialcrm load support.mbox --platform email --channel old-mail address=support@example.com
    """
    from socialcrm.cli._progress import bars

    given = fields(settings)
    with session.crm(new=True) as crm, bars(session) as progress:
        report = crm.load(path, platform=platform, channel=channel, progress=progress, **given)
    if session.json:
        session.emit(report)
    else:
        session.say(f"{_line(report)}. See: socialcrm inbox")


@click.command()
@click.argument("name", required=False)
@command_options
@click.pass_obj
def reprocess(session: Session, name: str | None) -> None:
    """Read again what could not be read, after a plugin was mended.

    \b
    Example:
      socialcrm reprocess blog
    """
    with session.crm() as crm:
        report = crm.reprocess(name)
    _show(session, report)


@click.command()
@command_options
@click.pass_obj
def tick(session: Session) -> None:
    """Let time pass for the cases.

    Wakes those whose snooze is over, and whatever else a time brings by the playbook. Call it from your scheduler, every few
    minutes.

    \b
    Example:
      socialcrm tick
    """
    with session.crm() as crm:
        changed = crm.tick()
    if session.json:
        session.emit({"changed": changed})
    else:
        session.say(f"{changed} {'case' if changed == 1 else 'cases'} changed.")


@click.command()
@click.argument("url", required=False)
@command_options
@click.pass_obj
def migrate(session: Session, url: str | None) -> None:
    """Create or upgrade a database's schema. PostgreSQL needs it once, and after an upgrade; SQLite never.

    \b
    Example:
      socialcrm migrate postgresql+psycopg://crm@localhost/crm
    """
    migrate_database(url or session.db)
    if session.json:
        session.emit({"migrated": True})
    else:
        session.say("The database has this version's schema.")
