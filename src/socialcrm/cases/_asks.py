"""What rules asked for beyond the case: automatic acknowledgements, the wish to go on in private, an incident to link to.

At most once: an ask is taken off the list before anything is sent, so a crash loses one and never doubles it. Once per case and
verb. Old messages are never answered automatically: an archive that is loaded must not write to anybody.
"""

from __future__ import annotations

import json
from datetime import timedelta

from attrs import frozen
from sqlalchemy import func, select

from socialcrm.cases._incidents import link
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._timeline import Timeline
from socialcrm.store import Tx, tables

__all__ = ["Ask", "take_asks"]

_SENT = ("acknowledge", "ask_private")


@frozen(kw_only=True)
class Ask:
    """A message to send by itself.

    Args:
        case: The case's number.
        interaction: The number of the interaction to answer.
        verb: ``acknowledge`` or ``ask_private``.
        text: The macro's text.
        rule: The rules that asked.
    """

    case: int
    interaction: int
    verb: str
    text: str
    rule: str


def take_asks(tx: Tx, default: Playbook, now: int) -> list[Ask]:
    """Take what rules asked for since the last time off the list.

    Args:
        tx: A writing transaction.
        default: What applies where none was published.
        now: Our time, in microseconds UTC.
    """
    table, log = tables.workspaces, tables.events
    settings = json.loads(tx.value(select(table.c.settings).where(table.c.ws == tx.ws)) or "{}")
    last = tx.value(select(func.max(log.c.seq)).where(log.c.ws == tx.ws)) or 0
    done = settings.get("asked", 0)
    if last == done:
        return []
    tx.update(table, ("settings",), [(json.dumps({**settings, "asked": last}),)], key=())
    asking = select(log).where(log.c.ws == tx.ws, log.c.data.contains('"asks"', autoescape=True)).order_by(log.c.seq)
    fresh = tx.rows(asking.where(log.c.seq > done))
    if not fresh:
        return []
    timeline = Timeline.load(tx, default)
    earlier = tx.rows(
        asking.where(log.c.seq <= done, tx.sets.among(log.c.case_id, "cases")), cases={row.case_id for row in fresh}
    )
    met = {(row.case_id, verb) for row in earlier for verb, _ in json.loads(row.data)["asks"]}
    asks = []
    for row in fresh:
        playbook = timeline.behind(row.playbook)
        recent = now - row.at <= int(playbook.acknowledge_within / timedelta(microseconds=1))
        for verb, value in json.loads(row.data)["asks"]:
            if verb == "incident":
                _link(tx, value, row.case_id, now)
            if verb in _SENT and recent and (row.case_id, verb) not in met:
                text = playbook.macros[value]
                asks.append(Ask(case=row.case_id, interaction=row.interaction, verb=verb, text=text, rule=row.rule))
            met.add((row.case_id, verb))
    return asks


def _link(tx: Tx, name: str, case: int, now: int) -> None:
    """Link a case to the incident that a rule names, if one is open."""
    table = tables.incidents
    key = tx.value(select(table.c.id).where(table.c.ws == tx.ws, table.c.name == name, table.c.resolved.is_(None)))
    if key is not None:
        link(tx, key, [case], at=now)
