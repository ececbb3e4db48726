"""IMAP responses taken apart, by IMAPClient's parser. Pure.

The parser is imported at first use: it brings its whole client along, a tenth of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from socialcrm.errors import Unreachable

__all__ = ["Response", "first_line", "folder_name", "read_fetch", "read_folder", "shown", "uid_set", "word"]

Response = tuple[bytes | tuple[bytes, bytes], ...]
"""One untagged response without its ``* ``: lines, each with the literal that ended it."""

_FETCH = re.compile(rb"\d{1,10} FETCH ", re.IGNORECASE)


def read_fetch(response: Response, where: str) -> Mapping[bytes, Any]:
    """Return what a FETCH response holds, by item; nothing for another response.

    Raises:
        Unreachable: It is broken.
    """
    from imapclient.exceptions import ProtocolError  # type: ignore[import-untyped]  # it ships no types
    from imapclient.response_parser import parse_fetch_response  # type: ignore[import-untyped]

    first = first_line(response)
    if not _FETCH.match(first):
        return {}
    number, _, rest = first.split(b" ", 2)
    line = number + b" " + rest
    pieces = [line if isinstance(response[0], bytes) else (line, response[0][1]), *(piece for piece in response[1:] if piece)]
    try:
        parsed = parse_fetch_response(pieces, normalise_times=False, uid_is_key=False)
        return {item: value for values in parsed.values() for item, value in values.items()}
    except (ProtocolError, ValueError, TypeError, IndexError) as error:
        raise _broken("FETCH", where, error) from None


def read_folder(response: Response, where: str) -> tuple[frozenset[str], str] | None:
    """Return a LIST response's attributes and folder name; ``None`` for another response.

    Raises:
        Unreachable: It is broken.
    """
    from imapclient.exceptions import ProtocolError
    from imapclient.imap_utf7 import decode  # type: ignore[import-untyped]
    from imapclient.response_parser import parse_response

    if word(response) != b"LIST":
        return None
    try:
        _, flags, _, name = parse_response([piece for piece in response if piece])[:4]
        uses = frozenset(flag.decode("ascii", "replace") for flag in flags if isinstance(flag, bytes))
        return uses, str(decode(name if isinstance(name, bytes) else str(name).encode()))
    except (ProtocolError, ValueError, TypeError, IndexError) as error:
        raise _broken("LIST", where, error) from None


def _broken(what: str, where: str, error: Exception) -> Unreachable:
    return Unreachable(f"{where}: a broken answer to {what} ({type(error).__name__}); it is tried again later")


def folder_name(name: str) -> bytes:
    """Return a folder's name as an argument: modified UTF-7 (RFC 3501, 5.1.3), quoted."""
    from imapclient.imap_utf7 import encode

    encoded: bytes = encode(name)
    return b'"' + encoded.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def uid_set(uids: Iterable[int]) -> bytes:
    """Return UIDs as a sequence set: ``1:3,7``."""
    return b",".join(b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in _runs(sorted(uids)))


def _runs(uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = last = uids[0]
    for uid in uids[1:]:
        if uid != last + 1:
            yield first, last
            first = uid
        last = uid
    yield first, last


def first_line(response: Response) -> bytes:
    """Return a response's first line."""
    return response[0] if isinstance(response[0], bytes) else response[0][0]


def word(response: Response) -> bytes:
    """Return a response's first word, upper case."""
    words = first_line(response)[:40].split(None, 1)
    return words[0].upper() if words else b""


def shown(text: bytes) -> str:
    """Return a server's words for a message to people: short, one line."""
    return " ".join(text.decode("utf-8", "replace").split())[:200]
