"""Following comments: paging, kills, edits, moderation, deletions, permissions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socialcrm.connectors import Call
from socialcrm.errors import CredentialsError, ForbiddenError, PayloadError, RateLimited, ServerFault, UnsupportedError
from socialcrm.types import Census, Moderation


def fill(blog: Any, count: int, **fields: Any) -> None:
    for _ in range(count):
        blog.add(**fields)


def pages(blog: Any) -> list[Call]:
    return [call for call in blog.calls if call.path.endswith("/comments") and "after" not in call.params]


def test_first_sync_brings_every_comment_across_pages(bench: Any) -> None:
    """250 comments come in three pages, each once in the state."""
    fill(bench.blog, 250)
    bench.sync()
    assert sorted(map(int, bench.state)) == list(range(1, 251))
    assert len(pages(bench.blog)) == 3


def test_second_sync_brings_nothing_new(benches: Any) -> None:
    """Without a due rescan, a second sync brings no comment and changes no cursor row."""
    bench = benches(rescan_minutes=60)
    fill(bench.blog, 120)
    bench.sync()
    cursor = dict(bench.store.cursor)
    assert bench.sync() == 0
    assert bench.store.cursor == cursor


def test_new_comment_comes_alone(benches: Any) -> None:
    """Only what is new is delivered."""
    bench = benches(rescan_days=0)
    fill(bench.blog, 120)
    bench.sync()
    bench.blog.add("New")
    assert bench.sync() == 1


def test_backdated_comment_comes(benches: Any) -> None:
    """A comment that was imported with an old date is new all the same."""
    bench = benches(rescan_days=0)
    fill(bench.blog, 5)
    bench.sync()
    bench.blog.add("Old but new", at=bench.blog.now - timedelta(days=900))
    assert bench.sync() == 1


def test_empty_blog_remembers_what_it_could_see(bench: Any) -> None:
    """A blog without comments leaves a cursor, so that a later loss of permission is noticed."""
    assert bench.sync() == 0
    assert bench.store.cursor["rank"] == "moderator"


def test_every_state_comes(bench: Any) -> None:
    """A moderator gets approved, held, spam and trashed comments, marked so."""
    for status in ("approved", "hold", "spam", "trash", "post-trashed", "custom"):
        bench.blog.add(status=status)
    bench.sync()
    assert [item.moderation for item in bench.state.values()] == [
        Moderation.APPROVED,
        Moderation.HELD,
        Moderation.SPAM,
        Moderation.REMOVED,
        Moderation.REMOVED,
        Moderation.HELD,
    ]


def test_visitor_gets_approved_comments_without_credentials(benches: Any) -> None:
    """Without credentials only the public view is asked for."""
    bench = benches("")
    bench.blog.add()
    bench.blog.add(status="hold")
    bench.sync()
    assert list(bench.state) == ["1"]
    assert all(call.params["context"] == "view" for call in bench.blog.calls)
    assert not any("users" in call.path for call in bench.blog.calls)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 330),
    doomed=st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(1, 330), max_size=150)), max_size=4),
    hidden=st.sets(st.integers(1, 330), max_size=60),
)
def test_deletions_between_pages_hide_nothing(
    benches: Any, count: int, doomed: list[tuple[int, list[int]]], hidden: set[int]
) -> None:
    """Whatever is deleted between two pages, every readable comment that stays is delivered by the first walk."""
    bench = benches(rescan_days=0)
    fill(bench.blog, count)
    for key in hidden & set(bench.blog.comments):
        bench.blog.comments[key]["hidden"] = True
    plan = dict(doomed)

    def delete(call: Call) -> None:
        for key in plan.pop(len(pages(bench.blog)), []):
            if not bench.blog.comments.get(key, {}).get("hidden"):
                bench.blog.comments.pop(key, None)

    bench.blog.before = delete
    bench.sync()
    readable = {str(key) for key, row in bench.blog.comments.items() if not row.get("hidden")}
    assert readable <= set(bench.state)


def test_a_long_hidden_stretch_ends(benches: Any) -> None:
    """Hundreds of comments that we may not read stop neither the walk nor hide what follows."""
    bench = benches("author", rescan_days=0)
    fill(bench.blog, 30)
    fill(bench.blog, 400, hidden=True)
    fill(bench.blog, 30)
    bench.sync()
    assert len(bench.state) == 60
    bench.blog.add("New")
    assert bench.sync() == 1


def test_many_deletions_before_the_cursor(benches: Any) -> None:
    """After thousands of spam comments were emptied, the new ones are still found."""
    bench = benches(rescan_days=0)
    fill(bench.blog, 900)
    bench.sync()
    for key in range(1, 881):
        del bench.blog.comments[key]
    bench.blog.add("New")
    assert bench.sync() == 1
    assert "901" in bench.state


def test_killed_anywhere_it_ends_the_same(benches: Any, killed: type[Exception]) -> None:
    """Killed before any step and started again, the state is that of an undisturbed run."""
    whole = benches()
    fill(whole.blog, 230, author=4)
    whole.sync()
    for step in range(40):
        bench = benches()
        fill(bench.blog, 230, author=4)
        try:
            bench.sync(kill_at=step)
        except killed:
            bench.sync()
        assert bench.state == whole.state
        assert bench.store.cursor == whole.store.cursor
        if len(bench.blog.calls) == len(whole.blog.calls):
            return
    raise AssertionError("the flow has more steps than this test kills")


def test_cursor_never_runs_ahead(benches: Any, killed: type[Exception]) -> None:
    """At every kill, all comments up to the cursor's id were committed."""
    for step in range(12):
        bench = benches()
        fill(bench.blog, 230)
        try:
            bench.sync(kill_at=step)
        except killed:
            after = int(bench.store.cursor.get("after", "0"))
            assert set(range(1, after + 1)) <= {raw.body["id"] for raw in bench.store.raws if raw.kind == "comment"}


