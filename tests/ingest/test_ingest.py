"""What arrives: kept without loss, quarantined alone, revised, counted off, in a bounded number of statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, event, select

import socialcrm
from socialcrm.connectors import Batch, Connector, ConnectorInfo, PluginManager, Raw, hookimpl
from socialcrm.crm import CRM, ChannelReport
from socialcrm.errors import PayloadError
from socialcrm.ingest._journal import pack, unpack
from socialcrm.store import Tx, tables
from socialcrm.types import Census, Deletion, Delivery, Edit, Hole, Identity, Interaction, Item, Moderation

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


class Loose(Connector[Any]):
    """Takes items themselves as elements' bodies, by name, so that each test says what it means."""

    info = ConnectorInfo(platform="loose")
    items: dict[str, Item | Exception] = {}  # noqa: RUF012 - shared by the tests of one process on purpose

    def parse(self, raw: Raw) -> Iterable[Item]:
        found = self.items[raw.body]
        if isinstance(found, Exception):
            raise found
        yield found


class Plugin:
    """Adds the connector."""

    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [Loose]


@pytest.fixture
def crm() -> Any:
    """A workspace with one channel."""
    plugins = PluginManager(find=list)
    plugins.register(Plugin(), "loose")
    with socialcrm.open("sqlite:///:memory:", plugins=plugins, clock=lambda: START + timedelta(days=1)) as opened:
        opened.channels.add("loose", name="loose")
        yield opened


def hear(crm: CRM, *items: Item | Exception) -> ChannelReport:
    """Deliver items in one batch."""
    from socialcrm.crm._pull import Pull

    names = []
    for item in items:
        names.append(f"n{len(Loose.items)}")
        Loose.items[names[-1]] = item
    row = crm.channels.row("loose")
    pull = Pull(crm, row, None)
    pull.take(crm.channels.connector(row), Batch([Raw("x", name) for name in names]), "all")
    return pull.report


def post(name: str, minutes: int = 0, text: str = "hello", **more: Any) -> Interaction:
    """Return an interaction of Ada's."""
    author = more.pop("author", Identity(id="ada", name="Ada"))
    return Interaction(id=name, at=START + timedelta(minutes=minutes), author=author, text=text, **more)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


contexts = st.dictionaries(st.text(), st.text(), max_size=2)


@given(
    st.lists(
        st.builds(Raw, st.text(), json_values | st.text(st.sampled_from("a\n\ud83d\ude00")) | st.binary(), contexts), max_size=5
    )
)
def test_the_journal_loses_nothing(raws: list[Raw]) -> None:
    """Any JSON value, text (lone surrogates included) and bytes come back from the journal as they were."""
    assert unpack(pack(raws)) == raws


def test_one_bad_element_stops_nobody(crm: CRM) -> None:
    """An element that can't be parsed is quarantined alone, whatever it raises, and parsed again once it can be."""
    report = hear(crm, post("a"), PayloadError("no id"), KeyError("author"), post("b"))
    assert (report.new, report.quarantined) == (2, 2)
    for name, item in list(Loose.items.items()):
        if isinstance(item, Exception):
            Loose.items[name] = post(f"mended {name}", 5)
    again = crm.reprocess()
    assert (again.new, again.quarantined) == (2, 0)
    assert crm.reprocess().new == 0
    assert len(crm.interactions()) == 4


def test_text_that_no_database_holds_is_kept_readable(crm: CRM) -> None:
    """NUL and lone surrogates are replaced in the text and stay as they were in the raw element."""
    hear(crm, post("a", text="a\0b \ud800 é"))
    assert crm.interactions()[0].text == "a\ufffdb \ufffd é"


def test_an_edit_keeps_the_earlier_wording(crm: CRM) -> None:
    """A newer wording replaces the text, the older one is a revision, and search finds only the newer."""
    hear(crm, post("a", text="rooter broken"))
    assert crm.search("rooter")
    hear(crm, post("a", text="router broken", edited_at=START + timedelta(minutes=3)))
    assert (crm.search("rooter"), [one.text for one in crm.search("router")]) == ([], ["router broken"])
    with crm.store.read() as tx:
        assert [row.text for row in tx.rows(select(tables.revisions))] == ["rooter broken"]


def test_an_older_wording_that_comes_late_changes_nothing(crm: CRM) -> None:
    """The wording with the latest version stands, not the one delivered last."""
    hear(crm, post("a", text="second", edited_at=START + timedelta(minutes=3)))
    hear(crm, post("a", text="first"))
    assert [one.text for one in crm.interactions()] == ["second"]


def test_what_was_taken_back_stays_so(crm: CRM) -> None:
    """A deletion empties the text at once and for ever, also if it came before, and the case no longer waits."""
    hear(crm, Deletion(id="b", at=START + timedelta(minutes=9)), post("a", text="secret words"))
    hear(crm, Deletion(id="a", at=START + timedelta(minutes=9)), post("b", 1))
    hear(crm, post("a", text="secret words"), post("b", 1))
    assert [(one.text, one.deleted_at is not None) for one in crm.interactions()] == [("", True), ("", True)]
    assert (crm.inbox(), crm.search("secret")) == ([], [])


def test_a_census_takes_what_is_gone_and_gives_back_what_returns(crm: CRM) -> None:
    """What a census lacks is gone; a later delivery of it brings it back."""
    hear(crm, *(post(f"a{n}", n) for n in range(4)))
    hear(crm, Census(id="c", ids=frozenset({"a0", "a1", "a2"}), since=START))
    assert [one.deleted_at is not None for one in crm.interactions()] == [False, False, False, True]
    hear(crm, post("a3", 3))
    assert [one.text for one in crm.interactions()][-1] == "hello"


