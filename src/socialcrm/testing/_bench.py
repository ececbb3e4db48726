"""One connector, its platform, a clock that stands still, and a real CRM on a real database file."""

from __future__ import annotations

import asyncio
import functools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, get_args, get_type_hints

from attrs import define
from sqlalchemy import Engine, event

from socialcrm.connectors import Answer, Connector, Incoming, Step
from socialcrm.crm import CRM, FlushReport, SyncReport
from socialcrm.store import Store
from socialcrm.store._engine import make_engine, parse_url
from socialcrm.testing._platform import Gate
from socialcrm.testing._probe import Probe
from socialcrm.testing._scenario import Scenario
from socialcrm.testing._servers import listening
from socialcrm.testing._state import State
from socialcrm.transport import Driver, Host, Local, Policy, open_async_client, open_client
from socialcrm.types import Secret

__all__ = ["CHANNEL", "Bench", "Database", "Time", "fast_folder", "with_secrets"]

CHANNEL = "channel"
_ROUNDS = 8
_HOUR = timedelta(hours=1, minutes=1)


@define
class Time:
    """A clock that only waiting moves: ``now`` for the world, ``monotonic`` for waits."""

    now: datetime
    monotonic: float = 0.0

    def sleep(self, seconds: float) -> None:
        """Wait without waiting."""
        self.monotonic += seconds

    async def asleep(self, seconds: float) -> None:
        """Wait without waiting."""
        self.monotonic += seconds

    def policy(self) -> Policy:
        """Return bounds for tests: few attempts, by this clock."""
        return Policy(
            attempts=2, random=lambda: 1.0, sleep=self.sleep, asleep=self.asleep, clock=lambda: self.monotonic, poll=0.01
        )


def fast_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder, in memory where the system has such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - the system's own memory file system
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    return tempfile.TemporaryDirectory(prefix="socialcrm-test-", dir=memory if usable else None)


@functools.cache
def _template() -> bytes:
    with fast_folder() as folder:
        path = Path(folder) / "template.db"
        Store.open(f"sqlite:///{path}").close()
        return path.read_bytes()


@define(eq=False)
class Database:
    """A database file with a connection pool that is used again for the next file: only compiled statements stay.

    Args:
        engine: The pool.
        path: The file that new connections open.
    """

    engine: Engine
    path: Path

    _free: ClassVar[list[Database]] = []

    @classmethod
    def at(cls, path: Path) -> Database:
        """Write an empty database of our schema into a file."""
        path.write_bytes(_template())
        if cls._free:
            found = cls._free.pop()
            found.path = path
            return found
        made = cls(make_engine(parse_url(f"sqlite:///{path}")), path)

        @event.listens_for(made.engine, "do_connect")
        def _aim(_dialect: Any, _record: Any, arguments: list[Any], _options: dict[str, Any]) -> None:
            arguments[:] = [str(made.path)]

        return made

    def open(self) -> Store:
        """Open the file; nothing of an earlier opening is left but what was committed."""
        self.engine.dispose()
        return Store(self.engine, 1, str(self.path))

    def release(self) -> None:
        """Let another file use the pool."""
        self.engine.dispose()
        self._free.append(self)


