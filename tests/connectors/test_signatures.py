"""Webhook signatures: what is right passes, everything else is refused without a word about the secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors.signatures import check_equal, check_fresh, check_hmac
from socialcrm.errors import VerificationError
from socialcrm.types import Secret

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@given(st.binary(), st.sampled_from(["sha1", "sha256", "sha512"]), st.sampled_from(["", "sha256=", "v0="]), st.booleans())
def test_the_right_signature_passes_and_a_spoilt_one_does_not(body: bytes, digest: str, prefix: str, as_hex: bool) -> None:
    """A signature is taken as the platform made it; one more byte in the body, and it is refused."""
    made = hmac.new(b"hush", body, getattr(hashlib, digest)).digest()
    given = prefix + (made.hex() if as_hex else base64.b64encode(made).decode())
    how = {"digest": digest, "encoding": "hex" if as_hex else "base64", "prefix": prefix}
    check_hmac(Secret("hush"), body, given, **how)  # type: ignore[arg-type]
    with pytest.raises(VerificationError):
        check_hmac(Secret("hush"), body + b"!", given, **how)  # type: ignore[arg-type]


def test_hexadecimal_digits_may_be_upper_case() -> None:
    """Some platforms write them so; the case says nothing."""
    given = hmac.new(b"hush", b"x", hashlib.sha256).hexdigest().upper()
    check_hmac("hush", b"x", "sha256=" + given, prefix="sha256=")


@given(st.text())
def test_no_text_at_all_passes_for_a_signature_or_breaks_the_check(given: str) -> None:
    """Whatever stands in the header, also what is no ASCII, is refused as wrong, and the secret is not named."""
    for check in (lambda: check_hmac("hush-hush", b"x", given), lambda: check_equal("hush-hush", given + "?")):
        with pytest.raises(VerificationError) as caught:
            check()
        assert "hush-hush" not in str(caught.value)


def test_without_a_secret_nothing_passes() -> None:
    """An empty secret would be known to everybody: it is refused, also against a signature made with it."""
    given = hmac.new(b"", b"x", hashlib.sha256).hexdigest()
    with pytest.raises(VerificationError, match="no secret"):
        check_hmac(Secret(""), b"x", given)
    with pytest.raises(VerificationError, match="no secret"):
        check_equal("", "")


def test_a_token_passes_only_as_a_whole() -> None:
    """The very token, and no beginning of it."""
    check_equal(Secret("hush"), "hush")
    with pytest.raises(VerificationError):
        check_equal(Secret("hush"), "hus")


@pytest.mark.parametrize("off", [-301, 301])
def test_an_old_request_and_one_from_the_future_are_refused(off: int) -> None:
    """Five minutes either way are allowed, a second more is not."""
    moment = NOON.timestamp()
    check_fresh(moment + off - (1 if off > 0 else -1), NOON)
    check_fresh(str(int(moment) + off), NOON, within=timedelta(minutes=6))
    with pytest.raises(VerificationError):
        check_fresh(moment + off, NOON)


@pytest.mark.parametrize("sent", ["", "soon", "nan", "inf", "1e400", "99999999999999999"])
def test_no_time_is_no_proof(sent: str) -> None:
    """What is no time is refused like an old one."""
    with pytest.raises(VerificationError):
        check_fresh(sent, NOON)
