"""The two hooks of the inbound corridor: enrich before, observers after the transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from socialcrm.connectors import PluginManager
from socialcrm.ingest import Reading
from socialcrm.store import EventRow, records
from socialcrm.types import Interaction

__all__ = ["announce", "enrich"]

_log = logging.getLogger("socialcrm")


def enrich(plugins: PluginManager, reading: Reading) -> None:
    """Let plugins add facts to what was read, under ``extra``; one that fails adds nothing."""
    implementations = plugins.hook.socialcrm_enrich.get_hookimpls()
    if not implementations:
        return
    places = [place for place, item in enumerate(reading.items) if isinstance(item, Interaction)]
    batch = [item for item in reading.items if isinstance(item, Interaction)]
    for implementation in implementations:
        try:
            told: Any = implementation.function(interactions=batch)
        except Exception:  # noqa: BLE001 - a plugin's mistake must stop nothing
            _log.exception("the plugin %s failed to enrich a batch; it is stored without", implementation.plugin_name)
            continue
        additions: Mapping[int, Mapping[str, Any]] = told or {}
        for index, facts in additions.items():
            batch[index] = attrs.evolve(batch[index], extra={**batch[index].extra, **facts})
    for place, item in zip(places, batch, strict=True):
        reading.items[place] = item


def announce(plugins: PluginManager, rows: Sequence[EventRow]) -> None:
    """Tell observers what was committed; one that fails is reported and undoes nothing."""
    implementations = plugins.hook.socialcrm_committed.get_hookimpls() if rows else []
    if not implementations:
        return
    events = records.as_events(rows)
    for implementation in implementations:
        try:
            implementation.function(events=events)
        except Exception:  # noqa: BLE001 - a plugin's mistake must stop nothing
            _log.exception("the observer %s failed; what was committed stays", implementation.plugin_name)
