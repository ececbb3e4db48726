"""``socialcrm playbook``: check, show, publish, preview, migrate, roll back, backtest."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from socialcrm.cases import Backtest, load_playbook, to_document
from socialcrm.cli._session import Session, command_options

__all__ = ["playbook"]

_LINES = 20

_by = click.option("--by", required=True, metavar="NAME", help="Who does it; it stands in the audit trail.")


@click.group()
def playbook() -> None:
    """Try, publish and correct the process: how cases are handled.

    Example: socialcrm playbook check night.toml
    """


@playbook.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@command_options
@click.pass_obj
def check(session: Session, files: tuple[Path, ...]) -> None:
    """Read playbooks and say what is wrong with them; needs no database.

    Example: socialcrm playbook check night.toml
    """
    found = [(file, load_playbook(file)) for file in files]
    if session.json:
        session.emit([{"file": str(file), "version": one.version, "rules": len(one.rules)} for file, one in found])
        return
    for file, one in found:
        session.say(f"{file}: {one.version}, {len(one.rules)} rules, {len(one.targets)} targets, {len(one.agents)} agents")


@playbook.command()
@click.argument("which", required=False)
@click.option("--all", "everything", is_flag=True, help="Every playbook that was published, and since when.")
@command_options
@click.pass_obj
def show(session: Session, which: str | None, everything: bool) -> None:
    """Show the playbook in force, or WHICH: a version or a file.

    Example: socialcrm playbook show night.toml
    """
    with session.crm() as crm:
        history = crm.playbooks.history() if everything else []
        chosen = crm.playbooks.current if which is None else crm.playbooks.get(which)
    if session.json:
        session.emit(history if everything else {"version": chosen.version, **to_document(chosen)})
        return
    if everything:
        for one in history:
            since = f"{one.since:%Y-%m-%d %H:%M} UTC" if one.since is not None else "the beginning"
            session.say(f"{one.version}  since {since}{f'  by {one.by}' if one.by else ''}")
        return
    session.say(chosen.version)
    for key, value in to_document(chosen).items():
        many = value if isinstance(value, list) and value and isinstance(value[0], dict) else [value]
        for part in many:
            told = ", ".join(f"{name} {what}" for name, what in part.items()) if isinstance(part, dict) else str(part)
            session.say(f"  {key}: {told}")


@playbook.command()
@click.argument("which")
@_by
@command_options
@click.pass_obj
def publish(session: Session, which: str, by: str) -> None:
    """Put WHICH (a file or a version) into force for cases that begin from now on.

    Example: socialcrm playbook publish night.toml --by ana
    """
    with session.crm(new=True) as crm:
        version = crm.playbooks.publish(which, by=by).version
        waiting = len(crm.playbooks.preview())
    if session.json:
        session.emit({"version": version, "open_cases_that_would_change": waiting})
        return
    session.say(f"{version} is in force")
    if waiting:
        session.say(f"{waiting} open cases stay as they are until: socialcrm playbook migrate --by {by}")


@playbook.command()
@click.argument("which", required=False)
@command_options
@click.pass_obj
def preview(session: Session, which: str | None) -> None:
    """Say what a playbook would change about open cases; changes nothing.

    Example: socialcrm playbook preview night.toml
    """
    with session.crm() as crm:
        shifts = crm.playbooks.preview(which)
    if session.json:
        session.emit(shifts)
        return
    table = Table(title=f"{len(shifts)} open cases would change", title_justify="left")
    for name in ("case", "under", "due now", "due then", "sooner by"):
        table.add_column(name)
    for one in shifts[:_LINES]:
        now, then = (f"{time:%Y-%m-%d %H:%M}" if time is not None else "" for time in one.due)
        table.add_row(one.case, one.playbook, now, then, str(one.sooner))
    session.console.print(table)


@playbook.command()
@_by
@command_options
@click.pass_obj
def migrate(session: Session, by: str) -> None:
    """Put every open case under the playbook in force; what has elapsed is kept.

    Example: socialcrm playbook migrate --by ana
    """
    with session.crm() as crm:
        moved, version = crm.playbooks.migrate(by=by), crm.playbooks.current.version
    if session.json:
        session.emit({"migrated": moved, "version": version})
    else:
        session.say(f"{moved} cases moved to {version}")


@playbook.command()
@_by
@command_options
@click.pass_obj
def rollback(session: Session, by: str) -> None:
    """Publish the playbook again that was in force before.

    Example: socialcrm playbook rollback --by ana
    """
    with session.crm() as crm:
        version = crm.playbooks.rollback(by=by).version
    if session.json:
        session.emit({"version": version})
    else:
        session.say(f"{version} is in force again; open cases follow with: socialcrm playbook migrate --by {by}")


@playbook.command()
@click.argument("which")
@click.option("--limit", default=_LINES, show_default=True, help="How many differences to show.")
@command_options
@click.pass_obj
def backtest(session: Session, which: str, limit: int) -> None:
    """Say what WHICH would have made of recorded history; writes and sends nothing.

    Example: socialcrm playbook backtest night.toml
    """
    with session.crm() as crm:
        report = crm.playbooks.backtest(which, limit=limit)
    if session.json:
        session.emit(_plain(report))
        return
    session.say(f"{report.version} over {report.interactions} interactions of {report.customers} customers")
    session.console.print(_sums(report))
    if report.differences:
        table = Table(title=f"{sum(report.counts.values())} differences, the first {limit}", title_justify="left")
        for name in ("case", "first interaction", "what", "recorded", "would be"):
            table.add_column(name)
        for one in report.differences:
            table.add_row(f"c{one.case}" if one.case else "new", f"i{one.interaction}", one.what, one.before, one.after)
        session.console.print(table)
    for what, count in sorted(report.not_estimable.items()):
        session.say(f"not estimable: {what} ({count} cases)")


def _plain(report: Backtest) -> dict[str, object]:
    return {
        "version": report.version,
        "interactions": report.interactions,
        "customers": report.customers,
        "counts": dict(report.counts),
        "differences": report.differences,
        "not_estimable": dict(report.not_estimable),
        "cases": {"recorded": report.before.cases, "would_be": report.after.cases},
        "late": {"recorded": dict(report.before.breaches), "would_be": dict(report.after.breaches)},
    }


def _sums(report: Backtest) -> Table:
    table = Table(title="cases", title_justify="left")
    for name in ("", "recorded", "would be"):
        table.add_column(name, justify="left" if not name else "right")
    table.add_row("cases", str(report.before.cases), str(report.after.cases))
    for title, before, after in (
        ("late", report.before.breaches, report.after.breaches),
        ("queue", report.before.queues, report.after.queues),
        ("severity", report.before.severities, report.after.severities),
    ):
        for name in sorted({*before, *after}):
            table.add_row(f"{title}: {name}", str(before[name]), str(after[name]))
    return table
