"""Reading, signing in and writing, against the invented forum."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Blob, Call, Outgoing, Receipt
from socialcrm.errors import CredentialsError, ForbiddenError, RateLimited, RefusedError, UnclearError
from socialcrm.transport import Driver, Host, Local, Policy, open_client
from socialcrm.types import Interaction, Secret, Visibility
from socialcrm_misago import MisagoConnector, MisagoSettings
from socialcrm_misago._session import lost

TEXT = "We are sorry, and we are looking into it."


class Desk:
    """A connector and a forum that belong together."""

    def __init__(self, forum: Any, password: str = "", **settings: Any) -> None:
        access = {"username": "Acme", "password": Secret(password)} if password else {}
        self.connector = MisagoConnector(MisagoSettings(server="https://forum.example.com", **access, **settings))
        self.forum, self.host = forum, Host({"password": password} if password else {})
        self.host.now = lambda: self.forum.now  # type: ignore[method-assign]  # the forum's time is the world's

    def run(self, flow: Any) -> Any:
        policy = Policy(attempts=1, sleep=lambda _: None)
        local = Local(self.forum.answer, clock=lambda: self.forum.now)
        with open_client(transport=local) as client:
            return Driver(self.connector, self.host, client=client, policy=policy).run(flow)

    def sync(self, stream: str = "posts") -> list[Interaction]:
        before = len(self.host.batches)
        self.run(self.connector.fetch(stream, dict(self.host.cursor)))
        raws = [raw for batch in self.host.batches[before:] for raw in batch.raws]
        return [item for raw in raws for item in self.connector.parse(raw) if isinstance(item, Interaction)]

    def send(self, **fields: Any) -> Receipt:
        message = self.message(**fields)
        found: Receipt = self.run(self.connector.send(message, {}))
        return found

    def message(self, **fields: Any) -> Outgoing:
        told = {"id": "o1", "conversation": "11", "parts": (TEXT,), "reply_to": "1", "to": "2", "at": self.forum.now}
        return Outgoing(**{**told, **fields})


@pytest.fixture
def desk(forums: Callable[..., Any], password: str) -> Desk:
    return Desk(forums(), password)


def test_a_quiet_forum_costs_little(desk: Desk) -> None:
    """Where nothing changed, no thread is read but one in which a post waits for approval: another may wait there now."""
    desk.sync()
    desk.forum.log.clear()
    assert {one.conversation for one in desk.sync()} == {"11"}
    assert not any("/api/threads/12/posts/" in request.url for request in desk.forum.log)


def test_an_approved_post_in_the_middle_is_found(forums: Callable[..., Any], password: str) -> None:
    """A post that is let pass between older ones comes, though nothing is newer than what is known."""
    desk = Desk(forums(moderator=False, size=3), password, rescan_days=0)
    desk.forum.posts[2]["is_unapproved"] = True
    for number in range(10):
        desk.forum.post(11, 3, f"And what about number {number}?")
    assert "2" not in {one.id for one in desk.sync()}
    desk.forum.posts[2]["is_unapproved"] = False
    assert "2" in {one.id for one in desk.sync()}


def test_a_deep_thread_is_read_from_its_end(forums: Callable[..., Any], password: str) -> None:
    """Of a long thread that is known only the last pages are read again."""
    desk = Desk(forums(size=5), password, rescan_days=0)
    for number in range(60):
        desk.forum.post(12, 3, f"Chapter {number}", at=desk.forum.now - timedelta(days=20))
    assert len(desk.sync()) == 66
    desk.forum.post(12, 3, "The end", at=desk.forum.now)
    desk.forum.log.clear()
    desk.sync()
    assert sum("/api/threads/12/posts/" in request.url for request in desk.forum.log) <= 2


def test_members_only_is_limited(desk: Desk) -> None:
    """A category that guests can't read is limited, others are public."""
    seen = {one.id: one.visibility for one in desk.sync()}
    assert (seen["6"], seen["1"]) == (Visibility.LIMITED, Visibility.PUBLIC)


def test_a_guest_reads_only_what_is_public(forums: Callable[..., Any]) -> None:
    """Without a user the public threads come, and private ones are not asked for."""
    desk = Desk(forums())
    assert {one.id for one in desk.sync()} == {"1", "2", "3", "4"}
    assert desk.sync("private") == []
    with pytest.raises(CredentialsError, match="guest"):
        desk.send()


def test_a_wrong_password(forums: Callable[..., Any]) -> None:
    """The forum's own words say that the password is wrong."""
    with pytest.raises(CredentialsError, match="incorrect"):
        Desk(forums(), "wrong").sync()


def test_a_cookie_that_is_taken_back() -> None:
    """A session has ended where its cookie is taken back, not where a cookie is set."""
    gone = (
        'csrftoken=abc; expires=Sun, 28 Feb 2027 12:00:00 GMT, sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0'
    )
    assert lost(Answer(status=200, headers={"set-cookie": gone}))
    assert not lost(
        Answer(status=200, headers={"set-cookie": "csrftoken=abc; expires=Sun, 28 Feb 2027 12:00:00 GMT; Max-Age=01"})
    )
    assert not lost(Answer(status=200))


