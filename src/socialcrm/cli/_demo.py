"""``socialcrm demo``: an invented week, through the real connectors, in a few seconds and offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from socialcrm.cli import _plot, _world
from socialcrm.cli._customers import show_identities, show_journey
from socialcrm.cli._inbox import inbox_table, visibility_style
from socialcrm.cli._plot import Grading, Joining
from socialcrm.cli._progress import bars
from socialcrm.cli._rehearse import Rehearsal
from socialcrm.cli._session import Session, command_options
from socialcrm.cli._text import clean, one_line, when
from socialcrm.crm import CRM
from socialcrm.errors import UnknownPlatform
from socialcrm.types import Case, Interaction

__all__ = ["demo"]

FILE = "socialcrm-demo.db"
_TOP = 12


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Put the database there, and go on with the one that an earlier demo left.",
)
@click.option("--fresh", is_flag=True, help="With --keep: begin anew all the same.")
@command_options
@click.pass_obj
def demo(session: Session, keep: Path | None, fresh: bool) -> None:
    """See everything in a few seconds, offline, on invented data.

    Loads the week of an invented telephone company (mail, blog, Mastodon) into socialcrm-demo.db, a new one each time.

    \b
    Example:
      socialcrm demo
    """
    path = keep or Path(FILE)
    probe = Session(db=":memory:", options=session.options)
    with probe.crm() as crm:
        _need_plugins(crm)
    _world.prepare(path, fresh=fresh or keep is None)
    session.db, session.workspace = str(path), "default"
    with session.crm(new=True) as crm:
        if session.json:
            session.emit(_told(crm, path))
        else:
            _Play(session, crm, path).run()


def _need_plugins(crm: CRM) -> None:
    lacking = _plot.missing(crm)
    if lacking:
        names = " ".join(f"socialcrm-{platform}" for platform in lacking)
        raise UnknownPlatform(
            f"the demo needs the plugins of three platforms, and {len(lacking)} are missing: pip install {names}"
        )


def _told(crm: CRM, path: Path) -> Mapping[str, object]:
    """The demo for programs."""
    loaded = [_plot.load(crm, file, None) for file in _plot.ARCHIVES]
    inbox, graded, joined = crm.inbox(limit=_TOP), _plot.grade(crm), _plot.join(crm)
    case, said, events = _plot.story_of(crm, joined[-1].customer)
    draft, objection = _plot.held_back(crm)
    return {
        "database": str(path),
        "now": crm.clock(),
        "loaded": loaded,
        "inbox": inbox,
        "graded": graded,
        "joined": joined,
        "moved": {"case": case, "interactions": said, "events": events},
        "replies": _plot.replies(crm),
        "guard": {"draft": draft, "objection": objection},
        "outage": _plot.flood(crm),
    }


class _Play:
    """The demo for people: one act after another."""

    def __init__(self, session: Session, crm: CRM, path: Path) -> None:
        self.session, self.crm, self.path = session, crm, path
        self.console: Console = session.console
        self._acts = 0

    def run(self) -> None:
        """Play every act."""
        self._say(
            "Larkwire sells telephones and internet; it, its customers and their words are invented. In this database the "
            f"clock stands still: it is {when(_world.NOW)} UTC, the Monday after their week."
        )
        self._load()
        self._inbox()
        self._grade(_plot.grade(self.crm))
        joined = _plot.join(self.crm)
        self._journey(joined)
        self._moved(joined[-1])
        self._replies(_plot.replies(self.crm))
        self._flood(_plot.flood(self.crm))
        self._next(joined)

    def _act(self, title: str) -> None:
        self._acts += 1
        self.console.print(Text(f"\n{self._acts}. {title}\n", style="bold"))

    def _say(self, *paragraphs: str) -> None:
        """Print sentences of ours; what customers wrote stands in them as one line."""
        for text in paragraphs:
            if not text:
                self.console.print()
                continue
            indent = len(text) - len(text.lstrip(" "))
            self.console.print(Padding(Text(clean(text.strip())), (0, 0, 0, indent), expand=False))

    def _load(self) -> None:
        self._act("Three archives, three connectors, one model")
        with bars(self.session) as progress:
            reports = {file: _plot.load(self.crm, file, progress) for file in _plot.ARCHIVES}
        for file, one in reports.items():
            self._say(f"  {file:14} {one.new:4} interactions, {one.opened:2} cases opened, on the channel {one.channel}")
        if not any(one.new for one in reports.values()):
            self._say("  All of it was here already: loading an archive again changes nothing.")

    def _inbox(self) -> None:
        self._act("Who needs an answer, the greatest need first")
        cases = self.crm.inbox(limit=1000)
        self.console.print(inbox_table(cases[:_TOP], self.crm.clock(), width=self.console.width, places=True))
        self._say(
            "",
            f"… and {len(cases) - _TOP} more. So far only waiting and repeated writing count: the library reads no text, so "
            "a last word of thanks waits like any other until somebody resolves it.",
        )

    def _grade(self, graded: Sequence[Grading]) -> None:
        self._act("Need, not influence")
        edith, vincent = graded
        self._say(
            f"Edith Calloway's line is dead, and with it the alarm pendant that she wears ({edith.case.ref}). Vincent Vale has "
            f"1,284,310 followers, put a tick into his name and misses a letter on his display ({vincent.case.ref}). "
            "Numbers of followers never reach the inbox: there is no field for them. Ines grades what she read, and "
            "Larkwire's playbook wants urgent cases answered within an hour, others in two days, the least in a week:",
            "",
        )
        for one in graded:
            places = f"place {one.before} → {one.after}"
            self._say(f"  {one.case.ref:4} {one.case.customer_name:16} graded {one.case.severity:7} {places:14} {one.case.why}")

    def _journey(self, joined: Sequence[Joining]) -> None:
        self._act("One person on several platforms")
        self._say(
            "Only what a platform verified links by itself, and archives verify little. So Ines said it, with her reason:", ""
        )
        for one in joined:
            self._say(f"  {one.customer.name} ({one.customer.ref}): {one.reason}")
        customer = joined[1].customer
        self.console.print()
        show_identities(self.console, customer.identities)
        self.console.print()
        show_journey(self.console, self.crm.interactions(customer=customer), self.crm.clock())
        self._say("", "Two people named Anna Schmidt wrote as well. A name alone never links: they stay two.")

    def _moved(self, priya: Joining) -> None:
        self._act("From public to private, and still one case")
        case, said, events = _plot.story_of(self.crm, priya.customer)
        merged = sum(event.kind == "merged" for event in events)
        why = f"{case.ref} took the other one in when she was joined" if merged else f"all of it is {case.ref}"
        self._say(f"{case.customer_name} complained on Mastodon, went on in direct messages, then by mail: {why}.", "")
        for one in said:
            self.console.print(self._line(one), no_wrap=True, overflow="ellipsis")
        self._say("", f"Read it whole: {self._command('case', case.ref, '--events')}")

    def _line(self, one: Interaction) -> Text:
        line = Text(f"  {when(one.at, self.crm.clock()):17}", no_wrap=True, overflow="ellipsis")
        line.append(f"{one.visibility:8}", style=visibility_style[one.visibility])
        line.append(f"{one_line(one.channel):9} ")
        return line.append(f"{one_line(str(one.author))}: {one_line(one.text)}")

    def _replies(self, shown: Sequence[Rehearsal]) -> None:
        self._act("What a reply looks like on each platform")
        self._say("Asked of the real connectors, up to the step that a platform would act on. Nothing leaves this machine.")
        for one in shown:
            self.console.print(Text(f"\n  {one_line(one.channel)}, to {one_line(one.to)}", style="bold"))
            for name, value in one.head:
                self.console.print(Padding(Text.assemble((f"{name}: ", "dim"), one_line(value)), (0, 0, 0, 4), expand=False))
            self.console.print(Padding(Text(clean(one.text, lines=True)), (0, 0, 0, 4), expand=False))
        draft, objection = _plot.held_back(self.crm)
        self._say("", f"In public, a guard reads along. “{draft}”")
        self.console.print(Text(f"  {one_line(objection)}", style="yellow"))

    def _flood(self, hours: Mapping[str, Counter[str]]) -> None:
        self._act("The outage of Thursday 8 October, 14:03 to 16:40: customers' interactions per hour")
        most = max(sum(one.values()) for one in hours.values()) or 1
        width = max(min(self.console.width - 42, 48), 10)
        for hour, found in hours.items():
            total = sum(found.values())
            told = ", ".join(f"{channel} {number}" for channel, number in sorted(found.items()))
            bar = "█" * round(total / most * width)
            self.console.print(
                Text.assemble(f"  {hour} ", (bar, "red" if total == most else "blue"), f" {total or ''}  ", (told, "dim"))
            )

    def _next(self, joined: Sequence[Joining]) -> None:
        self._act("Your turn")
        first: Case = self.crm.inbox(limit=1)[0]
        for words in (
            ("inbox", "--limit", "50"),
            ("case", first.ref),
            ("reply", first.ref, "'We are on our way.'", "--by", "you", "--preview"),
            ("search", "firmware"),
            ("customer", joined[0].customer.ref),
        ):
            self.console.print(f"  {self._command(*words)}", soft_wrap=True)
        self._say(
            "",
            f"This demo's database is {self.path}; delete it when you like. "
            "With your own accounts: socialcrm channels add --help",
        )

    def _command(self, *words: str) -> str:
        where = f"'{self.path}'" if " " in str(self.path) else str(self.path)
        return " ".join(("socialcrm", *words, "--db", where))
