"""What a customer may ask for: everything that is held, and that it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from _town import MONDAY, Plain, Town
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, select

from socialcrm import ingest, privacy
from socialcrm.cases import differences
from socialcrm.connectors import Raw, hookimpl
from socialcrm.errors import ConflictError, NotFound
from socialcrm.ingest import unpack
from socialcrm.store import Store, find, tables
from socialcrm.types import Customer

WORDS = "xylophoneword"
GIVEAWAYS = ("Adalbertine", "adalbertine", WORDS, "pages.example.org/ada", "pid-")


def everything(store: Store) -> Iterator[tuple[str, str]]:
    """Yield each text in each table, and each element of the journal, with the table's name."""
    with store.read() as tx:
        for name, table in tables.metadata.tables.items():
            texts = [column for column in table.columns if isinstance(column.type, Text)]
            for row in tx.connection.execute(select(*texts)) if texts else ():
                yield from ((name, value) for value in row if value)
        for row in tx.connection.execute(select(tables.journal.c.blob)):
            yield from (("journal", repr(raw)) for raw in unpack(row.blob))


def told(town: Town, *words: str) -> list[tuple[str, str]]:
    """Return where one of these words stands."""
    return [(where, text) for where, text in everything(town.crm.store) if any(word in text for word in words)]


def write(town: Town) -> None:
    """Adalbertine writes, edits, is answered, and is repeated; bea answers in the same thread."""
    page = "https://pages.example.org/ada"
    first = town.says(
        "adalbertine", f"{WORDS} one", at=0, name="Adalbertine", page=page, subject=f"{WORDS} subject", thread="t1"
    )
    again = town.sent[-1][1]
    town.deliver("mail", again)
    town.deliver("mail", Raw("edit", {"id": first, "at": 5, "text": f"{WORDS} edited"}))
    town.we(f"Dear Adalbertine, {WORDS}", at=10, parent=first, thread="t1")
    town.says("adalbertine", f"{WORDS} in public", at=20, channel="forum", visibility="public", name="Adalbertine", page=page)
    town.deliver("mail", Raw("broken", {"from": "adalbertine@example.org"}))


def test_nothing_of_them_is_left(town: Town) -> None:
    """No text column and no element of the journal holds a word, a name, an address or an id of theirs."""
    write(town)
    assert {where for where, _ in told(town, *GIVEAWAYS)} >= {"interactions", "identities", "handles", "journal", "revisions"}
    done = town.crm.forget(town.customer("Adalbertine"), by="ana")
    assert told(town, *GIVEAWAYS) == []
    assert (done.identities, done.interactions) == (1, 3)
    assert done.elements == len(town.sent)
    with town.crm.store.write() as tx:
        assert find(tx, WORDS, limit=5) == []


def test_the_log_still_tells_the_table(town: Town) -> None:
    """Forgetting leaves the event log and the table of cases as much in agreement as they were."""
    write(town)
    with town.crm.store.read() as tx:
        before = differences(tx)
    town.crm.forget(town.customer("Adalbertine"), by="ana")
    with town.crm.store.read() as tx:
        assert set(differences(tx)) <= set(before)


def test_what_others_said_stays(town: Town) -> None:
    """Another customer's words and elements are untouched, also in a batch that held both."""
    write(town)
    shared = [
        Raw("said", {**town.sent[0][1].body, "id": "pid-a"}),
        Raw(
            "said",
            {
                **town.sent[0][1].body,
                "id": "other-1",
                "author": "bea",
                "name": "Bea",
                "text": "mine",
                "page": "",
                "subject": "",
            },
        ),
    ]
    town.deliver("mail", *shared)
    town.crm.forget(town.customer("Adalbertine"), by="ana")
    (hers,) = town.crm.interactions(customer=town.customer("Bea"))
    assert hers.text == "mine"
    assert town.crm.raw(hers) == shared[1].body
    assert told(town, *GIVEAWAYS) == []


def test_measures_stay_what_they_were(town: Town) -> None:
    """What was answered, opened and how long it took does not change; only what was open is closed."""
    write(town)
    town.now = MONDAY + timedelta(hours=3)
    customer = town.customer("Adalbertine")
    for case in town.crm.cases.find(customer=customer):
        town.crm.cases.resolve(case.ref, by="ana")
    before = town.crm.measures.report(by="channel")
    town.crm.forget(customer, by="ana")
    assert town.crm.measures.report(by="channel") == before
    assert town.crm.map().channels[0].inbound == 1


