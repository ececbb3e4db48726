"""Cases: a playbook, two pure functions, and the fold that joins them to the store."""

from socialcrm.cases._commands import command, due_for_waking, find_case
from socialcrm.cases._decide import TRANSITIONS, Fact, decide, evolve
from socialcrm.cases._fold import Work, fold, latest
from socialcrm.cases._playbook import DEFAULT, Playbook
from socialcrm.cases._rebuild import differences, rebuild

__all__ = [
    "DEFAULT",
    "TRANSITIONS",
    "Fact",
    "Playbook",
    "Work",
    "command",
    "decide",
    "differences",
    "due_for_waking",
    "evolve",
    "find_case",
    "fold",
    "latest",
    "rebuild",
]
