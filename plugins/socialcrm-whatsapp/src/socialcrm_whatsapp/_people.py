"""Who wrote: phone numbers, and the ids that stand in for them.

Since April 2026 every webhook names a person by a business-scoped user id (BSUID, ``user_id``), the same for all numbers of a
business; since the arrival of user names the phone number (``wa_id``, ``from``) may be missing. So the user id keys an
identity where it is told, else the number. Both are handles that WhatsApp vouches for, so what came under the number alone
finds its person. Source: WhatsApp Business Platform, Business-scoped user IDs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from socialcrm.types import Handle, HandleKind, Identity
from socialcrm_meta import ident, mapping, moment, text, unknown

__all__ = ["GROUP", "WINDOW", "Person", "dated", "digits", "group_key", "is_user_id", "undated"]

GROUP = "group:"
"""What the key of a group's conversation begins with; that of an exchange with a person is the person's id."""

WINDOW = timedelta(hours=24)
"""How long after a customer's message or call a business may write freely (Send messages, Customer service windows)."""

_UNTIL = "?until="
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_NUMBER = re.compile(r"[1-9]\d{6,14}", re.ASCII)  # E.164 without the plus


def is_user_id(key: str) -> bool:
    """Say whether an id is a business-scoped user id: a country code, a dot, letters and digits."""
    return _USER_ID.fullmatch(key) is not None


def digits(value: object) -> str:
    """Return a phone number's digits, without the plus (E.164); empty where it is none."""
    told = re.sub(r"[\s().+\-\u2010-\u2015\u00a0\u202f]", "", ident(value))
    return told if _NUMBER.fullmatch(told) else ""


def dated(key: str, at: datetime) -> str:
    """Return where an answer to something goes, with the end of the window that it opened: an answer's only notice of it."""
    return f"{key}{_UNTIL}{int((at + WINDOW).timestamp())}"


def undated(address: str) -> tuple[str, datetime | None]:
    """Return whom an address means, and until when they may be written to freely; ``None`` where that is not told."""
    key, _, until = address.partition(_UNTIL)
    return key, moment(until) if until else None


def group_key(group: str) -> str:
    """Return the conversation's key of a group."""
    return GROUP + group


@frozen(kw_only=True)
class Person:
    """A WhatsApp user, as far as a payload tells.

    Args:
        user_id: The business-scoped id.
        phone: The phone number, digits.
        name: The profile's name.
        username: The user name, which can change hands.
        was: Earlier ids of the same person, as WhatsApp says when a number changes.
    """

    user_id: str = ""
    phone: str = ""
    name: str = ""
    username: str = ""
    was: tuple[str, ...] = ()

    @classmethod
    def read(cls, contact: object, phone: object = "", user_id: object = "") -> Person:
        """Read what a contact object and the message's own fields tell.

        Args:
            contact: ``{"profile": {"name", "username"}, "wa_id", "user_id"}``, each optional.
            phone: ``from``, ``to`` or ``recipient_id``.
            user_id: ``from_user_id``, ``to_user_id`` …
        """
        told: Mapping[str, Any] = mapping(contact)
        profile = mapping(told.get("profile"))
        given = ident(phone)
        scoped = ident(user_id) or ident(told.get("user_id")) or (given if is_user_id(given) else "")
        number = "" if is_user_id(given) else given
        return cls(
            user_id=scoped,
            phone=number or ident(told.get("wa_id")),
            name=text(profile.get("name")) or text(told.get("name")),
            username=text(profile.get("username")) or text(told.get("username")),
        )

    @property
    def key(self) -> str:
        """The stable id; empty where nobody is told."""
        return self.user_id or digits(self.phone) or self.phone

    def identity(self, element: str) -> Identity:
        """Return the identity; that of an unknown author, who is this element's alone, where nobody is told."""
        if not self.key:
            return unknown(element, self.name)
        number = digits(self.phone)
        handles = [Handle(kind=HandleKind.PHONE, value=f"+{number}", verified=True)] if number else []
        named = dict.fromkeys(key for key in (self.user_id, *self.was) if is_user_id(key))
        handles += [Handle(kind=HandleKind.ACCOUNT, value=f"whatsapp:{key}", verified=True) for key in named]
        handles += [Handle(kind=HandleKind.PHONE, value=f"+{digits(key)}", verified=True) for key in self.was if digits(key)]
        return Identity(
            id=self.key,
            name=self.name or (f"@{self.username.lstrip('@')}" if self.username else f"+{number}" if number else ""),
            handle=f"@{self.username.lstrip('@')}" if self.username else "",
            handles=tuple(dict.fromkeys(handles)),
        )
