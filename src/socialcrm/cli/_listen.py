"""``socialcrm listen``: what is said at a public address, without an account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from socialcrm.cli._inbox import inbox_table
from socialcrm.cli._progress import bars
from socialcrm.cli._session import Session, command_options
from socialcrm.cli._text import one_line

if TYPE_CHECKING:
    from socialcrm.crm import CRM

__all__ = ["listen"]


@click.command()
@click.argument("url")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="Stop after about so many interactions.")
@click.option("--show", type=click.IntRange(1), default=10, show_default=True, help="How many cases to show.")
@click.option("--keep", is_flag=True, help="Keep it in the database, as a channel named after the site.")
@command_options
@click.pass_obj
def listen(session: Session, url: str, limit: int, show: int, keep: bool) -> None:
    """See what is said at a public address, without an account.

    The platform is recognised from the site itself: a forum, a blog, a hashtag's page. Nothing is written there, and nothing is
    kept here, unless you say --keep.

    \b
    Example:
      socialcrm listen https://forum.example.com
      socialcrm listen https://example.social/tags/acme --limit 50
    """
    with _workspace(session, keep=keep) as crm:
        with bars(session) as progress:
            report = crm.listen(url, limit=limit, progress=progress)
        channel = crm.channels[report.channel]
        info = crm.plugins.connector(channel.platform).info
        heard = crm.interactions(channel=report.channel, limit=None)
        people = len({one.author.id for one in heard})
        threads = len({one.thread for one in heard})
        cases = crm.inbox(limit=show)
        if session.json:
            told = {"channel": channel.name, "platform": channel.platform, "interactions": heard, "cases": cases}
            session.emit(told)
            return
        title = info.title or channel.platform
        session.say(f"{channel.name} is {title}, read without an account: {len(heard)} interactions by {people} people in "
                    f"{threads} conversations.")  # fmt: skip
        if cases:
            session.say("", "Whoever nobody has answered in the longest time comes first:")
            session.console.print(inbox_table(cases, crm.clock(), width=session.console.width))
        session.say("", _next_step(session, channel.name, cases[0].ref if cases else "", keep=keep))


def _next_step(session: Session, channel: str, case: str, *, keep: bool) -> str:
    if not keep:
        return "Nothing was kept. To go on with it: the same command with --keep, then socialcrm inbox."
    where = "" if session.db == "socialcrm.db" else f" --db {session.db}"
    read = f" Read one: socialcrm case {case}{where}." if case else ""
    return f"Kept in {session.db}.{read} What is new: socialcrm sync {one_line(channel)}{where}"


@contextmanager
def _workspace(session: Session, *, keep: bool) -> Iterator[CRM]:
    if keep:
        with session.crm(new=True) as crm:
            yield crm
        return
    import socialcrm

    with socialcrm.open("sqlite:///:memory:", **session.options) as crm:
        yield crm
