"""The tables, for SQLite and PostgreSQL alike.

Invariants: every table carries the workspace (``ws``) and on PostgreSQL every key begins with it, so that it can be the
distribution key; on SQLite an ``id`` is the rowid. Times are microseconds since 1970-01-01 UTC. There are no foreign keys on
the hot path: rows are only written by the rooms that own them, in one transaction. Message text lives in ``interactions``,
``revisions``, ``outbox`` and the journal, what agents write to each other in ``notes``, and nowhere else.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

__all__ = ["metadata"]

metadata = MetaData()


def _table(name: str, *columns: Column[object] | Index, key: tuple[str, ...] = ("id",)) -> Table:
    parts: list[Column[object] | Index] = [Column("ws", Integer, primary_key=True, autoincrement=False)]
    for column in columns:
        if isinstance(column, Column) and column.name in key:
            column.primary_key = True
            column.nullable = False
        parts.append(column)
    return Table(name, metadata, *parts)


def _id(name: str = "id", *, null: bool = False) -> Column[object]:
    return Column(name, BigInteger, nullable=null, autoincrement=False)


def _text(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, Text, nullable=null, server_default=None if null else text("''"))


def _time(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, BigInteger, nullable=null)


def _count(name: str) -> Column[object]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


workspaces = Table(
    "workspaces",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("settings", Text, nullable=False, server_default=text("'{}'")),
    Column("indexed", BigInteger, nullable=False, server_default=text("0")),
)

channels = _table(
    "channels",
    _id(),
    _text("name"),
    _text("platform"),
    _text("settings"),
    _text("accounts"),
    Column("archive", Boolean, nullable=False),
    _time("created"),
    _text("lease"),
    _time("leased", null=True),
    Index("channels_name", "ws", "name", unique=True),
)

cursors = _table("cursors", _id("channel"), _text("stream"), _text("key"), _text("value"), key=("channel", "stream", "key"))

grants = _table("grants", _id("channel"), _text("data"), _text("lease"), _time("leased", null=True), key=("channel",))

journal = _table(
    "journal",
    _id(),
    _id("channel"),
    _text("stream"),
    _time("received"),
    _count("count"),
    Column("blob", LargeBinary, nullable=False),
)

quarantine = _table(
    "quarantine",
    _id(),
    _id("channel"),
    _id("journal"),
    _count("pos"),
    _text("kind"),
    _text("error"),
    _time("at"),
    _time("solved", null=True),
    Index("quarantine_open", "ws", "channel", sqlite_where=text("solved IS NULL"), postgresql_where=text("solved IS NULL")),
)

holes = _table("holes", _id(), _id("channel"), _text("stream"), _text("pid"), _time("since"), _time("until"), _text("reason"))

identities = _table(
    "identities",
    _id(),
    _text("platform"),
    _text("account"),
    _text("name"),
    _text("handle"),
    _text("url"),
    _text("avatar"),
    _time("seen"),
    _id("origin"),
    _id("customer"),
    Index("identities_account", "ws", "platform", "account", unique=True),
    Index("identities_customer", "ws", "customer"),
)

handles = _table(
    "handles",
    _id("identity"),
    _text("kind"),
    _text("value"),
    Column("verified", Boolean, nullable=False),
    Index("handles_value", "ws", "kind", "value"),
    key=("identity", "kind", "value"),
)

assertions = _table(
    "assertions",
    _id(),
    Column("same", Boolean, nullable=False),
    _id("a"),
    _id("b"),
    _text("evidence"),
    _text("actor"),
    _time("at"),
    _time("retracted", null=True),
    Index("assertions_a", "ws", "a"),
    Index("assertions_b", "ws", "b"),
)

customers = _table(
    "customers",
    _id(),
    _text("name"),
    _id("merged", null=True),
    _id("last_case", null=True),
)

conversations = _table(
    "conversations",
    _id(),
    _id("channel"),
    Column("key", Text, nullable=True),
    _id("merged", null=True),
    _time("first_at", null=True),
    _text("first_pid"),
    _id("party", null=True),
    Index("conversations_key", "ws", "channel", "key", unique=True),
)

ghosts = _table("ghosts", _id("channel"), _text("pid"), _text("scope"), _id("conversation"), key=("channel", "pid", "scope"))
"""Ids that somebody answered or referred to and that have not arrived: they hold threads together meanwhile."""

interactions = _table(
    "interactions",
    _id(),
    _id("channel"),
    _text("pid"),
    _text("scope"),
    _id("conversation"),
    _text("parent", null=True),
    _id("author"),
    _id("party", null=True),
    _id("customer", null=True),
    _id("case_id", null=True),
    _text("kind"),
    _text("direction"),
    _text("visibility"),
    _text("moderation"),
    _time("at"),
    _time("received"),
    _time("edited", null=True),
    _time("deleted", null=True),
    _time("seen", null=True),
    _text("text"),
    _text("subject"),
    _text("url"),
    _text("language"),
    _text("extra"),
    _id("journal", null=True),
    _count("pos"),
    Index("interactions_pid", "ws", "channel", "pid", "scope", unique=True),
    Index("interactions_conversation", "ws", "conversation", "at"),
    Index("interactions_customer", "ws", "customer", "at"),
)

revisions = _table(
    "revisions",
    _id("interaction"),
    _time("at"),
    _text("digest"),
    _text("text"),
    _text("subject"),
    key=("interaction", "at", "digest"),
)

pending = _table(
    "pending",
    _id("channel"),
    _text("pid"),
    _text("scope"),
    _text("kind"),
    _time("at"),
    _text("data"),
    key=("channel", "pid", "scope", "kind", "at"),
)
"""Edits and deletions, kept for interactions that have not arrived (and deletions for ever: what comes again stays deleted)."""

_waiting = text("need IS NOT NULL")
_alarmed = text("alarm IS NOT NULL")

cases = _table(
    "cases",
    _id(),
    _id("customer"),
    _text("state"),
    _text("severity"),
    _text("queue"),
    _text("assignee"),
    _count("contacts"),
    _time("opened"),
    _time("waiting", null=True),
    _time("due", null=True),
    Column("need", BigInteger, nullable=True),
    _time("answered", null=True),
    _time("last_in", null=True),
    _time("last_out", null=True),
    _time("resolved", null=True),
    _time("closed", null=True),
    _time("snoozed", null=True),
    _id("first", null=True),
    _id("last", null=True),
    _time("touched"),
    _text("tags"),
    _text("playbook"),
    _count("version"),
    _id("merged", null=True),
    _text("channel"),
    _text("entitlement"),
    _count("flags"),
    _time("alarm", null=True),
    _time("resolve_by", null=True),
    _time("running", null=True),
    Column("spent", BigInteger, nullable=False, server_default=text("0")),
    _text("more"),
    Index("cases_alarm", "ws", "alarm", sqlite_where=_alarmed, postgresql_where=_alarmed),
    Index("cases_need", "ws", "need", sqlite_where=_waiting, postgresql_where=_waiting),
    Index("cases_customer", "ws", "customer"),
)

events = _table(
    "events",
    _id("seq"),
    _id("case_id"),
    _text("kind"),
    _time("at"),
    _text("actor"),
    _id("interaction", null=True),
    _text("playbook"),
    _text("rule"),
    _time("due", null=True),
    Column("need", BigInteger, nullable=True),
    _text("data"),
    Index("events_case", "ws", "case_id"),
    key=("seq",),
)

playbooks = _table("playbooks", _text("version"), _text("document"), key=("version",))
"""Every playbook that ever decided something, by its version; never changed."""

published = _table("published", _id(), _time("since"), _text("version"), _text("actor"), _time("at"))
"""Which playbook is in force, and since when."""

profiles = _table(
    "profiles",
    _id("identity"),
    _time("at"),
    _text("tags"),
    _text("entitlement"),
    _text("actor"),
    key=("identity", "at"),
)
"""What we know about a customer that rules may ask, since when; kept by identity, so that it follows joins and separations."""

notes = _table(
    "notes",
    _id(),
    _id("case_id"),
    _time("at"),
    _text("author"),
    _text("text"),
    _text("mentions"),
    Index("notes_case", "ws", "case_id"),
)

incidents = _table(
    "incidents", _id(), _text("name"), _time("opened"), _time("resolved", null=True), _text("actor"), _text("words")
)

incident_cases = _table("incident_cases", _id("incident"), _id("case_id"), _time("at"), key=("incident", "case_id"))

incident_updates = _table(
    "incident_updates",
    _id("incident"),
    _count("number"),
    _id("customer"),
    _id("outbox", null=True),
    _text("error"),
    key=("incident", "number", "customer"),
)
"""To whom an update of an incident went: once each."""

goals = _table("goals", _id(), _text("name"), _text("document"), _time("since"), _time("until", null=True))

outbox = _table(
    "outbox",
    _id(),
    _text("uid"),
    _id("case_id"),
    _id("channel"),
    _id("conversation"),
    _id("interaction"),
    _id("identity"),
    _text("visibility"),
    _text("text"),
    _text("parts"),
    _text("message"),
    _text("state"),
    _text("cursor"),
    _text("intent"),
    _text("ids"),
    _text("error"),
    _text("author"),
    _count("attempts"),
    _time("created"),
    _time("next", null=True),
    _time("sent", null=True),
    _time("seen"),
    _text("lease"),
    _time("leased", null=True),
    Index(
        "outbox_due",
        "ws",
        "state",
        "next",
        sqlite_where=text("state IN ('queued', 'sending', 'unknown')"),
        postgresql_where=text("state IN ('queued', 'sending', 'unknown')"),
    ),
    Index("outbox_case", "ws", "case_id"),
)
