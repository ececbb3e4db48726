"""Every command on a small database, for people and for programs."""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.errors import CredentialsError, RefusedError, Unreachable
from socialcrm.types import Delivery

from .fakery import HOSTILE, NOW, World

GWEN = {"id": "1", "who": "gwen", "text": "My router is dead.", "at": "2026-03-01T09:00:00+00:00"}
SAM = {"id": "2", "who": "sam", "text": "How much is a router?", "at": "2026-03-02T08:00:00+00:00", "sight": "private"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, GWEN, SAM).synced()


def told(world: World, *args: str) -> Any:
    return json.loads(world.ok(*args, "--json"))


def test_a_channel_is_added_checked_changed_and_listed(tmp_path: Path) -> None:
    """The life of a channel, with its credential as a reference."""
    world = World(tmp_path)
    assert "socialcrm channels check square" in world.ok("channels", "add", "fakery", "square", "token=env:SQUARE_TOKEN")
    world.ok("channels", "update", "square", "server=https://other.example")
    (channel,) = told(world, "channels", "list")
    assert channel["settings"] == {"server": "https://other.example", "token": "env:SQUARE_TOKEN"}
    assert "other.example" in world.ok("channels", "list")


def test_check_says_who_we_are(world: World) -> None:
    """The platform's answer is shown."""
    assert "Larkwire @larkwire" in world.ok("channels", "check", "square")


def test_a_credential_on_the_command_line_is_refused(tmp_path: Path) -> None:
    """A password typed as it is would be stored; it is not, and it is not repeated either."""
    result = World(tmp_path).run("channels", "add", "fakery", "square", "token=hunter2")
    assert result.exit_code == 2
    assert "env:NAME" in result.stderr
    assert "hunter2" not in result.output


def test_a_setting_without_its_sign_is_refused(tmp_path: Path) -> None:
    """KEY=VALUE is asked for by example."""
    assert "KEY=VALUE" in World(tmp_path).run("channels", "add", "fakery", "square", "server").stderr


def test_sync_reports_each_channel_and_repeats_nothing(world: World) -> None:
    """A second sync brings nothing; after a reset it reads all again and doubles nothing."""
    assert world.ok("sync") == "square: 0 new, 0 cases opened\n"
    world.ok("channels", "reset", "square")
    assert told(world, "sync")["channels"][0]["new"] == 0


def test_a_failing_channel_exits_1_and_stops_no_other(tmp_path: Path) -> None:
    """The error is one line with the channel's name; the other channel's posts are there."""
    world = World(tmp_path, GWEN)
    world.ok("channels", "add", "fakery", "good")
    world.ok("channels", "add", "fakery", "bad", "server=https://bad.example")
    fetch = world.connector.fetch

    def picky(self: Any, stream: str, cursor: Any) -> Any:
        if "bad" in self.settings.server:
            raise CredentialsError("fakery refuses the token; set another one")
        return (yield from fetch(self, stream, cursor))

    world.connector.fetch = picky  # type: ignore[method-assign]
    result = world.run("sync")
    assert result.exit_code == 1
    assert "good: 1 new, 1 case opened" in result.stdout
    assert result.stderr == "bad: fakery refuses the token; set another one\n"
    report = json.loads(world.run("sync", "bad", "--json").stdout)
    assert report["channels"][0]["error"]["type"] == "CredentialsError"


def test_watch_follows_live_streams(world: World) -> None:
    """Each batch is a line; a stream that ends ends it."""
    assert "square: 0 new so far" in world.ok("watch")
    lines = world.ok("watch", "--json").splitlines()
    assert [json.loads(line)["stream"] for line in lines] == ["live"]


