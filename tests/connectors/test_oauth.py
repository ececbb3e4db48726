"""OAuth: grants are renewed and calls signed as the RFCs say, and no token turns up in a message."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from socialcrm.connectors import Answer, Call, Connector, ConnectorInfo, Flow, Grant
from socialcrm.connectors.oauth import refresh_grant, sign_oauth1
from socialcrm.errors import CredentialsError, ServerFault

HELD = {"token": "old-tok", "refresh_token": "old-ref", "client_secret": "pw"}


def renew(answer: Answer, grant: Grant = HELD, **how: object) -> tuple[Call, Grant]:
    flow: Flow[Grant] = refresh_grant("/token", grant, client_id="acme", **how)  # type: ignore[arg-type]
    call = next(flow)
    assert isinstance(call, Call)
    with pytest.raises(StopIteration) as done:
        flow.send(answer)
    return call, done.value.value


def answer(**body: object) -> Answer:
    return Answer(status=200, content=json.dumps(body).encode())


def test_a_rotated_refresh_token_replaces_the_old_one() -> None:
    """The grant holds what the platform gave, and keeps what it did not speak of."""
    call, grant = renew(answer(access_token="new", refresh_token="next", token_type="bearer", expires_in=7200))
    assert grant == {"token": "new", "refresh_token": "next", "client_secret": "pw"}
    assert (call.form, call.auth, call.repeatable) == (
        {"grant_type": "refresh_token", "refresh_token": "old-ref", "client_id": "acme"},
        False,
        False,
    )


def test_a_refresh_token_that_is_not_rotated_stays() -> None:
    """Where the answer names none, the old one goes on."""
    _, grant = renew(answer(access_token="new", token_type="bearer"))
    assert grant["refresh_token"] == "old-ref"


def test_the_client_shows_itself_in_the_form_or_in_the_header() -> None:
    """As the platform wants it: client_secret_post or client_secret_basic."""
    form, _ = renew(answer(access_token="new", token_type="bearer"), client_secret="pw")
    assert form.form is not None
    assert form.form["client_secret"] == "pw"
    header, _ = renew(answer(access_token="new", token_type="bearer"), client_secret="p:w", basic=True)
    assert header.headers["Authorization"] == "Basic " + base64.b64encode(b"acme:p%3Aw").decode()
    assert "client_secret" not in (header.form or {})


NO_TOKEN = [
    (b'{"error": "invalid_grant"}', CredentialsError),
    (b"{}", CredentialsError),
    (b"<html>old-ref</html>", ServerFault),
    (b"[]", ServerFault),
    (b'"x"', ServerFault),
]


@pytest.mark.parametrize(("content", "expected"), NO_TOKEN)
def test_an_answer_without_a_token_is_a_typed_error(content: bytes, expected: type[Exception]) -> None:
    """A refusal asks for consent, an odd answer for another try; neither message holds a token."""
    flow = refresh_grant("/token", HELD, client_id="acme")
    next(flow)
    with pytest.raises(expected) as caught:
        flow.send(Answer(status=200, content=content))
    assert "old-ref" not in str(caught.value)


def test_without_a_refresh_token_nothing_is_asked() -> None:
    """There is nothing to exchange, and the message says what to do."""
    with pytest.raises(CredentialsError, match="consent"):
        next(refresh_grant("/token", {"token": "t"}, client_id="acme"))


def test_a_call_is_signed_as_in_the_rfc() -> None:
    """The example of RFC 5849, section 3.4.1.1 (parameters) with a signature that an independent implementation confirms."""
    call = Call("POST", "/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", form={"c2": "", "a3": "2 q"})
    signed = sign_oauth1(
        call,
        "https://example.com",
        consumer_key="9djdj82h48djs9d2",
        consumer_secret="j49sk3j29djd",
        token="kkk9d7dh3k39sjv7",
        token_secret="dh893hdasih9",
        now=datetime.fromtimestamp(137131201, UTC),
        nonce="7d8f3e4a",
    )
    header = parse_qs(signed.headers["Authorization"].removeprefix("OAuth ").replace('"', "").replace(", ", "&"))
    assert header["oauth_nonce"] == ["7d8f3e4a"]
    assert header["oauth_signature"] == [expected_signature()]


def expected_signature() -> str:
    """Sign by hand, along the steps of RFC 5849, section 3.4."""
    import hashlib
    import hmac
    from urllib.parse import quote

    fields = [
        ("b5", "=%3D"),
        ("a3", "a"),
        ("c@", ""),
        ("a2", "r b"),
        ("c2", ""),
        ("a3", "2 q"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("oauth_version", "1.0"),
    ]
    encoded = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in fields)
    joined = "&".join(f"{name}={value}" for name, value in encoded)
    base = "&".join(("POST", quote("https://example.com/request", safe=""), quote(joined, safe="")))
    made = hmac.new(b"j49sk3j29djd&dh893hdasih9", base.encode(), hashlib.sha1).digest()
    return base64.b64encode(made).decode()


def test_a_json_body_is_not_covered() -> None:
    """Only the query and form fields are signed (RFC 5849, section 3.4.1.3)."""
    keys = {"consumer_key": "k", "consumer_secret": "s", "token": "t", "token_secret": "ts"}
    how = {**keys, "now": datetime(2026, 1, 1, tzinfo=UTC), "nonce": "n"}
    with_body = sign_oauth1(Call("POST", "/2/tweets", json={"text": "x"}), "https://example.com", **how)  # type: ignore[arg-type]
    without = sign_oauth1(Call("POST", "/2/tweets"), "https://example.com", **how)  # type: ignore[arg-type]
    assert with_body.headers["Authorization"] == without.headers["Authorization"]


def test_it_fits_into_a_connector() -> None:
    """`renew` of a connector is one line."""

    class Acme(Connector[None]):
        info = ConnectorInfo(platform="acme")

        def renew(self, grant: Grant) -> Flow[Grant]:
            return (yield from refresh_grant("/token", grant, client_id="acme"))

    assert isinstance(next(Acme(None).renew(HELD)), Call)
