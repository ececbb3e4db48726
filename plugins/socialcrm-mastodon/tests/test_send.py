from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from socialcrm.connectors import Blob, Outgoing, Receipt
from socialcrm.errors import NotFound, RefusedError, RetryError, TooLong, UnclearError, UnsupportedError
from socialcrm.types import Visibility

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def reply(to, *parts, **more):
    values = {"id": "o1-abc", "conversation": "", "parts": parts or ("Sorry! It is fixed.",), "at": NOON}
    return Outgoing(**{**values, "reply_to": to and to["id"], "to_handle": "@mara@example.town", **more})


def posted(mastodon):
    return [status for status in mastodon.statuses.values() if status["account"] is mastodon.me]


def question(mastodon, **more):
    return mastodon.mention(mastodon.account("mara", host="example.town"), "my line is dead", **more)


def test_a_reply_mentions_and_answers(mastodon, desk):
    """A reply names whom it answers, and hangs below the question, in its language."""
    asked, channel = question(mastodon, language="de"), desk()
    receipt = channel.run(channel.connector.send(reply(asked), {}))
    answer = posted(mastodon)[0]
    assert answer["text"] == "@mara@example.town Sorry! It is fixed."
    assert answer["in_reply_to_id"] == asked["id"]
    assert receipt.ids == (answer["id"],)
    assert receipt.url == answer["url"]
    assert receipt.at == NOON


def test_a_mention_that_is_there_is_not_repeated(mastodon, desk):
    """A text that already mentions the customer is posted as it is; one of our own server is mentioned without host."""
    channel = desk()
    channel.run(channel.connector.send(reply(question(mastodon), "Hi @Mara@example.town, done."), {}))
    local = mastodon.mention(mastodon.account("ola"), "hi")
    channel.run(channel.connector.send(reply(local, "done", to_handle="@ola@example.social", id="o2"), {}))
    assert [status["text"] for status in posted(mastodon)] == ["Hi @Mara@example.town, done.", "@ola done"]


@pytest.mark.parametrize(
    ("asked", "wanted", "posted_as"),
    [
        ("public", Visibility.PUBLIC, "public"),
        ("unlisted", Visibility.PUBLIC, "unlisted"),
        ("private", Visibility.PUBLIC, "private"),
        ("direct", Visibility.PUBLIC, "direct"),
        ("public", Visibility.LIMITED, "private"),
        ("direct", Visibility.LIMITED, "direct"),
        ("public", Visibility.PRIVATE, "direct"),
        ("private", Visibility.PRIVATE, "direct"),
        ("local", Visibility.PUBLIC, "private"),
    ],
)
def test_a_reply_is_never_wider(mastodon, desk, asked, wanted, posted_as):
    """A reply is as wide as asked for, and never wider than what it answers."""
    channel = desk()
    channel.run(channel.connector.send(reply(question(mastodon, visibility=asked), visibility=wanted), {}))
    assert posted(mastodon)[0]["visibility"] == posted_as


def test_a_content_warning_is_kept(mastodon, desk):
    """An answer below a content warning carries it; one that no longer fits leaves only a sign."""
    channel = desk()
    asked = question(mastodon, spoiler_text="spiders " * 30)
    channel.run(channel.connector.send(reply(asked, "short"), {}))
    channel.run(channel.connector.send(reply(asked, "long " * 90, id="o2"), {}))
    assert [status["spoiler_text"] for status in posted(mastodon)] == ["spiders " * 30, "…"]


def test_a_private_reply_needs_somebody(mastodon, desk):
    """A private message that addresses nobody is refused before anything is posted."""
    channel = desk()
    with pytest.raises(UnsupportedError, match="mention"):
        channel.run(channel.connector.send(reply(None, to_handle="", visibility=Visibility.PRIVATE), {}))
    assert posted(mastodon) == []


def test_what_does_not_fit_is_refused_with_the_excess(mastodon, desk):
    """A part too long for the server is refused with the exact excess, before anything is posted."""
    channel = desk()
    with pytest.raises(TooLong) as caught:
        channel.run(channel.connector.send(reply(question(mastodon), "x" * 500), {}))
    assert caught.value.excess == len("@mara ")
    assert posted(mastodon) == []


def test_answering_what_is_gone_is_told(mastodon, desk):
    """A reply to a deleted status is not posted."""
    channel = desk()
    with pytest.raises(NotFound):
        channel.run(channel.connector.send(reply({"id": "4711"}), {}))


