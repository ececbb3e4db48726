"""Following a Page: what is read again, what is counted off, and what is not."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from socialcrm.errors import CredentialsError, UnsupportedError
from socialcrm.transport import Driver, Host, Local, Policy, open_client
from socialcrm.types import Census, Deletion, Interaction, Item, Moderation, Secret
from socialcrm_facebook import FacebookConnector, FacebookSettings


class Reader(Host):
    """Follows an invented Page, with a clock that is the Page's."""

    def __init__(self, world: Any, **settings: Any) -> None:
        super().__init__({"token": world.TOKEN, "app_secret": world.SECRET})
        self.world, self.page = world, world.busy()
        given = {"token": Secret(lambda: world.TOKEN), "app_secret": Secret(lambda: world.SECRET)}
        self.connector = FacebookConnector(FacebookSettings(page_id=world.PAGE, **given, **settings))

    def now(self) -> datetime:
        found: datetime = self.page.now
        return found

    def read(self, stream: str = "posts", hours: float = 0) -> list[Item]:
        """Let time pass, and follow a stream once more."""
        self.page.now += timedelta(hours=hours)
        before, policy = len(self.batches), Policy(sleep=lambda seconds: None)
        with open_client(transport=Local(self.page.answer)) as client:
            driver = Driver(self.connector, self, client=client, policy=policy)
            driver.run(self.connector.fetch(stream, dict(self.cursor)))
        raws = [raw for batch in self.batches[before:] for raw in batch.raws]
        return [item for raw in raws for item in self.connector.parse(raw)]


@pytest.fixture
def reader(world: Any) -> Reader:
    return Reader(world)


def test_a_quiet_page_costs_one_call(reader: Reader) -> None:
    """Between two looks back, a Page on which nothing was said brings nothing."""
    reader.read()
    assert reader.read(hours=0.1) == []


def test_an_old_post_on_which_somebody_writes_is_read(reader: Reader) -> None:
    """What was said lately under a post older than the window is brought."""
    reader.page.now += timedelta(days=60)
    reader.read()
    reader.page.comment("Still dead", on=next(iter(reader.page.posts)))
    found = reader.read(hours=0.1)
    assert "Still dead" in {item.text for item in found if isinstance(item, Interaction)}


def test_hiding_is_seen_by_looking_again(reader: Reader) -> None:
    """A comment that was hidden on Facebook comes back as taken down."""
    reader.read()
    key = next(iter(reader.page.comments))
    reader.page.comments[key]["is_hidden"] = True
    found = {item.id: item for item in reader.read(hours=2) if isinstance(item, Interaction)}
    assert found[key].moderation is Moderation.REMOVED


def test_a_reading_after_an_edit_carries_its_time(reader: Reader) -> None:
    """After a webhook told of an edit, what the API tells counts as no older than that edit."""
    reader.read()
    key = next(iter(reader.page.comments))
    at = int(reader.page.now.timestamp()) + 60
    value = {"item": "comment", "verb": "edited", "comment_id": key, "post_id": reader.page.comments[key]["post"]}
    body = {"object": "page", "entry": [{"id": "100", "time": at, "changes": [{"field": "feed", "value": value}]}]}
    for batch in reader.connector.receive(reader.world.signed(json.dumps(body).encode())).batches:
        reader.cursor.update(batch.cursor)
    found = {item.id: item for item in reader.read(hours=0.1) if isinstance(item, Interaction)}
    assert found[key].edited_at is not None
    assert found[key].edited_at.timestamp() == at


def test_comments_that_are_counted_and_not_shown_are_not_gone(reader: Reader) -> None:
    """Where Facebook counts comments and shows none, no census is made: a lost permission looks like that."""
    reader.read()
    shown = reader.page._list

    def blind(rows: Any, query: Any, total: Any = None) -> Any:
        return shown([] if total else rows, query, total)

    reader.page._list = blind
    counted = {item.conversation for item in reader.read(hours=2) if isinstance(item, Census)}
    assert next(iter(reader.page.posts)) not in counted


def test_a_post_that_is_gone_is_deleted(reader: Reader) -> None:
    """A post that is neither listed nor there is taken back."""
    reader.read()
    gone = list(reader.page.posts)[1]
    del reader.page.posts[gone]
    assert [item.id for item in reader.read(hours=2) if isinstance(item, Deletion)] == [gone]


def test_a_post_that_is_only_unlisted_stays(reader: Reader) -> None:
    """A post that is not listed any more and still there is not deleted."""
    reader.read()
    key = list(reader.page.posts)[1]
    row = reader.page.posts.pop(key)
    reader.page.messages[key] = {**row, "chat": "none"}
    assert [item for item in reader.read(hours=2) if isinstance(item, Deletion)] == []


def test_no_cursor_holds_a_token(reader: Reader) -> None:
    """Next links carry the token; the cursor does not."""
    reader.page.size = 1
    reader.read()
    reader.read("messages")
    assert reader.world.TOKEN not in str(reader.cursor)


def test_recommendations_are_read_where_they_may_be(world: Any) -> None:
    """Recommendations come as reviews; one that is gone is missing from their census."""
    reader = Reader(world, reviews=True)
    told = {"created_time": "2026-03-01T00:00:00+0000", "review_text": "Fast", "reviewer": {"id": "7", "name": "Mara"}}
    reader.page.ratings.append({**told, "open_graph_story": {"id": "55"}})
    review, census = reader.read("reviews")
    assert isinstance(census, Census)
    assert (review.id, review.scope, census.ids, census.scope) == ("55", "review", frozenset({"55"}), "review")

    def withdrawn(*_: Any) -> Any:
        raise world.Refused(12, message="deprecated for versions v22.0 and higher")

    reader.page._route = withdrawn
    with pytest.raises(UnsupportedError):
        reader.read("reviews", hours=2)


def test_an_expired_token_says_what_to_do(reader: Reader) -> None:
    """An expired token is a CredentialsError that says how to get a lasting one."""
    reader.grant = lambda: {"token": "another", "app_secret": reader.world.SECRET}  # type: ignore[method-assign]
    with pytest.raises(CredentialsError, match="long-lived"):
        reader.read()
