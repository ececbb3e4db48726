from __future__ import annotations

from datetime import timedelta

import pytest

from socialcrm.connectors import Answer
from socialcrm.errors import PayloadError, RefusedError, UnsupportedError
from socialcrm.types import Deletion, Hole, Interaction, Visibility

HOUR = timedelta(hours=1)


def filled(x, count=8):
    mara = x.user("mara")
    return [x.mention(mara, f"@acme line {n}", age=HOUR * (count - n)) for n in range(count)]


class TestWalk:
    def test_brings_every_mention_over_several_pages(self, x, desk):
        """All mentions arrive, whatever the page size."""
        said = filled(x)
        channel = desk()
        channel.sync("mentions")
        assert channel.ids == set(said)

    def test_what_is_filed_late_still_arrives(self, x, desk):
        """A post that X files some minutes below the newest one seen is delivered by the next walk."""
        said = filled(x, 2)
        channel = desk()
        channel.sync("mentions")
        late = x.mention(x.user("ola"), "@acme late", age=HOUR + timedelta(minutes=10))
        channel.sync("mentions")
        assert channel.ids == {*said, late}

    @pytest.mark.parametrize("stream", ["mentions", "own", "search", "messages"])
    def test_killed_at_every_step_it_ends_the_same(self, x, desk, killed, stream):
        """Killed after any number of steps, with elements arriving meanwhile, the resumed sync loses nothing."""
        mara = x.user("mara")

        def say(text, age):
            if stream == "messages":
                return x.message(mara, text, age=age)
            return x.post(x.me if stream == "own" else mara, text, age=age, mentions=[x.me["id"]])

        said = [say(f"acme {n}", HOUR * (9 - n)) for n in range(7)]
        for lives in range(99):
            channel = desk(search=("acme",))
            channel.host.lives = lives
            try:
                channel.sync(stream)
                assert lives > 3
                return
            except killed:
                channel.host.lives = None
            said.append(say(f"acme meanwhile {lives}", timedelta(minutes=30 - lives)))
            channel.sync(stream)
            assert channel.ids == set(said), lives
        pytest.fail("never ran to its end")

    def test_a_place_that_is_no_longer_taken_begins_again(self, x, desk, killed):
        """If X refuses the kept pagination token, the walk begins at the top and loses nothing."""
        said = filled(x)
        channel = desk()
        channel.host.lives = 4
        with pytest.raises(killed):
            channel.sync("mentions")
        channel.host.lives = None
        assert "page" in channel.host.cursor
        once = [Answer(status=400, content=b'{"detail": "bad pagination_token"}')]
        x.before = lambda request: once.pop() if once and "pagination_token" in request.query else None
        channel.sync("mentions")
        assert channel.ids == set(said)

    def test_the_first_walk_stops_at_the_horizon(self, x, desk):
        """The first sync looks no further back than history_days."""
        x.mention(x.user("mara"), "@acme old", age=timedelta(days=40))
        new = x.mention(x.user("ola"), "@acme new")
        channel = desk()
        channel.sync("mentions")
        assert channel.ids == {new}

    def test_after_a_long_absence_the_search_has_a_hole(self, x, desk):
        """A search that stood still for longer than X shows goes on at the edge, and says what nobody could see."""
        x.post(x.user("mara"), "acme", age=HOUR)
        channel = desk(search=("acme",))
        channel.sync("search")
        channel.host.time = x.now = x.now + timedelta(days=20)
        new = x.post(x.user("ola"), "acme again", age=HOUR)
        channel.sync("search")
        assert new in channel.ids
        (hole,) = [item for item in channel.items if isinstance(item, Hole)]
        assert hole.at - hole.since > timedelta(days=12)

    def test_every_element_is_passed_on_with_its_own_part(self, x, desk):
        """Each raw holds its post and what was expanded for it; leftovers and partial errors are raws of their own."""
        filled(x, 1)
        page = b'{"meta": {}, "data": [{"id": "1", "author_id": "2"}, null, 7], "errors": [{"type": "t"}], '
        page += b'"includes": {"users": [{"id": "2"}, {"id": "3"}]}}'
        x.before = lambda request: Answer(status=200, content=page) if "mentions" in request.url else None
        channel = desk(recheck_days=0)
        channel.run(channel.connector.fetch("mentions", {}))
        kinds = [raw.kind for raw in channel.raws]
        assert kinds == ["post", "post", "post", "includes", "problem"]
        assert channel.raws[0].body["includes"] == {"users": [{"id": "2"}]}
        assert channel.raws[3].body == {"users": [{"id": "3"}]}

    def test_an_odd_body_is_no_empty_page(self, x, desk):
        """An object without meta is an error and not the end of the list."""
        x.before = lambda request: Answer(status=200, content=b"{}") if "mentions" in request.url else None
        with pytest.raises(PayloadError):
            desk().sync("mentions")

    def test_a_bearer_reads_and_writes_nothing(self, x, desk):
        """With the application's token alone mentions are read, messages are not asked for, and writing is refused."""
        said = filled(x, 2)
        channel = desk(token=None, bearer=desk().connector.settings.token, user_id=x.me["id"])
        channel.sync("mentions")
        channel.sync("messages")
        assert channel.ids == set(said)
        assert not any("dm_events" in request.url for request in x.log)
        with pytest.raises(UnsupportedError):
            channel.run(channel.connector.react(said[0], "", "like"))

    def test_older_names_can_be_asked_for(self, x, desk):
        """With old_names the query has tweet.fields, else post.fields."""
        for old in (True, False):
            desk(old_names=old).sync("mentions")
            assert ("tweet.fields" in x.log[-1].url) is old

    def test_a_refusal_of_the_first_page_is_told(self, x, desk):
        """A query that X refuses raises its words."""
        x.before = lambda request: (
            Answer(status=400, content=b'{"detail": "no such field"}') if "search" in request.url else None
        )
        with pytest.raises(RefusedError, match="no such field"):
            desk(search=("a (",)).sync("search")


