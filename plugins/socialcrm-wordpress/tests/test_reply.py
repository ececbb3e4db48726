"""Replies: once, as ourselves, under what is still there; found again when unclear; taken back."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Answer, Call, Outgoing, Receipt
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    UnclearError,
    UnsupportedError,
)

TEXT = 'Sorry! <b>Try</b> & see "it" -- now :) 🙂\n\nAna'


def message(bench: Any, parent: int = 1, text: str = TEXT, **fields: Any) -> Outgoing:
    values: dict[str, Any] = {"conversation": "1", "parts": (text,), "reply_to": str(parent), "at": bench.blog.now, **fields}
    return Outgoing(id="o1", **values)


def sent(bench: Any, outgoing: Outgoing) -> Any:
    return bench.run(bench.connector.send(outgoing, {}))


def settled(bench: Any, outgoing: Outgoing) -> Any:
    return bench.run(bench.connector.settle(outgoing, {}))


def posts(bench: Any) -> list[Call]:
    return [call for call in bench.blog.calls if call.method == "POST"]


def test_a_reply_lands_under_its_comment(bench: Any) -> None:
    """The reply is stored under its parent, on its post, as our user, and reads back as written."""
    bench.blog.add(post=3)
    receipt = sent(bench, message(bench))
    row = bench.blog.comments[2]
    assert (row["parent"], row["post"], row["author"]) == (1, 3, 1)
    assert receipt == Receipt(ids=("2",), at=bench.blog.now, url=row["link"])
    (item,) = bench.parse(row)
    assert item.text == TEXT


@given(text=st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_any_text_survives_the_way_out_and_in(benches: Any, text: str) -> None:
    """What we write is read back as the same words, whatever mark-up it looks like."""
    bench = benches()
    bench.blog.add()
    sent(bench, message(bench, text=text))
    assert html.unescape(bench.blog.comments[2]["content"]["raw"]) == text.strip()
    assert bench.parse(bench.blog.comments[2])[0].text.split() == text.split()


def test_the_post_is_announced_as_unrepeatable(bench: Any) -> None:
    """Only the posting itself may not be repeated, and it draws on a rate budget of its own."""
    bench.blog.add()
    sent(bench, message(bench))
    assert [(call.method, call.bucket) for call in bench.blog.calls if not call.repeatable] == [("POST", "comment")]


def test_a_new_comment_on_a_post(bench: Any) -> None:
    """Without a comment to answer, the post itself is commented."""
    sent(bench, message(bench, reply_to=None, conversation="9"))
    assert (bench.blog.comments[1]["parent"], bench.blog.comments[1]["post"]) == (0, 9)


def test_nothing_to_answer_is_refused(bench: Any) -> None:
    """Neither a comment nor a post: nothing is sent."""
    with pytest.raises(RefusedError, match="was given"):
        sent(bench, message(bench, reply_to=None, conversation=""))
    assert posts(bench) == []


def test_a_visitor_cannot_write(benches: Any) -> None:
    """Without credentials a reply fails before any call."""
    bench = benches("")
    with pytest.raises(CredentialsError, match="application password"):
        sent(bench, message(bench))
    assert bench.blog.calls == []


def test_several_parts_are_refused(bench: Any) -> None:
    """The connector declares no threads, so it takes one part."""
    with pytest.raises(UnsupportedError, match="2 parts"):
        sent(bench, message(bench, parts=("a", "b")))


def test_a_deleted_parent_gets_no_orphan(bench: Any) -> None:
    """WordPress would store a reply to nothing; we do not send it."""
    with pytest.raises(NotFound, match="deleted for good"):
        sent(bench, message(bench, parent=99))
    assert posts(bench) == []


@pytest.mark.parametrize("status", ["spam", "trash", "post-trashed"])
def test_a_moderated_parent_is_not_answered(bench: Any, status: str) -> None:
    """What was moderated away is restored before it is answered."""
    bench.blog.add(status=status)
    with pytest.raises(RefusedError, match="restore it"):
        sent(bench, message(bench))
    assert posts(bench) == []


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (403, "rest_comment_closed", ForbiddenError, "comments are closed"),
        (403, "rest_comment_trash_post", ForbiddenError, "not published"),
        (403, "rest_comment_invalid_post_id", NotFound, "post is gone"),
        (400, "comment_flood", RateLimited, "too fast"),
        (400, "comment_content_column_length", RefusedError, "shorten"),
        (401, "rest_comment_login_required", CredentialsError, "Users → Profile"),
    ],
)
def test_refusals_are_typed(bench: Any, respond: Any, status: int, code: str, error: type[Exception], words: str) -> None:
    """Each refusal of WordPress says what to do next."""
    bench.blog.add()
    bench.blog.replies["POST /wp/v2/comments"] = respond({"code": code}, status=status)
    with pytest.raises(error, match=words):
        sent(bench, message(bench))


def test_a_flood_rests_only_the_writing(bench: Any, respond: Any) -> None:
    """After "too fast", writing waits 15 seconds and reading goes on."""
    call = Call("POST", "/wp-json/wp/v2/comments", bucket="comment")
    verdict = bench.connector.judge(call, respond({"code": "comment_flood"}, status=400))
    assert verdict.rest == {"comment": 15.0}
    assert verdict.error.retry_after == 15.0


def test_a_duplicate_that_is_ours_has_arrived(bench: Any) -> None:
    """Sent again after an unclear attempt, the comment that is there is the receipt."""
    bench.blog.add()
    first = sent(bench, message(bench))
    assert sent(bench, message(bench)) == first
    assert len(bench.blog.comments) == 2


def test_a_duplicate_of_long_ago_is_not_this_reply(bench: Any) -> None:
    """The same words said last week under the same comment are another reply: refused, not confirmed."""
    bench.blog.add(at=bench.blog.now - timedelta(days=9))
    sent(bench, message(bench))
    bench.blog.now += timedelta(days=7)
    with pytest.raises(RefusedError, match="change the text"):
        sent(bench, message(bench))


@pytest.mark.parametrize("noise", [b"Notice: something in x.php", b"<html>", b"[]", b'{"no": "id"}'])
def test_an_unreadable_answer_is_looked_up(bench: Any, noise: bytes) -> None:
    """Where PHP's warnings spoil the answer, the comment itself is the proof."""
    bench.blog.add()
    bench.blog.spoil = lambda call, answer: attrs.evolve(answer, content=noise) if call.method == "POST" else answer
    assert sent(bench, message(bench)).ids == ("2",)


