"""A page for each kind of record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

from socialcrm.notebook._charts import swimlanes, volumes, waits
from socialcrm.notebook._markup import Content, Markup, link, moment, page, said, span_of, table, tag

__all__ = ["html"]

_LINES = 200
"""How many records of a list are shown; the frame has them all."""


def html(shown: Any) -> str:
    """Return a record, or a list of records, as HTML that can stand in any page.

    Everything that came from outside is escaped. Links lead to http and https only, and no picture is loaded.

    Args:
        shown: A customer, conversation, case, interaction, journey, map, coverage or report, or a list of one kind.
    """
    if isinstance(shown, list | tuple):
        return page(_listed(list(shown)))
    return page(_PAGES.get(type(shown).__name__, _plain)(shown))


def _plain(one: Any) -> Content:
    return tag("div", said(str(one)), class_="t")


def _listed(records: list[Any]) -> Content:
    if not records:
        return tag("p", "nothing here", class_="m")
    line = _LISTS.get(type(records[0]).__name__)
    if line is None:
        return [tag("div", said(str(one))) for one in records[:_LINES]]
    more = len(records) - _LINES
    return [line(records[:_LINES]), tag("p", f"and {more} more", class_="m") if more > 0 else None]


def _cases(cases: Iterable[Any]) -> Markup:
    heads = (("case", "w"), ("customer", ""), ("state", ""), ("channels", ""), ("waiting for an answer", ""), ("why here", ""))
    return table(
        heads,
        (
            (
                one.ref,
                [said(one.customer_name, most=60), tag("div", one.customer, class_="m")],
                [_badge(one.state), " ", _badge(one.severity, hot=one.severity in ("high", "urgent"))],
                [", ".join(one.channels), " ", tag("div", one.visibility, class_="m")],
                said(one.excerpt, most=160),
                [one.why, tag("div", f"with {one.assignee}", class_="m") if one.assignee else None],
            )
            for one in cases
        ),
    )


def _case(one: Any) -> Content:
    facts: list[tuple[str, Content]] = [
        ("customer", [said(one.customer_name), " ", one.customer]),
        ("channels", ", ".join(one.channels)),
        ("queue", one.queue),
        ("assignee", one.assignee or "nobody"),
        ("first contact", moment(one.opened_at)),
        ("waiting since", moment(one.waiting_since)),
        ("due", moment(one.due_at)),
        ("first answer", moment(one.answered_at)),
        ("resolved", moment(one.resolved_at)),
        ("tags", ", ".join(one.tags) or "–"),
        ("why", one.why),
    ]
    badges = [_badge(one.state), " ", _badge(one.severity, hot=one.severity in ("high", "urgent")), " ", _badge(one.visibility)]
    return [_head("Case ", one.ref, " ", badges), tag("p", said(one.excerpt), class_="t"), _facts(facts)]


def _facts(facts: Iterable[tuple[str, Content]]) -> Markup:
    return tag("table", [tag("tr", tag("th", name), tag("td", value)) for name, value in facts])


def _customer(one: Any) -> Content:
    heads = (("platform", ""), ("name", ""), ("address", ""), ("known by", ""))
    rows = (
        (
            who.platform,
            link(who.url, said(str(who))) if who.url else said(str(who)),
            said(who.handle or who.id),
            [
                [said(handle.value), " (verified)" if handle.verified else " (not verified)", tag("br")]
                for handle in who.handles
            ],
        )
        for who in one.identities
    )
    return [_head(said(one.name), " ", tag("span", one.ref, class_="m")), table(heads, rows)]


def _interactions(interactions: Iterable[Any]) -> Markup:
    heads = (("", "w"), ("when (UTC)", "w"), ("channel", ""), ("who", ""), ("what", ""))
    return table(
        heads,
        (
            (
                one.ref,
                moment(one.at),
                [one.channel, tag("div", f"{one.kind}, {one.visibility}", class_="m")],
                ["→ " if one.direction == "inbound" else "← ", said(str(one.author), most=60)],
                _words(one, 280),
            )
            for one in interactions
        ),
    )


def _words(one: Any, most: int | None) -> Content:
    if one.deleted_at is not None:
        return tag("span", "taken back on ", moment(one.deleted_at), class_="m")
    return [
        tag("div", tag("b", said(one.subject, most=most))) if one.subject else None,
        tag("div", said(one.text, most=most), class_="t"),
        [
            tag(
                "div",
                "attached: ",
                link(file.url, said(file.name or file.description or file.mime)),
                f" ({file.mime})",
                class_="m",
            )
            for file in one.attachments
        ],
    ]


def _interaction(one: Any) -> Content:
    where = f"{one.channel or one.author.platform}, {one.kind}, {one.visibility}"
    if one.moderation != "approved":
        where += f", {one.moderation}"
    head = [said(str(one.author)), " ", tag("span", moment(one.at), " UTC, ", where, class_="m")]
    foot = [
        [" edited ", moment(one.edited_at)] if one.edited_at is not None else None,
        [" ", link(one.url, "on the platform")] if one.url else None,
        f" {one.ref} {one.case}",
    ]
    earlier = [tag("div", moment(old.at), " ", said(old.text), class_="m t") for old in one.revisions]
    kind = "out" if one.direction == "outbound" else "in"
    return tag("div", head, _words(one, None), earlier, tag("div", foot, class_="m"), class_=kind)


def _conversation(one: Any) -> Content:
    return [_head("Conversation ", one.ref, f" on {one.channel}"), [_interaction(line) for line in one.interactions]]


def _journey(one: Any) -> Content:
    theirs = [wait for wait in one.waits if wait.who == "customer"]
    moves = _many(one.changes, "change") + " of place"
    moved = [
        tag("li", moment(step.at), f" {_place(step.origin, step.before)} → {_place(step.target, step.after)} ", step.case)
        for step in one.changes
    ]
    return [
        _head(said(one.customer.name), " ", tag("span", one.customer.ref, class_="m")),
        tag("p", ", ".join((_many(one.interactions, "interaction"), _many(one.cases, "case"), moves)), class_="m"),
        swimlanes(one.interactions, theirs, one.channels),
        tag("p", "dots: customer (blue), us (green); bands: the customer waits", class_="m"),
        tag("ul", moved) if moved else None,
        _cases(one.cases) if one.cases else None,
        [_interaction(line) for line in one.interactions[-_LINES:]],
    ]


def _many(records: Sized, what: str) -> str:
    return f"{len(records)} {what}" if len(records) == 1 else f"{len(records)} {what}s"


def _way(path: Any) -> str:
    if path.private:
        return f"{path.origin} → {path.target}, in private"
    return f"{path.origin} → {path.target}" + (", in public again" if path.origin == path.target else "")


def _place(channel: str, visibility: str) -> str:
    return f"{channel} ({visibility})"


def _map(one: Any) -> Content:
    heads = (
        ("channel", ""), ("customers wrote", "n"), ("we wrote", "n"), ("customers", "n"), ("cases", "n"), ("waiting", "n"),
        ("median wait", "n"), ("nine of ten", "n"),
    )  # fmt: skip
    rows = (
        (
            [row.channel, " ", tag("span", row.platform, class_="m")],
            *(str(number) for number in (row.inbound, row.outbound, row.customers, row.cases, row.waiting)),
            span_of(row.median_wait),
            span_of(row.p90_wait),
        )
        for row in one.channels
    )
    paths = ((_way(path), str(path.moves), str(path.customers)) for path in one.paths)
    return [
        _head("Map"),
        table(heads, rows),
        volumes(one.timeline, one.step),
        waits([(row.channel, row.median_wait, row.p90_wait) for row in one.channels]),
        table((("customers went on", ""), ("times", "n"), ("customers", "n")), paths) if one.paths else None,
    ]


def _coverage(one: Any) -> Content:
    heads = (
        ("channel", ""), ("last seen", "w"), ("quiet for", "n"), ("unanswered", "n"), ("waiting since", "w"),
        ("in no case", "n"), ("quarantined", "n"), ("holes", ""),
    )  # fmt: skip
    rows = (
        (
            [row.channel, tag("div", row.platform + (", archive" if row.archive else ""), class_="m")],
            moment(row.last_seen),
            span_of(row.quiet_for) if row.quiet_for is not None else "never seen",
            str(row.unanswered),
            moment(row.waiting_since),
            str(row.in_no_case),
            str(row.quarantined),
            [tag("div", moment(hole.since), " to ", moment(hole.at), " ", said(hole.reason)) for hole in row.holes] or "none",
        )
        for row in one.channels
    )
    return [_head("Coverage"), table(heads, rows)]


def _report(one: Any) -> Content:
    period = [moment(one.since) if one.since is not None else "the beginning", " to ", moment(one.until), " UTC"]
    lines = [one.total, *one.rows]
    heads = [("measure", ""), *((row.part or "all", "n") for row in lines)]
    rows = [
        [tag("span", measure.name.replace("_", " "), title=measure.definition), *(_value(row[measure.name]) for row in lines)]
        for measure in one.measures
    ]
    return [
        _head("Report", f" by {one.by}" if one.by else ""),
        tag("p", period, class_="m"),
        table(heads, rows),
        waits([(row.part, row["first_response_median"], row["first_response_p90"]) for row in one.rows]),
        _facts((name, said(str(value))) for name, value in one.extra.items()) if one.extra else None,
    ]


def _value(value: Any) -> Content:
    if value is None:
        return tag("span", "no data yet", class_="m")
    if isinstance(value, int | float):
        return f"{value:.1f}" if isinstance(value, float) else str(value)
    return span_of(value)


def _badge(text: str, *, hot: bool = False) -> Markup:
    return tag("span", str(text), class_="b hot" if hot else "b")


def _head(*content: Content) -> Markup:
    return tag("h4", *content)


_PAGES: Mapping[str, Callable[[Any], Content]] = {
    "Case": _case,
    "Conversation": _conversation,
    "Coverage": _coverage,
    "Customer": _customer,
    "Interaction": _interaction,
    "Journey": _journey,
    "Map": _map,
    "Report": _report,
}

_LISTS: Mapping[str, Callable[[Iterable[Any]], Markup]] = {"Case": _cases, "Interaction": _interactions}
