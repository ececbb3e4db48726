"""Who stands at the other end: phone numbers, withheld ones, short codes, names, and addresses of other channels.

An address is kept as Twilio writes it: a phone number in E.164 (``+15550100``), a short code (``12345``), a sender's name
(``ACME``), ``whatsapp:+15550100``, ``messenger:17``, ``rcs:…``, ``client:ana``, ``sip:ana@example.com``. It is the account's
id: an answer goes to it, so the same number by SMS and by WhatsApp is two accounts.
"""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType

from socialcrm.errors import UnsupportedError
from socialcrm.types import Handle, HandleKind, Identity

__all__ = ["is_device", "is_phone", "normal", "party", "person", "reachable", "talk", "us"]

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_PREFIX = re.compile(r"([a-z][a-z0-9-]*):(.*)", re.DOTALL)
_TEXTED = ("whatsapp", "messenger", "rcs")
_WORDS = ("anonymous", "restricted", "unavailable", "blocked", "unknown", "private")
_KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")

# Until May 2023 a withheld number was written as the digits of the word on a keypad ("Changes to withheld caller ID behavior").
_WITHHELD = frozenset(("", "+", *_WORDS, *("+" + word.translate(_KEYS) for word in _WORDS)))


def normal(address: str, region: str = "") -> str:
    """Return an address in the form in which it is compared and kept.

    Args:
        address: As somebody typed it, or as Twilio gives it.
        region: The country (ISO 3166, two letters) whose numbers are written without a country code; empty for none.
    """
    value = address.strip()
    if (found := _PREFIX.fullmatch(value)) is not None:
        inner = found[2].strip()
        return f"{found[1]}:{normal(inner, region) if found[1] in _TEXTED else inner}"
    if _E164.fullmatch(value) or not (value.startswith("+") or (region and sum(map(str.isdigit, value)) > 6)):
        return value
    phones = _phones()
    try:
        parsed = phones.parse(value, region or None)
    except phones.NumberParseException:
        return value
    if not phones.is_possible_number(parsed):
        return value
    return str(phones.format_number(parsed, phones.PhoneNumberFormat.E164))


def party(address: str, event: str, region: str = "") -> str:
    """Return the account id of a customer. Those who withhold their number are strangers to each other: each call is one's own.

    Args:
        address: As Twilio gives it.
        event: The SID of the call or message.
        region: As for `normal`.
    """
    withheld = address.strip().lower() in _WITHHELD
    return f"anonymous:{event}" if withheld else normal(address, region)


def person(account: str, name: str = "", *, vouched: bool = False) -> Identity:
    """Return who is behind an account id.

    A caller id and the sender of an SMS can be forged, so a number is no proof of who it is; WhatsApp checks the number of each
    account, and a carrier's full attestation (STIR/SHAKEN, level A) vouches for a call.

    Args:
        account: As `party` returns it.
        name: What the platform calls them.
        vouched: Somebody vouches for this very number.
    """
    if account.startswith("anonymous:"):
        return Identity(id=account, name="Number withheld")
    prefix, _, inner = account.rpartition(":")
    phone = inner if prefix in ("", "whatsapp", "rcs") and _E164.fullmatch(inner) else ""
    handles = (Handle(kind=HandleKind.PHONE, value=phone, verified=vouched or prefix == "whatsapp"),) if phone else ()
    return Identity(id=account, name=name.strip(), handle=inner or account, handles=handles)


def us(account: str, number: str) -> Identity:
    """Return ourselves: one account, whichever of its numbers speaks."""
    return Identity(id=account, handle=number)


def talk(ours: str, theirs: str) -> str:
    """Return the key of a conversation: our number and the customer's address, calls and messages alike."""
    return f"{ours}|{theirs}"


def is_phone(address: str) -> bool:
    """Return whether it is a phone number that can be dialled."""
    return _E164.fullmatch(address) is not None and address not in _WITHHELD


def is_device(address: str) -> bool:
    """Return whether it is a softphone or a SIP device, not a line of the telephone network."""
    return address.startswith(("client:", "sip:", "sips:", "sim:"))


def reachable(account: str) -> str:
    """Return the address to which a text goes.

    Raises:
        UnsupportedError: It takes none.
    """
    if is_phone(account) or (account.startswith(tuple(f"{one}:" for one in _TEXTED)) and not account.endswith(":")):
        return account
    if account.startswith("anonymous:"):
        why = "the caller withheld the number"
    elif is_device(account):
        why = "a softphone or SIP address takes no text messages; call instead"
    else:
        why = "a short code or a sender's name takes no answers"
    raise UnsupportedError(f"twilio: {account or 'nobody'!r} can't be texted: {why}; nothing was sent")


@cache
def _phones() -> ModuleType:
    """Import the library when a number is first not in E.164 already: it takes a tenth of a second."""
    import phonenumbers

    return phonenumbers
