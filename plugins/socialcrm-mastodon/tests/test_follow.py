from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from socialcrm.errors import CredentialsError, RateLimited, ServerFault, SettingsError, UnsupportedError
from socialcrm.types import Deletion, Hole, Interaction, Kind, Visibility

HOUR = timedelta(hours=1)


def filled(mastodon, count=8):
    mara = mastodon.account("mara", host="example.town", name="Mara")
    return [mastodon.mention(mara, f"line {n} is dead", age=HOUR * (count - n)) for n in range(count)]


def paths(mastodon):
    return [request.url.path for request in mastodon.log]


class TestWalk:
    def test_brings_every_mention_over_several_pages(self, mastodon, desk):
        """All mentions arrive, whatever the page size."""
        said = filled(mastodon)
        channel = desk()
        channel.sync("mentions")
        assert channel.ids == {status["id"] for status in said}

    def test_an_idle_walk_brings_nothing_and_asks_once(self, mastodon, desk):
        """With nothing new, a sync makes one call, commits no raw and writes no row."""
        filled(mastodon)
        channel = desk()
        channel.sync("mentions")
        channel.sync("mentions")
        batches, calls = len(channel.host.batches), len(mastodon.log)
        channel.sync("mentions")
        assert len(channel.host.batches) == batches
        assert len(mastodon.log) == calls + 1

    def test_later_walks_bring_what_is_new(self, mastodon, desk):
        """What arrives between two syncs is delivered by the second."""
        filled(mastodon)
        channel = desk()
        channel.sync("mentions")
        new = filled(mastodon, 7)
        channel.sync("mentions")
        assert {status["id"] for status in new} <= channel.ids

    def test_what_is_committed_late_below_the_newest_id_still_arrives(self, mastodon, desk):
        """An element whose id is below the newest one seen, but that appeared after it, is delivered by the next walk."""
        filled(mastodon, 2)
        channel = desk()
        channel.sync("mentions")
        slow = mastodon.mention(mastodon.account("ola"), "slow")
        notification = mastodon.notifications.pop()
        mastodon.mention(mastodon.account("quick"), "quick")
        mastodon.notifications[-1]["id"] = str(int(notification["id"]) + 1)
        channel.sync("mentions")
        mastodon.notifications.insert(-1, notification)
        mastodon.mention(mastodon.account("next"), "next")
        channel.sync("mentions")
        assert slow["id"] in channel.ids

    @pytest.mark.parametrize("stream", ["mentions", "own", "hashtags", "search"])
    def test_killed_at_every_step_it_ends_the_same(self, mastodon, desk, killed, stream):
        """Killed after any number of steps, with posts arriving meanwhile, the resumed sync loses nothing."""
        mara = mastodon.account("mara")
        writers = {"mentions": mara, "own": mastodon.me, "hashtags": mara, "search": mara}

        def say(n):
            tags = [{"name": "acme"}]
            if stream == "mentions":
                return mastodon.mention(mara, f"acme {n}", age=HOUR)
            return mastodon.status(writers[stream], f"acme {n}", age=HOUR, tags=tags)

        settings = {"hashtags": ("acme",), "search": ("acme",), "recheck_days": 3}
        said = [say(n)["id"] for n in range(7)]
        for lives in range(99):
            channel = desk(**settings)
            channel.host.lives = lives
            try:
                channel.sync(stream)
                assert lives > 4
                break
            except killed:
                channel.host.lives = None
            if lives < 12:
                said.append(say(f"meanwhile {lives}")["id"])
            channel.sync(stream)
            assert channel.ids == set(said), lives
        else:
            pytest.fail("never ran to its end")

    def test_the_first_walk_stops_at_the_horizon(self, mastodon, desk):
        """The first sync looks no further back than history_days."""
        mara = mastodon.account("mara")
        for n in range(9):
            mastodon.mention(mara, f"old {n}", age=timedelta(days=90 - n))
        new = mastodon.mention(mara, "new")
        channel = desk()
        channel.sync("mentions")
        assert new["id"] in channel.ids
        assert len(channel.ids) <= 6

    def test_no_horizon_brings_everything(self, mastodon, desk):
        """With history_days 0 the first sync brings all there is."""
        mara = mastodon.account("mara")
        for n in range(9):
            mastodon.mention(mara, f"old {n}", age=timedelta(days=900 - n))
        channel = desk(history_days=0)
        channel.sync("mentions")
        assert len(channel.ids) == 9

    def test_goes_on_without_link_headers(self, mastodon, desk):
        """A server that sends no Link header is paged by the last element's id."""
        mastodon.links = False
        said = filled(mastodon)
        channel = desk()
        channel.sync("mentions")
        assert channel.ids == {status["id"] for status in said}

    def test_a_page_that_lacks_elements_ends_nothing(self, mastodon, desk):
        """A short page without a next link, as servers send after filtering, is not taken for the last."""
        said = filled(mastodon)

        def shorten(request, response):
            if request.url.path.endswith("notifications") and len(response.json()) == 3:
                return httpx.Response(200, json=response.json()[:2])
            return response

        mastodon.after = shorten
        mastodon.links = False
        channel = desk()
        channel.sync("mentions")
        assert channel.ids == {status["id"] for status in said}

    def test_ends_with_a_server_that_ignores_paging(self, mastodon, desk):
        """A server that always answers the same page does not keep the walk going for ever."""
        filled(mastodon, 3)
        page = httpx.Response(200, json=list(reversed(mastodon.notifications)))
        mastodon.before = lambda request: page if request.url.path.endswith("notifications") else None
        channel = desk()
        channel.sync("mentions")
        assert len(mastodon.log) < 5

    def test_unreadable_elements_are_passed_on(self, mastodon, desk):
        """An element that is no object is journaled like any other, and the rest of the page arrives."""
        said = filled(mastodon, 1)
        page = [*mastodon.notifications, None, "surprise", {"id": 7}]
        first = httpx.Response(200, json=page)
        mastodon.before = lambda request: (
            first if request.url.path.endswith("notifications") and "max_id" not in request.url.params else None
        )
        channel = desk()
        channel.run(channel.connector.fetch("mentions", {}))
        assert len(channel.raws) >= 4
        assert said[0]["id"] in {item.id for raw in channel.raws[:1] for item in channel.connector.parse(raw)}

    def test_no_secret_and_no_link_in_any_cursor(self, mastodon, desk):
        """The server's links carry the token; no row and no raw does."""
        filled(mastodon)
        channel = desk(hashtags=("acme",))
        for stream in ("mentions", "own", "hashtags"):
            channel.sync(stream)
        for batch in channel.host.batches:
            assert "canary" not in str(batch.cursor)
            assert "http" not in str(batch.cursor)
            assert all(len(value or "") < 100 for value in batch.cursor.values())

    def test_filtered_notifications_are_asked_for(self, mastodon, desk):
        """Private mentions by strangers, which the server's policy hides, are asked for too."""
        desk().sync("mentions")
        assert mastodon.log[0].url.params["include_filtered"] == "true"

    def test_a_poke_is_answered_and_dropped(self, mastodon, desk):
        """The row that the live stream leaves to ask for a sync is gone after it."""
        channel = desk()
        channel.host.cursor["poke"] = "now"
        channel.sync("mentions")
        assert "poke" not in channel.host.cursor


