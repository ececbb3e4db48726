from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from socialcrm.connectors import Incoming
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Deletion, Delivery, Kind, Secret
from socialcrm_x import XConnector, XSettings

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ME = "1111111111111111111"
connector = XConnector(XSettings(consumer_secret=Secret("hush-hush")))
MARA = {"id_str": "42", "screen_name": "mara", "name": "Mara"}


def items(body):
    raw = json.dumps(body).encode()
    code = base64.b64encode(hmac.new(b"hush-hush", raw, hashlib.sha256).digest()).decode()
    headers = {"x-twitter-webhooks-signature": f"sha256={code}"}
    hook = connector.receive(Incoming(method="POST", url="https://crm.example.org/x", headers=headers, body=raw, at=NOON))
    return hook, [item for batch in hook.batches for raw in batch.raws for item in connector.parse(raw)]


def test_every_event_of_a_body_goes_to_its_account():
    """All elements of all kinds are read, and for_user_id says whose they are."""
    status = {"id": 1924465506158879000, "id_str": "1924465506158878979", "text": "short…", "user": MARA,
              "created_at": "Mon May 19 14:01:46 +0000 2025", "extended_tweet": {"full_text": "the whole story"}}  # fmt: skip
    like = {"id": "h", "timestamp_ms": 1522082006140, "favorited_status": {"id_str": "5"}, "user": MARA}
    follow = {"type": "follow", "created_timestamp": "1517588749178", "source": {"id": "42"}, "target": {"id": ME}}
    hook, found = items(
        {"for_user_id": ME, "tweet_create_events": [status], "favorite_events": [like], "follow_events": [follow]}
    )
    assert {batch.account for batch in hook.batches} == {ME}
    assert [(item.id, item.kind) for item in found] == [
        ("1924465506158878979", Kind.POST), ("like-h", Kind.REACTION), (f"follow-42-{ME}-1517588749178", Kind.REACTION)
    ]  # fmt: skip
    assert found[0].text == "the whole story"


def test_a_deletion_asks_for_a_look():
    """The deletion is passed on, and the stream of our posts is poked: it may name a later version."""
    gone = {"status": {"id": "5", "user_id": ME}, "timestamp_ms": "1791198000000"}
    hook, found = items({"for_user_id": ME, "tweet_delete_events": [gone]})
    assert isinstance(found[0], Deletion)
    assert (hook.batches[1].stream, dict(hook.batches[1].cursor)) == ("own", {"poke": "deletion"})


def test_receipts_of_reading():
    """That the other side read a message of ours is told; that we did, and that somebody types, is not."""
    seen = {"created_timestamp": "1518452444662", "sender_id": "42", "target": {"recipient_id": ME}, "last_read_event_id": "9"}
    _, found = items({"for_user_id": ME, "direct_message_mark_read_events": [seen, {**seen, "sender_id": ME}],
                      "direct_message_indicate_typing_events": [{"sender_id": "42"}]})  # fmt: skip
    assert [(type(item), item.id, item.scope, item.status) for item in found] == [(Delivery, "9", "dm", "read")]


def test_what_we_do_ourselves_and_revocations_say_nothing():
    """Blocks, mutes and withdrawn permissions are kept as they came, and are nobody's message."""
    acts = {
        "for_user_id": ME,
        "block_events": [{"type": "block"}],
        "mute_events": [{}],
        "follow_events": [{"type": "unfollow"}],
    }
    assert items(acts)[1] == []
    hook, found = items({"user_event": {"revoke": {"source": {"user_id": ME}}}})
    assert (hook.batches[0].account, found) == (ME, [])


def test_the_activity_api_and_filtered_streams():
    """Both newer shapes are read from the same address."""
    body = {"id": "2107048147153846276", "text": "hi", "author_id": "42"}
    event = {"event_type": "post.create", "filter": {"user_id": ME}, "payload": body}
    hook, found = items({"data": event})
    assert (hook.batches[0].account, found[0].id) == (ME, body["id"])
    assert items({"data": body, "matching_rules": [{"id": "1"}]})[1][0].author.id == "42"


def test_the_challenge_needs_a_token_and_a_secret():
    """A GET without crc_token is no challenge; without a secret nothing is answered."""
    asked = Incoming(method="GET", url="https://crm.example.org/x", at=NOON)
    with pytest.raises(PayloadError):
        connector.receive(asked)
    with pytest.raises(VerificationError):
        XConnector(XSettings()).receive(asked)