def test_an_unreadable_answer_without_a_comment_is_unclear(bench: Any, respond: Any) -> None:
    """No proof, no receipt, and no second attempt."""
    bench.blog.add()
    bench.blog.replies["POST /wp/v2/comments"] = respond(b"<html>")
    with pytest.raises(UnclearError):
        sent(bench, message(bench))
    assert len(posts(bench)) == 1


def test_a_redirect_posts_nothing(bench: Any) -> None:
    """A site that moved is told apart from a comment that was stored."""
    bench.blog.add()
    bench.blog.replies["POST /wp/v2/comments"] = Answer(status=301, headers={"location": "https://www.example.com/"})
    with pytest.raises(RefusedError, match="set that one as server"):
        sent(bench, message(bench))


@pytest.mark.parametrize("role", ["admin", "author", "subscriber"])
def test_settle_finds_what_arrived(benches: Any, role: str) -> None:
    """Whatever the role may see of the text, our own approved reply is found."""
    bench = benches(role)
    bench.blog.add()
    receipt = sent(bench, message(bench))
    row = bench.blog.comments[2]["content"]
    row["rendered"] = "<p>Sorry! &lt;b&gt;Try&lt;/b&gt; &amp; see &#8220;it&#8221; &#8212; now 🙂 🙂</p>\n<p>Ana</p>\n"
    assert settled(bench, message(bench)) == receipt


def test_settle_knows_that_nothing_arrived(bench: Any) -> None:
    """Other authors' equal words, our words elsewhere and our older words are not this reply."""
    bench.blog.add()
    bench.blog.add(TEXT, parent=1, author=4, at=bench.blog.now)
    bench.blog.add(TEXT, parent=2, author=1, at=bench.blog.now)
    bench.blog.add(TEXT, parent=1, author=1, at=bench.blog.now - timedelta(hours=1))
    bench.blog.add("Other words", parent=1, author=1, at=bench.blog.now)
    assert settled(bench, message(bench)) is None


def test_settle_admits_what_it_cannot_see(benches: Any) -> None:
    """A subscriber's own reply may wait for moderation unseen: unclear, not absent."""
    bench = benches("subscriber")
    bench.blog.add()
    with pytest.raises(UnclearError, match="moderation"):
        settled(bench, message(bench))


def test_settle_finds_a_reply_that_is_held(bench: Any) -> None:
    """A reply that waits for moderation has arrived."""
    bench.blog.add()
    bench.blog.add(html.escape(TEXT, quote=False), parent=1, author=1, at=bench.blog.now, status="hold")
    assert settled(bench, message(bench)).ids == ("2",)


def test_length_is_that_of_the_escaped_bytes(bench: Any) -> None:
    """A text counts as it is stored: escaped, in UTF-8."""
    limit = bench.connector.info.capabilities.text
    assert limit.measure("<é") == len("&lt;é".encode())
    assert limit.size == 65_525


def test_retract_moves_to_the_trash(bench: Any) -> None:
    """Taking back is revocable, and doing it again is harmless."""
    bench.blog.add()
    bench.run(bench.connector.retract(Receipt(ids=("1", "99"))))
    assert bench.blog.comments[1]["status"] == "trash"


@pytest.mark.parametrize(("status", "code", "calls"), [(410, "rest_already_trashed", 1), (501, "rest_trash_not_supported", 2)])
def test_retract_knows_sites_without_trash(bench: Any, respond: Any, status: int, code: str, calls: int) -> None:
    """What was trashed before is fine; where there is no trash, it is deleted."""
    bench.blog.add()
    plain = respond({"code": code}, status=status)
    bench.blog.spoil = lambda call, answer: respond({}) if call.params.get("force") else plain
    bench.run(bench.connector.retract(Receipt(ids=("1",))))
    assert len(bench.blog.calls) == calls
