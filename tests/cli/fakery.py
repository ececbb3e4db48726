"""A platform that is not there: its posts are constants, and what is sent to it goes nowhere. Everything is invented."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen
from click.testing import CliRunner, Result

from socialcrm.cli._app import app
from socialcrm.cli._session import Session
from socialcrm.connectors import (
    Batch,
    Capabilities,
    Connector,
    ConnectorInfo,
    Cursor,
    Flow,
    Outgoing,
    PluginManager,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    hookimpl,
)
from socialcrm.errors import PayloadError, SocialCRMError
from socialcrm.types import Account, Identity, Interaction, Item, Secret, Visibility

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

HOSTILE = "\x1b]0;gone\x07\x1b[31mred\x1b[2J [bold]markup[/bold] :smile: \u202eevil\u2066 \x9b1m \ud800 é日本 👩‍💻"


@frozen(kw_only=True)
class FakerySettings:
    """What a Fakery channel needs."""

    server: str = "https://fakery.example"
    token: Secret | None = field(default=None)


class Fakery(Connector[FakerySettings]):
    """Speaks to nobody."""

    info = ConnectorInfo(
        platform="fakery",
        title="Fakery",
        settings=FakerySettings,
        streams={"posts": Stream(), "live": Stream(live=True)},
        capabilities=Capabilities(send=True, visibility=frozenset(Visibility), text=TextLimit(200), archive=True),
    )
    posts: tuple[dict[str, str], ...] = ()
    trouble: SocialCRMError | None = None
    refusal: SocialCRMError | None = None

    def identify(self) -> Flow[Account]:
        """Be ourselves."""
        yield from Batch()
        return Account(id="us", name="Larkwire", handle="@larkwire")

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring the posts, or the trouble."""
        if self.trouble is not None:
            raise self.trouble
        yield from Batch([Raw("post", post) for post in self.posts], {"after": "1"})

    def load(self, path: Path) -> Iterable[Batch]:  # type: ignore[override]  # an iterator, written as a generator
        """Read one post for each line."""
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            yield Batch([Raw("post", {"id": f"a{number}", "who": "gwen", "text": line})])

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a post means."""
        if raw.body["text"] == "broken":
            raise PayloadError("this one is broken")
        who = raw.body["who"]
        yield Interaction(
            id=raw.body["id"],
            at=datetime.fromisoformat(raw.body.get("at", "2026-03-01T09:00:00+00:00")),
            author=Identity(id=who, name=raw.body.get("name", who.title()), handle=f"@{who}"),
            conversation=raw.body.get("talk", raw.body["id"]),
            text=raw.body["text"],
            visibility=Visibility(raw.body.get("sight", "public")),
        )

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Take it, or refuse it."""
        if self.refusal is not None:
            raise self.refusal
        yield from Batch([], {"part": "done"})
        return Receipt(ids=("sent-1",), at=NOW)


class World:
    """A command line on a database of its own, with the Fakery platform plugged in.

    Args:
        folder: Where the database goes.
        posts: What customers said.
    """

    platform: type[Fakery] = Fakery

    def __init__(self, folder: Path, *posts: dict[str, str]) -> None:
        self.connector: type[Fakery] = type("Told", (self.platform,), {"posts": posts})
        self.db = folder / "team.db"
        self.plugins = PluginManager(find=lambda: ())
        self.plugins.register(self, "fakery")
        self.now = NOW
        self.clock: Callable[[], datetime] = lambda: self.now

    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        """Add the platform."""
        return [self.connector]

    def session(self) -> Session:
        """Return a session as the root command would make it."""
        return Session(db=str(self.db), options={"plugins": self.plugins, "clock": self.clock})

    def run(self, *args: str, input: str | None = None) -> Result:  # noqa: A002 - click's word
        """Run a command as a user would."""
        return CliRunner().invoke(app, args, obj=self.session(), input=input)

    def ok(self, *args: str, input: str | None = None) -> str:  # noqa: A002
        """Run a command that has to succeed, and return what it wrote."""
        result = self.run(*args, input=input)
        assert result.exit_code == 0, result.output
        return result.stdout

    def synced(self, **info: Any) -> World:
        """Add the channel and fetch it."""
        if info:
            self.connector.info = evolve(Fakery.info, **info)
        self.ok("channels", "add", "fakery", "square")
        self.ok("sync")
        return self