def test_the_inbox_does_not_ask_for_an_answer_that_nobody_can_get(town: Town) -> None:
    """Open cases of theirs are closed, and the audit trail says by whom."""
    write(town)
    town.says("bea", at=30)
    customer = town.customer("Adalbertine")
    case = town.crm.cases.find(customer=customer)[0].ref
    town.crm.forget(customer, by="ana")
    assert [one.customer_name for one in town.crm.inbox()] == ["Bea"]
    assert [(event.kind, event.actor) for event in town.crm.events(case)][-1] == ("closed", "ana")


def sifted(town: Town, channel: str, *raws: Raw) -> None:
    """Deliver elements the way the corridor does, with what was forgotten kept out."""
    crm = town.crm
    row = crm.channels.row(channel)
    connector = crm.channels.connector(row)
    from socialcrm.crm.inbound import understand

    reading = ingest.read_items(connector, raws)
    with crm.store.write() as tx:
        kept = privacy.sift(tx, row.id, row.platform, raws, reading)
        journal = ingest.append(tx, row.id, "all", kept, crm.now())
        understand(tx, row, reading, journal=journal, stream="all", playbook=crm.playbook, now=crm.now())


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_is_delivered_again_stays_forgotten(data: st.DataObject) -> None:
    """In any order and number, what was forgotten comes back neither as words nor as a person."""
    town = Town()
    write(town)
    town.crm.forget(town.customer("Adalbertine"), by="ana")
    readable = [(channel, raw) for channel, raw in town.sent if raw.kind != "broken"]
    people = len({row for where, row in everything(town.crm.store) if where == "identities"})
    for channel, raw in data.draw(st.lists(st.sampled_from(readable), min_size=1, max_size=8)):
        sifted(town, channel, raw)
    assert told(town, *GIVEAWAYS) == []
    assert len({row for where, row in everything(town.crm.store) if where == "identities"}) == people
    town.crm.close()


def test_the_corridor_keeps_out_what_was_forgotten(town: Town) -> None:
    """A sync that fetches everything again brings nothing of them back."""
    write(town)
    sent = [(channel, raw) for channel, raw in town.sent if raw.kind != "broken"]
    town.crm.forget(town.customer("Adalbertine"), by="ana")
    for channel, raw in sent:
        town.deliver(channel, raw)
    assert told(town, *GIVEAWAYS) == []


def test_who_writes_again_is_a_new_customer(town: Town) -> None:
    """What they write after they were forgotten is heard, and nothing ties it to what was; they can be forgotten again."""
    write(town)
    old = town.customer("Adalbertine")
    town.crm.forget(old, by="ana")
    for turn in (2, 3):
        sent = Raw("said", {**town.sent[0][1].body, "id": f"pid-new-{turn}", "at": turn * 1440, "text": "Hello again"})
        town.now = MONDAY + timedelta(days=turn, hours=1)
        sifted(town, "mail", sent)
        (heard,) = [one for one in town.crm.interactions() if one.text == "Hello again"]
        assert heard.customer != old
        town.crm.forget(heard.customer, by="ana")
        assert told(town, *GIVEAWAYS, "Hello again") == []


def test_replies_go_too(town: Town) -> None:
    """A reply that waits is dropped, with its text; it is never sent to somebody who was forgotten."""
    write(town)
    customer = town.customer("Adalbertine")
    _outgoing(town, "queued")
    _outgoing(town, "sent")
    assert "outbox" in {where for where, _ in told(town, WORDS)}
    assert town.crm.forget(customer, by="ana").replies == 2
    assert told(town, *GIVEAWAYS) == []
    assert [one.state for one in town.crm.outbox()] == ["sent"]


def test_a_reply_on_its_way_holds_forgetting_back(town: Town) -> None:
    """While a reply is being delivered nothing is erased, and the error says what to do."""
    write(town)
    _outgoing(town, "sending")
    before = sorted(everything(town.crm.store))
    with pytest.raises(ConflictError, match="flush"):
        town.crm.forget(town.customer("Adalbertine"), by="ana")
    assert sorted(everything(town.crm.store)) == before


