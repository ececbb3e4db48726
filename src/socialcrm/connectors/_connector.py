"""The connector contract, version 1.

Guarantees the host gives: a `Batch` is durable before its ``yield from`` returns; a flow that is killed anywhere is started
again from the last durable cursor; steps of one flow happen one after another; secrets are never handed to a flow.

Guarantees a connector gives: it does no I/O, reads no clock and keeps no state between flows; delivering again is harmless,
because ids are stable; the cursor never runs ahead of the batch that carries it; every element of a page is passed on, even
those it does not understand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from attrs import Factory, field, frozen

from socialcrm.connectors._capabilities import Capabilities, TextLimit
from socialcrm.connectors._judge import judge_http
from socialcrm.connectors._messages import Hook, Incoming, Outgoing, Receipt, Verdict
from socialcrm.connectors._steps import Answer, Batch, Call, Cursor, Flow, Grant, Raw
from socialcrm.errors import UnsupportedError
from socialcrm.types import Account, Identity, Item

__all__ = ["CONTRACT", "Connector", "ConnectorInfo", "NoSettings", "Stream"]

CONTRACT = 1
"""The version of this contract. A plugin that declares another one is reported and not loaded."""

S = TypeVar("S")


@frozen(kw_only=True)
class Stream:
    """One thing to follow on a platform.

    Args:
        live: It stays open (IDLE, IRC, a gateway): driven by ``watch``. Otherwise it is a pull stream: driven by ``sync``.
        replayable: What was missed can be fetched later; otherwise what was missed becomes a `Hole`.
        rescan: How far back it looks again for edits and deletions that the platform does not announce.
        title: What it brings, in a few words.
    """

    live: bool = False
    replayable: bool = True
    rescan: timedelta = timedelta()
    title: str = ""


@frozen(kw_only=True)
class NoSettings:
    """For a platform that needs none."""


@frozen(kw_only=True)
class ConnectorInfo:
    """What a connector says of itself.

    Args:
        platform: The platform's name: lower case, as in ``crm.channels.add("mastodon", …)``.
        title: The platform's own spelling of its name.
        contract: The contract's version that it was written for.
        settings: An attrs class. Fields of type `socialcrm.types.Secret` are credentials; the names of the fields, their
            types, defaults and ``metadata["help"]`` are what users see.
        streams: What it follows, by name.
        capabilities: What the platform can do.
        documentation: The names of the platform's documents that it was written from.
        proven: What it was tried on, in words, for the table of platforms.
    """

    platform: str
    title: str = ""
    contract: int = CONTRACT
    settings: type[Any] = NoSettings
    streams: Mapping[str, Stream] = Factory(dict)
    capabilities: Capabilities = field(factory=Capabilities)
    documentation: tuple[str, ...] = ()
    proven: str = ""


class Connector(Generic[S]):
    """Speaks to one platform, without doing any I/O.

    Subclass it, set ``info``, and implement what the capabilities declare. One instance serves one channel.

    Args:
        settings: An instance of ``info.settings``.
    """

    info: ClassVar[ConnectorInfo]

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @property
    def origin(self) -> str:
        """The platform's address (``https://example.social``): paths are joined to it, and only it gets credentials."""
        return ""

    @property
    def text_limit(self) -> TextLimit:
        """How long one message may be on this channel: as declared, unless the settings say otherwise."""
        return self.info.capabilities.text

    @property
    def reply_window(self) -> timedelta | None:
        """How long we may answer in private on this channel: as declared, unless the settings say otherwise."""
        return self.info.capabilities.reply_window

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        """Say with which settings a web address can be read without credentials (capability ``public``). Pure.

        Args:
            url: What somebody typed, with its scheme.
            page: What the address answered to a plain GET, redirects followed; ``None`` when it is asked for the address alone,
                before anything is fetched.

        Returns:
            Settings for a channel; ``None`` if it is not this platform, or that can't be told. Pages are hostile: whatever
            they hold, nothing is raised.
        """
        return None

    def identify(self) -> Flow[Account]:
        """Ask the platform who these credentials are: the health check, and how we know our own posts.

        Raises:
            CredentialsError: The platform does not accept them.
        """
        raise UnsupportedError(f"{self.info.platform} can't tell whose credentials these are")
        yield

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow a stream from where the cursor stands; a pull stream returns when it has caught up.

        Args:
            stream: One of ``info.streams``.
            cursor: What earlier batches left; empty the first time.
        """
        raise UnsupportedError(f"{self.info.platform} has no stream {stream!r}")
        yield

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means. Pure; one parser for fetch, webhook, archive and reprocessing.

        Yields:
            Any number of items. What it does not know becomes an `Interaction` of kind ``other``, or nothing where it
            certainly is no interaction.

        Raises:
            PayloadError: The element can't be read; it alone is quarantined.
        """
        raise UnsupportedError(f"{self.info.platform} parses nothing")

    def receive(self, request: Incoming) -> Hook:
        """Read a webhook: verify first (in constant time), then split by account, then answer. Pure.

        The secrets it verifies with are in ``self.settings``.

        Raises:
            VerificationError: The signature is wrong, missing or too old; nothing was parsed.
            PayloadError: The body can't be read.
        """
        raise UnsupportedError(f"{self.info.platform} has no webhook")

    def load(self, path: Path) -> Iterator[Batch]:
        """Read the platform's own export archive, in batches of a few hundred elements. The one method that reads files.

        Raises:
            PayloadError: It is not such an archive; the message says what was expected.
        """
        raise UnsupportedError(f"{self.info.platform} has no archive that this plugin reads")

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send a reply. With several calls, keep the progress by ``Batch([], {...})`` and go on from ``cursor``.

        The row of a part that has left is called ``part:0``, ``part:1`` …: by these names the host knows what stands.

        Args:
            message: Within the declared capabilities.
            cursor: What an earlier attempt at this very message left.
        """
        raise UnsupportedError(f"{self.info.platform} can't send")
        yield

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Find out whether an unclear send arrived.

        Returns:
            The receipt if it did; ``None`` if it certainly did not. Raises `UnclearError` when it can't be known.
        """
        raise UnsupportedError(f"{self.info.platform} can't find out whether a message arrived")
        yield

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with credentials. Pure. The default adds ``Authorization: Bearer`` if there is a ``token``."""
        token = grant.get("token")
        if not token:
            return call
        import attrs

        return attrs.evolve(call, headers={**call.headers, "Authorization": f"Bearer {token}"})

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Exchange an expired grant for a fresh one; the driver stores it at once. Its calls set ``auth=False``."""
        raise UnsupportedError(f"{self.info.platform} has no way to renew credentials")
        yield

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means. Pure. The default reads the status, ``Retry-After`` and the usual reset headers."""
        return judge_http(self.info.platform, call, answer)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find posts by text and yield them as batches (capability ``search``)."""
        raise UnsupportedError(f"{self.info.platform} has no search")
        yield

    def profile(self, account: str) -> Flow[Identity]:
        """Look an account up (capability ``profile``)."""
        raise UnsupportedError(f"{self.info.platform} has no profiles")
        yield

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Take something of ours back (capability ``retract``)."""
        raise UnsupportedError(f"{self.info.platform} can't take messages back")
        yield

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """React to something (capability ``react``)."""
        raise UnsupportedError(f"{self.info.platform} has no reactions")
        yield

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Mark something as read (capability ``mark_read``)."""
        raise UnsupportedError(f"{self.info.platform} has no read marks")
        yield

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer something public in private, where that is its own kind of send (capability ``move_to_private``).

        It is called in place of `send`; `settle` is asked about it as about any other.
        """
        raise UnsupportedError(f"{self.info.platform} has no private replies to public posts")
        yield
