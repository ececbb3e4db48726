"""The connector: what it declares, and which room does what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from attrs import evolve

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
    Unit,
    Verdict,
)
from socialcrm.connectors.oauth import refresh_grant
from socialcrm.errors import CredentialsError, NotFound, RefusedError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_slack import _send
from socialcrm_slack._api import ask, tell
from socialcrm_slack._archive import load
from socialcrm_slack._fields import channel_of, mapping
from socialcrm_slack._follow import follow
from socialcrm_slack._judge import judge
from socialcrm_slack._live import OPEN, watch
from socialcrm_slack._parse import Ours, parse
from socialcrm_slack._people import account_of, home_of, identity_of, user_of
from socialcrm_slack._receive import receive
from socialcrm_slack._settings import SlackSettings
from socialcrm_slack._text import weigh

__all__ = ["SlackConnector"]

_EMOJI = {"👍": "+1", "👎": "-1", "❤️": "heart", "🎉": "tada", "👀": "eyes", "✅": "white_check_mark", "🙏": "pray"}


class SlackConnector(Connector[SlackSettings]):
    """Speaks to a Slack workspace as an app that was installed in it."""

    info = ConnectorInfo(
        platform="slack",
        title="Slack",
        settings=SlackSettings,
        streams={
            "messages": Stream(
                title="Channels, threads, direct and group messages that the app is in", rescan=timedelta(days=14)
            ),
            "socket": Stream(live=True, title="The same as it happens, by Socket Mode"),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(4000, Unit.WEIGHTED, weigh),
            threads=True,
            visibility=frozenset((Visibility.LIMITED, Visibility.PRIVATE)),
            private_reply=True,
            edits=True,
            deletions=True,
            attachments=10,
            webhook=True,
            archive=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
            move_to_private=True,
            renew=True,
        ),
        documentation=(
            "docs.slack.dev: conversations.history, conversations.replies, chat.postMessage, files.completeUploadExternal",
            "docs.slack.dev: users.info, apps.connections.open, url_verification, Rate limits, Using token rotation",
            "Slack's Web API and Events API descriptions of 2021; signatures and uploads of the official Python SDK",
            "Slack help centre: How to read Slack data exports",
        ),
        proven="An emulator of the Web API and its signed events, recorded payloads without values; never a live workspace",
    )

    @property
    def origin(self) -> str:
        """The Web API's address."""
        return self.settings.server

    @property
    def _ours(self) -> Ours:
        return Ours(colleagues=frozenset(self.settings.colleagues), workspace=self.settings.workspace_is_us)

    def identify(self) -> Flow[Account]:
        """Ask who the token is ("auth.test").

        Raises:
            CredentialsError: Slack does not accept the token.
        """
        body = yield from ask("auth.test")
        return account_of(body)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow the conversations; the live stream ends at once where there is no app-level token.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream == "messages":
            yield from follow(self.settings, cursor)
        elif stream != "socket":
            raise UnsupportedError(f"slack has no stream {stream!r}; it has {', '.join(self.info.streams)}")
        elif self.settings.app_token is not None:
            yield from watch(self.send)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw, self._ours)

    def receive(self, request: Incoming) -> Hook:
        """Take a request of the Events API."""
        return receive(request, self.settings.signing_secret or "")

    def load(self, path: Path) -> Iterator[Batch]:
        """Read an export of the workspace."""
        return load(Path(path), self.settings.colleagues)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer in the thread of the question, or in a direct message."""
        return (yield from _send.send(message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the reply by its metadata."""
        return (yield from _send.settle(message, cursor))

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer what was asked in a channel in a direct message ("conversations.open")."""
        return (yield from _send.send(evolve(message, visibility=Visibility.PRIVATE), cursor))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Add the bot's token, or the app-level one to open a live stream."""
        if call.path == OPEN:
            return super().sign(call, {"token": grant.get("app_token", "")}, now, nonce)
        return super().sign(call, grant, now, nonce)

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Exchange the refresh token ("Using token rotation"): the new token is good for 12 hours, the old pair is void.

        Raises:
            CredentialsError: There is no refresh token or client id, or Slack does not accept them.
        """
        if not self.settings.client_id:
            raise CredentialsError(
                "slack: the token is not accepted, and there is no client_id to renew it with; give a token that is in force"
            )
        secret = grant.get("client_secret", "")
        return (
            yield from refresh_grant("/api/oauth.v2.access", grant, client_id=self.settings.client_id, client_secret=secret)
        )

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means: Slack says ``ok: false`` with status 200."""
        return judge(call, answer)

    def profile(self, account: str) -> Flow[Identity]:
        """Look a user up by the id of an identity ("users.info"), an app by its bot id ("bots.info").

        Raises:
            NotFound: There is no such user, or the app may not see them.
        """
        me = yield from ask("auth.test")
        if user_of(account).startswith("B"):
            bot = mapping(mapping((yield from ask("bots.info", bot=user_of(account)))).get("bot"))
            return Identity(id=account, name=str(bot.get("name") or ""))
        body = yield from ask("users.info", user=user_of(account))
        return identity_of(mapping(body).get("user"), home_of(me))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our messages, the last first ("chat.delete"); one that is gone already is fine.

        Raises:
            RefusedError: The receipt names no conversation.
        """
        channel = channel_of(receipt.scope or receipt.conversation or "")
        if not channel:
            raise RefusedError("slack: the receipt names no conversation, and a message can't be found without one")
        for ts in reversed(receipt.ids):
            try:
                yield from tell("chat.delete", channel=channel, ts=ts, repeatable=True)
            except NotFound:
                continue

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Add an emoji by its name ("reactions.add"); one that is there already is fine."""
        name = _EMOJI.get(reaction, reaction.strip(":"))
        yield from tell("reactions.add", channel=channel_of(scope), timestamp=id, name=name, repeatable=True)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Mark a conversation as read up to a message ("conversations.mark"); threads have no mark of their own."""
        yield from tell("conversations.mark", channel=channel_of(scope), ts=id, repeatable=True)
