"""The connector: what it declares, and which room does what."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import evolve

from socialcrm.connectors import (
    Answer,
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
from socialcrm.errors import UnsupportedError
from socialcrm.types import Account, Item, Visibility
from socialcrm_twilio import _send
from socialcrm_twilio._fields import text_of
from socialcrm_twilio._follow import follow_calls, follow_messages
from socialcrm_twilio._judge import judge
from socialcrm_twilio._parse import parse
from socialcrm_twilio._receive import receive
from socialcrm_twilio._settings import TwilioSettings

__all__ = ["TwilioConnector"]


class TwilioConnector(Connector[TwilioSettings]):
    """Speaks to a Twilio account: its phone calls, SMS and MMS."""

    info = ConnectorInfo(
        platform="twilio",
        title="Twilio",
        settings=TwilioSettings,
        streams={
            "messages": Stream(title="SMS, MMS and messages of other channels", rescan=timedelta(days=3)),
            "calls": Stream(title="Phone calls, with recordings and transcriptions", rescan=timedelta(days=3)),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(1600, Unit.UTF16),
            threads=True,
            visibility=frozenset((Visibility.PRIVATE,)),
            webhook=True,
            retract=True,
        ),
        documentation=(
            "Twilio's OpenAPI description of the API 2010-04-01: Messages, Media, Calls, Recordings, Transcriptions",
            "Twilio docs: Webhooks security, Twilio's request to your incoming message Webhook URL, Voice webhooks",
            "Twilio docs: Outbound Message Status in Status Callbacks, Error and Warning Dictionary",
            "Twilio help centre: SMS STOP filtering, OptOutType, Recording status callbacks, Error 429",
        ),
        proven="An emulator of messages, calls and signed webhooks, and official signature vectors; never a live account",
    )

    @property
    def origin(self) -> str:
        """The API's address."""
        return self.settings.server

    def identify(self) -> Flow[Account]:
        """Ask whose the credentials are ("Account resource").

        Raises:
            CredentialsError: Twilio does not accept them.
        """
        answer = yield from Call("GET", f"/2010-04-01/Accounts/{self.settings.account_sid}.json", bucket="read")
        row = answer.json(dict, "sid")
        return Account(id=text_of(row, "sid"), name=text_of(row, "friendly_name"), key=self.settings.key)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow the message log or the call log.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream == "messages":
            yield from follow_messages(self.settings, cursor)
        elif stream != "calls":
            raise UnsupportedError(f"twilio has no stream {stream!r}; it has {', '.join(self.info.streams)}")
        elif self.settings.calls:
            yield from follow_calls(self.settings, cursor)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw, self.settings)

    def receive(self, request: Incoming) -> Hook:
        """Take a webhook: an incoming message, a status, a call's end, a recording, a transcription."""
        return receive(request, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer by a message, from the number that the customer used."""
        return (yield from _send.send(self.settings, message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the message in Twilio's log."""
        return (yield from _send.settle(self.settings, message, cursor))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our messages from Twilio's log."""
        yield from _send.retract(self.settings, receipt)

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Add HTTP Basic: the API key and its secret, else the account's SID and auth token ("Requests to Twilio")."""
        by_key = bool(self.settings.key_sid and grant.get("key_secret"))
        user, password = (
            (self.settings.key_sid, grant["key_secret"]) if by_key else (self.settings.account_sid, grant.get("auth_token", ""))
        )
        if not password:
            return call
        both = base64.b64encode(f"{user}:{password}".encode()).decode()
        return evolve(call, headers={**call.headers, "Authorization": f"Basic {both}"})

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means: Twilio gives a code with every error."""
        return judge(call, answer)