class TestRecheck:
    def once_more(self, channel, stream="mentions"):
        channel.host.batches.clear()
        channel.host.time += HOUR * 2
        channel.sync(stream)
        return channel.items

    @pytest.mark.parametrize("many", [True, False])
    def test_deletions_and_edits_are_found(self, mastodon, desk, many):
        """What was deleted or edited within the window is told, on servers with and without multiple fetch."""
        mastodon.many = many
        said = filled(mastodon, 6)
        channel = desk()
        channel.sync("mentions")
        del mastodon.statuses[said[0]["id"]]
        mastodon.notifications.pop(0)
        said[1].update(content="<p>solved</p>", edited_at="2026-10-05T12:30:00.000Z")
        items = self.once_more(channel)
        assert [item.id for item in items if isinstance(item, Deletion)] == [said[0]["id"]]
        edits = [item for item in items if isinstance(item, Interaction) and item.edited_at]
        assert [(item.id, item.text) for item in edits] == [(said[1]["id"], "solved")]
        assert self.once_more(channel) == []

    def test_only_hourly(self, mastodon, desk):
        """Within the hour nothing is looked at again."""
        filled(mastodon, 2)
        channel = desk()
        channel.sync("mentions")
        channel.sync("mentions")
        calls = len(mastodon.log)
        channel.host.time += HOUR / 2
        channel.sync("mentions")
        assert len(mastodon.log) == calls + 1

    def test_rows_leave_with_the_window(self, mastodon, desk):
        """A status older than the window is looked at no more and holds no row."""
        filled(mastodon, 2)
        channel = desk(recheck_days=1)
        channel.sync("mentions")
        assert any(row.startswith("seen:") for row in channel.host.cursor)
        channel.host.time += timedelta(days=2)
        channel.sync("mentions")
        assert not any(row.startswith("seen:") for row in channel.host.cursor)

    @pytest.mark.parametrize("state", ["suspended", "blocked"])
    def test_an_author_out_of_sight_deleted_nothing(self, mastodon, desk, state):
        """Statuses that vanish because their author was suspended, or blocked us, are not taken for deleted."""
        said = filled(mastodon, 2)
        channel = desk()
        channel.sync("mentions")
        author = said[0]["account"]["id"]
        if state == "suspended":
            mastodon.accounts[author]["suspended"] = True
        else:
            mastodon.relationships[author] = {"id": author, "blocked_by": True}
        mastodon.statuses.clear()
        assert self.once_more(channel) == []

    def test_an_author_who_left_deleted_everything(self, mastodon, desk):
        """Statuses whose author's account is gone are gone."""
        said = filled(mastodon, 2)
        channel = desk()
        channel.sync("mentions")
        mastodon.statuses.clear()
        del mastodon.accounts[said[0]["account"]["id"]]
        assert {item.id for item in self.once_more(channel)} == {status["id"] for status in said}

    def test_a_mass_deletion_is_doubted(self, mastodon, desk):
        """When most statuses seem gone at once, that becomes a hole and nothing is deleted."""
        filled(mastodon, 12)
        channel = desk()
        channel.sync("mentions")
        mastodon.statuses.clear()
        items = self.once_more(channel)
        assert [type(item) for item in items] == [Hole]
        assert "12 of 12" in items[0].reason

    @pytest.mark.parametrize("status", [401, 403, 503])
    def test_trouble_deletes_nothing(self, mastodon, desk, status):
        """A server in trouble, or a permission that was lost, ends the sync and deletes nothing."""
        filled(mastodon, 2)
        channel = desk()
        channel.sync("mentions")
        mastodon.statuses.clear()
        mastodon.before = lambda request: httpx.Response(status) if "/statuses" in request.url.path else None
        with pytest.raises(Exception, match=str(status)):
            self.once_more(channel)
        assert channel.items == []

    def test_statuses_that_arrive_late_are_found(self, mastodon, desk):
        """A status of another server, filed under an older time than what we saw, is found by the hourly walk."""
        mara = mastodon.account("mara", host="example.town")
        tags = [{"name": "acme"}]
        for n in range(4):
            mastodon.status(mara, f"on time {n}", tags=tags)
        channel = desk(hashtags=("acme",))
        channel.sync("hashtags")
        late = mastodon.status(mara, "late", tags=tags, age=HOUR)
        mastodon.statuses["1000"] = {**late, "id": "1000"}
        del mastodon.statuses[late["id"]]
        assert "1000" in {item.id for item in self.once_more(channel, "hashtags")}


