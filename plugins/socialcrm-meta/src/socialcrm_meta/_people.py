"""Who wrote, as far as Meta tells.

Meta gives everybody an id per Page (PSID), per Instagram account (IGSID) or per app, never a global one, and leaves authors
out where the app lacks a permission, its review, or where the person chose so. An unknown author gets an identity of the
element itself: stable, and never taken for somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.types import Identity
from socialcrm_meta._values import ident, mapping, text

__all__ = ["known", "party", "unknown"]


def known(person: object, *, element: str, name: str = "") -> Identity:
    """Return the identity of a ``from`` object; that of an unknown author where it has no id.

    Args:
        person: ``{"id", "name", "username"}``, each optional.
        element: The id of what they wrote.
        name: A name told elsewhere.
    """
    told: Mapping[str, Any] = mapping(person)
    key = ident(told.get("id"))
    shown = text(told.get("name")) or text(told.get("username")) or name
    if not key:
        return unknown(element, shown)
    picture = text(told.get("profile_pic")) or text(mapping(mapping(told.get("picture")).get("data")).get("url"))
    return Identity(id=key, name=shown, handle=text(told.get("username")), avatar=picture)


def unknown(element: str, name: str = "") -> Identity:
    """Return the identity of an author that Meta does not tell, which is this element's alone.

    A user name without an id is shown, and keys nothing: it can change hands.
    """
    return Identity(id=f"unknown:{element}", name=name)


def party(customer: str) -> str:
    """Return the key of the message exchange with a person: Meta's thread ids are missing from webhooks."""
    return f"dm:{customer}"