def test_parts_form_a_thread(mastodon, desk):
    """Each part answers the one before; in public only the first mentions, in private every one does."""
    channel = desk()
    asked = question(mastodon)
    receipt = channel.run(channel.connector.send(reply(asked, "one", "two", "three"), {}))
    made = posted(mastodon)
    assert [status["in_reply_to_id"] for status in made] == [asked["id"], *receipt.ids[:2]]
    assert [status["text"] for status in made] == ["@mara@example.town one", "two", "three"]
    secret = question(mastodon, visibility="direct")
    channel.run(channel.connector.send(reply(secret, "one", "two", id="o2"), {}))
    assert all("@mara@example.town" in status["text"] for status in posted(mastodon)[3:])


def test_killed_anywhere_it_posts_every_part_once(mastodon, desk, killed):
    """Killed after any step, then settled and sent again from the cursor, every part is posted exactly once."""
    mastodon_keys = mastodon.keys
    for lives in range(20):
        mastodon.statuses.clear()
        asked, channel = question(mastodon), desk()
        message = reply(asked, "one", "two", id=f"o{lives}")
        channel.host.lives = lives
        try:
            channel.run(channel.connector.send(message, {}))
            break
        except killed:
            channel.host.lives = None
        mastodon_keys.clear()
        receipt = channel.run(channel.connector.settle(message, dict(channel.host.cursor)))
        if receipt is None:
            receipt = channel.run(channel.connector.send(message, dict(channel.host.cursor)))
        texts = [status["text"].replace("@mara@example.town ", "") for status in posted(mastodon)]
        assert texts == ["one", "two"], lives
        assert receipt.ids == tuple(status["id"] for status in posted(mastodon))
    assert lives > 4


def test_an_unclear_post_is_not_repeated(mastodon, desk):
    """When the answer to a post is lost, nothing is posted again by itself; settling finds it."""
    asked, channel = question(mastodon), desk()

    def lost(request, response):
        if request.method == "POST":
            raise httpx.ReadTimeout("lost")
        return response

    mastodon.after = lost
    with pytest.raises(UnclearError):
        channel.run(channel.connector.send(reply(asked), {}))
    assert len(posted(mastodon)) == 1
    assert [step.path for step in channel.host.intents] == ["/api/v1/statuses"]
    receipt = channel.run(channel.connector.settle(reply(asked), {}))
    assert receipt.ids == (posted(mastodon)[0]["id"],)


@pytest.mark.parametrize("body", [b"<!DOCTYPE html>", b"{}", b"[1"])
def test_an_unreadable_confirmation_is_unclear(mastodon, desk, body):
    """A post that was accepted and whose answer can't be read is unclear, never failed."""
    asked, channel = question(mastodon), desk()
    mastodon.after = lambda request, response: httpx.Response(200, content=body) if request.method == "POST" else response
    with pytest.raises(UnclearError):
        channel.run(channel.connector.send(reply(asked), {}))


class TestSettle:
    def test_what_was_never_posted_is_certain(self, mastodon, desk):
        """None only after every status since the reply was queued was looked at, over several pages."""
        asked, channel = question(mastodon), desk()
        for n in range(8):
            mastodon.status(mastodon.me, f"something else {n}")
        assert channel.run(channel.connector.settle(reply(asked), {})) is None

    def test_the_same_words_elsewhere_are_another_message(self, mastodon, desk):
        """The same text below another question, or from before, does not count."""
        asked, channel = question(mastodon), desk()
        mastodon.status(mastodon.me, "Sorry! It is fixed.")
        mastodon.status(mastodon.me, "Sorry! It is fixed.", in_reply_to_id=asked["id"], age=timedelta(hours=5))
        assert channel.run(channel.connector.settle(reply(asked), {})) is None

    def test_found_though_the_server_shows_it_otherwise(self, mastodon, desk):
        """What the server marks up is recognised by the text as it was typed."""
        asked, channel = question(mastodon), desk()
        made = mastodon.status(mastodon.me, "@mara@example.town Sorry! It is fixed.", in_reply_to_id=asked["id"])
        made["content"] = "<p>Sorry! It is <b>quite</b> fixed.</p>"
        assert channel.run(channel.connector.settle(reply(asked), {})).ids == (made["id"],)

    def test_a_colleagues_answer_is_doubtful_without_the_source(self, mastodon, desk):
        """An answer of ours with other words, on a server that does not tell what was typed, is unclear."""
        mastodon.source = False
        asked, channel = question(mastodon), desk()
        mastodon.status(mastodon.me, "quite another answer", in_reply_to_id=asked["id"])
        with pytest.raises(UnclearError):
            channel.run(channel.connector.settle(reply(asked), {}))

    def test_all_parts_known_is_sent(self, mastodon, desk):
        """If the cursor knows every part there is nothing to look for."""
        asked, channel = question(mastodon), desk()
        receipt = channel.run(channel.connector.settle(reply(asked), {"part:0": "9"}))
        assert receipt == Receipt(ids=("9",))


