"""Handshake, signature and the splitting of notifications."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Hook, Incoming
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Secret
from socialcrm_meta import receive

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET, VERIFY = Secret("app-secret-1"), Secret("verify-1")


def deliver(told: Any, secret: str = "app-secret-1", **headers: str) -> Hook:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = {"x-hub-signature-256": f"sha256={made}", **headers}
    request = Incoming(method="POST", url="https://us.example.org", headers=given, body=body, at=NOON)
    return receive(request, app_secret=SECRET, verify_token=VERIFY)


def ask(**query: str) -> Hook:
    fields = {name.replace("_", ".", 1): value for name, value in query.items()}
    return receive(
        Incoming(method="GET", url="https://us.example.org", query=fields, at=NOON), app_secret=SECRET, verify_token=VERIFY
    )


def test_the_challenge_comes_back() -> None:
    """The handshake is answered with the challenge alone."""
    assert ask(hub_mode="subscribe", hub_verify_token="verify-1", hub_challenge="42").body == b"42"


@pytest.mark.parametrize(
    "query", [{"hub_mode": "subscribe", "hub_verify_token": "guess"}, {}, {"hub_verify_token": "verify-1"}]
)
def test_a_wrong_handshake_is_refused(query: dict[str, str]) -> None:
    """Another verify token, or another mode, is refused."""
    with pytest.raises(VerificationError):
        ask(**query)


def test_every_element_of_every_entry_counts() -> None:
    """Entries of two accounts in one body become batches of their own, whole."""
    one = {"id": "1", "time": 5, "changes": [{"field": "feed", "value": {}}], "messaging": [{"a": 1}, {"a": 2}]}
    two = {"id": 2, "time": 6, "standby": [{"a": 3}], "hop_context": [1]}
    hook = deliver({"object": "page", "entry": [one, two, {"id": "1", "changes": [7]}]})
    found = {batch.account: [(raw.kind, raw.context.get("list")) for raw in batch.raws] for batch in hook.batches}
    assert found == {
        "1": [("change", "changes"), ("messaging", "messaging"), ("messaging", "messaging"), ("change", "changes")],
        "2": [("entry", None), ("messaging", "standby")],
    }


def test_a_change_in_the_entry_itself_counts() -> None:
    """Instagram's own log-in delivers field and value without a list."""
    hook = deliver({"object": "instagram", "entry": [{"id": "1", "time": 5, "field": "comments", "value": {"id": "9"}}]})
    assert [raw.body for raw in hook.batches[0].raws] == [{"field": "comments", "value": {"id": "9"}}]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"entry": {}}', b'{"entry": 5}'])
def test_a_signed_body_of_another_shape_is_told(body: bytes) -> None:
    """What is signed and no notification raises PayloadError."""
    with pytest.raises(PayloadError):
        deliver(body)


def test_a_forged_body_is_not_read() -> None:
    """A wrong signature is refused even where the body is no JSON; so is the old SHA-1 header alone."""
    with pytest.raises(VerificationError):
        deliver(b"{", secret="guess")
    with pytest.raises(VerificationError):
        deliver({"entry": []}, **{"x-hub-signature-256": "", "x-hub-signature": "sha1=00"})
