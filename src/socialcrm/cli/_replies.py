"""Answering: reply, flush, outbox, retry, cancel."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from socialcrm.cli._inbox import two_lines
from socialcrm.cli._session import Session, command_options
from socialcrm.cli._text import clean, when
from socialcrm.connectors import TextLimit
from socialcrm.crm import CRM
from socialcrm.errors import GuardError, SettingsError
from socialcrm.types import OutboxState, Reply, Visibility

__all__ = ["cancel", "flush", "outbox", "reply", "retry"]


@click.command()
@click.argument("case")
@click.argument("text", required=False)
@click.option("--file", type=click.Path(path_type=Path), help="Take the text from a file.")
@click.option("--attach", multiple=True, type=click.Path(path_type=Path), metavar="PATH", help="A file to send along.")
@click.option("--by", envvar="SOCIALCRM_BY", metavar="NAME", help="Who answers (or $SOCIALCRM_BY).")
@click.option("--to", metavar="iN", help="The interaction to answer.  [default: the customer's last one]")
@click.option("--private", "visibility", flag_value="private", help="Only the customer can read it.")
@click.option("--public", "visibility", flag_value="public", help="Everybody can read it.")
@click.option("--allow", multiple=True, metavar="TEXT", help="An address or number of yours that may stand in public.")
@click.option("--anyway", is_flag=True, help="Send it although a guard objects.")
@click.option("--seen", type=int, metavar="VERSION", help="Refuse if the case has changed since this version of it.")
@click.option("--preview", is_flag=True, help="Show what the platform would get, and queue nothing.")
@command_options
@click.pass_obj
def reply(
    session: Session,
    case: str,
    text: str | None,
    file: Path | None,
    attach: tuple[Path, ...],
    by: str | None,
    to: str | None,
    visibility: str | None,
    allow: tuple[str, ...],
    anyway: bool,
    seen: int | None,
    preview: bool,
) -> None:
    """Queue a reply to a case, or preview it. TEXT may be - for what comes by stdin.

    It goes to the identity that wrote, where they wrote, and is as public as what it answers. Before a public reply a guard
    looks for private data. Nothing leaves before: socialcrm flush.

    \b
    Example:
      socialcrm reply c9 'Sorry! A colleague comes today.' --by ana --preview
      socialcrm reply c9 - --by ana < answer.txt
    """
    words, shown = _words(text, file), Visibility(visibility) if visibility else None
    with session.crm() as crm:
        if preview:
            made = crm.preview(case, words, to=to, visibility=shown)
        else:
            if not by:
                raise SettingsError("a reply needs its author; add --by NAME")
            target = attrs.evolve(crm.case(case), version=seen) if seen is not None else case
            try:
                made = crm.reply(target, words, by=by, to=to, visibility=shown, anyway=anyway, allowed=allow, files=attach)
            except GuardError as error:
                error.add_note("Here that is --private, or --anyway; an address of your own: --allow.")
                raise
        if session.json:
            session.emit(made)
            return
        limits = _lengths(crm, made)
    who = f"{made.to} {made.to.handle}" if made.to.handle not in ("", str(made.to)) else str(made.to)
    session.say(f"{made.ref or 'Preview'}: to {who} on {made.channel}, {made.visibility}, {limits}")
    for part in made.parts:
        session.console.print(Padding(Text(clean(part, lines=True)), (1, 0, 0, 2), expand=False))
    session.say("", "Nothing was queued." if preview else "Queued. Deliver it: socialcrm flush")


def _words(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise SettingsError("give the reply's text once: as an argument, as - for stdin, or with --file")
    if file is not None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"{file} can't be read ({error}); give a text file in UTF-8") from None
    return sys.stdin.read() if text == "-" else text or ""


def _lengths(crm: CRM, made: Reply) -> str:
    channel = next(row for row in crm.channels.rows() if row.name == made.channel)
    limit: TextLimit = crm.channels.connector(channel).text_limit
    if limit.size is None:
        return "1 message" if len(made.parts) == 1 else f"{len(made.parts)} messages"
    unit = "characters" if limit.unit.value in ("weighted", "code points", "graphemes") else limit.unit.value
    sizes = ", ".join(f"{limit.measure(part)} of {limit.size}" for part in made.parts)
    return f"{sizes} {unit}"


@click.command()
@command_options
@click.pass_obj
def flush(session: Session) -> None:
    """Deliver the replies that are due, and find out about those whose outcome was unclear.

    Exit code 1 if one was refused, or if its outcome is unknown. Nothing is ever sent twice blindly.

    \b
    Example:
      socialcrm flush
    """
    with session.crm() as crm:
        report = crm.flush()
    if session.json:
        session.emit(report)
    else:
        done = len(report.sent) + len(report.reconciled)
        session.say(
            f"{done} delivered." if done or _troubles(report.postponed, report.unknown, report.failed) else "Nothing is due."
        )
        for ref, why in report.postponed.items():
            session.say(f"{ref} is tried again later: {why}")
    for ref, why in (*report.unknown.items(), *report.failed.items()):
        click.secho(clean(f"{ref}: {why}"), fg="red", err=True)
    if report.failed or report.unknown:
        raise click.exceptions.Exit(1)


def _troubles(*groups: dict[str, str]) -> bool:
    return any(groups)


@click.command()
@click.option("--state", type=click.Choice([one.value for one in OutboxState]), help="Only those in this state.")
@command_options
@click.pass_obj
def outbox(session: Session, state: str | None) -> None:
    """List replies and where they stand, oldest first.

    \b
    Example:
      socialcrm outbox --state failed
    """
    with session.crm() as crm:
        found, now = crm.outbox(state=state), crm.clock()
    if session.json:
        session.emit(found)
        return
    if not found:
        session.say("No replies here.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for name in ("Reply", "Case", "To", "Written"):
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("What, and what became of it", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in found:
        to = two_lines(str(one.to), f"{one.channel}, {one.visibility}", "bold")
        written = two_lines(when(one.created_at, now), f"by {one.by}")
        became = one.error or (f"sent {when(one.sent_at, now)}" if one.sent_at else "")
        table.add_row(two_lines(one.ref, one.state, "bold cyan"), one.case, to, written, two_lines(one.text, became))
    session.console.print(table)


@click.command()
@click.argument("ref")
@command_options
@click.pass_obj
def retry(session: Session, ref: str) -> None:
    """Queue a failed reply once more; of one in parts, only what did not arrive.

    \b
    Example:
      socialcrm retry o3
    """
    with session.crm() as crm:
        _tell(session, crm.retry(ref), "is queued again. Deliver it: socialcrm flush")


@click.command()
@click.argument("ref")
@command_options
@click.pass_obj
def cancel(session: Session, ref: str) -> None:
    """Take back a reply that has not left yet.

    \b
    Example:
      socialcrm cancel o3
    """
    with session.crm() as crm:
        _tell(session, crm.cancel(ref), "was taken back; it will not be sent.")


def _tell(session: Session, made: Reply, told: str) -> None:
    if session.json:
        session.emit(made)
    else:
        session.say(f"{made.ref} {told}")