class TestStreams:
    def test_every_hashtag_has_rows_of_its_own(self, mastodon, desk):
        """Two hashtags are followed side by side; a new one starts from its own beginning."""
        mara = mastodon.account("mara")
        for n in range(5):
            mastodon.status(mara, f"a{n}", tags=[{"name": "acme"}])
        channel = desk(hashtags=("acme",))
        channel.sync("hashtags")
        old = mastodon.status(mara, "hilfe", tags=[{"name": "acmehilfe"}])
        both = desk(hashtags=("#AcmeHilfe", "acme"))
        both.host.cursor.update(channel.host.cursor)
        both.sync("hashtags")
        assert old["id"] in both.ids

    def test_without_a_token_only_hashtags_are_followed(self, mastodon, desk):
        """The token-free mode sends no credentials and makes no private call."""
        mastodon.status(mastodon.account("mara"), "hi", tags=[{"name": "acme"}])
        channel = desk(token=None, hashtags=("acme",), search=("acme",))
        channel.host._grant = {}
        for stream in ("mentions", "own", "search", "hashtags"):
            channel.sync(stream)
        assert len(channel.ids) == 1
        assert {path.split("/")[3] for path in paths(mastodon)} <= {"timelines", "statuses"}
        assert not any("authorization" in request.headers for request in mastodon.log)

    def test_own_statuses_can_be_left_out(self, mastodon, desk):
        """With own_posts off, our statuses are not asked for."""
        desk(own_posts=False).sync("own")
        assert mastodon.log == []

    def test_private_answers_of_ours_are_followed(self, mastodon, desk):
        """A direct message that we wrote elsewhere arrives by the stream "own"."""
        mastodon.status(mastodon.me, "between us", visibility="direct")
        channel = desk()
        channel.sync("own")
        assert [(item.kind, item.visibility) for item in channel.items] == [(Kind.MESSAGE, Visibility.PRIVATE)]

    def test_an_unknown_stream_is_refused(self, desk):
        """A stream that the connector does not have is named, with those it has."""
        with pytest.raises(UnsupportedError, match="mentions"):
            desk().sync("mentoins")

    def test_searching_yields_batches(self, mastodon, desk):
        """The capability "search" pages through what the server finds."""
        mara = mastodon.account("mara")
        said = {mastodon.status(mara, f"acme {n}")["id"] for n in range(5)}
        channel = desk()
        channel.run(channel.connector.search("acme", {}))
        assert channel.ids == said


