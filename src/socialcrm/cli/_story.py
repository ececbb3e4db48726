"""A case told as a story: its header, what was said, what is on its way, and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from socialcrm.cli._inbox import severity_style, visibility_style
from socialcrm.cli._text import clean, one_line, when
from socialcrm.types import Case, Direction, Event, Interaction, Moderation, Reply

__all__ = ["show_case", "show_events"]


def show_case(console: Console, case: Case, said: Sequence[Interaction], waiting: Sequence[Reply], now: datetime) -> None:
    """Print a case for people."""
    console.print(_header(case, now))
    shown = set[str]()
    for one in said:
        console.print()
        if one.thread not in shown and one.subject:
            console.print(Text(one_line(one.subject), style="italic"), soft_wrap=True)
        shown.add(one.thread)
        console.print(_above(one, now), soft_wrap=True)
        console.print(Padding(_body(one), (0, 0, 0, 2), expand=False))
    for reply in waiting:
        console.print()
        told = f"{reply.ref} {reply.state} · by {reply.by} to {reply.to} on {reply.channel} ({reply.visibility})"
        console.print(Text(one_line(f"{told} {reply.error}"), style="bold"), soft_wrap=True)
        console.print(Padding(Text(clean("\n".join(reply.parts), lines=True)), (0, 0, 0, 2), expand=False))
    console.print(Text(f"\nTimes are UTC. Answer: socialcrm reply {case.ref} 'TEXT' --by NAME", style="dim"), soft_wrap=True)


def _header(case: Case, now: datetime) -> Text:
    head = Text.assemble((case.ref, "bold cyan"), "  ", (one_line(case.customer_name), "bold"), f"  {case.customer}\n")
    head.append(f"{case.state}, ")
    head.append(case.severity.value, style=severity_style[case.severity])
    head.append(
        f", queue {one_line(case.queue) or 'none'}, {one_line(case.assignee) or 'nobody'} has it, version {case.version}"
    )
    head.append(f"\n{one_line(', '.join(case.channels))}, since {when(case.opened_at, now)}; {one_line(case.why)}")
    if case.tags:
        head.append(f"\ntags: {one_line(', '.join(case.tags))}")
    return head


def _above(one: Interaction, now: datetime) -> Text:
    ours = one.direction is Direction.OUTBOUND
    line = Text.assemble((f"{when(one.at, now)}  ", "dim"), (one_line(str(one.author)), "blue" if ours else "bold"))
    line.append(" (us)" if ours else "", style="blue")
    line.append(f"  {one_line(one.channel)} ")
    line.append(one.visibility.value, style=visibility_style[one.visibility])
    line.append(f"  {one.ref}", style="dim")
    marks = [one.kind.value] if one.kind.value not in ("post", "reply", "message", "email") else []
    marks += ["edited"] if one.edited_at else []
    marks += ["taken back"] if one.deleted_at else []
    marks += [one.moderation.value] if one.moderation is not Moderation.APPROVED else []
    line.append(f"  [{', '.join(marks)}]" if marks else "", style="red")
    return line


def _body(one: Interaction) -> Text:
    body = Text(clean(one.text, lines=True).strip() or "(no text)")
    for file in one.attachments:
        body.append(f"\n+ {one_line(file.name or file.url)} ({one_line(file.mime)})", style="dim")
    return body


_SHOWN = ("state", "severity", "queue", "assignee", "tags", "contacts")


def _told(event: Event) -> str:
    """What an event changed; of one that writes a whole case, what people know it by."""
    keys = [key for key in _SHOWN if event.data.get(key)] if len(event.data) > len(_SHOWN) else list(event.data)
    return ", ".join(f"{key} {event.data[key]}" for key in keys)


def show_events(console: Console, trail: Sequence[Event], now: datetime) -> None:
    """Print a case's audit trail."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title="Events", title_justify="left")
    for name in ("No", "When", "What", "By", "About"):
        table.add_column(name, no_wrap=name != "About", overflow="fold")
    for event in trail:
        about = " ".join(filter(None, (event.interaction, event.rule, _told(event))))
        table.add_row(str(event.seq), when(event.at, now), event.kind, one_line(event.actor or event.playbook), one_line(about))
    console.print()
    console.print(table)
