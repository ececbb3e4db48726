"""Following lists and looking again, on the server made from the lexicons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from socialcrm.errors import NotFound, PayloadError, UnsupportedError
from socialcrm.types import Deletion, Hole, Interaction, Kind

HOUR = timedelta(hours=1)


def ids(items: list[Any]) -> set[str]:
    return {item.id for item in items if isinstance(item, Interaction)}


def test_notifications_come_with_their_posts(server: Any, desk: Any) -> None:
    """Mentions, replies and quotes arrive as posts, likes as reactions to ours, and nothing is left out."""
    mara = server.person("mara.example.org", "Mara")
    ours = server.post(server.me, "News", age=3 * HOUR)
    mention = server.post(mara, "@acme.example.com help", age=2 * HOUR)
    answer = server.post(mara, "Nice", to=ours, age=HOUR, tell="reply")
    like = server.write(mara, "app.bsky.feed.like", {"subject": server.ref(ours), "createdAt": "2026-10-05T11:30:00.000Z"})
    server.notes.append((like, "like"))
    items = {item.id: item for item in desk().sync("notifications")}
    assert set(items) == {mention, answer, like}
    assert (items[mention].kind, items[mention].conversation, items[mention].author.name) == (Kind.POST, mention, "Mara")
    assert (items[answer].kind, items[answer].conversation, items[answer].parent) == (Kind.REPLY, ours, ours)
    assert items[like].kind is Kind.REACTION


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_killed_anywhere_nothing_is_skipped(server: Any, desk: Any, killed: Any, size: int) -> None:
    """Whatever step a walk dies at, with posts arriving meanwhile, the next ones bring all that is there."""
    mara = server.person("mara.example.org")
    for number in range(9):
        server.post(mara, f"Number {number}", age=timedelta(minutes=60 - number))
    server.size = size
    for lives in range(1, 20):
        here = desk()
        here.host.lives = lives
        brought: set[str] = set()
        try:
            brought |= ids(here.sync("notifications"))
        except killed:
            raws = [raw for batch in here.host.batches for raw in batch.raws]
            brought |= ids([item for raw in raws for item in here.connector.parse(raw)])
        here.host.lives = None
        server.post(mara, f"And {lives}", age=timedelta(seconds=60 - lives))
        brought |= ids(here.sync("notifications"))
        assert brought >= {uri for uri, _reason in server.notes}


def test_what_arrives_late_is_found(server: Any, desk: Any) -> None:
    """A post that claims to be minutes old is found at once, one that claims hours by the hourly walk."""
    mara = server.person("mara.example.org")
    server.size = 1
    server.post(mara, "First")
    here = desk()
    here.sync("notifications")
    soon = {server.post(mara, "Slow connection", age=timedelta(minutes=minutes)) for minutes in (3, 5)}
    late = server.post(mara, "Written on the train", age=5 * HOUR)
    assert soon <= ids(here.sync("notifications"))
    server.now += HOUR
    assert late in ids(here.sync("notifications"))


def test_history_ends_somewhere(server: Any, desk: Any) -> None:
    """The first walk stops at the days that the settings give."""
    mara = server.person("mara.example.org")
    server.size = 1
    for days in (1, 5, 40, 41, 42):
        server.post(mara, "x", age=timedelta(days=days))
    assert len(desk(history_days=7).sync("notifications")) == 3
    assert len(desk(history_days=0).sync("notifications")) == 5


def test_deleted_posts(server: Any, desk: Any) -> None:
    """What its author deleted is deleted, an hour later at most; with the account, too."""
    mara, omar = server.person("mara.example.org"), server.person("omar.example.net")
    first, kept, last = server.post(mara, "1"), server.post(mara, "2"), server.post(omar, "3")
    here = desk()
    here.sync("notifications")
    server.delete(first)
    server.delete(last)
    del server.people[omar]
    assert [item for item in here.sync("notifications") if isinstance(item, Deletion)] == []
    server.now += HOUR
    gone = [item.id for item in here.sync("notifications") if isinstance(item, Deletion)]
    assert sorted(gone) == sorted([first, last])
    assert [row for row in here.host.cursor if row.startswith("seen:")] == [f"seen:{kept}"]


@pytest.mark.parametrize("hiding", ["suspended", "blockers"])
def test_what_is_hidden_is_not_deleted(server: Any, desk: Any, hiding: str) -> None:
    """Posts of authors who are suspended or block us vanish, and are not taken for deleted."""
    mara = server.person("mara.example.org")
    server.post(mara, "1")
    here = desk()
    here.sync("notifications")
    getattr(server, hiding).add(mara)
    server.now += HOUR
    assert here.sync("notifications") == []


def test_a_mass_deletion_is_doubted(server: Any, desk: Any) -> None:
    """If most posts are missing at once, that is noted, and nothing is deleted."""
    mara = server.person("mara.example.org")
    for number in range(12):
        server.post(mara, str(number), age=timedelta(minutes=number))
    here = desk()
    here.sync("notifications")
    server.hidden = set(server.records)
    server.now += HOUR
    (doubt,) = here.sync("notifications")
    assert isinstance(doubt, Hole)
    assert "12 of 12" in doubt.reason


def test_searches_and_profiles(server: Any, desk: Any) -> None:
    """Each query and each name has its own place; both work without an account."""
    mara = server.person("mara.example.org")
    for number in range(5):
        server.post(mara, f"#acme {number}", tell="", age=timedelta(minutes=number))
    other = server.post(mara, "dinner", tell="", age=HOUR)
    server.size = 2
    here = desk(app_password=None, identifier="", search=("#acme", "acme 3"), profiles=("mara.example.org",))
    assert len(ids(here.sync("search"))) == 5
    assert len([row for row in here.host.cursor if row.endswith("mark")]) == 2
    assert other in ids(here.sync("profiles"))
    assert here.sync("notifications") == here.sync("own") == here.sync("chats") == []
    with pytest.raises(UnsupportedError, match="no account of ours"):
        here.run(here.connector.identify())


def test_who_we_are_without_a_password(server: Any, desk: Any) -> None:
    """An account that is only named is looked up, so that its posts are known as ours."""
    here = desk(app_password=None)
    assert here.run(here.connector.identify()).id == server.me


def test_searching_and_looking_up(server: Any, desk: Any) -> None:
    """An application can search, and look accounts up by handle."""
    mara = server.person("mara.example.org", "Mara")
    server.post(mara, "about acme", tell="")
    here = desk()
    here.run(here.connector.search("acme", {}))
    assert [raw.kind for batch in here.host.batches for raw in batch.raws] == ["post"]
    assert here.run(here.connector.profile("@mara.example.org")).id == mara
    with pytest.raises(NotFound):
        here.run(here.connector.profile("nobody.example.org"))


def test_an_odd_page_is_an_error(server: Any, desk: Any) -> None:
    """A body without its list is not taken for an empty one."""
    server._list_notifications = lambda _query, _body: {"notifications": None}
    with pytest.raises(PayloadError, match="speaks app"):
        desk().sync("notifications")