class TestTrouble:
    def test_a_bad_token_is_told(self, mastodon, desk):
        """401 says what to change, in the server's words."""
        channel = desk()
        channel.host._grant = {"token": "old"}
        with pytest.raises(CredentialsError, match="access token is invalid"):
            channel.sync("mentions")

    def test_a_web_page_is_no_api(self, mastodon, desk):
        """HTML with status 200 says that the address is wrong."""
        mastodon.before = lambda _request: httpx.Response(200, html="<!DOCTYPE html><title>Welcome</title>")
        with pytest.raises(SettingsError, match="web page"):
            desk().sync("mentions")

    def test_a_limit_is_waited_for(self, mastodon, desk):
        """429 is a RateLimited that says how long, from the reset time and the answer's own date."""
        headers = {"x-ratelimit-reset": "2026-10-05T12:04:30Z", "date": "Mon, 05 Oct 2026 12:00:00 GMT"}
        mastodon.before = lambda _request: httpx.Response(429, headers=headers, json={"error": "Too many requests"})
        with pytest.raises(RateLimited) as caught:
            desk().sync("mentions")
        assert caught.value.retry_after == pytest.approx(270, abs=5)

    def test_a_broken_page_commits_nothing(self, mastodon, desk):
        """A body that breaks off leaves cursor and journal as they were; the next sync brings everything."""
        said = filled(mastodon)

        def cut(request, response):
            return httpx.Response(200, content=response.content[:100]) if "max_id" in request.url.params else response

        mastodon.after = cut
        channel = desk()
        with pytest.raises(Exception, match="JSON"):
            channel.sync("mentions")
        mastodon.after = lambda _request, response: response
        channel.sync("mentions")
        assert channel.ids == {status["id"] for status in said}

    def test_a_fault_is_tried_again(self, mastodon, desk):
        """One 503 costs one repetition and nothing else."""
        said = filled(mastodon, 2)
        faults = [httpx.Response(503)]
        mastodon.before = lambda _request: faults.pop() if faults else None
        channel = desk()
        channel.sync("mentions")
        assert channel.ids == {status["id"] for status in said}

    def test_a_lasting_fault_is_told(self, mastodon, desk):
        """A server that stays down is a ServerFault."""
        mastodon.before = lambda _request: httpx.Response(503, html="<h1>Backend fetch failed</h1>")
        with pytest.raises(ServerFault):
            desk().sync("mentions")
