"""Who wrote a comment.

Invariant: an identity's id never rests on a display name alone. A registered user is keyed by the user's id. A guest has no
account, so the key is, in this order: the SHA-256 of the e-mail address given; the hash in the Gravatar address (WordPress 6.8
and later use the same SHA-256, so a visitor's view and a moderator's view agree; earlier ones MD5); the hash of name and
web address together; else the comment itself. A link from another site (pingback, trackback) is keyed by that site's host.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from socialcrm.types import Handle, HandleKind, Identity

__all__ = ["Writer", "is_ping"]

_GRAVATAR = re.compile(r"gravatar\.com/avatar/([0-9a-f]{64}|[0-9a-f]{32})(?![0-9a-f])")
_NOBODY = frozenset({hashlib.sha256(b"").hexdigest(), "d41d8cd98f00b204e9800998ecf8427e"})


def is_ping(kind: str) -> bool:
    """Tell whether a comment type is a notice of another site's link rather than what somebody wrote."""
    return kind in ("pingback", "trackback")


@frozen(kw_only=True)
class Writer:
    """What a comment tells of its author.

    Args:
        comment: The comment's id.
        kind: The comment's type.
        user: The registered user's id, 0 for a guest.
        name: The name given.
        email: The address given; anybody may give any, registered users too.
        url: The web address given.
        avatar: The picture's address.
        account_email: The address of the user's account, where we may see accounts: the one that WordPress vouches for.
    """

    comment: int
    kind: str
    user: int
    name: str = ""
    email: str = ""
    url: str = ""
    avatar: str = ""
    account_email: str = ""

    def identity(self) -> Identity:
        """Return how this person or site appears on the blog."""
        return Identity(id=self._key(), name=self.name, url=self.url, avatar=self.avatar, handles=tuple(self._handles()))

    def _key(self) -> str:
        if self.user > 0:
            return str(self.user)
        host = _host(self.url)
        if is_ping(self.kind) and host:
            return f"site:{host}"
        if self.email:
            return f"guest:{_digest(self.email)}"
        found = _GRAVATAR.search(self.avatar)
        if found and found[1] not in _NOBODY:
            return f"guest:{found[1]}"
        if self.name and self.url:
            return f"guest:{_digest(self.name + chr(10) + self.url)}"
        return f"guest:comment-{self.comment}"

    def _handles(self) -> list[Handle]:
        handles = []
        if self.user > 0 and self.account_email:
            handles.append(Handle(kind=HandleKind.EMAIL, value=self.account_email, verified=True))
        if self.email and self.email != self.account_email:
            handles.append(Handle(kind=HandleKind.EMAIL, value=self.email))
        if self.url:
            handles.append(Handle(kind=HandleKind.URL, value=self.url.rstrip("/")))
        return handles

    @classmethod
    def of(cls, body: Mapping[str, Any], *, comment: int, kind: str, user: int, account_email: str) -> Writer:
        """Read the author fields of a comment.

        Args:
            body: The comment, by the names of the REST API.
            comment: Its id.
            kind: Its type.
            user: Its author's id.
            account_email: The address of the user's account, empty where unknown.
        """
        return cls(
            comment=comment,
            kind=kind,
            user=user,
            name=html.unescape(_text(body.get("author_name"))),  # WordPress stores names escaped
            email=_text(body.get("author_email")).lower(),
            url=_text(body.get("author_url")),
            avatar=_largest(body.get("author_avatar_urls")),
            account_email=account_email.strip().lower(),
        )


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _largest(urls: Any) -> str:
    if not isinstance(urls, Mapping):
        return ""
    sized = [(int(size), url) for size, url in urls.items() if str(size).isdecimal() and isinstance(url, str)]
    return max(sized)[1] if sized else ""
