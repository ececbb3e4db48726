"""Text that any database can keep."""

from __future__ import annotations

__all__ = ["clean"]


def clean(text: str) -> str:
    """Return the text without NUL characters and lone surrogates, which neither UTF-8 nor PostgreSQL can hold.

    The element itself stays as it was, in the journal.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