def test_a_census_that_would_take_most_is_doubted(crm: CRM) -> None:
    """A lost permission looks like a mass deletion: nothing is taken, and the doubt is told and kept as a hole."""
    hear(crm, *(post(f"a{n}", n) for n in range(8)))
    report = hear(crm, Census(id="c", ids=frozenset({"a0"}), since=START))
    assert report.doubts
    assert not any(one.deleted_at for one in crm.interactions())
    with crm.store.read() as tx:
        assert len(tx.rows(select(tables.holes))) == 1


def test_a_census_counts_only_its_own_span_and_scope(crm: CRM) -> None:
    """What lies before, after or in another scope is not counted off."""
    hear(crm, post("old", -60), post("in", 5), post("late", 90), post("other", 5, scope="room"))
    hear(crm, Census(id="c", ids=frozenset(), since=START, until=START + timedelta(hours=1)))
    assert sorted(one.id for one in crm.interactions() if one.deleted_at) == ["in"]


def test_spam_opens_no_case_until_it_is_approved(crm: CRM) -> None:
    """Moderation counts: spam waits for nobody, and a comment that is approved later opens its case then."""
    hear(crm, post("a", moderation=Moderation.SPAM))
    assert crm.inbox() == []
    hear(crm, post("a"))
    assert [case.opened_at for case in crm.inbox()] == [START]


def test_a_hole_told_twice_is_one(crm: CRM) -> None:
    """A span in which we could not see is kept once."""
    hole = Hole(id="gap", since=START, at=START + timedelta(hours=1), reason="disconnected")
    hear(crm, hole)
    hear(crm, hole)
    with crm.store.read() as tx:
        assert len(tx.rows(select(tables.holes))) == 1


def test_an_edit_and_a_delivery_report_may_come_first(crm: CRM) -> None:
    """What is said of a message before the message itself waits for it."""
    hear(crm, Edit(id="a", at=START + timedelta(minutes=2), text="better"), Delivery(id="a", at=START, status="read"))
    hear(crm, post("a", text="first"))
    [one] = crm.interactions()
    assert (one.text, one.edited_at) == ("better", START + timedelta(minutes=2))


@pytest.mark.parametrize("repeated", [False, True], ids=["new", "delivered again"])
def test_a_batch_costs_the_same_statements_whatever_its_size(crm: CRM, repeated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten or five hundred interactions of as many people: the same number of statements."""
    counts, real = [], Tx.insert
    hear(crm, post("the playbook is kept with the first event"))
    for size in (10, 500):
        items = [
            post(f"{size}-{n}", n, parent=f"{size}-{n - 1}" if n % 3 else None, author=Identity(id=f"p{size}-{n}"))
            for n in range(size)
        ]
        if repeated:
            hear(crm, *items)
        statements: list[str] = []

        def count(_c: Any, _cur: Any, statement: str, *_: Any, into: list[str] = statements) -> None:
            into.append(statement)

        def insert(tx: Tx, table: Table, rows: Any, *values: Any, into: list[str] = statements) -> None:
            into.append(f"insert {table.name}")  # handed to the driver itself
            real(tx, table, rows, *values)

        event.listen(crm.store.engine, "before_cursor_execute", count)
        with monkeypatch.context() as patch:
            patch.setattr(Tx, "insert", insert)
            hear(crm, *items)
        event.remove(crm.store.engine, "before_cursor_execute", count)
        counts.append(len(statements))
    assert counts[0] == counts[1] < 45


BO = Identity(id="bo", name="Bo")


def threads(crm: CRM) -> list[list[str]]:
    """Return the conversations, each with its posts in the order of time."""
    found: dict[str, list[str]] = {}
    for one in crm.interactions():
        found.setdefault(one.thread, []).append(one.id)
    return sorted(found.values())


def test_a_moved_post_stands_where_the_platform_put_it(crm: CRM) -> None:
    """It leaves the one topic and stands in the other, in its place in time; its own words and case go along."""
    hear(crm, post("a", 0, conversation="t1"), post("b", 1, conversation="t1", author=BO), post("c", 5, conversation="t2"))
    assert threads(crm) == [["a", "b"], ["c"]]
    before = {one.id: one.case for one in crm.interactions()}
    report = hear(crm, post("b", 1, conversation="t2", author=BO))
    assert (report.new, report.changed) == (0, 1)
    assert threads(crm) == [["a"], ["b", "c"]]
    assert {one.id: one.case for one in crm.interactions()} == before
    assert hear(crm, post("b", 1, conversation="t2", author=BO)).changed == 0


def test_a_post_may_move_to_a_conversation_that_nobody_knew(crm: CRM) -> None:
    """A topic is split: the new one is made, and what is said there later joins it."""
    hear(crm, post("a", 0, conversation="t1"), post("b", 1, conversation="t1", author=BO))
    hear(crm, post("b", 1, conversation="t9", author=BO), post("d", 7, conversation="t9"))
    assert threads(crm) == [["a"], ["b", "d"]]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_latest_wording_tells_where_it_stands(crm: CRM, order: Any) -> None:
    """An older copy that comes late moves nothing back."""
    first = post("b", 1, conversation="t1", author=BO)
    later = post("b", 1, "hello!", conversation="t2", author=BO, edited_at=post("x", 9).at)
    heard = [first, later, post("a", 0, conversation="t1")]
    for place in order:
        hear(crm, heard[place])
    assert threads(crm) == [["a"], ["b"]]
