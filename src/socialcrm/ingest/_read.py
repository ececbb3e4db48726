"""From raw elements to items, one by one: what can't be parsed is set aside alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, field

from socialcrm.connectors import Connector, Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Item

__all__ = ["Reading", "Unreadable", "read_items"]


@define
class Unreadable:
    """An element that can't be parsed: its position in the batch, its kind, and why."""

    pos: int
    kind: str
    reason: str


@define
class Reading:
    """What a batch says: items, the position of each one's element, and what could not be read."""

    items: list[Item] = field(factory=list)
    positions: list[int] = field(factory=list)
    unreadable: list[Unreadable] = field(factory=list)


def read_items(connector: Connector[Any], raws: Iterable[Raw]) -> Reading:
    """Parse each element; one that can't be parsed yields nothing and stops nobody.

    Args:
        connector: Whose ``parse`` to use.
        raws: The batch's elements.
    """
    reading = Reading()
    items, positions, parse = reading.items, reading.positions, connector.parse
    for pos, raw in enumerate(raws):
        before = len(items)
        try:
            for item in parse(raw):
                items.append(item)
                positions.append(pos)
        except PayloadError as error:
            del items[before:], positions[before:]
            reading.unreadable.append(Unreadable(pos, raw.kind, str(error)))
        except Exception as error:  # noqa: BLE001 - a plugin's mistake about one element must not stop the others
            del items[before:], positions[before:]
            what = f"{type(error).__name__}: {error}; the plugin should have raised PayloadError"
            reading.unreadable.append(Unreadable(pos, raw.kind, what))
    return reading