class TestRecheck:
    def later(self, channel, x):
        channel.host.time = x.now = x.now + HOUR * 2
        channel.sync("mentions")

    def test_an_edit_is_a_revision_of_the_first_version(self, x, desk):
        """A post that got a new id by an edit keeps the first one here, and is newer."""
        (first,) = filled(x, 1)
        channel = desk()
        channel.sync("mentions")
        x.edit(first, "@acme line zero")
        self.later(channel, x)
        items = [item for item in channel.items if isinstance(item, Interaction)]
        assert {item.id for item in items} == {first}
        assert items[-1].text == "@acme line zero"
        assert items[-1].edited_at > items[-1].at

    def test_what_is_named_as_not_found_is_deleted(self, x, desk):
        """A deleted post becomes a deletion under its first version's id."""
        said = filled(x, 3)
        last = x.edit(said[1], "@acme edited")
        channel = desk()
        channel.sync("mentions")
        x.delete(last)
        self.later(channel, x)
        assert [item.id for item in channel.items if isinstance(item, Deletion)] == [said[1]]

    @pytest.mark.parametrize("why", ["protected", "suspended"])
    def test_hidden_is_not_deleted(self, x, desk, why):
        """Posts of authors who protected their account or were suspended are not taken for deleted."""
        said = filled(x, 1)
        channel = desk()
        channel.sync("mentions")
        author = x.posts[said[0]]["author_id"]
        if why == "protected":
            x.users[author]["protected"] = True
        else:
            x.gone_users[author] = "suspended"
            x.delete(said[0])
        self.later(channel, x)
        assert not [item for item in channel.items if isinstance(item, Deletion)]

    def test_a_deleted_account_s_posts_are_deleted(self, x, desk):
        """If the author is not found either, the post is gone."""
        said = filled(x, 1)
        channel = desk()
        channel.sync("mentions")
        del x.users[x.posts[said[0]]["author_id"]]
        x.delete(said[0])
        self.later(channel, x)
        assert [item.id for item in channel.items if isinstance(item, Deletion)] == said

    def test_many_at_once_are_doubted(self, x, desk):
        """If most posts seem deleted at once, none is, and a hole records the doubt."""
        said = filled(x, 12)
        channel = desk()
        channel.sync("mentions")
        for key in said:
            x.delete(key)
        self.later(channel, x)
        assert not [item for item in channel.items if isinstance(item, Deletion)]
        assert [item for item in channel.items if isinstance(item, Hole)]

    def test_a_poke_looks_at_once(self, x, desk):
        """A webhook's poke makes the next sync look posts up before the hour is over."""
        filled(x, 1)
        channel = desk()
        channel.sync("mentions")
        calls = len([one for one in x.log if "/2/tweets?" in one.url])
        channel.sync("mentions")
        assert len([one for one in x.log if "/2/tweets?" in one.url]) == calls
        channel.host.cursor["poke"] = "deletion"
        channel.sync("mentions")
        assert len([one for one in x.log if "/2/tweets?" in one.url]) == calls + 1


def test_protected_authors_are_limited_and_messages_private(x, desk):
    """Who can read it is told honestly."""
    x.mention(x.user("shy", protected=True), "@acme hi")
    x.message(x.user("mara"), "psst")
    channel = desk(recheck_days=0)
    channel.sync("mentions")
    channel.sync("messages")
    assert [item.visibility for item in channel.items] == [Visibility.LIMITED, Visibility.PRIVATE]
