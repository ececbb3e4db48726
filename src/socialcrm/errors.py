"""One tree of errors, grouped by what the caller does next.

::

    SocialCRMError
    ├── RetryError              try again later; nothing was lost
    │   ├── RateLimited         the platform asked us to wait (``retry_after`` seconds)
    │   ├── Unreachable         no connection, a time-out, a broken answer
    │   ├── ServerFault         the platform failed (5xx)
    │   └── StoreBusy           another process holds the database
    ├── SkipError               leave this one element out and go on
    │   └── PayloadError        an element that the connector can't read
    ├── FixError                somebody has to change something first
    │   ├── SettingsError       a channel's settings, an option, a value
    │   │   └── UnknownPlatform no installed plugin speaks to this platform
    │   ├── CredentialsError    the platform does not accept who we say we are
    │   ├── ForbiddenError      it knows us, and does not allow this
    │   ├── RefusedError        the platform rejected the request as it stands
    │   ├── NotFound            no such channel, case, customer, post …
    │   ├── UnsupportedError    the connector's capabilities rule it out
    │   │   └── TooLong         the text exceeds the platform's limit (``excess``)
    │   ├── VerificationError   a webhook whose signature or age is wrong
    │   ├── PlaybookError       a playbook that does not load
    │   ├── StateError          a transition that the state table does not have
    │   ├── GuardError          a reply that a guard holds back
    │   └── ConflictError       somebody else changed it first
    └── StopError               do not go on; the installation needs care
        ├── StoreError          disk full, read-only, damaged
        ├── SchemaError         a database from another version of the library
        ├── PluginError         a plugin that can't be loaded or breaks its contract
        └── UnclearError        a step that may or may not have happened

Every message says what happened, to what, and what to do next. None carries a secret.
"""

from __future__ import annotations

__all__ = [
    "ConflictError",
    "CredentialsError",
    "FixError",
    "ForbiddenError",
    "GuardError",
    "NotFound",
    "PayloadError",
    "PlaybookError",
    "PluginError",
    "RateLimited",
    "RefusedError",
    "RetryError",
    "SchemaError",
    "ServerFault",
    "SettingsError",
    "SkipError",
    "SocialCRMError",
    "StateError",
    "StopError",
    "StoreBusy",
    "StoreError",
    "TooLong",
    "UnclearError",
    "UnknownPlatform",
    "Unreachable",
    "UnsupportedError",
    "VerificationError",
]


class SocialCRMError(Exception):
    """The root of everything that this library raises on purpose."""


class RetryError(SocialCRMError):
    """Try again later; nothing was lost.

    Args:
        message: What happened, to what, and what to do next.
        retry_after: Seconds to wait before the next attempt; ``None`` where the platform did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(RetryError):
    """The platform asked us to wait; the request was not processed."""


class Unreachable(RetryError):
    """No connection, a time-out, or an answer that broke off.

    Args:
        message: What happened.
        retry_after: Seconds to wait; ``None`` where unknown.
        processed: ``False`` where the request certainly never reached the platform's application.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, processed: bool | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.processed = processed


class ServerFault(RetryError):
    """The platform answered that it failed (HTTP 5xx)."""


class StoreBusy(RetryError):
    """Another process holds the database."""


class SkipError(SocialCRMError):
    """Leave this one element out and go on with the next."""


class PayloadError(SkipError):
    """An element that the connector can't read; it is quarantined and can be parsed again."""


class FixError(SocialCRMError):
    """Somebody has to change something before this can work."""


class SettingsError(FixError):
    """A channel's settings, an option or a value that is missing, misspelt or of the wrong kind."""


class UnknownPlatform(SettingsError):
    """No installed plugin speaks to this platform."""


class CredentialsError(FixError):
    """The platform does not accept who we say we are."""


class ForbiddenError(FixError):
    """The platform knows us, and does not allow this."""


class RefusedError(FixError):
    """The platform rejected the request as it stands; sending it again would not help."""


class NotFound(FixError):
    """There is no such channel, case, customer, conversation or post."""


class UnsupportedError(FixError):
    """The connector's declared capabilities rule this out; nothing was sent."""


class TooLong(UnsupportedError):
    """The text exceeds the platform's limit; nothing was sent.

    Args:
        message: What exceeds which limit.
        excess: By how much, in the platform's unit.
    """

    def __init__(self, message: str, *, excess: int) -> None:
        super().__init__(message)
        self.excess = excess


class VerificationError(FixError):
    """A webhook whose signature, secret or age is wrong; its body was not parsed."""


class PlaybookError(FixError):
    """A playbook that does not load: the message names the place and what is allowed there."""


class StateError(FixError):
    """A transition that the state table does not have."""


class GuardError(FixError):
    """A reply that a guard holds back, private data in a public reply for example."""


class ConflictError(FixError):
    """Somebody else changed it first; read it again, then decide."""


class StopError(SocialCRMError):
    """Do not go on; the installation needs care."""


class StoreError(StopError):
    """The database can't be used: disk full, read-only, damaged. What was committed stays."""


class SchemaError(StopError):
    """A database from another version of the library, or no database of ours."""


class PluginError(StopError):
    """A plugin that can't be loaded, or that breaks the connector contract."""


class UnclearError(StopError):
    """A step that may or may not have happened, and that must not be repeated blindly."""
