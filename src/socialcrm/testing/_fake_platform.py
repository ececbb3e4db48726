"""An invented platform that does what it is told: for the library's own tests, for plugin authors and for applications."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from socialcrm.connectors import Answer, Incoming, PluginManager
from socialcrm.errors import SettingsError
from socialcrm.testing._fake_api import Api
from socialcrm.testing._fake_posts import FakeAccount, FakePost
from socialcrm.testing._platform import FAULTS, Gate
from socialcrm.testing._servers import serving
from socialcrm.transport import Local, open_async_client, open_client
from socialcrm.types import Secret

if TYPE_CHECKING:
    import httpx

    from socialcrm.crm import CRM

__all__ = ["MOODS", "PAGINGS", "FakePlatform"]

PAGINGS = ("since", "page", "link", "cursor")
"""How the lists are paged: by the last number seen, by page numbers, by a link to follow, by an opaque cursor."""

MOODS = ("overlap", "reverse", "repeat", "empty")
"""What pages may do: show the last element again, run backwards, hold elements twice, be empty in the middle."""


class FakePlatform:
    """A platform in memory, with accounts, threads, pages, rate limits, webhooks and faults. Nothing in it is real.

    Args:
        paging: One of `PAGINGS`.
        size: Elements a page.
        moods: Any of `MOODS`.
        idempotent: It recognises a repeated send by its key.
        clock: The time, aware UTC.

    Example:
        >>> fake = FakePlatform()
        >>> post = fake.post("My router is broken", by=fake.account("Mara"))
        >>> crm = fake.crm()
        >>> str(crm.sync())
        'fake: 1 new, 0 changed, 1 cases opened'
        >>> crm.close()
    """

    origin = "https://fake.example.com"
    token = "canary-token-0001"  # noqa: S105 - invented, and meant to be looked for
    refresh = "canary-refresh-0001"
    webhook_secret = "canary-webhook-0001"  # noqa: S105 - invented, and meant to be looked for
    limit = 200
    """UTF-16 code units that one message may hold."""

    def __init__(
        self,
        *,
        paging: str = "since",
        size: int = 3,
        moods: Sequence[str] = (),
        idempotent: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        if paging not in PAGINGS or not set(moods) <= set(MOODS):
            raise SettingsError(f"paging is one of {', '.join(PAGINGS)}, moods are among {', '.join(MOODS)}")
        self.paging, self.size, self.moods, self.idempotent = paging, size, frozenset(moods), idempotent
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self._clock = clock
        self.accounts: dict[str, FakeAccount] = {}
        self.posts: list[FakePost] = []
        self.threads: list[str] = []
        self.granted = self.token
        self.budget: int | None = None
        self.gate = Gate(Api(self).answer)
        self.me = self.account("Acme Telephone", handle="@acme")

    # -- what stands there -----------------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        """Return the platform's time: that of the test, or ``now``."""
        return self._clock() if self._clock is not None else self.now

    def account(self, name: str, *, handle: str = "", email: str = "") -> FakeAccount:
        """Add somebody."""
        key = f"a{len(self.accounts) + 1}"
        made = FakeAccount(id=key, name=name, handle=handle or f"@{name.split()[0].lower()}", email=email)
        self.accounts[key] = made
        return made

    def thread(self) -> str:
        """Begin a thread, and return its id."""
        self.threads.append(f"t{len(self.threads) + 1}")
        return self.threads[-1]

    def post(
        self,
        text: str,
        *,
        by: FakeAccount | None = None,
        thread: str | None = None,
        parent: FakePost | None = None,
        age: timedelta = timedelta(hours=1),
        visibility: str = "public",
        kind: str = "post",
        **extra: Any,
    ) -> FakePost:
        """Say something.

        Args:
            text: What.
            by: Who; a customer who is new by default.
            thread: Where; a new thread by default, or that of ``parent``.
            parent: What it answers.
            age: How long ago.
            visibility: ``public``, ``limited`` or ``private``.
            kind: Another word makes it something that connectors need not know.
            extra: Further fields of its JSON.
        """
        author = by or self.account(f"Customer {len(self.accounts)}")
        where = parent.thread if parent is not None else thread or self.thread()
        key = str(1 + sum(post.thread == where for post in self.posts))
        made = FakePost(
            id=key, thread=where, seq=len(self.posts) + 1, author=author, text=text, created=self.clock() - age,
            parent=parent.id if parent is not None else None, visibility=visibility, kind=kind, extra=extra,
        )  # fmt: skip
        self.posts.append(made)
        return made

    def find(self, thread: str, key: str) -> FakePost | None:
        """Return a post that is there."""
        return next((one for one in self.visible() if (one.thread, one.id) == (thread, key)), None)

    def edit(self, post: FakePost, text: str) -> None:
        """Change the wording of a post, now."""
        post.text, post.edited = text, self.clock()

    def delete(self, post: FakePost) -> None:
        """Take a post back."""
        post.deleted = True

    def visible(self) -> list[FakePost]:
        """Return the posts that are there, in the order of the platform's lists."""
        return [post for post in self.posts if not post.deleted]

    def texts(self) -> list[str]:
        """Return the text of everything that is there."""
        return [post.text for post in self.visible()]

    def received(self) -> list[str]:
        """Return the text of everything that was sent through the API, taken back or not."""
        return [post.text for post in self.posts if post.mine]

    # -- what goes wrong -------------------------------------------------------------------------------------------------

    def fail(self, fault: str, *, times: int | None = 1, after: int = 0) -> None:
        """Spoil requests.

        Args:
            fault: One of `socialcrm.testing.FAULTS`.
            times: How many; ``None`` until `heal`.
            after: How many go well before.
        """
        self.gate.spoil(FAULTS[fault], first=after, times=times)

    def heal(self) -> None:
        """Let everything work again."""
        self.gate.heal()
        self.budget = None

    def allow(self, requests: int) -> None:
        """Answer so many requests more, then 429, until `heal`."""
        self.budget = requests

    def expire(self) -> None:
        """Void the token; only the refresh token brings another."""
        self.granted = f"canary-token-{int(self.granted[-4:]) + 1:04d}"

    # -- how to reach it -------------------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Incoming]:
        """What was asked so far."""
        return self.gate.log

    def answer(self, request: Incoming) -> Answer:
        """Answer an HTTP request, as the gate lets it through."""
        return self.gate(request)

    def client(self) -> httpx.Client:
        """Return an HTTP client that reaches this platform in this process; close it after use."""
        return open_client(transport=Local(self.answer, clock=self.clock))

    def async_client(self) -> httpx.AsyncClient:
        """Return an HTTP client for an event loop that reaches this platform in this process; close it after use."""
        return open_async_client(transport=Local(self.answer, clock=self.clock))

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve the platform on loopback, and yield its address: ``fake.settings(server=url)``."""
        with serving(self.answer, clock=self.clock) as url:
            yield url

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return the settings of a channel on this platform, for ``crm.channels.add("fake", name=…, **settings)``."""
        return {
            "server": self.origin,
            "token": Secret(self.token),
            "refresh": Secret(self.refresh),
            "webhook_secret": Secret(self.webhook_secret),
            "paging": self.paging,
            "page_size": self.size,
            **changes,
        }

    def plugins(self) -> PluginManager:
        """Return a plugin manager that knows the installed plugins, and the connector of this platform."""
        from socialcrm.testing import _fake_connector

        manager = PluginManager()
        manager.register(_fake_connector, "fake")
        return manager

    def crm(self, url: str = "sqlite:///:memory:", **options: Any) -> CRM:
        """Open a CRM with one channel ``fake`` on this platform; its clock is the platform's.

        Args:
            url: The database's address.
            options: For `socialcrm.open`.
        """
        import socialcrm

        given: dict[str, Any] = {"plugins": self.plugins(), "client": self.client(), "clock": self.clock, **options}
        crm = socialcrm.open(url, **given)
        crm.channels.add("fake", name="fake", **self.settings())
        return crm

    # -- how it calls us -------------------------------------------------------------------------------------------------

    def event(self, kind: str, post: FakePost) -> dict[str, Any]:
        """Return what the platform tells of a post: ``post``, ``edit``, ``deletion`` or a word that nobody knows."""
        if kind == "edit":
            at = (post.edited or self.clock()).isoformat()
            return {"type": kind, "thread": post.thread, "id": post.id, "text": post.text, "at": at}
        if kind == "deletion":
            return {"type": kind, "thread": post.thread, "id": post.id, "at": self.clock().isoformat()}
        return {"type": kind, "post": post.json()}

    def webhook(self, *events: Mapping[str, Any], at: datetime | None = None) -> Incoming:
        """Return a signed request that delivers events."""
        return self.signed(json.dumps({"events": list(events)}).encode(), at or self.clock())

    def signed(self, body: bytes, at: datetime) -> Incoming:
        """Return a request that delivers a body, signed at a time."""
        moment = str(int(at.timestamp()))
        code = hmac.new(self.webhook_secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-fake-signature": f"t={moment},v1={code}"}
        return Incoming(method="POST", url="https://crm.example.org/hook", headers=headers, body=body, at=at)

    def challenge(self, word: str = "are-you-there") -> Incoming:
        """Return the request with which the platform asks whether we are there; it wants the word back."""
        query = {"challenge": word, "verify": hashlib.sha256(self.webhook_secret.encode()).hexdigest()}
        url = f"https://crm.example.org/hook?challenge={word}"
        return Incoming(method="GET", url=url, query=query, at=self.clock())

    # -- its archive -----------------------------------------------------------------------------------------------------

    def export(self, folder: Path) -> Path:
        """Write everything there is into a file, as the platform's own export does: our account, then a post a line."""
        path = folder / "fake-export.jsonl"
        rows = [{"account": self.me.json()}, *({"post": post.json()} for post in self.visible())]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path
