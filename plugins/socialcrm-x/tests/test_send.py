from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from socialcrm.connectors import Answer, Blob, Outgoing, Receipt
from socialcrm.errors import ForbiddenError, NotFound, RefusedError, UnclearError, UnsupportedError
from socialcrm.types import Visibility

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def reply(*parts, **more):
    return Outgoing(id="o1", conversation="", parts=parts or ("Sorry!",), at=NOON, **more)


def test_a_thread_answers_part_by_part(x, desk):
    """The first part answers the question, each further one the part before."""
    asked = x.mention(x.user("mara"), "@acme help")
    channel = desk()
    receipt = channel.run(channel.connector.send(reply("one", "two", reply_to=asked), {}))
    parents = [x.posts[key]["refs"][0]["id"] for key in receipt.ids]
    assert parents == [asked, receipt.ids[0]]


def test_a_thread_goes_on_where_it_stood(x, desk):
    """What an earlier attempt posted is not posted again."""
    asked = x.mention(x.user("mara"), "@acme help")
    first = x.post(x.me, "one", parent=asked)
    channel = desk()
    receipt = channel.run(channel.connector.send(reply("one", "two", reply_to=asked), {"part:0": first}))
    assert x.received() == [receipt.ids[1]]


def test_a_message_is_answered_in_its_exchange(x, desk):
    """A direct message is answered where it was written; the receipt's ids are messages'."""
    mara = x.user("mara")
    asked = x.message(mara, "psst")
    pair = x.events[asked]["dm_conversation_id"]
    message = Outgoing(id="o", conversation=pair, parts=("Yes?",), reply_to=asked, scope="dm", to=mara["id"], at=NOON)
    channel = desk()
    receipt = channel.run(channel.connector.send(message, {}))
    assert receipt == Receipt(ids=receipt.ids, scope="dm")
    assert f"/2/dm_conversations/{pair}/messages" in x.log[-1].url


def test_a_post_is_answered_in_private(x, desk):
    """A public post can be answered by a message; the receipt names the exchange and the scope."""
    mara = x.user("mara")
    asked = x.mention(mara, "@acme help")
    channel = desk()
    receipt = channel.run(channel.connector.send(reply(reply_to=asked, to=mara["id"], visibility=Visibility.PRIVATE), {}))
    assert (receipt.scope, receipt.conversation) == ("dm", f"2001-{x.me['id']}")
    again = channel.run(channel.connector.settle(reply(reply_to=asked, to=mara["id"], visibility=Visibility.PRIVATE), {}))
    assert again == receipt


def test_a_message_to_nobody_is_refused(desk):
    """Without an account's id nothing is sent."""
    channel = desk()
    with pytest.raises(RefusedError):
        channel.run(channel.connector.send(reply(visibility=Visibility.PRIVATE), {}))


def test_settle_finds_what_x_changed(x, desk):
    """A part is found although X escaped it, shortened its link and put a mention before it."""
    asked = x.mention(x.user("mara"), "@acme help")
    urls = [{"url": "https://t.co/abc", "expanded_url": "https://example.com/a/b"}]
    mine = x.post(x.me, "Tea &amp; help: https://t.co/abc", age=timedelta(), parent=asked, entities={"urls": urls})
    channel = desk()
    receipt = channel.run(channel.connector.settle(reply("Tea & help: example.com/a/b", reply_to=asked), {}))
    assert receipt.ids == (mine,)


@pytest.mark.parametrize("age", [timedelta(minutes=30), None])
def test_settle_takes_no_other_post_for_it(x, desk, age):
    """The same text from before, or under another question, is not the reply."""
    asked, other = x.mention(x.user("mara"), "@acme help"), x.mention(x.user("ola"), "@acme me too")
    x.post(x.me, "Sorry!", age=age or timedelta(), parent=asked if age else other)
    channel = desk()
    assert channel.run(channel.connector.settle(reply(reply_to=asked), {})) is None


def test_settle_takes_no_older_message_for_it(x, desk):
    """The same words in the exchange from half an hour ago are not the reply."""
    mara = x.user("mara")
    x.message(x.me, "Sorry!", to=mara["id"], age=timedelta(minutes=30))
    channel = desk()
    message = reply(to=mara["id"], visibility=Visibility.PRIVATE)
    assert channel.run(channel.connector.settle(message, {})) is None
    late = x.message(x.me, "Sorry!", to=mara["id"], age=timedelta())
    assert channel.run(channel.connector.settle(message, {})).ids == (late,)