def test_an_interrupt_ends_watching_in_good_order(world: World) -> None:
    """Ctrl-C asks the streams to stop at a quiet moment, and is no error."""
    fetch = world.connector.fetch

    def interrupted(self: Any, stream: str, cursor: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return (yield from fetch(self, stream, cursor))

    world.connector.fetch = interrupted  # type: ignore[method-assign]
    before = signal.getsignal(signal.SIGINT)
    result = world.run("watch")
    assert result.exit_code == 0
    assert "Stopping at the next quiet moment" in result.stderr
    assert signal.getsignal(signal.SIGINT) is before


def test_watch_says_when_there_is_nothing_to_follow(tmp_path: Path) -> None:
    """Without channels it returns at once and points to sync."""
    world = World(tmp_path).synced()
    world.connector.info = world.connector.info.__class__(platform="fakery", settings=world.connector.info.settings)
    assert "socialcrm sync" in world.run("watch").stderr


def test_load_reads_an_archive_once(tmp_path: Path) -> None:
    """Loaded again, it changes nothing."""
    world, path = World(tmp_path), tmp_path / "posts.txt"
    path.write_text("one\ntwo\n", "utf-8")
    args = ("load", str(path), "--platform", "fakery", "--channel", "old", "server=https://old.example")
    assert "2 new, 1 case opened" in world.ok(*args)
    assert told(world, *args)["new"] == 0
    assert "Only archives" in world.ok("sync")


def test_what_could_not_be_read_is_told_and_read_again(tmp_path: Path) -> None:
    """A broken element is kept, and reprocess reports it until the plugin is mended."""
    world = World(tmp_path, GWEN, {"id": "9", "who": "sam", "text": "broken"})
    world.ok("channels", "add", "fakery", "square")
    assert "1 could not be read" in world.ok("sync")
    assert told(world, "reprocess")["channels"][0]["quarantined"] == 1
    parse = world.connector.parse
    mended = lambda self, raw: parse(self, type(raw)(raw.kind, {**raw.body, "text": "fine"}))  # noqa: E731
    world.connector.parse = mended  # type: ignore[method-assign]
    assert "square: 1 new" in world.ok("reprocess", "square")


def test_the_inbox_shows_need_in_order(world: World) -> None:
    """Who waits longer stands first; visibility, waiting and reason are there."""
    shown = world.ok("inbox")
    assert shown.index("Gwen") < shown.index("Sam")
    for word in ("27 h", "public", "private", "overdue by", "My router is dead.", "socialcrm case c1"):
        assert word in shown
    assert [case["customer_name"] for case in told(world, "inbox")] == ["Gwen", "Sam"]
    assert told(world, "inbox", "--limit", "1")[0]["waiting_since"] == "2026-03-01T09:00:00+00:00"
    assert "There are more: --limit 2" in world.ok("inbox", "--limit", "1")


def test_a_narrow_window_stacks_the_inbox(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a table has no room, each case stands below the other, whole lines only."""
    monkeypatch.setenv("COLUMNS", "40")
    shown = world.ok("inbox")
    assert "square public" in shown
    assert "My router is dead." in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_an_empty_inbox_says_so(tmp_path: Path) -> None:
    """Nobody waits, and that is a sentence."""
    world = World(tmp_path).synced()
    assert world.ok("inbox") == "Nobody waits for an answer.\n"
    assert told(world, "inbox") == []


def test_a_case_is_told_as_a_story(world: World) -> None:
    """Header, what was said, and the audit trail where asked for."""
    shown = world.ok("case", "c1", "--events")
    for word in ("c1", "Gwen", "My router is dead.", "Sun 1 Mar 09:00", "Events", "opened"):
        assert word in shown
    story = told(world, "case", "c1", "--events")
    assert set(story) == {"case", "interactions", "replies", "events"}
    assert "events" not in json.loads(world.ok("case", "--json", "c1"))


def test_agents_act_on_cases(world: World) -> None:
    """Each action answers with the case as it is now."""
    assert "is graded urgent" in world.ok("case", "grade", "c2", "urgent", "--by", "ana")
    assert told(world, "inbox", "--severity", "urgent")[0]["ref"] == "c2"
    assert "is ben's" in world.ok("case", "assign", "c2", "ben", "--by", "ana")
    assert told(world, "inbox", "--assignee", "ben")[0]["assignee"] == "ben"
    assert "is tagged price, router" in world.ok("case", "tag", "c2", "router", "price", "--by", "ana")
    assert told(world, "case", "resolve", "c2", "--by", "ana")["state"] == "resolved"
    assert "is open again" in world.ok("case", "reopen", "c2", "--by", "ana")
    assert told(world, "case", "close", "c2", "--by", "ana")["state"] == "closed"
    assert world.run("case", "reopen", "c2", "--by", "ana").exit_code == 2


def test_a_snoozed_case_wakes_with_the_clock(world: World) -> None:
    """A while or a time puts it aside; tick wakes it when that is over."""
    assert "Mon 2 Mar 16:00" in world.ok("case", "snooze", "c1", "4h", "--by", "ana")
    world.ok("tick")
    assert told(world, "case", "c1")["case"]["state"] == "snoozed"
    assert told(world, "tick") == {"changed": 0}
    world.now += timedelta(hours=5)
    assert told(world, "tick")["changed"] >= 1
    assert told(world, "case", "c1")["case"]["state"] == "open"
    assert "Tue 3 Mar 09:00" in world.ok("case", "snooze", "c1", "2026-03-03T10:00+01:00", "--by", "ana")
    assert "is awake" in world.ok("case", "wake", "c1", "--by", "ana")
    assert "is no time" in world.run("case", "snooze", "c1", "soon", "--by", "ana").stderr


def test_an_action_needs_its_author(world: World) -> None:
    """Without ``--by`` or its variable nothing is done."""
    assert world.run("case", "resolve", "c1").exit_code == 2
    assert told(world, "case", "c1")["case"]["state"] == "new"


def test_a_reply_is_previewed_queued_and_delivered(world: World) -> None:
    """Preview queues nothing; flush delivers; the case shows what was said."""
    assert "Nothing was queued." in world.ok("reply", "c1", "We are coming.", "--preview")
    assert world.ok("outbox") == "No replies here.\n"
    shown = world.ok("reply", "c1", "-", "--by", "ana", input="We are coming.")
    assert "to Gwen @gwen on square, public, 14 of 200 characters" in shown
    assert "queued" in world.ok("case", "c1")
    assert world.ok("flush") == "1 delivered.\n"
    assert world.ok("flush") == "Nothing is due.\n"
    assert told(world, "outbox", "--state", "sent")[0]["ids"] == ["sent-1"]
    assert told(world, "case", "c1")["interactions"][-1]["direction"] == "outbound"


def test_a_reply_that_bounced_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What left and did not arrive is shown with its reason, not with the time at which it left."""
    monkeypatch.setenv("COLUMNS", "160")
    world.ok("reply", "c1", "We are coming.", "--by", "ana")
    world.ok("flush")
    assert "sent " in world.ok("outbox")
    bounced = Delivery(id="sent-1", at=NOW + timedelta(minutes=1), status="failed", reason="nobody lives there")
    world.connector.parse = lambda *_: [bounced]  # type: ignore[method-assign]
    world.ok("sync")
    shown = world.ok("outbox", "--state", "failed")
    assert "nobody lives there" in shown
    assert "sent " not in shown
    assert "is queued again" in world.ok("retry", "o1")


def test_a_guard_holds_back_private_data_and_says_how_to_go_on(world: World) -> None:
    """In private, or anyway on purpose, or with an address of ours."""
    text = "Is gwen@example.org still yours?"
    result = world.run("reply", "c1", text, "--by", "ana")
    assert result.exit_code == 2
    assert "--anyway" in result.stderr
    assert "gwen@example.org" not in result.stderr
    world.ok("reply", "c1", text, "--by", "ana", "--allow", "gwen@example.org")
    world.ok("reply", "c1", text, "--by", "ana", "--anyway")
    world.ok("reply", "c2", text, "--by", "ana", "--private")


def test_a_reply_to_an_older_version_is_refused(world: World) -> None:
    """Two agents can't answer one case unaware."""
    seen = str(told(world, "case", "c1")["case"]["version"])
    world.ok("case", "assign", "c1", "ben", "--by", "ben")
    result = world.run("reply", "c1", "On it.", "--by", "ana", "--seen", seen)
    assert result.exit_code == 2
    assert "has changed" in result.stderr


def test_a_reply_has_one_text_and_an_author(world: World, tmp_path: Path) -> None:
    """No text, two texts, a missing file or no author: nothing is queued."""
    file = tmp_path / "answer.txt"
    file.write_text("From a file.", "utf-8")
    assert "From a file." in world.ok("reply", "c1", "--file", str(file), "--preview")
    for args in (("c1",), ("c1", "x", "--file", str(file)), ("c1", "--file", str(tmp_path / "no")), ("c1", "x")):
        assert world.run("reply", *args).exit_code == 2
    assert told(world, "outbox") == []


def test_refused_and_unreachable_replies_are_told_apart(world: World) -> None:
    """What is refused exits 1 and can be queued again; what can't be reached now is tried later."""
    world.ok("reply", "c1", "On it.", "--by", "ana")
    world.connector.refusal = Unreachable("fakery is away", processed=False)
    assert "o1 is tried again later: fakery is away" in world.ok("flush")
    world.now += timedelta(hours=2)
    world.connector.refusal = RefusedError("fakery does not like it")
    result = world.run("flush")
    assert result.exit_code == 1
    assert result.stderr == "o1: fakery does not like it\n"
    assert "is queued again" in world.ok("retry", "o1")
    assert told(world, "cancel", "o1")["state"] == "failed"
    assert world.run("cancel", "o1").exit_code == 2


def test_search_finds_words(world: World) -> None:
    """Newest first; nothing found is a sentence."""
    assert [one["author"]["name"] for one in told(world, "search", "router")] == ["Sam", "Gwen"]
    assert "My router is dead." in world.ok("search", "dead")
    assert "Nothing was found" in world.ok("search", "elephant")


def test_customers_are_joined_and_separated(world: World) -> None:
    """One person, then two again; the journey shows both."""
    assert "is known by" in world.ok("join", "u1", "u2", "--reason", "she said so", "--by", "ana")
    shown = world.ok("customer", "u2")
    assert "Journey: square (public) → square (private)" in shown
    assert "Sam" in shown
    assert len(told(world, "customer", "c1")["customer"]["identities"]) == 2
    assert len(told(world, "separate", "p1", "p2", "--reason", "two after all", "--by", "ana")["identities"]) == 1


def test_migrate_makes_a_database(tmp_path: Path) -> None:
    """For SQLite it is allowed and never needed."""
    world = World(tmp_path)
    assert "schema" in world.ok("migrate")
    assert told(world, "migrate", str(tmp_path / "two.db")) == {"migrated": True}
    assert world.db.exists()


def test_workspaces_see_nothing_of_each_other(world: World) -> None:
    """Another client's inbox is empty."""
    assert told(world, "--workspace", "other", "inbox") == []


@pytest.mark.parametrize(
    "args",
    [("inbox",), ("case", "c1", "--events"), ("customer", "u1"), ("search", "word"), ("reply", "c1", HOSTILE, "--preview")],
    ids=lambda args: args[0],
)
def test_hostile_words_command_no_terminal(tmp_path: Path, args: tuple[str, ...]) -> None:
    """No escape sequence, direction mark, lone surrogate or markup of a customer's gets through; letters do."""
    post = {"id": "1", "who": "mallory", "name": f"Mal\x1b[1mlory {HOSTILE}", "text": f"word {HOSTILE}", "talk": "\x1b[0m"}
    shown = World(tmp_path, json.loads(json.dumps(post).replace("\\ud800", "\\ufffd"))).synced().ok(*args)
    for bad in ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\ud800"):
        assert bad not in shown
    assert "[bold]markup[/bold] :smile:" in shown.replace("\n", " ") or "…" in shown
    assert "Mal" in shown


def test_hostile_words_are_escaped_in_json(tmp_path: Path) -> None:
    """A program gets every character, as ASCII."""
    post = {"id": "1", "who": "mallory", "text": "\x1b[31m \u202e \x9b é"}
    world = World(tmp_path, post).synced()
    assert world.ok("case", "c1", "--json").isascii()
    assert "\x1b" not in world.ok("case", "c1", "--json")
    assert told(world, "case", "c1")["interactions"][0]["text"].startswith("\x1b[31m")
