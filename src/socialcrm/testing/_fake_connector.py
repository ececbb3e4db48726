"""The connector of the invented platform: complete, and good to read for whoever writes one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from attrs import field, frozen

from socialcrm.connectors import (
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
    Now,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Unit,
    hookimpl,
)
from socialcrm.errors import NotFound, PayloadError, UnclearError, UnsupportedError, VerificationError
from socialcrm.testing._fake_pages import Place, next_page
from socialcrm.testing._fake_parse import entry, identity_of, moment, parse, word
from socialcrm.types import Account, Identity, Item, Secret, Visibility

__all__ = ["FakeConnector", "FakeSettings", "socialcrm_connectors"]

_STALE = timedelta(minutes=5)
_BATCH = 100
_MARGIN = timedelta(minutes=1)


@frozen(kw_only=True)
class FakeSettings:
    """A channel on the invented platform."""

    server: str = field(metadata={"help": "the platform's address"})
    token: Secret = field(metadata={"help": "an access token"})
    refresh: Secret | None = field(default=None, metadata={"help": "what renews the token"})
    webhook_secret: Secret | None = field(default=None, metadata={"help": "what webhooks are signed with"})
    paging: str = field(default="since", metadata={"help": "since, page, link or cursor"})
    page_size: int = field(default=50, metadata={"help": "elements a page"})
    rescan_days: int = field(default=14, metadata={"help": "days to look back for edits and deletions; 0 for never"})


class FakeConnector(Connector[FakeSettings]):
    """Speaks to a `socialcrm.testing.FakePlatform`.

    Cursor rows of the stream ``posts``: ``after`` (the mark up to which everything came), ``page`` (where that is, for
    numbered pages), ``rescanned`` (when it last looked back).
    """

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="fake",
        title="Fake",
        settings=FakeSettings,
        streams={"posts": Stream(rescan=timedelta(days=14), title="every post that we may see")},
        capabilities=Capabilities(
            send=True,
            text=TextLimit(200, Unit.UTF16),
            threads=True,
            visibility=frozenset(Visibility),
            edits=True,
            deletions=True,
            webhook=True,
            archive=True,
            profile=True,
            retract=True,
            renew=True,
        ),
        documentation=("socialcrm.testing",),
        proven="the invented platform, in process and on loopback",
    )

    @property
    def origin(self) -> str:
        """The platform's address."""
        return self.settings.server.rstrip("/")

    def identify(self) -> Flow[Account]:
        """Ask who the token belongs to."""
        answer = yield from Call("GET", "/api/me")
        found = identity_of(answer.json())
        return Account(id=found.id, name=found.name, handle=found.handle)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring new posts, then look back for edits and deletions once an hour."""
        if stream not in self.info.streams:
            raise UnsupportedError(f"fake has no stream {stream!r}; it has 'posts'")
        place = Place.of(cursor)
        while not place.last:
            rows, place = yield from next_page(self.settings, place, {})
            patch = {name: value for name, value in place.rows().items() if cursor.get(name) != value}
            if rows or patch:
                yield from Batch([Raw("post", row) for row in rows], patch)
        now = yield from Now()
        before = moment(cursor.get("rescanned"))
        if self.settings.rescan_days and (before is None or now - before >= timedelta(hours=1)):
            yield from self.rescan(now, now - timedelta(days=self.settings.rescan_days))

    def rescan(self, now: Any, since: Any) -> Flow[None]:
        """Look again at everything since a time, and count what is there, thread by thread."""
        held: dict[str, list[str]] = {}
        threads = (yield from Call("GET", "/api/threads")).json()
        if not isinstance(threads, list):
            raise PayloadError("fake: expected a list of threads; check the server's address")
        place = Place()
        while not place.last:
            rows, place = yield from next_page(self.settings, place, {"from": since.isoformat()})
            for row in rows:
                held.setdefault(word(row, "thread"), []).append(word(row, "id"))
            if rows:
                yield from Batch([Raw("post", row) for row in rows])
        # What was said since then may be missing on the pages that were read first.
        until = (now - _MARGIN).isoformat()
        known = {thread: sorted(set(held.get(thread, ()))) for thread in threads}
        census = Raw("census", {"since": since.isoformat(), "until": until, "threads": known})
        yield from Batch([census], {"rescanned": now.isoformat()})

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw)

    def receive(self, request: Incoming) -> Hook:
        """Read a webhook: the signature covers its time and its body, and is good for five minutes."""
        if request.method == "GET":
            return self._challenged(request)
        self._verify(request)
        try:
            events = json.loads(request.body)["events"]
        except (ValueError, KeyError, TypeError) as error:
            raise PayloadError("a webhook of the fake platform holds a list of events; it was not taken") from error
        if not isinstance(events, list):
            raise PayloadError("a webhook of the fake platform holds a list of events; it was not taken")
        return Hook(batches=(Batch([self.entry(event) for event in events]),))

    def entry(self, event: Any) -> Raw:
        """Return the element that an event brings."""
        return entry(event)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read the platform's export: JSON lines, our account first."""
        raws: list[Raw] = []
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    ((kind, body),) = json.loads(line).items()
                except (ValueError, AttributeError) as error:
                    raise PayloadError(f"{path.name}, line {number}: expected one JSON object with one key") from error
                raws.append(Raw(kind, body))
                if len(raws) >= _BATCH:
                    yield Batch(raws)
                    raws = []
        if raws:
            yield Batch(raws)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send a reply, part by part; what a part became is kept before the next one goes out."""
        ids: list[str] = []
        at = None
        for number, text in enumerate(message.parts):
            known = cursor.get(f"part:{number}")
            if known is None:
                parent = ids[-1] if ids else message.reply_to
                answer = yield from self.post(message, number, text, parent)
                body = answer.json()
                known = word(body, "id")
                if not known:
                    raise UnclearError("fake: the platform took a message and does not say as what; it is looked for")
                at = moment(body.get("created_at"))
                yield from Batch([], {f"part:{number}": known})
            ids.append(known)
        return Receipt(ids=tuple(ids), at=at)

    def post(self, message: Outgoing, number: int, text: str, parent: str | None) -> Flow[Any]:
        """Send one part."""
        body = {"text": text, "parent": parent, "visibility": message.visibility.value, "key": f"{message.id}:{number}"}
        return (yield from Call("POST", f"/api/threads/{message.conversation}/posts", json=body))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for each part among what we said in the thread since the reply was queued."""
        said = (yield from Call("GET", f"/api/threads/{message.conversation}/posts", params={"by": "me"})).json()
        if not isinstance(said, list):
            raise UnclearError("fake: the platform does not say what we said in the thread; it is asked again later")
        ids: list[str] = []
        for number, text in enumerate(message.parts):
            parent = ids[-1] if ids else message.reply_to
            known = cursor.get(f"part:{number}") or next(
                (word(row, "id") for row in said if _is(row, message, text, parent)), None
            )
            if known is None:
                return None
            if f"part:{number}" not in cursor:
                yield from Batch([], {f"part:{number}": known})
            ids.append(known)
        return Receipt(ids=tuple(ids))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Take our posts back; what is gone already is fine."""
        for one in receipt.ids:
            try:
                yield from Call("DELETE", f"/api/threads/{receipt.conversation}/posts/{one}")
            except NotFound:
                continue

    def profile(self, account: str) -> Flow[Identity]:
        """Look an account up."""
        answer = yield from Call("GET", f"/api/users/{account}")
        return identity_of(answer.json())

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Exchange the refresh token for an access token."""
        answer = yield from Call("POST", "/api/token", json={"refresh": grant.get("refresh", "")}, auth=False)
        token = word(answer.json(), "token")
        if not token:
            raise PayloadError("fake: the renewal brought no token; it is tried again later")
        return {**grant, "token": token}

    def _verify(self, request: Incoming) -> None:
        fields = dict(part.partition("=")[::2] for part in request.headers.get("x-fake-signature", "").split(","))
        stamp, code = fields.get("t", ""), fields.get("v1", "")
        wanted = hmac.new(self._secret(), f"{stamp}.".encode() + request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(code.encode(), wanted.encode()) or not stamp.isdecimal():
            raise VerificationError("fake: the webhook's signature is wrong or missing; check webhook_secret")
        if abs(request.at.timestamp() - int(stamp)) > _STALE.total_seconds():
            raise VerificationError("fake: the webhook is older than five minutes; somebody may be repeating it")

    def _challenged(self, request: Incoming) -> Hook:
        expected = hashlib.sha256(self._secret()).hexdigest()
        if not hmac.compare_digest(str(request.query.get("verify", "")).encode(), expected.encode()):
            raise VerificationError("fake: the challenge's word is wrong; check webhook_secret")
        return Hook(body=str(request.query.get("challenge", "")).encode())

    def _secret(self) -> bytes:
        if self.settings.webhook_secret is None:
            raise VerificationError("fake: no webhook is expected; set webhook_secret")
        return self.settings.webhook_secret.reveal().encode()


def _is(row: Mapping[str, Any], message: Outgoing, text: str, parent: str | None) -> bool:
    at = moment(row.get("created_at"))
    late_enough = message.at is None or (at is not None and at >= message.at - _STALE)
    return late_enough and word(row, "text") == text and row.get("parent") == parent


@hookimpl
def socialcrm_connectors() -> list[type[Connector[Any]]]:
    """Return the connector of the invented platform."""
    return [FakeConnector]
