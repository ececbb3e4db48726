"""The connector: which stream and which calls, each in a room of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from socialcrm.connectors import (
    Answer,
    Batch,
    Call,
    Capabilities,
    Connector,
    ConnectorInfo,
    Cursor,
    Flow,
    Grant,
    Hook,
    Incoming,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Verdict,
)
from socialcrm.errors import CredentialsError, RefusedError, SettingsError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_matrix import _direct, _send
from socialcrm_matrix._archive import load
from socialcrm_matrix._fields import link, part, text_of
from socialcrm_matrix._follow import follow
from socialcrm_matrix._judge import judge
from socialcrm_matrix._parse import parse
from socialcrm_matrix._push import receive
from socialcrm_matrix._search import search
from socialcrm_matrix._settings import MatrixSettings
from socialcrm_matrix._text import LIMIT

__all__ = ["MatrixConnector"]


class MatrixConnector(Connector[MatrixSettings]):
    """Speaks to a Matrix homeserver."""

    info = ConnectorInfo(
        platform="matrix",
        title="Matrix",
        settings=MatrixSettings,
        streams={"rooms": Stream(title="Everything in the rooms that our account is in")},
        capabilities=Capabilities(
            send=True,
            text=LIMIT,
            threads=True,
            visibility=frozenset(Visibility),
            private_reply=True,
            edits=True,
            deletions=True,
            attachments=10,
            webhook=True,
            archive=True,
            search=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
            move_to_private=True,
            renew=True,
        ),
        documentation=(
            "Matrix specification (matrix-org/matrix-spec, July 2026): client-server API and its modules",
            "Matrix specification: application service API (transactions, ping)",
            "Element Web: the JSON format of its chat export, from its source",
        ),
        proven="Synapse 1.163 on loopback, sync to send; the specification's own examples and OpenAPI documents",
    )

    @property
    def origin(self) -> str:
        """The homeserver's address."""
        return self.settings.server

    @property
    def text_limit(self) -> TextLimit:
        """How long one message may be: half an event, in bytes of its JSON."""
        return LIMIT

    def identify(self) -> Flow[Account]:
        """Ask whose token it is ("whoami"); its name comes with its own messages.

        Raises:
            CredentialsError: The server does not accept the token.
        """
        self._check()
        me = yield from _direct.who()
        return Account(id=me, handle=me, url=link(me), key=me)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring what is new in all rooms.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream not in self.info.streams:
            raise UnsupportedError(f"matrix has no stream {stream!r}; it has {', '.join(self.info.streams)}")
        self._check()
        yield from follow(cursor, self.settings.join, self.settings.history_days)

    def _check(self) -> None:
        if not self.origin or self.settings.token is None:
            raise SettingsError(
                "this matrix channel has no server or no token; set server=https://matrix.example.org and token"
            )

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw, self.origin)

    def receive(self, request: Incoming) -> Hook:
        """Read a push to our application service."""
        return receive(request, self.settings.hs_token)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read what Element exported of a room."""
        return load(Path(path), self.settings.user_id)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send a reply in the room of the question; a private one in a direct room, if others read that one."""
        return (yield from _send.send(message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the reply among our own messages."""
        return (yield from _send.settle(message, cursor))

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer in the direct room with the one who wrote; open one if there is none."""
        return (yield from _send.send(message, cursor, private=True))

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means."""
        return judge(call, answer)

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Exchange the refresh token ("refresh", since version 1.3); a server that gives no new one lets us keep the old.

        Raises:
            CredentialsError: There is no refresh token, or it is not accepted.
        """
        held = grant.get("refresh_token", "")
        if not held:
            raise CredentialsError("matrix: the access token is not accepted and there is no refresh token; log in again")
        # The old one stays valid until the new one is used ("refresh"), so asking twice loses nothing.
        answer = yield from Call(
            "POST", "/_matrix/client/v3/refresh", json={"refresh_token": held}, auth=False, repeatable=True
        )
        told = answer.json(dict, "access_token")
        return {**grant, "token": str(told["access_token"]), "refresh_token": text_of(told, "refresh_token") or held}

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find messages by the server's own search, newest first; encrypted ones are not found."""
        yield from search(query)

    def profile(self, account: str) -> Flow[Identity]:
        """Look a user up ("profile").

        Raises:
            NotFound: The server does not know them, or they have no profile.
        """
        answer = yield from Call("GET", f"/_matrix/client/v3/profile/{part(account)}")
        told = answer.json(dict)
        name, avatar = text_of(told, "displayname"), text_of(told, "avatar_url")
        return Identity(id=account, name=name, handle=account, url=link(account), avatar=avatar)

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Redact our messages."""
        yield from _send.retract(receipt)

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """React to an event with a text, usually an emoji ("Event annotations and reactions"); twice is once."""
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": id, "key": reaction}}
        try:
            yield from Call("PUT", _send.event_path(scope, "m.reaction", id, reaction), json=content)
        except RefusedError as error:
            if "M_DUPLICATE_ANNOTATION" not in str(error):
                raise

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Set our read receipt to an event ("Receipts"); the others in the room see it."""
        path = f"/_matrix/client/v3/rooms/{part(scope)}/receipt/m.read/{part(id)}"
        yield from Call("POST", path, json={}, repeatable=True)