@pytest.fixture
def picture(tmp_path):
    """A small file."""
    path = tmp_path / "router.png"
    path.write_bytes(b"\x89PNG")
    return Blob(sha256="0" * 64, path=path, size=4, mime="image/png", name="router.png")


def test_files_are_uploaded_first(mastodon, desk, picture):
    """A file is uploaded, waited for while the server works on it, and attached to the first part."""
    mastodon.media_waits = 1
    asked, channel = question(mastodon), desk()
    channel.run(channel.connector.send(reply(asked, "one", "two", media=(picture,)), {}))
    assert [status["media"] for status in posted(mastodon)] == [["7001"], None]


def test_an_upload_that_takes_long_is_not_repeated(mastodon, desk, picture):
    """If the server still works on a file the send is tried again later, with the same upload."""
    mastodon.media_waits = 9
    asked, channel = question(mastodon), desk()
    message = reply(asked, media=(picture,))
    with pytest.raises(RetryError, match="processed"):
        channel.run(channel.connector.send(message, {}))
    mastodon.media_waits = 0
    channel.run(channel.connector.send(message, dict(channel.host.cursor)))
    assert sum(request.url.path == "/api/v2/media" for request in mastodon.log) == 1


def test_a_refusal_gives_the_servers_words(mastodon, desk):
    """422 tells why, in the server's words."""
    asked, channel = question(mastodon), desk(max_characters=900)
    with pytest.raises(RefusedError, match="character limit of 500"):
        channel.run(channel.connector.send(reply(asked, "x" * 800), {}))


def test_taking_back(mastodon, desk):
    """Retracting deletes every part; what is gone already is no error."""
    channel = desk()
    receipt = channel.run(channel.connector.send(reply(question(mastodon), "one", "two"), {}))
    channel.run(channel.connector.retract(receipt))
    channel.run(channel.connector.retract(receipt))
    assert posted(mastodon) == []


def test_reacting(mastodon, desk):
    """A favourite is set; an id can't lead elsewhere; no other reaction is known."""
    channel, asked = desk(), question(mastodon)
    channel.run(channel.connector.react(asked["id"], "", "favourite"))
    assert mastodon.log[-1].url.path.endswith("/favourite")
    with pytest.raises(NotFound):
        channel.run(channel.connector.react("../accounts/5/follow?x=", "", "favourite"))
    assert mastodon.log[-1].url.raw_path == b"/api/v1/statuses/..%2Faccounts%2F5%2Ffollow%3Fx%3D/favourite"
    with pytest.raises(UnsupportedError, match="favourite"):
        channel.run(channel.connector.react(asked["id"], "", "angry"))


def test_looking_people_up(mastodon, desk):
    """An account is found by handle and by address; a stranger is NotFound."""
    mara = mastodon.account("mara", host="example.town", name="Mara")
    channel = desk()
    for known in ("@mara@example.town", mara["uri"]):
        assert channel.run(channel.connector.profile(known)).id == mara["uri"]
    for unknown in ("@nobody@example.town", "https://example.town/users/nobody"):
        with pytest.raises(NotFound):
            channel.run(channel.connector.profile(unknown))


def test_who_we_are(mastodon, desk):
    """The account behind the token has the id that our own statuses carry."""
    channel = desk()
    account = channel.run(channel.connector.identify())
    mastodon.status(mastodon.me, "hello")
    channel.sync("own")
    assert {item.author.id for item in channel.items} == {account.id}
    with pytest.raises(UnsupportedError, match="token"):
        desk(token=None).connector.identify().send(None)
