"""XML from strangers, and XML to servers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.errors import PayloadError
from socialcrm_xmpp._xml import Nursery, as_text, build, escaped_size, read_one, wire


def test_stanzas_grow_from_any_pieces() -> None:
    """Bytes may come one by one, in the middle of a character too."""
    nursery = Nursery(1000)
    for byte in "<s xmlns='a'><m id='1'><b>schön 👍</b></m><m/>".encode():
        nursery.feed(bytes([byte]))
    assert [(one.tag, one.findtext("{a}b")) for one in nursery.ready] == [("{a}m", "schön 👍"), ("{a}m", None)]
    assert not nursery.closed


@pytest.mark.parametrize(
    "hostile",
    [
        "<!DOCTYPE s [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><s><m>&b;</m></s>",
        "<!DOCTYPE s SYSTEM 'file:///etc/passwd'><s/>",
        "<s><m>&undefined;</m></s>",
        "<s><!-- hidden --></s>",
        "<s><?php echo 1 ?></s>",
        "<s>" + "<m>" * 100,
        "<s><m>" + "x" * 2000,
        "<s><m a='" + "x" * 2000 + "'/>",
        "<s></m>",
        "HTTP/1.1 400 Bad Request",
    ],
)
def test_what_xmpp_forbids_is_refused(hostile: str) -> None:
    """Entities, document types, comments, instructions, depth and size end the stream before anything is expanded."""
    with pytest.raises(PayloadError):
        _feed(Nursery(1000), hostile)


def _feed(nursery: Nursery, text: str) -> None:
    for start in range(0, len(text), 50):
        nursery.feed(text[start : start + 50].encode())


def test_many_small_stanzas_are_no_large_one() -> None:
    """The limit is one stanza's, not the stream's."""
    nursery = Nursery(1000)
    nursery.feed(b"<s>" + b"<m>hello</m>" * 1000)
    assert len(nursery.ready) == 1000


@given(st.text(), st.text())
def test_whatever_is_written_can_be_read(text: str, attribute: str) -> None:
    """Any text comes through as it was, except for characters that XML has no place for, and never as markup."""
    told = wire(build("m", {"a": attribute}, build("b", None, text)))
    found = read_one(told.decode(), 10_000)
    legal = "".join(sign for sign in text if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff"))
    assert (found.tag, [child.tag for child in found]) == ("m", ["b"])
    assert (found.findtext("b") or "") == legal.replace("\r\n", "\n").replace("\r", "\n")
    assert read_one(as_text(found), 10_000).findtext("b") == found.findtext("b")


def test_a_text_is_measured_as_it_travels() -> None:
    """Escapes and the bytes of UTF-8 count."""
    assert escaped_size("a&b<ü") == len(b"a&amp;b&lt;") + 2
