"""A brand answers on Bluesky: the whole way through the CRM on a real PDS and AppView. All people are invented."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers import bluesky as harness

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import Blob, Connector, Outgoing
from socialcrm.errors import CredentialsError
from socialcrm.transport import Driver, Host
from socialcrm.types import Direction

pytestmark = pytest.mark.server("bluesky")
POST = "app.bsky.feed.post"
NUMBERS = itertools.count(1)
FLUSH = 60_000
"""About how many of Python's calls it takes to deliver a few replies."""

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c626001000000ffff03000006000557bfabd40000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def network() -> Iterator[Any]:
    """A network."""
    with harness.bluesky() as running:
        yield running


class Team:
    """Our account, two customers, and a workspace that follows the account; its clock can be put forward."""

    def __init__(self, network: Any, url: str) -> None:
        number = next(NUMBERS)
        self.network, self.url = network, url
        self.us, self.mara, self.omar = (network.person(f"{name}-{number}") for name in ("telephone", "mara", "omar"))
        self.password = network.app_password(self.us)
        self.ahead = timedelta()
        self.crm: CRM = socialcrm.open(url, clock=lambda: datetime.now(UTC) + self.ahead)

    def add(self, crm: CRM) -> None:
        settings = {"server": self.network.url, "identifier": self.us.handle, "app_password": "env:TELEPHONE_PASSWORD"}
        crm.channels.add("bluesky", name="telephone", **settings)

    def ask(self, who: Any, text: str, **more: Any) -> Any:
        """Somebody mentions us."""
        return self.network.post(who, f"@{self.us.handle} {text}", facets=[self.mention], **more)

    @property
    def mention(self) -> dict[str, Any]:
        feature = {"$type": "app.bsky.richtext.facet#mention", "did": self.us.did}
        return {"index": {"byteStart": 0, "byteEnd": len(self.us.handle) + 1}, "features": [feature]}

    def flood(self, who: Any, count: int, at: datetime) -> None:
        """Somebody mentions us again and again, a second apart."""
        writes = []
        for number in range(count):
            text = f"@{self.us.handle} Still nothing, {number}"
            created = (at + timedelta(seconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            record = {"$type": POST, "text": text, "createdAt": created, "facets": [self.mention]}
            writes.append({"$type": "com.atproto.repo.applyWrites#create", "collection": POST, "value": record})
        for start in range(0, count, 100):
            body = {"repo": who.did, "writes": writes[start : start + 100]}
            self.network.call("com.atproto.repo.applyWrites", body, by=who)
        self.network.settle()

    def sync(self) -> Any:
        self.network.settle()
        return self.crm.sync()

    def said(self) -> dict[str, tuple[str, str | None, str]]:
        """Return every post to us or by us as the network itself reports it: text, parent, author."""
        self.network.settle()
        found = {}
        lists = (
            ("notification.listNotifications", "notifications", {}),
            ("feed.getAuthorFeed", "feed", {"actor": self.us.did}),
        )
        for method, rows, params in lists:
            page: dict[str, Any] = {"cursor": ""}
            while "cursor" in page:
                more = {"cursor": page["cursor"]} if page["cursor"] else {}
                page = self.network.call(f"app.bsky.{method}", by=self.us, limit=100, **params, **more)
                for row in (row.get("post", row) for row in page[rows]):
                    record = row["record"]
                    if record["$type"] == POST:
                        parent = record.get("reply", {}).get("parent", {}).get("uri")
                        found[row["uri"]] = (record["text"], parent, row["author"]["did"])
        return found

    def held(self) -> dict[str, tuple[str, str | None, str]]:
        """Return what the store holds, in the same words."""
        kept = [one for one in self.crm.interactions(limit=2000) if one.deleted_at is None]
        found = {one.id: (one.text, one.parent, one.author.id) for one in kept}
        assert len(found) == len(kept)
        return found


@pytest.fixture
def team(network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    made = Team(network, f"sqlite:///{tmp_path}/team.db")
    monkeypatch.setenv("TELEPHONE_PASSWORD", made.password)
    with made.crm:
        made.add(made.crm)
        yield made


def test_the_story(team: Team) -> None:
    """Two customers write, cases open, each is answered once in the thread, with links as links, and nothing comes twice."""
    first = team.ask(team.mara, "my line is dead")
    team.network.post(team.omar, "Same here", to=team.ask(team.omar, "and mine"))
    report = team.sync()
    assert (report.new, report.opened) == (2, 2)
    case = next(case for case in team.crm.inbox() if case.customer_name == "Mara-1")
    reply = team.crm.reply(case, f"Sorry, @{team.mara.handle}! 📞 See https://example.com/help.", by="ana")
    assert team.crm.flush().sent == [reply.ref]

    (sent,) = team.crm.outbox()
    team.network.settle()
    (post,) = team.network.call("app.bsky.feed.getPosts", by=team.us, uris=sent.ids)["posts"]
    parent = {"uri": first["uri"], "cid": first["cid"]}
    assert post["record"]["reply"] == {"root": parent, "parent": parent}
    shown = post["record"]["text"].encode()
    marks = [(shown[f["index"]["byteStart"] : f["index"]["byteEnd"]], f["features"][0]) for f in post["record"]["facets"]]
    assert [mark.decode() for mark, _feature in marks] == [f"@{team.mara.handle}", "https://example.com/help"]
    assert marks[0][1]["did"] == team.mara.did
    heard = team.network.call("app.bsky.notification.listNotifications", by=team.mara)["notifications"]
    assert {one["reason"] for one in heard} == {"mention"}

    report = team.sync()
    assert (report.new, report.opened, team.crm.flush().sent) == (0, 0, [])
    assert team.held() == team.said()
    thread = team.crm.conversation(next(one for one in team.crm.interactions() if one.id == first["uri"]).thread)
    assert [one.direction for one in thread.interactions] == [Direction.INBOUND, Direction.OUTBOUND]


def test_what_is_deleted_disappears(team: Team) -> None:
    """A post that its author deleted is known as deleted within the hour, and no other is."""
    kept, gone = team.ask(team.mara, "my line is dead"), team.ask(team.omar, "forget it")
    team.sync()
    team.network.delete(team.omar, gone["uri"])
    team.ahead = timedelta(hours=2)
    team.sync()
    assert {one.id: one.deleted_at is None for one in team.crm.interactions()} == {kept["uri"]: True, gone["uri"]: False}
    assert team.held() == team.said()


def test_killed_anywhere_it_ends_as_the_network_says(team: Team, tmp_path: Path) -> None:
    """250 posts across the pages, ten times killed while fetching: in the end every one stands in the store, once."""
    team.flood(team.mara, 250, datetime.now(UTC) - timedelta(hours=1))
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        team.add(other)
    whole, dice = calls(calm, "sync"), random.Random(3)
    died = [work(team.url, "sync", dice.randint(1, whole * 2 // 3)) for _ in range(10)].count(None)
    team.sync()
    assert died >= 5
    assert len(team.held()) == 250
    assert team.held() == team.said()
    assert (team.sync().new, team.sync().changed) == (0, 0)


def test_a_server_that_restarts_in_the_middle(team: Team) -> None:
    """The PDS is stopped and started between two pages; the sync still ends with everything, once."""
    team.flood(team.omar, 120, datetime.now(UTC) - timedelta(hours=1))
    restarts: list[str] = []

    def progress(_progress: object) -> None:
        if not restarts:
            restarts.append("now")
            team.network.restart()

    team.crm.sync(progress=progress)
    team.sync()
    assert restarts
    assert len(team.held()) == 120
    assert team.held() == team.said()


def test_killed_while_answering_no_reply_is_doubled_or_lost(team: Team) -> None:
    """Ten times killed while sending, every reply stands once under its question."""
    asked = [team.ask(team.mara if number % 2 else team.omar, f"Question {number}") for number in range(8)]
    team.sync()
    wanted = {}
    for case in team.crm.inbox():
        reply = team.crm.reply(case, f"An answer to {case.ref}!", by="ana")
        wanted[reply.text] = case.ref
    dice, died = random.Random(5), 0
    for _ in range(10):
        died += work(team.url, "flush", dice.randint(1, FLUSH)) is None
    team.crm.flush()
    ours = {text: parent for text, parent, author in team.said().values() if author == team.us.did}
    assert set(ours) == set(wanted)
    assert set(ours.values()) <= {question["uri"] for question in asked}
    assert len([one for one in team.said().values() if one[2] == team.us.did]) == len(wanted)
    assert {reply.state for reply in team.crm.outbox()} <= {"sent", "reconciled"}
    assert died >= 3
    assert team.sync().new == 0
    assert team.held() == team.said()


def test_a_picture_and_taking_it_back(team: Team, tmp_path: Path) -> None:
    """A post of ours carries its picture, stands once however often it is sent, is found by settle, and can be deleted."""
    path = tmp_path / "pixel.png"
    path.write_bytes(PIXEL)
    blob = Blob(sha256=hashlib.sha256(PIXEL).hexdigest(), path=path, size=len(PIXEL), mime="image/png", name="pixel.png")
    message = Outgoing(id="o1", conversation="", parts=("Look! (1/2)", "Please. (2/2)"), media=(blob,), at=datetime.now(UTC))
    connector, driver = drive(team)
    with driver:
        assert driver.run(connector.settle(message, {})) is None
        receipt = driver.run(connector.send(message, {}))
        assert driver.run(connector.send(message, {})).ids == receipt.ids
        assert driver.run(connector.settle(message, {"part:0": f"{receipt.ids[0]} x"})).ids == receipt.ids
        found = team.said()
        assert {uri: found[uri][:2] for uri in receipt.ids} == {
            receipt.ids[0]: ("Look! (1/2)", None),
            receipt.ids[1]: ("Please. (2/2)", receipt.ids[0]),
        }
        team.sync()
        first = next(one for one in team.crm.interactions() if one.id == receipt.ids[0])
        assert [one.mime for one in first.attachments] == ["image/png"]
        for _ in range(2):
            driver.run(connector.retract(receipt))
        assert team.said() == {}


def test_likes_profiles_and_read_marks(team: Team) -> None:
    """A like stands once, an account is known by its DID, and what was read is seen."""
    asked = team.ask(team.mara, "thank you")
    team.sync()
    connector, driver = drive(team)
    with driver:
        for _ in range(2):
            driver.run(connector.react(asked["uri"], "", "like"))
        driver.run(connector.mark_read(asked["uri"], ""))
        assert driver.run(connector.profile(f"@{team.mara.handle}")).id == team.mara.did
    team.network.settle()
    (post,) = team.network.call("app.bsky.feed.getPosts", uris=asked["uri"], by=team.us)["posts"]
    assert post["likeCount"] == 1
    assert team.network.call("app.bsky.notification.getUnreadCount", by=team.us)["count"] == 0


def test_an_export_is_the_same_as_what_is_fetched(team: Team, tmp_path: Path) -> None:
    """The account's repository, exported by the server, tells the same posts as its feed."""
    for number in range(30):
        team.network.post(team.us, f"News {number}: übermorgen 📞")
    (tmp_path / "repo.car").write_bytes(team.network.call("com.atproto.sync.getRepo", did=team.us.did))
    with socialcrm.open() as crm:
        crm.load(tmp_path / "repo.car", platform="bluesky", channel="export")
        loaded = {one.id: (one.text, one.parent, one.author.id) for one in crm.interactions(limit=100)}
        assert {one.direction for one in crm.interactions()} == {Direction.OUTBOUND}
    assert len(loaded) == 30
    assert loaded == team.said()


def test_the_public_reads_without_an_account(team: Team, tmp_path: Path) -> None:
    """Without an app password, profiles are followed where the AppView shows them to anybody."""
    made = team.network.post(team.mara, "A public word")
    team.network.settle()
    with socialcrm.open(f"sqlite:///{tmp_path}/public.db") as crm:
        crm.channels.add("bluesky", name="public", server=team.network.appview, profiles=[team.mara.handle])
        crm.sync()
        assert [(one.id, one.text) for one in crm.interactions()] == [(made["uri"], "A public word")]


def test_a_wrong_password(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as such, without the password."""
    monkeypatch.setenv("TELEPHONE_PASSWORD", "hunter2")
    with pytest.raises(CredentialsError, match="app_password") as caught:
        team.crm.sync()
    assert "hunter2" not in "".join([str(caught.value), *getattr(caught.value, "__notes__", ())])


def drive(team: Team) -> tuple[Connector[Any], Driver]:
    """The connector by itself, as an application would drive it."""
    from socialcrm.types import Secret
    from socialcrm_bluesky import BlueskyConnector, BlueskySettings

    secret = Secret(team.password)
    connector = BlueskyConnector(BlueskySettings(server=team.network.url, identifier=team.us.handle, app_password=secret))
    return connector, Driver(connector, Host({"app_password": team.password}))