def _outgoing(town: Town, state: str) -> None:
    with town.crm.store.write() as tx:
        row = tx.row(select(tables.interactions).where(tables.interactions.c.direction == "inbound"))
        assert row is not None
        values: dict[str, Any] = dict.fromkeys((column.name for column in tables.outbox.columns), "")
        values |= {
            "ws": tx.ws, "id": tx.allocate(tables.outbox), "case_id": row.case_id, "channel": row.channel,
            "conversation": row.conversation, "interaction": row.id, "identity": row.author, "visibility": "private",
            "text": f"{WORDS} reply", "parts": json.dumps([f"{WORDS} reply"]), "message": json.dumps({"to": "adalbertine"}),
            "state": state, "attempts": 0, "created": 0, "next": None, "sent": None, "seen": 0, "leased": None,
        }  # fmt: skip
        tx.insert(tables.outbox, [tuple(values[column.name] for column in tables.outbox.columns)])


def test_the_file_itself_holds_nothing(tmp_path: Path) -> None:
    """On SQLite not even the free pages or the write-ahead log hold what was erased."""
    town = Town(f"sqlite:///{tmp_path / 'town.db'}")
    write(town)
    town.crm.search("anything")
    customer = town.customer("Adalbertine")
    assert any(WORDS.encode() in path.read_bytes() for path in tmp_path.iterdir())
    town.crm.forget(customer, by="ana")
    left = [path.name for path in tmp_path.iterdir() if b"xylophone" in path.read_bytes() or b"dalbertine" in path.read_bytes()]
    assert left == []
    town.crm.close()


def test_plugins_are_asked_to_forget_and_their_failure_is_told(town: Town) -> None:
    """The hook gets the customer as they were; a plugin that fails stands in the result, and the erasure stands."""
    write(town)
    seen: list[Customer] = []

    class Good:
        @hookimpl
        def socialcrm_forget(self, customer: Customer) -> None:
            seen.append(customer)

    class Bad:
        @hookimpl
        def socialcrm_forget(self, customer: Customer) -> None:
            raise OSError("my disk is read-only")

    town.crm.plugins.register(Good(), "good")
    town.crm.plugins.register(Bad(), "bad")
    done = town.crm.forget(town.customer("Adalbertine"), by="ana")
    assert [one.identities[0].handle for one in seen] == ["@adalbertine@example.org"]
    assert done.failed == {"bad": "OSError: my disk is read-only"}
    assert told(town, *GIVEAWAYS) == []


def test_without_the_plugin_the_journal_is_searched(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no parser can tell what an element is, one that holds an address or an id of theirs goes."""

    def unreadable(self: Plain, raw: Raw) -> Any:
        raise RuntimeError("from another version")

    write(town)
    customer = town.customer("Adalbertine")
    monkeypatch.setattr(Plain, "parse", unreadable)
    town.crm.forget(customer, by="ana")
    assert told(town, *GIVEAWAYS) == []


def test_an_unknown_customer_is_not_found(town: Town) -> None:
    """There is nothing to forget, and that is said."""
    with pytest.raises(NotFound, match="u99"):
        town.crm.forget("u99", by="ana")


def test_the_export_holds_everything(town: Town) -> None:
    """Identities, words, earlier words, the elements, cases and events stand in it, as JSON values."""
    write(town)
    held = json.loads(json.dumps(town.crm.export(town.customer("Adalbertine"))))
    assert held["customer"]["identities"][0]["handles"][0]["value"] == "adalbertine@example.org"
    assert [one["text"] for one in held["interactions"]] == [
        f"{WORDS} edited",
        f"Dear Adalbertine, {WORDS}",
        f"{WORDS} in public",
    ]
    assert held["interactions"][0]["revisions"][0]["text"] == f"{WORDS} one"
    assert held["interactions"][0]["raw"] == town.sent[0][1].body
    assert held["cases"]
    assert held["events"]


def test_the_export_of_another_holds_nothing_of_theirs(town: Town) -> None:
    """One customer's export does not tell another's words."""
    write(town)
    town.says("bea", "mine", at=30)
    held = json.dumps(town.crm.export(town.customer("Bea")))
    assert not any(word in held for word in GIVEAWAYS[:4])
