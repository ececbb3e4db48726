"""The CRM object: one workspace of one database, and everything a team does with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from socialcrm import cases
from socialcrm.cases import Playbook
from socialcrm.connectors import Connector, Hook, Incoming, PluginManager
from socialcrm.crm import _hooks
from socialcrm.crm._blame import blaming, guarded
from socialcrm.crm._channels import Channels
from socialcrm.crm._process import Playbooks
from socialcrm.crm._pull import Progress, Pull
from socialcrm.crm._reads import Reads, short
from socialcrm.crm._replies import Replies
from socialcrm.crm._reports import ChannelReport, FlushReport, SyncReport
from socialcrm.crm._team import Team
from socialcrm.errors import SocialCRMError
from socialcrm.ingest import Reading
from socialcrm.store import EventRow, Store
from socialcrm.types import (
    Account,
    Case,
    Reply,
    Visibility,
)

if TYPE_CHECKING:
    import httpx

    from socialcrm.crm._aio import Aio
    from socialcrm.transport import Budget, Driver, Host, Policy

__all__ = ["CRM"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CRM(Reads):
    """A workspace: its channels, customers, cases and replies. Opened by `socialcrm.open`.

    Guarantees: what a method reports as stored survives a crash right after it; a reply is never sent twice and never
    dropped; a failing channel, element or plugin stops nobody else. An instance may be used by several threads.

    Args:
        store: Where everything is kept.
        plugins: Which connectors and hooks there are.
        playbook: The process in force.
        clock: The time, aware UTC.
        client: An HTTP client for connectors to use; tests pass one that replays.
        policy: How often, how long and how much connectors may try.
    """

    def __init__(
        self,
        store: Store,
        *,
        plugins: PluginManager | None = None,
        playbook: Playbook = cases.DEFAULT,
        clock: Callable[[], datetime] = _utc_now,
        client: httpx.Client | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.store = store
        self.plugins = plugins or PluginManager()
        self.playbook = playbook
        self.clock = clock
        self.client = client
        self._policy = policy
        self.channels = Channels(store, self.plugins)
        self.cases = Team(self)
        self.playbooks = Playbooks(self)
        self._replies = Replies(self)
        self._budgets: dict[int, Budget] = {}

    @property
    def aio(self) -> Aio:
        """The same verbs for an event loop: ``await crm.aio.sync()``."""
        from socialcrm.crm._aio import Aio

        return Aio(self)

    @property
    def policy(self) -> Policy:
        """How often and how long a platform is tried."""
        if self._policy is None:
            from socialcrm.transport import Policy

            self._policy = Policy()
        return self._policy

    def budget(self, channel: int) -> Budget:
        """Return the rate budgets of a channel, shared by everything that calls its platform from here."""
        from socialcrm.transport import Budget

        return self._budgets.setdefault(channel, Budget(self.policy.clock))

    def driver(self, connector: Connector[Any], host: Host, channel: int, client: httpx.Client | None = None) -> Driver:
        """Return what drives a connector's flows for one channel; close it after use."""
        from socialcrm.transport import Driver

        return Driver(connector, host, client=client or self.client, budget=self.budget(channel), policy=self.policy)

    @staticmethod
    def _open_client() -> httpx.Client:
        from socialcrm.transport import open_client

        return open_client()

    def enrich(self, reading: Reading) -> None:
        """Let plugins add facts to what was read."""
        _hooks.enrich(self.plugins, reading)

    def announce(self, events: list[EventRow]) -> None:
        """Tell observers what was committed."""
        _hooks.announce(self.plugins, events)

    # -- inbound ---------------------------------------------------------------------------------------------------------

    def sync(
        self,
        *names: str,
        strict: bool = True,
        workers: int = 8,
        limit: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> SyncReport:
        """Fetch what is new on every channel, concurrently.

        Args:
            names: Only these channels.
            strict: Raise the first channel's error once all channels are done. Otherwise errors are in the report only.
            workers: How many channels at once.
            limit: Stop a channel after the batch that brings so many new interactions; the next sync goes on.
            progress: Told of each committed batch.

        Raises:
            SocialCRMError: A channel failed; the others were synced, and what was committed stays.

        Example:
            >>> print(crm.sync())  # doctest: +SKIP
            blog: 12 new, 1 changed, 3 cases opened
        """
        rows = [self.channels.row(name) for name in names] if names else [r for r in self.channels.rows() if not r.archive]
        pulls = [Pull(self, row, progress, limit=limit) for row in rows]
        with ThreadPoolExecutor(max_workers=max(1, min(workers, len(pulls) or 1))) as pool:
            reports = list(pool.map(self._pull, pulls))
        report = SyncReport(channels=reports)
        return report.check() if strict else report

    def _pull(self, pull: Pull) -> ChannelReport:
        with pull.session() as connector:
            if connector is not None:
                for host, flow in pull.flows(connector):
                    with self.driver(connector, host, pull.channel.id) as driver:
                        pull.run(lambda driver=driver, flow=flow: driver.run(flow))  # type: ignore[misc]  # bound by value
        return pull.report

    def watch(self, *names: str, stop: Callable[[], bool], progress: Callable[[Progress], None] | None = None) -> SyncReport:
        """Follow live streams until told to stop; returns when all have ended.

        Args:
            names: Only these channels.
            stop: Asked about twice a second.
            progress: Told of each committed batch.

        Raises:
            SocialCRMError: A channel failed; what was committed stays.
        """
        rows = [self.channels.row(name) for name in names] if names else [r for r in self.channels.rows() if not r.archive]
        pulls = [Pull(self, row, progress, live=True, stop=stop) for row in rows]
        with ThreadPoolExecutor(max_workers=max(1, len(pulls))) as pool:
            reports = list(pool.map(self._pull, pulls))
        return SyncReport(channels=reports).check()

    def load(
        self,
        path: str | Path,
        *,
        platform: str,
        channel: str,
        progress: Callable[[Progress], None] | None = None,
        **settings: Any,
    ) -> ChannelReport:
        """Load a platform's export archive. Loading it again changes nothing.

        Args:
            path: The archive, a file or a folder.
            platform: Whose archive it is.
            channel: The channel to put it into; one is added where there is none, which is never synced.
            progress: Told of each committed batch.
            settings: For a channel that is added.

        Raises:
            PayloadError: It is not such an archive.
            SettingsError: The file can't be read, or a setting is wrong.

        Example:
            >>> crm.load("support.mbox", platform="email", channel="support-archive")  # doctest: +SKIP
        """
        row = self.channels.archive(platform, name=channel, settings=settings)
        pull = Pull(self, row, progress)
        return pull.load(self.channels.connector(row), Path(path))

    def receive(self, channel: str, request: Incoming) -> Hook:
        """Take a webhook: verified, made durable, and only then to be answered.

        Args:
            channel: For which channel it is.
            request: As it came.

        Returns:
            What to answer.

        Raises:
            NotFound: There is no such channel.
            VerificationError: Its signature is wrong, missing or too old.
            PayloadError: Its body can't be read.
        """
        row = self.channels.row(channel)
        connector = self.channels.connector(row)
        with blaming(row.platform):
            hook = connector.receive(request)
        pull = Pull(self, row, None)
        for batch in hook.batches:
            pull.take(connector, batch, "webhook")
        return hook

    def check(self, channel: str) -> Account:
        """Ask a platform who our credentials are.

        Raises:
            NotFound: There is no such channel.
            CredentialsError: The platform does not accept them.
            UnsupportedError: The platform can't tell.
        """
        row = self.channels.row(channel)
        connector = self.channels.connector(row)
        pull = Pull(self, row, None)
        with self.driver(connector, pull.host(connector, "identify"), row.id) as driver:
            account = driver.run(guarded(connector.identify, row.platform))
        pull.adopt(account)
        return account

    def listen(
        self, url: str, *, name: str = "", limit: int = 200, progress: Callable[[Progress], None] | None = None
    ) -> ChannelReport:
        """Read what is public at a web address, without an account: its platform is recognised from the site itself.

        Args:
            url: A site, a forum, a hashtag's page.
            name: The channel's name; the site's host by default. Called again, it goes on where it stopped.
            limit: Stop after about so many new interactions.
            progress: Told of each committed batch.

        Raises:
            UnsupportedError: No installed plugin knows such sites.
            SocialCRMError: The site can't be read; what was committed stays.
        """
        from socialcrm.crm._listen import listen

        return listen(self, url, name, limit, progress)

    def reprocess(self, channel: str | None = None) -> SyncReport:
        """Parse quarantined elements again, after a plugin was mended.

        Args:
            channel: Only of this channel.

        Returns:
            What came of it; ``quarantined`` counts what still can't be parsed.
        """
        rows = [self.channels.row(channel)] if channel is not None else self.channels.rows()
        return SyncReport(channels=[Pull(self, row, None).reprocess(self.channels.connector(row)) for row in rows])

    # -- outbound --------------------------------------------------------------------------------------------------------

    def preview(self, case: str | Case, text: str, *, to: str | None = None, visibility: Visibility | None = None) -> Reply:
        """Show what the platform would get, and queue nothing. Arguments and errors as `reply`, but no guard."""
        return self._replies.preview(short(case), text, to=to, visibility=visibility)

    def reply(
        self,
        case: str | Case,
        text: str,
        *,
        by: str,
        to: str | None = None,
        visibility: Visibility | None = None,
        anyway: bool = False,
        allowed: Iterable[str] = (),
        files: Iterable[str | Path] = (),
    ) -> Reply:
        """Queue a reply to the identity that wrote; ``flush()`` delivers it.

        Args:
            case: Which. A `Case` that has changed since it was read is refused: read it again.
            text: As plain text.
            by: Who answers.
            to: The interaction to answer; the customer's last one by default.
            visibility: Who will be able to read it; as what it answers by default.
            anyway: Send it although a guard objects.
            allowed: Addresses and numbers of ours that may stand in public.
            files: Files to send along; they stay where they are until it has left.

        Returns:
            The reply as stored.

        Raises:
            NotFound: There is no such case, or nobody in it to answer.
            ConflictError: The case has changed since it was read.
            GuardError: It shows private data in public, or a review objects.
            UnsupportedError: The platform can't send this.
            TooLong: It exceeds the platform's limit; says by how much.
        """
        version = case.version if isinstance(case, Case) else None
        how: dict[str, Any] = {"allowed": tuple(allowed), "files": tuple(files), "version": version}
        return self._replies.reply(short(case), text, by=by, to=to, visibility=visibility, anyway=anyway, **how)

    def flush(self, *, progress: Callable[[Progress], None] | None = None) -> FlushReport:
        """Deliver the replies that are due, and settle those whose outcome was unclear.

        Several workers may flush at once: each reply is claimed by one.
        """
        report = FlushReport()
        client: httpx.Client | None = None
        for delivery, host in self._replies.due(report, progress):
            client = client or self.client or self._open_client()
            with self.driver(delivery.connector, host, delivery.channel.id, client) as driver:
                try:
                    receipt = driver.run(delivery.flow())
                except SocialCRMError as error:
                    delivery.failed(error, report)
                else:
                    delivery.done(receipt, report)
        if client is not None and client is not self.client:
            client.close()
        return report

    def outbox(self, *, state: str | None = None) -> list[Reply]:
        """Return replies, oldest first; ``state`` narrows (``queued``, ``unknown``, ``failed`` …)."""
        return self._replies.listed(state)

    def retry(self, reply: str | Reply) -> Reply:
        """Queue a failed reply once more: only the parts that do not stand on the platform are sent.

        Raises:
            NotFound: There is none.
            StateError: It has not failed. One that is ``unknown`` may have arrived: flushes ask the platform about it.
        """
        return self._replies.retry(short(reply))

    def cancel(self, reply: str | Reply) -> Reply:
        """Take a reply back that has not left yet.

        Raises:
            NotFound: There is none.
            StateError: It has left, or may have.
        """
        return self._replies.cancel(short(reply))

    def tick(self) -> int:
        """Let time pass for the cases: wakes those whose snooze is over. Call it from your scheduler.

        Returns:
            How many cases it changed.
        """
        return self.cases.tick()

    # -- the end ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the database back."""
        self.store.close()

    def __enter__(self) -> CRM:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<CRM {self.store.name}>"
