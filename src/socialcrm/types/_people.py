"""Identities as platforms show them, and the customers behind them.

Nothing here tells how influential somebody is: there is no field for followers, likes or verification badges, so nothing
downstream can ask for them.
"""

from __future__ import annotations

from attrs import field, frozen

from socialcrm.types._enums import HandleKind
from socialcrm.types._record import quick
from socialcrm.types._show import Shows

__all__ = ["Customer", "Handle", "Identity"]


@frozen(kw_only=True)
class Handle:
    """A way to recognise a person elsewhere: an address, a number, an account, a page.

    Args:
        kind: What sort of handle it is.
        value: The handle, normalised: an address in lower case, a number as E.164, a URL without a trailing slash.
        verified: Whether the *platform* vouches that it belongs to this identity. Only verified handles link.
    """

    kind: HandleKind
    value: str
    verified: bool = False


@quick
@frozen(kw_only=True)
class Identity:
    """How one person or organisation appears on one platform.

    Args:
        id: The platform's stable account id; never a display name or a handle that can change hands.
        platform: The platform's name; a connector leaves it empty and the store fills it in.
        name: The name shown to people.
        handle: The name used to address them (``@mara@example.social``, an e-mail address).
        url: Their page on the platform.
        avatar: Their picture's address; shown, never used to decide.
        handles: Other places where the platform says they can be recognised.
        ref: Our short id (``p12``); empty until stored.
        customer: Our short id of the customer behind it (``u7``); empty until stored.
    """

    id: str
    platform: str = ""
    name: str = ""
    handle: str = ""
    url: str = ""
    avatar: str = ""
    handles: tuple[Handle, ...] = ()
    ref: str = ""
    customer: str = ""

    def __str__(self) -> str:
        return self.name or self.handle or self.id


@frozen(kw_only=True)
class Customer(Shows):
    """A person, known by one or more identities.

    Args:
        ref: Our short id (``u7``). The id of a customer who was merged into another still finds them.
        name: The name to show: one given by us, else that of the identity seen first.
        identities: Every identity that is theirs, in the order in which we met them.
    """

    ref: str
    name: str
    identities: tuple[Identity, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.name} ({self.ref})"
