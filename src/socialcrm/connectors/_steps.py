"""The steps that a connector yields, and what it is sent in return.

A connector is a plain generator. It yields a step and is sent the step's result; written ``answer = yield from Call(...)``,
the result is typed. A step that fails is thrown in as a `socialcrm.errors.SocialCRMError`, so a flow may catch it where it
stands. Drivers (room ``transport``) interpret the steps, synchronously or on an event loop; a connector can't tell which.
"""

from __future__ import annotations

import json as _json
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

from attrs import Factory, field, frozen

from socialcrm.errors import PayloadError
from socialcrm.types import Secret
from socialcrm.types._record import EMPTY, quick

if TYPE_CHECKING:
    from socialcrm.connectors._messages import Outgoing, Receipt

__all__ = [
    "All",
    "Answer",
    "Batch",
    "Blob",
    "Blocking",
    "Call",
    "Conn",
    "Cursor",
    "Fields",
    "Flow",
    "Grant",
    "Now",
    "Open",
    "Raw",
    "Read",
    "Sent",
    "StartTLS",
    "Step",
    "Write",
]

_SHAPES: dict[type[Any], str] = {dict: "object", list: "array"}

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Cursor: TypeAlias = Mapping[str, str]
"""What a stream remembers, row by row: a partition's key (a room, a post, ``"after"``) to a short text."""

Grant: TypeAlias = Mapping[str, str]
"""The credentials in force, by the names of the settings' secret fields and of what ``renew`` added."""

Fields: TypeAlias = Mapping[str, str | Sequence[str]]
"""Form or query fields; a sequence repeats the key."""


class Step(Generic[R_co]):
    """Something that a connector asks its driver for."""

    __slots__ = ()

    def __iter__(self) -> Generator[Step[Any], Any, R_co]:
        result: R_co = yield self
        return result


Flow: TypeAlias = Generator[Step[Any], Any, R]
"""A generator of steps that returns an ``R``."""


@frozen(kw_only=True)
class Blob:
    """A file on disk, known by its content.

    Args:
        sha256: Its digest, hexadecimal.
        path: Where it lies.
        size: In bytes.
        mime: Its media type.
        name: The file name to show.
    """

    sha256: str
    path: Path
    size: int
    mime: str = "application/octet-stream"
    name: str = "file"


@frozen(kw_only=True)
class Answer:
    """What came back for a `Call`.

    Args:
        status: The HTTP status.
        headers: Names in lower case; repeated ones joined by ``", "``.
        content: The body, decoded from its transfer and content encodings.
        blob: The body on disk instead, where the call said ``save``.
    """

    status: int
    headers: Mapping[str, str] = Factory(dict)
    content: bytes = field(default=b"", repr=False)
    blob: Blob | None = None

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, shape: type[dict[Any, Any]], *needed: str) -> dict[str, Any]: ...
    @overload
    def json(self, shape: type[list[Any]], *needed: str) -> list[Any]: ...
    def json(self, shape: type[dict[Any, Any]] | type[list[Any]] | None = None, *needed: str) -> Any:
        """Return the body as a JSON value.

        Args:
            shape: ``dict`` or ``list``, where nothing else will do.
            needed: Keys that the object, or each object of the list, has to have.

        Raises:
            PayloadError: The body is not JSON (often an HTML page from a proxy or a log-in wall), or of another shape.
        """
        mime = self.headers.get("content-type", "no content type")
        try:
            value = _json.loads(self.content)
        except ValueError:
            raise PayloadError(
                f"expected JSON, got {len(self.content)} bytes of {mime} with status {self.status}; "
                "check that the address is the platform's API and not a web page"
            ) from None
        if shape is not None and not isinstance(value, shape):
            raise PayloadError(
                f"expected a JSON {_SHAPES[shape]}, got {type(value).__name__} with status {self.status}; "
                "check that the address is the platform's API, and its version"
            )
        rows = value if shape is list else [value]
        for row in rows if needed else ():
            missing = [name for name in needed if not isinstance(row, dict) or name not in row]
            if missing:
                raise PayloadError(
                    f"expected {' and '.join(missing)} in the answer with status {self.status}; "
                    "check that the address is the platform's API, and its version"
                )
        return value


@frozen(kw_only=True)
class Call(Step[Answer]):
    """One HTTP exchange.

    Args:
        method: Upper case.
        path: Below the connector's origin, beginning with ``/``; or an absolute link, whose own query is kept.
        params: Query fields, added to those in ``path``.
        json: A JSON body. At most one of ``json``, ``form``, ``content``, ``files`` (``form`` may join ``files``).
        form: Form fields.
        content: A body as it is.
        files: Parts of a multipart body.
        headers: Further headers; never credentials, `Connector.sign` adds those.
        bucket: Which of the platform's rate budgets it draws on; free names.
        timeout: Seconds for the whole exchange.
        auth: Sign it. Only calls to the connector's own origin are ever signed.
        save: Put the body into a `Blob` instead of memory.
        repeatable: Whether it may be sent again when its outcome is unclear. Follows the method: POST and PATCH are not.
    """

    method: str = field(kw_only=False)
    path: str = field(kw_only=False)
    params: Fields = Factory(dict)
    json: object = None
    form: Fields | None = None
    content: bytes | Blob | None = None
    files: Mapping[str, Blob] = Factory(dict)
    headers: Mapping[str, str] = Factory(dict)
    bucket: str = "default"
    timeout: float = 30
    auth: bool = True
    save: bool = False
    repeatable: bool = Factory(lambda self: self.method not in ("POST", "PATCH"), takes_self=True)