def test_files_go_along(desk: Desk, tmp_path: Path) -> None:
    """A file is uploaded first, and named in the post."""
    path = tmp_path / "bill.pdf"
    path.write_bytes(b"%PDF")
    blob = Blob(sha256="0" * 64, path=path, size=4, mime="application/pdf", name="bill.pdf")
    receipt = desk.send(media=(blob,))
    assert len(desk.forum.posts[int(receipt.ids[0])]["attachments"]) == 1


def test_a_reply_follows_a_post_that_was_moved(desk: Desk) -> None:
    """Where the answered post stands in another thread now, the reply goes there."""
    desk.forum.posts[1]["thread"] = 12
    assert desk.send().conversation == "12"
    del desk.forum.posts[1]
    with pytest.raises(RefusedError, match="deleted"):
        desk.send()


def test_a_closed_thread(desk: Desk) -> None:
    """Nothing is posted where the forum says that the thread is closed."""
    desk.forum.threads[11]["is_closed"] = True
    with pytest.raises(ForbiddenError, match="closed"):
        desk.send()
    assert desk.forum.sent == []


@pytest.mark.parametrize("strange", [False, True])
def test_too_fast(desk: Desk, strange: bool) -> None:
    """The flood protection is waited for, whatever the forum's language."""
    desk.forum.fast, desk.forum.strange = True, strange
    with pytest.raises(RateLimited):
        desk.send()
    with pytest.raises(RateLimited):
        desk.run(desk.connector.move_to_private(desk.message(visibility=Visibility.PRIVATE), {}))


def test_an_older_reply_with_the_same_words_is_not_taken_for_it(desk: Desk) -> None:
    """Only what stands behind the last post before ours can be ours."""
    first = desk.send()
    after = {"thread": "11", "after": first.ids[0]}
    assert desk.run(desk.connector.settle(desk.message(), after)) is None
    assert desk.run(desk.connector.settle(desk.message(), {"thread": "11", "after": "5"})) == first


def test_what_can_not_be_compared_stays_unclear(desk: Desk) -> None:
    """In a thread that was closed meanwhile, another post of ours leaves it open whether the reply arrived."""
    desk.forum.post(11, 1, "* Something else *", at=desk.forum.now)
    desk.forum.threads[11]["is_closed"] = True
    with pytest.raises(UnclearError):
        desk.run(desk.connector.settle(desk.message(), {"thread": "11", "after": "5"}))


def test_a_private_answer(desk: Desk) -> None:
    """A public post is answered in a private thread with its author, once, whatever is known of the first attempt."""
    message = desk.message(visibility=Visibility.PRIVATE)
    receipt = desk.run(desk.connector.move_to_private(message, {}))
    thread = desk.forum.threads[int(receipt.conversation)]
    assert (receipt.scope, thread["to"], thread["title"]) == ("private", (1, 2), "Re: My router is broken")
    assert desk.run(desk.connector.settle(message, {})) == receipt
    assert desk.run(desk.connector.move_to_private(message, {"thread": receipt.conversation})) == receipt
    assert desk.forum.sent == [TEXT]


def test_only_users_can_be_written_to(desk: Desk) -> None:
    """Nobody is written to where only a name is left."""
    message = desk.message(visibility=Visibility.PRIVATE, to="guest:post-1")
    with pytest.raises(RefusedError, match="only a user"):
        desk.run(desk.connector.move_to_private(message, {}))


def test_lost_rights_are_no_deletions(desk: Desk) -> None:
    """When we see less than before, what is missing since then is not counted off."""
    desk.sync()
    desk.forum.moderator = False
    desk.forum.now += timedelta(hours=2)
    desk.sync()
    (census,) = [raw.body for raw in desk.host.batches[-1].raws if raw.kind == "census"]
    assert census["since"] == desk.forum.now.isoformat()


def test_a_redirected_reply_did_not_happen(desk: Desk) -> None:
    """A forum that moved to another address posts nothing, and the message names the setting."""
    verdict = desk.connector.judge(Call("POST", "/api/threads/11/posts/"), Answer(status=301))
    assert isinstance(verdict.error, RefusedError)


@pytest.mark.parametrize(
    "settings",
    [
        {"server": "ftp://forum.example.com"},
        {"server": "https://a:b@forum.example.com"},
        {"username": "Acme"},
        {"username": "Acme", "password": Secret("x"), "server": "http://forum.example.com"},
        {"categories": ("support",)},
        {"rescan_days": -1},
    ],
)
def test_settings_that_can_not_work(settings: dict[str, Any]) -> None:
    """What can't work, or would give the password away, is refused."""
    with pytest.raises(ValueError, match=r"\w"):
        MisagoSettings(**{"server": "https://forum.example.com", **settings})
