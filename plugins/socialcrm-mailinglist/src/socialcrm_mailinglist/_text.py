"""What a member wrote, without what the list and mail programs put around it."""

from __future__ import annotations

import re

from socialcrm.types import Attachment
from socialcrm_email.mail import split_reply

__all__ = ["read_scrubbed", "split_text", "strip_prefix"]

_RULE = re.compile(r"\s*[_=-]{20,}\s*\Z")
_FOOTER = re.compile(r"mailing list|unsubscribe|listinfo|list info|postorius/lists|mailman3/lists", re.IGNORECASE)
_FOOTER_LINES = 12
_TAG = re.compile(r"\[[^\[\]]{1,80}\]\s*")
_ANSWER = re.compile(r"(?:re|aw|sv|vs|antw|fwd|fw|wg)\s*(?:\[\d+\])?\s*:\s*", re.IGNORECASE)
_NEXT = re.compile(r"^-+ next part -+$", re.MULTILINE)
_FIELD = re.compile(r"^(Name|Type|Size|Desc|URL)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)


def strip_prefix(subject: str, names: frozenset[str]) -> str:
    """Return a subject without the list's own prefix, wherever it stands among answer marks.

    Args:
        subject: As archived: ``[Talk] Re: [talk] Lines``.
        names: The prefixes, lower case, without brackets; Mailman may add a number (``[Talk 12]``, ``[Talk:12]``).
    """
    kept, rest = "", subject.strip()
    while rest:
        tag, answer = _TAG.match(rest), _ANSWER.match(rest)
        if tag is not None and re.sub(r"[\s:#]+\d+\Z", "", tag.group().strip().strip("[]").lower()) in names:
            rest = rest[tag.end() :]
        elif answer is not None:
            kept, rest = kept or answer.group(), rest[answer.end() :]
        else:
            break
    return (kept + rest).strip()


def split_text(text: str) -> tuple[str, str]:
    """Return what is new in a mail's text, and what is quotation, signature or the list's footer."""
    text, footer = _split_footer(text)
    new, quoted = split_reply(text)
    return new, "\n\n".join(filter(None, (quoted, footer)))


def _split_footer(text: str) -> tuple[str, str]:
    """Part the footer that Mailman decorates mails with: a rule, the list's name, and how one leaves it."""
    lines = text.rstrip().split("\n")
    for place in range(len(lines) - 1, max(-1, len(lines) - 1 - _FOOTER_LINES), -1):
        if _RULE.match(lines[place]) and _FOOTER.search("\n".join(lines[place:])):
            return "\n".join(lines[:place]).rstrip(), "\n".join(lines[place:]).strip()
    return text, ""


def read_scrubbed(text: str) -> tuple[str, tuple[Attachment, ...]]:
    """Take out the notes that Mailman's scrubber leaves where a file was, in archives that are text only.

    Args:
        text: A mail's text from Pipermail; each part behind the first begins with a line ``-------- next part --------``.

    Returns:
        The text without the notes, and the files they tell of.
    """
    pieces = _NEXT.split(text)
    kept, files = [pieces[0].rstrip()], []
    for piece in pieces[1:]:
        head, _, tail = piece.strip().partition("\n\n")
        fields = {name.upper(): value for name, value in _FIELD.findall(head)}
        url = fields.get("URL", "").strip("<>")
        if "scrubbed" not in head.partition("\n")[0] or not url.startswith(("http://", "https://")):
            kept.append(piece.strip("\n"))
            continue
        size = re.match(r"\d+", fields.get("SIZE", ""))
        files.append(
            Attachment(
                url=url,
                mime=fields.get("TYPE") or ("text/html" if "HTML" in head else "application/octet-stream"),
                name=fields.get("NAME", ""),
                size=int(size.group()) if size else None,
                description="" if fields.get("DESC") == "not available" else fields.get("DESC", ""),
            )
        )
        kept.append(tail.strip("\n"))
    return "\n\n".join(filter(None, kept)), tuple(files)
