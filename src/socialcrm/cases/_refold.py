"""Folds a customer's whole history again, when something arrived late or was learnt afterwards.

The new fold may draw the borders between cases elsewhere. A case keeps its number where any of its interactions is still in
it; a case left without any is merged into the one that took them. Where the new fold only goes on from what is stored, its
events are recorded; where it contradicts it, or something late lies behind what is stored, one ``corrected`` event says how
the case stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from attrs import evolve as changed

from socialcrm.cases._draw import Drawn, draw
from socialcrm.cases._evolve import correction, evolve
from socialcrm.cases._history import History, entries_of, load_histories
from socialcrm.cases._scene import Scene
from socialcrm.cases._write import Ledger
from socialcrm.store import CaseRow, EventRow, InteractionRow, Tx, tables

__all__ = ["refold"]


def refold(tx: Tx, ledger: Ledger, scene: Scene, customers: Mapping[int, int], new: Sequence[InteractionRow]) -> None:
    """Fold these customers' histories again and record what differs.

    Args:
        tx: The writing transaction.
        ledger: Where cases and events go.
        scene: What the facts are seen against.
        customers: Whose cases may change, each with the customer to whom the history belongs now.
        new: Their interactions that are not in the database yet; their ``case_id`` is set.
    """
    moved: list[tuple[int | None, int]] = []
    for history in load_histories(tx, customers, new):
        drawn = draw(ledger.ws, history.customer, entries_of(history, scene), scene.process)
        moved += _fold_one(ledger, history, drawn)
    tx.update(tables.interactions, ("case_id",), moved)


def _fold_one(ledger: Ledger, history: History, drawn: list[Drawn]) -> list[tuple[int | None, int]]:
    live = [one for one in drawn if one.into is None]
    keys = _number(ledger, history, live)
    homes = {row.id: key for one, key in zip(live, keys, strict=True) for row in one.members}
    _record(ledger, history, live, keys)
    moved: list[tuple[int | None, int]] = []
    for row in history.rows:
        key = homes.get(row.id)
        if isinstance(row, InteractionRow):
            row.case_id = key
        elif row.case_id != key:
            moved.append((key, row.id))
    return moved


def _number(ledger: Ledger, history: History, drawn: list[Drawn]) -> list[int]:
    """Give each case its number: the one it has to have, the lowest that its interactions had, an old one, else a new one."""
    free = set(history.cases) - {one.key for one in drawn}
    keys: dict[int, int] = {}
    # what was split off comes after what it was split from, which keeps the number
    for place, one in sorted(enumerate(drawn), key=lambda pair: (pair[1].lane != 0, pair[0])):
        key = one.key
        if key is None:
            ids = {row.id for row in one.members}
            had = {row.case_id for row in one.members if row.case_id in free}
            had = had or {key for key, case in history.vacant.items() if case.first in ids and key not in keys.values()}
            key = min(had) if had else ledger.opened(history.customer)
        free.discard(key)
        keys[place] = key
    return [keys[place] for place in range(len(drawn))]


def _record(ledger: Ledger, history: History, drawn: list[Drawn], keys: list[int]) -> None:
    for one, key in zip(drawn, keys, strict=True):
        before = history.cases.get(key) or history.vacant.get(key)
        met = -1 if before is None else _met(one, before)
        if met is not None and before is not None and _untold(one, met, key):
            met = None
        news = [event for event, _ in one.trail[met + 1 :]] if met is not None else []
        # a command stands in the log once, where the agent gave it
        if met is None or any(event.actor for event in news):
            case = changed(one.case, id=key, version=before.version if before is not None else 0)
            _correct(ledger, case, [json.loads(event.data)["clock"] for event, _ in one.trail if event.kind == "breached"])
        else:
            _go_on(ledger, before, news, key)
    ledger.latest(history.customer, keys[-1] if keys else None)
    homes = {row.case_id: key for one, key in zip(drawn, keys, strict=True) for row in one.members}
    for key, before in history.cases.items():
        if key not in keys:
            _vacate(ledger, before, homes.get(key), keys)


def _met(one: Drawn, before: CaseRow) -> int | None:
    """Return the place in the new trail at which a case stood as it is stored."""
    for place in range(len(one.trail) - 1, -1, -1):
        case = one.trail[place][1]
        like = case.touched == before.touched and case.state == before.state
        if like and changed(case, id=before.id, version=before.version) == before:
            return place
    return None


def _untold(one: Drawn, met: int, key: int) -> bool:
    """Tell whether something counted before that place of which the log of the case holds nothing."""
    late = {row.id for row in one.members if isinstance(row, InteractionRow) or row.case_id != key}
    return bool(late) and any(event.interaction in late for event, _ in one.trail[: met + 1])


def _go_on(ledger: Ledger, case: CaseRow | None, events: list[EventRow], key: int) -> None:
    for event in events:
        event.case_id = key
        case = evolve(case, event)
        ledger.record(case, event)


def _correct(ledger: Ledger, after: CaseRow, missed: list[str]) -> None:
    case = changed(after, version=after.version + 1)
    told = correction(case, missed)
    event = EventRow(
        case.ws, 0, case.id, "corrected", case.touched, "", case.last, case.playbook, "", case.due, case.need, told
    )
    ledger.record(case, event)


def _vacate(ledger: Ledger, before: CaseRow, into: int | None, keys: list[int]) -> None:
    heir = into if into is not None else (keys[0] if keys else None)
    kind, data = ("merged", json.dumps({"value": heir})) if heir is not None else ("closed", "")
    if kind == "closed" and before.state == "closed":
        return
    event = EventRow(before.ws, 0, before.id, kind, before.touched, "", None, before.playbook, "vacated", None, None, data)
    ledger.record(evolve(before, event), event)