def test_settle_without_a_time_is_unclear(desk):
    """A reply without a time can't be told from an older one."""
    channel = desk()
    with pytest.raises(UnclearError):
        channel.run(channel.connector.settle(Outgoing(id="o", conversation="", parts=("a",)), {}))


def test_a_duplicate_is_looked_up(x, desk):
    """When X says that the text was posted already, whether it was ours is unclear; any other refusal is one."""
    channel = desk()
    for words, kind in (("duplicate content.", UnclearError), ("not summoned.", ForbiddenError)):
        body = json.dumps({"detail": f"You are not allowed to create a Tweet with {words}"}).encode()
        x.before = lambda _request, body=body: Answer(status=403, content=body)
        with pytest.raises(kind):
            channel.run(channel.connector.send(reply(), {}))


def blob(tmp_path, mime="image/png", size=9):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 9)
    return Blob(sha256="0" * 64, path=path, size=size, mime=mime, name="file")


def test_files_are_uploaded_once(x, desk, tmp_path):
    """Images go up in one call, films in steps, and what was uploaded before is not uploaded again."""
    channel = desk()
    channel.run(channel.connector.send(reply(media=(blob(tmp_path),)), {}))
    assert json.loads(x.log[-1].body)["media"] == {"media_ids": ["7001"]}
    channel.run(channel.connector.send(reply(media=(blob(tmp_path, "video/mp4"),)), {}))
    assert x.uploads == ["", "initialize", "7001/append", "7001/finalize"]
    channel.run(channel.connector.send(reply(media=(blob(tmp_path),)), {"media:0": "7009"}))
    assert len(x.uploads) == 4


def test_a_film_is_waited_for(x, desk, tmp_path):
    """A film that X has to process is asked for until it is ready."""
    states = iter([b"pending", b"in_progress", b"succeeded"])
    body = b'{"data": {"id": "7001", "processing_info": {"state": "%s", "check_after_secs": 1}}}'
    x.before = lambda one: (
        Answer(status=200, content=body % next(states)) if "finalize" in one.url or "STATUS" in one.url else None
    )
    channel = desk()
    channel.run(channel.connector.send(reply(media=(blob(tmp_path, "video/mp4"),)), {}))
    assert next(states, None) is None


def test_files_that_x_refuses_are_refused_before(desk, tmp_path):
    """Too large, of another kind, a film with an image, two in a message: nothing is sent."""
    channel, image, film = desk(), blob(tmp_path), blob(tmp_path, "video/mp4")
    private = {"visibility": Visibility.PRIVATE, "to": "2001"}
    for media, more in (
        ((blob(tmp_path, size=6 << 20),), {}),
        ((blob(tmp_path, "application/pdf"),), {}),
        ((image, film), {}),
        ((image, image), private),
    ):
        with pytest.raises(UnsupportedError):
            channel.run(channel.connector.send(reply(media=media, **more), {}))


def test_likes_hiding_profiles_and_taking_back(x, desk):
    """The other calls do what they say."""
    mara = x.user("mara")
    asked = x.mention(mara, "@acme help")
    channel = desk()
    run, connector = channel.run, channel.connector
    run(connector.react(asked, "", "like"))
    assert run(connector.hide(asked)) is True
    assert (x.liked, x.hidden) == ([asked], {asked: True})
    assert run(connector.profile("@mara")).id == run(connector.profile(mara["id"])).id == mara["id"]
    for name in ("@nobody", "not a handle", "99"):
        with pytest.raises(NotFound):
            run(connector.profile(name))
    with pytest.raises(UnsupportedError):
        run(connector.react(asked, "dm", "like"))
    ours = x.post(x.me, "oops", parent=asked)
    run(connector.retract(Receipt(ids=(ours, "404"))))
    assert ours not in x.posts
    said = x.message(x.me, "oops", to=mara["id"])
    run(connector.retract(Receipt(ids=(said,), scope="dm")))
    assert said not in x.events


def test_a_search_brings_what_it_finds(x, desk):
    """The search capability yields batches of posts."""
    found = x.post(x.user("mara"), "router trouble")
    x.post(x.user("ola"), "lovely weather")
    channel = desk()
    channel.run(channel.connector.search("router", {}))
    assert channel.ids == {found}