def test_an_edit_is_followed(bench: Any) -> None:
    """A comment that was rewritten comes again with its new text, without an invented time of the edit."""
    bench.blog.add("Frist")
    bench.sync()
    bench.blog.comments[1]["content"] = {"raw": "First", "rendered": "<p>First</p>"}
    bench.sync()
    assert bench.state["1"].text == "First"
    assert bench.state["1"].edited_at is None


def test_a_deletion_is_followed_by_census(bench: Any) -> None:
    """A comment deleted for good is missing in the census that ends the rescan; old ones stay."""
    bench.blog.add(at=bench.blog.now - timedelta(days=400))
    bench.blog.add()
    bench.blog.add()
    bench.sync()
    del bench.blog.comments[2]
    bench.sync()
    assert set(bench.state) == {"1", "3"}


def test_a_census_spares_what_came_after_it(bench: Any) -> None:
    """A reply that another process sends while the rescan ends is not taken for deleted, at the next rescan it may be."""
    bench.blog.add()
    bench.sync()
    censuses = [item for raw in bench.store.raws for item in bench.connector.parse(raw) if isinstance(item, Census)]
    assert "2" in censuses[-1].ids
    bench.blog.add()
    bench.sync()
    del bench.blog.comments[2]
    bench.sync()
    assert set(bench.state) == {"1"}


@settings(max_examples=40, deadline=None)
@given(count=st.integers(100, 260), doomed=st.lists(st.integers(1, 260), max_size=120), page=st.integers(1, 7))
def test_a_census_never_lacks_what_exists(benches: Any, count: int, doomed: list[int], page: int) -> None:
    """Whatever is deleted while the rescan pages, its census holds every comment that stayed."""
    bench = benches()
    fill(bench.blog, count)

    def delete(call: Call) -> None:
        if len(bench.blog.calls) == page:
            for key in doomed:
                bench.blog.comments.pop(key, None)

    bench.blog.before = delete
    bench.sync()
    assert set(map(str, bench.blog.comments)) <= set(bench.state)


