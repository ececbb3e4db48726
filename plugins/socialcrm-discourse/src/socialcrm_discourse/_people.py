"""Who wrote a post.

Invariant: an identity is keyed by the user's number, which stays when the user is renamed. A post whose user was deleted has
none: it is keyed by the post, because nothing tells which deleted user it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin

from socialcrm.types import Identity
from socialcrm_discourse._fields import number, word

__all__ = ["identity"]

_SYSTEM = -1
_SIZE = "120"


def identity(row: Mapping[str, Any], server: str, post: int) -> Identity:
    """Return how the author of an element appears on the forum.

    Args:
        row: What holds ``user_id``, ``username``, ``name`` and ``avatar_template``, as a post does.
        server: The forum's address.
        post: The element's id, for a user who is gone.
    """
    user, name = row.get("user_id"), word(row.get("username"))
    known = number(user) or (_SYSTEM if user == _SYSTEM and not isinstance(user, bool) else 0)
    shown = word(row.get("name")) or word(row.get("display_username")) or name
    return Identity(
        id=str(known) if known else f"post:{post}",
        name=shown,
        handle=f"@{name}" if name else "",
        url=f"{server}/u/{quote(name)}" if name and server else "",
        avatar=_avatar(word(row.get("avatar_template")), server),
    )


def _avatar(template: str, server: str) -> str:
    if not template or not server:
        return ""
    try:
        return urljoin(server + "/", template.replace("{size}", _SIZE))
    except ValueError:
        return ""
