"""Looks over a connector's shoulder: counts its steps, kills it between two of them, keeps what it said."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

from attrs import define, field

from socialcrm.connectors import Batch, Connector, Hook, Incoming, PluginManager, Raw, Step, hookimpl
from socialcrm.types import Item

__all__ = ["Killed", "Probe"]

_FLOWS = (
    "identify",
    "fetch",
    "send",
    "settle",
    "search",
    "profile",
    "retract",
    "react",
    "mark_read",
    "move_to_private",
    "renew",
)


class Killed(BaseException):
    """The process died here."""


@define(kw_only=True)
class Probe:
    """What a connector did so far.

    Args:
        lives: How many moments of danger it survives; ``None`` for all of them.
        moments: The moments of danger so far, in words.
        steps: The flows' steps, each with the flow's name.
        raws: The elements that were committed.
        items: What they meant.
        inside: Wraps every stretch of the connector's own code.
    """

    lives: int | None = None
    moments: list[str] = field(factory=list)
    steps: list[tuple[str, Step[Any]]] = field(factory=list)
    raws: list[Raw] = field(factory=list)
    items: list[Item] = field(factory=list)
    inside: Callable[[], AbstractContextManager[object]] = nullcontext

    def moment(self, what: str) -> None:
        """Pass a moment of danger.

        Raises:
            Killed: The lives are used up.
        """
        self.moments.append(what)
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                self.lives = None
                raise Killed(what)

    def follow(self, name: str, flow: Generator[Step[Any], Any, Any]) -> Generator[Step[Any], Any, Any]:
        """Run a flow for whoever drives this one."""
        value: Any = None
        error: Exception | None = None
        try:
            while True:
                with self.inside():
                    try:
                        step = flow.send(value) if error is None else flow.throw(error)
                    except StopIteration as stop:
                        result = stop.value
                        break
                self.moment(f"before {describe(step)} of {name}()")
                self.steps.append((name, step))
                if isinstance(step, Batch):
                    self.raws.extend(step.raws)
                value, error = None, None
                try:
                    value = yield step
                except Exception as thrown:  # noqa: BLE001 - not swallowed: the flow gets it
                    error = thrown
        finally:
            flow.close()
        self.moment(f"at the end of {name}()")
        return result

    def plugins(self, cls: type[Connector[Any]]) -> PluginManager:
        """Return a plugin manager that knows this connector only, watched."""
        manager = PluginManager(find=list)
        manager.register(_Plugin(self.watched(cls)), cls.info.platform)
        return manager

    def watched(self, cls: type[Connector[Any]]) -> type[Connector[Any]]:
        """Return the connector's class, watched by this probe."""
        members: dict[str, Any] = {
            name: self._flow(cls, name) for name in _FLOWS if getattr(cls, name) is not getattr(Connector, name)
        }
        members |= {"parse": self._parse(cls), "receive": self._receive(cls), "load": self._load(cls)}
        return cast("type[Connector[Any]]", type(cls.__name__, (cls,), {"__module__": cls.__module__, **members}))

    def _flow(self, cls: Any, name: str) -> Any:
        inner = getattr(cls, name)

        def method(connector: Any, *args: Any) -> Any:
            with self.inside():
                flow = inner(connector, *args)
            return self.follow(name, flow)

        return method

    def _parse(self, cls: Any) -> Any:
        def parse(connector: Any, raw: Raw) -> Iterable[Item]:
            with self.inside():
                items = list(cls.parse(connector, raw))
            self.items.extend(items)
            return items

        return parse

    def _receive(self, cls: Any) -> Any:
        def receive(connector: Any, request: Incoming) -> Hook:
            with self.inside():
                hook: Hook = cls.receive(connector, request)
            for batch in hook.batches:
                self.raws.extend(batch.raws)
            return hook

        return receive

    def _load(self, cls: Any) -> Any:
        def load(connector: Any, path: Path) -> Iterator[Batch]:
            for batch in cls.load(connector, path):
                self.moment("before a batch of load()")
                self.raws.extend(batch.raws)
                yield batch
            self.moment("at the end of load()")

        return load


@define(eq=False)
class _Plugin:
    connector: type[Connector[Any]]

    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        """Return the one connector."""
        return [self.connector]


def describe(step: object) -> str:
    """Return a step in a few words, without what it carries."""
    name = type(step).__name__
    method, path = getattr(step, "method", ""), getattr(step, "path", "")
    return f"{name} {method} {str(path).partition('?')[0]}" if method else name