@frozen
class All(Step[tuple[Answer, ...]]):
    """Several calls at once; answers come in the order of the calls. One failing call fails the step."""

    calls: tuple[Call, ...] = field(converter=tuple[Call, ...])


@quick
@frozen
class Raw:
    """An element as the platform sent it.

    Args:
        kind: The connector's own word for what it is; `Connector.parse` reads it.
        body: A JSON value, text or bytes; kept without loss.
        context: What the element does not say itself but parsing needs (the room it came from).
    """

    kind: str
    body: Any
    context: Mapping[str, str] = EMPTY


@frozen(kw_only=True)
class Batch(Step[None]):
    """Elements, and the cursor patch that they bring us to; both durable before the flow goes on.

    Args:
        raws: The elements, in any order, repeated or not.
        cursor: Rows to set; ``None`` drops a row, if it still holds what this flow saw.
        stream: Whose cursor; empty means the flow's own. A webhook *pokes* a stream with a row this way.
        account: Which of our accounts (`Account.key`) it belongs to, where one endpoint serves several.
    """

    raws: tuple[Raw, ...] = field(default=(), kw_only=False, converter=tuple[Raw, ...])
    cursor: Mapping[str, str | None] = field(factory=dict, kw_only=False)
    stream: str = ""
    account: str = ""


@frozen
class Now(Step[datetime]):
    """The time, aware UTC: a connector has no clock of its own."""


@frozen
class Blocking(Step[R_co], Generic[R_co]):
    """A call into a vendor's library, run on a worker thread.

    Args:
        func: What to call. It can't be interrupted.
        args: Its arguments.
        repeatable: Whether it may be called again when its outcome is unclear.
    """

    func: Callable[..., R_co]
    args: tuple[Any, ...] = ()
    repeatable: bool = field(default=False, kw_only=True)


@frozen
class Conn:
    """An open byte stream or websocket.

    Args:
        id: Unique for ever, so it may seed ids.
    """

    id: str


@frozen
class Open(Step[Conn]):
    """Open a byte stream: ``tcp://host:port``, ``tls://host:port``, ``ws://…`` or ``wss://…`` (extra ``live``).

    Args:
        url: Where to. TLS certificates are verified against the host's name.
        timeout: Seconds to connect.
        headers: For ``ws`` and ``wss`` only.
        auth: For ``ws`` and ``wss``: sign the handshake with `Connector.sign`, as a GET, if it goes to the connector's own
            origin (scheme, host and port, with ``ws`` read as ``http``).
    """

    url: str
    timeout: float = field(default=30, kw_only=True)
    headers: Mapping[str, str] = field(factory=dict, kw_only=True)
    auth: bool = field(default=False, kw_only=True)


@frozen
class StartTLS(Step[None]):
    """Go on encrypted on the same connection; what was already received in clear is thrown away."""

    conn: Conn


@frozen
class Write(Step[None]):
    """Send bytes (one text frame on a websocket).

    Args:
        conn: Where to.
        data: The bytes; or, where they hold a credential, a callable that makes them from the `Grant`, so that the flow
            never sees it.
        repeatable: ``False`` marks the step after which the platform may have acted: intent is stored before it.
    """

    conn: Conn
    data: bytes | Callable[[Grant], bytes] = field(repr=False)
    repeatable: bool = field(default=True, kw_only=True)


@frozen
class Read(Step["bytes | Outgoing | None"]):
    """Receive bytes: up to and with ``until``, or ``size`` of them, or (neither) what is there, or one frame.

    Returns ``None`` when the time is up, ``b""`` when the other side has closed.

    Args:
        conn: Where from.
        until: The delimiter; ``None`` for what is there or one frame.
        timeout: Seconds.
        size: Exactly so many bytes.
        idle: At rest: nothing is half done, so the driver may hand in an `Outgoing` to send, or stop the flow here.
    """

    conn: Conn
    until: bytes | None = b"\r\n"
    timeout: float = 60
    size: int | None = field(default=None, kw_only=True)
    idle: bool = field(default=False, kw_only=True)


@frozen
class Sent(Step[None]):
    """Only in live flows: what became of an `Outgoing` that an idle read handed in."""

    message: Outgoing
    receipt: Receipt | Exception


def secret_fields(settings: object) -> dict[str, Secret]:
    """Return the settings' secrets by field name: the first grant is made of them."""
    names = getattr(type(settings), "__attrs_attrs__", ())
    values = {attribute.name: getattr(settings, attribute.name) for attribute in names}
    return {name: value for name, value in values.items() if isinstance(value, Secret)}