@pytest.mark.parametrize("fault", [b"<html>log in</html>", b'[{"id": 1', b'{"code": "x"}'])
def test_no_census_after_a_broken_page(bench: Any, respond: Any, fault: bytes) -> None:
    """HTML, a truncated page or an object instead of a list end the sync with an error, and no census is made."""
    fill(bench.blog, 3)
    bench.blog.replies["GET /wp/v2/comments"] = respond(fault)
    with pytest.raises(PayloadError):
        bench.sync()
    assert bench.store.raws == []


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "incorrect_password", CredentialsError),
        (403, "rest_forbidden_context", ForbiddenError),
        (429, "", RateLimited),
        (503, "", ServerFault),
    ],
)
def test_refusals_are_typed(bench: Any, respond: Any, status: int, code: str, error: type[Exception]) -> None:
    """What the site refuses comes as the error that says what to do."""
    bench.blog.replies["GET /wp/v2/comments"] = respond({"code": code}, status=status)
    with pytest.raises(error):
        bench.sync()


def test_a_lost_permission_looks_like_no_deletion(bench: Any) -> None:
    """Once the user may not moderate any more, the sync stops with advice instead of a census of the rest."""
    bench.blog.add()
    bench.blog.add(status="hold")
    bench.sync()
    bench.blog.role = "subscriber"
    with pytest.raises(ForbiddenError, match="give the user its role back"):
        bench.sync()
    assert set(bench.state) == {"1", "2"}


def test_a_won_permission_is_used(benches: Any) -> None:
    """A user who was promoted sees more at the next sync, without any change of settings."""
    bench = benches("author")
    bench.sync()
    bench.blog.role = "editor"
    bench.sync()
    assert bench.store.cursor["rank"] == "moderator"


def test_rescans_wait(benches: Any) -> None:
    """A rescan is made only when the set minutes have passed."""
    bench = benches(rescan_minutes=60)
    bench.blog.add()
    bench.sync()
    bench.blog.now += timedelta(minutes=59)
    assert bench.sync() == 0
    bench.blog.now += timedelta(minutes=1)
    assert bench.sync() == 1


def test_an_account_address_comes_from_the_account(benches: Any) -> None:
    """An administrator's sync adds the address that WordPress vouches for; an editor's, who may not see it, none."""
    for role, verified in (("admin", ["subscriber@example.com"]), ("editor", [])):
        bench = benches(role)
        bench.blog.add(author=4, author_email="somebody.else@example.com")
        bench.sync()
        handles = bench.state["1"].author.handles
        assert [handle.value for handle in handles if handle.verified] == verified


@pytest.mark.parametrize(("status", "code"), [(401, "rest_user_cannot_view"), (403, "rest_forbidden"), (404, "rest_no_route")])
def test_accounts_that_a_plugin_hides_do_not_stop_the_sync(bench: Any, respond: Any, status: int, code: str) -> None:
    """If the users' route is closed, comments come with unverified addresses."""
    bench.blog.add(author=4)
    bench.blog.replies["GET /wp/v2/users"] = respond({"code": code}, status=status)
    bench.sync()
    assert not any(handle.verified for handle in bench.state["1"].author.handles)


def test_a_missing_total_is_survived(bench: Any, respond: Any) -> None:
    """Where a proxy drops the header with the total, a short page is the last one."""
    bench.blog.add()
    bench.blog.replies["GET /wp/v2/comments"] = respond([bench.blog.comments[1]])
    assert bench.sync() == 2


def test_strange_elements_of_a_page_are_passed_on(bench: Any, respond: Any) -> None:
    """An element without an id reaches the journal, and its neighbours are unharmed."""
    bench.blog.add()
    bench.blog.replies["GET /wp/v2/comments"] = respond([{"no": "id"}, 7, bench.blog.comments[1]])
    bench.sync()
    assert [raw.body for raw in bench.store.raws][:2] == [{"no": "id"}, 7]


def test_cursor_holds_no_secret(bench: Any) -> None:
    """Neither cursor nor raws nor calls hold the password."""
    fill(bench.blog, 120)
    bench.sync()
    assert "only for tests" not in repr((bench.store, bench.blog.calls))


def test_unknown_stream(bench: Any) -> None:
    """A stream that is not declared is refused by name."""
    with pytest.raises(UnsupportedError, match="posts"):
        bench.run(bench.connector.fetch("posts", {}))
