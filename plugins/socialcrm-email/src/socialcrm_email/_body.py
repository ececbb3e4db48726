"""What a message says, and the files that came with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from urllib.parse import quote

from attrs import field, frozen

from socialcrm.types import Attachment
from socialcrm_email._flowed import unflow
from socialcrm_email._headers import clean, words
from socialcrm_email._html import HTML_LIMIT, html_to_text

__all__ = ["TEXT_LIMIT", "Body", "decoded_text", "read_body"]

TEXT_LIMIT = 250_000
"""Characters of text that are passed on; the raw message keeps everything."""

_DEPTH = 30
_SLACK = re.compile(r"\n{4,}")


@frozen(kw_only=True)
class Body:
    """A message's content.

    Args:
        text: All its text, quotations included.
        attachments: Everything else, with a ``mid:`` address (RFC 2392) that names message and part.
        cut: Whether text was left out because there is too much of it.
    """

    text: str
    attachments: tuple[Attachment, ...] = field(default=())
    cut: bool = False


def read_body(message: Message, id: str) -> Body:  # noqa: A002 - the contract's word
    """Read the parts of a message (RFC 2045, RFC 2046, RFC 2183).

    Args:
        message: As parsed; broken parts are read as far as they go.
        id: Its message id, for the attachments' addresses.
    """
    files: list[Attachment] = []
    pieces = [piece for piece in _texts(message, "1", files, id, 0) if piece.strip()]
    text = _SLACK.sub("\n\n\n", "\n\n".join(piece.strip("\n") for piece in pieces))
    return Body(text=text[:TEXT_LIMIT], attachments=tuple(files), cut=len(text) > TEXT_LIMIT)


def _texts(part: Message, number: str, files: list[Attachment], id: str, depth: int) -> Iterator[str]:  # noqa: A002
    kind = part.get_content_type()
    children = part.get_payload() if part.is_multipart() else None
    if isinstance(children, list) and kind != "message/rfc822" and depth < _DEPTH:
        each = (
            list(_texts(child, f"{number}.{place}", files, id, depth + 1))
            for place, child in enumerate(children, 1)
            if isinstance(child, Message)
        )
        if kind == "multipart/alternative":
            yield from next((texts for texts in each if any(text.strip() for text in texts)), [])
        else:
            for texts in each:
                yield from texts
    elif _shown(part) and (kind in ("text/plain", "text/html") or (children is None and kind.startswith("multipart/"))):
        text = decoded_text(part)
        yield html_to_text(text) if kind == "text/html" else text
    else:
        files.append(_attachment(part, number, id))


def _shown(part: Message) -> bool:
    return part.get_content_disposition() != "attachment" and not _file_name(part)


def decoded_text(part: Message) -> str:
    """Return a text part's text: in its own character set, else UTF-8, else Windows-1252, whatever it says of itself."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    text = _decoded(data[: 4 * max(TEXT_LIMIT, HTML_LIMIT)], _parameter(part, "charset") or "utf-8")
    text = clean(text.replace("\r\n", "\n").replace("\r", "\n"))
    if part.get_content_type() == "text/plain" and _parameter(part, "format").lower() == "flowed":
        return unflow(text, delsp=_parameter(part, "delsp").lower() == "yes")
    return text


def _decoded(data: bytes, declared: str) -> str:
    for charset in (declared, "utf-8"):
        try:
            return data.decode(charset)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("cp1252", "replace")


def _parameter(part: Message, name: str) -> str:
    value = part.get_param(name)
    return value.strip("\"' ") if isinstance(value, str) else ""


def _file_name(part: Message) -> str:
    try:
        return words(part.get_filename() or "")
    except (LookupError, UnicodeError, ValueError, TypeError, AttributeError, IndexError):
        return "file"


def _attachment(part: Message, number: str, id: str) -> Attachment:  # noqa: A002
    content_id = str(part.get("Content-ID") or "").strip().strip("<>")
    payload = part.get_payload(decode=True) if not part.is_multipart() else None
    return Attachment(
        url=f"mid:{quote(id, safe='@')}/{quote(clean(content_id), safe='@') or number}",
        mime=clean(part.get_content_type()),
        name=_file_name(part),
        size=len(payload) if isinstance(payload, bytes) else None,
        description=words(str(part.get("Content-Description") or "")),
    )