def with_secrets(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which plain texts of secret fields are `Secret` values of this process."""
    hints = get_type_hints(cls)
    made = dict(values)
    for name, value in values.items():
        hint = hints.get(name)
        if isinstance(value, str) and (hint is Secret or Secret in get_args(hint)) and Secret(value).reference is None:
            made[name] = Secret(value)
    return made


def _nobody(request: Incoming) -> Answer:
    raise ConnectionRefusedError(f"this platform speaks no HTTP; asked was {request.method}")


class _WatchedCRM(CRM):
    """A CRM whose flows may die right after an intent was stored, too."""

    probe: Probe

    def driver(self, connector: Connector[Any], host: Host, channel: int, client: Any = None) -> Driver:
        store = host.intend

        def intend(step: Step[object]) -> None:
            store(step)
            self.probe.moment("after the intent, before the platform was asked")

        host.intend = intend  # type: ignore[method-assign]  # only this host's
        return super().driver(connector, host, channel, client)


class Bench:
    """A channel on a platform of its own. Use it as a context manager.

    Args:
        connector: The connector's class.
        scenario: The platform and the settings.
        platform: Makes the platform, in place of the scenario's.
    """

    def __init__(self, connector: type[Connector[Any]], scenario: Scenario, platform: Callable[[], Any] | None = None) -> None:
        self.scenario = scenario
        self.cls = connector
        self.platform = (platform or scenario.platform)()
        self.time = Time(scenario.now)
        self.probe = Probe()
        self.gate = Gate(getattr(self.platform, "answer", _nobody))
        self._stack = ExitStack()
        self._happened = 0
        self.folder = Path(self._stack.enter_context(fast_folder()))
        self.settings = with_secrets(connector.info.settings, self._settings())
        self._database = Database.at(self.folder / "test.db")
        self._client = self._stack.enter_context(open_client(transport=Local(self.gate, clock=lambda: self.time.now)))
        self._tell_time()
        self.crm = self._open()
        self.crm.channels.add(connector.info.platform, name=CHANNEL, **self.settings)

    @property
    def secrets(self) -> dict[str, str]:
        """The values of the secret settings: the canaries."""
        return {name: value.reveal() for name, value in self.settings.items() if isinstance(value, Secret)}

    @property
    def connector(self) -> Connector[Any]:
        """A fresh connector, as the CRM makes it."""
        return self.crm.channels.connector(self.crm.channels.row(CHANNEL))

    def reopen(self) -> CRM:
        """Drop everything in memory and start again from the database file, as after a crash."""
        self.crm.close()
        self.crm = self._open()
        secrets = {name: value for name, value in self.settings.items() if isinstance(value, Secret)}
        for channel in self.crm.channels:
            self.crm.channels.provide(channel.name, **secrets)
        return self.crm

    def sync(self) -> SyncReport:
        """Sync once; errors stand in the report."""
        return self.crm.sync(strict=False)

    def async_sync(self) -> SyncReport:
        """Sync once on an event loop; errors stand in the report."""

        async def run() -> SyncReport:
            async with open_async_client(transport=Local(self.gate, clock=lambda: self.time.now)) as client:
                return await self.crm.aio.using(client).sync(strict=False)

        return asyncio.run(run())

    def settle(self) -> State:
        """Sync until nothing changes any more.

        Raises:
            SocialCRMError: The channel failed.
            AssertionError: It never comes to rest.
        """
        before = None
        for _ in range(_ROUNDS):
            self.crm.sync()
            state = State.of(self.crm)
            if state == before:
                return state
            before = state
        raise AssertionError(
            f"a connector comes to rest when the platform does: after {_ROUNDS} syncs the store still changes. Usually a "
            "cursor row holds something that differs each time (a clock's reading, a random number), or items change with it"
        )

    def deliver(self) -> list[FlushReport]:
        """Flush until nothing is due any more, an hour apart."""
        reports = []
        for _ in range(_ROUNDS):
            reports.append(self.crm.flush())
            self.wait(_HOUR)
            if all(reply.state in ("sent", "reconciled", "failed") for reply in self.crm.outbox()):
                break
        return reports

    def wait(self, time: timedelta | None = None) -> None:
        """Let time pass, as long as between two syncs."""
        passed = time if time is not None else self.scenario.later
        self.time.now += passed
        self._tell_time()
        self.time.monotonic += passed.total_seconds()

    def close(self) -> None:
        """Close and remove everything."""
        self.crm.close()
        self._database.release()
        self._stack.close()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def killed_after(self, lives: int) -> Iterator[None]:
        """Let the process die after so many moments of danger, within the block."""
        self.probe.lives = lives
        try:
            yield
        finally:
            self.probe.lives = None

    def _tell_time(self) -> None:
        if hasattr(self.platform, "now"):
            self.platform.now = self.time.now

    def _open(self) -> CRM:
        crm = _WatchedCRM(
            self._database.open(),
            plugins=self.probe.plugins(self.cls),
            clock=lambda: self.time.now,
            client=self._client,
            policy=self.time.policy(),
        )
        crm.probe = self.probe
        return crm

    def _settings(self) -> Mapping[str, Any]:
        given = self.scenario.settings
        if not callable(given):
            return given
        streams = self.scenario.streams(self.platform) if self.scenario.streams is not None else {}
        return given(self._stack.enter_context(listening(streams, self._happen)))

    def _happen(self) -> None:
        self.gate.happen(self._happened)
        self._happened += 1
