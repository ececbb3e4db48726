"""Cases: a playbook, two pure functions, and the fold that joins them to the store."""

from socialcrm.cases._asks import Ask, take_asks
from socialcrm.cases._assign import assign
from socialcrm.cases._backtest import Backtest, Difference, backtest
from socialcrm.cases._calendar import Hours
from socialcrm.cases._commands import AUTOMATIC, command, find_case, follow, hold, merge, split, tick
from socialcrm.cases._course import Change, migrate, preview
from socialcrm.cases._decide import BLOCKED, COMMANDS, decide
from socialcrm.cases._detail import CaseDetail, detail_of
from socialcrm.cases._document import from_document, load_playbook, read_playbook
from socialcrm.cases._evolve import evolve, more_of
from socialcrm.cases._facts import VOCABULARY, Fact
from socialcrm.cases._fold import Work, fold, latest
from socialcrm.cases._goals import Goal, aim, drop, goals
from socialcrm.cases._incidents import Flood, find_incident, link, linked, notice, open_incident, owed, settle, told
from socialcrm.cases._notes import Note, add_note, notes_of
from socialcrm.cases._parts import Agent, Effects, Escalation, Queue, Rule, Target
from socialcrm.cases._playbook import DEFAULT, Playbook, Process
from socialcrm.cases._profiles import Profiles, describe_customer
from socialcrm.cases._rebuild import differences, rebuild
from socialcrm.cases._replay import Replay, replay
from socialcrm.cases._routing import Choice, Desk, Wish, choose
from socialcrm.cases._staffing import Staffing, Wait, recorded_waits, simulate, staff
from socialcrm.cases._states import ESCALATED, LATE_ANSWER, LATE_SOLUTION, TRANSITIONS
from socialcrm.cases._timeline import Timeline, publish, published, stored
from socialcrm.cases._written import to_document

__all__ = [
    "AUTOMATIC",
    "BLOCKED",
    "COMMANDS",
    "DEFAULT",
    "ESCALATED",
    "LATE_ANSWER",
    "LATE_SOLUTION",
    "TRANSITIONS",
    "VOCABULARY",
    "Agent",
    "Ask",
    "Backtest",
    "CaseDetail",
    "Change",
    "Choice",
    "Desk",
    "Difference",
    "Effects",
    "Escalation",
    "Fact",
    "Flood",
    "Goal",
    "Hours",
    "Note",
    "Playbook",
    "Process",
    "Profiles",
    "Queue",
    "Replay",
    "Rule",
    "Staffing",
    "Target",
    "Timeline",
    "Wait",
    "Wish",
    "Work",
    "add_note",
    "aim",
    "assign",
    "backtest",
    "choose",
    "command",
    "decide",
    "describe_customer",
    "detail_of",
    "differences",
    "drop",
    "evolve",
    "find_case",
    "find_incident",
    "fold",
    "follow",
    "from_document",
    "goals",
    "hold",
    "latest",
    "link",
    "linked",
    "load_playbook",
    "merge",
    "migrate",
    "more_of",
    "notes_of",
    "notice",
    "open_incident",
    "owed",
    "preview",
    "publish",
    "published",
    "read_playbook",
    "rebuild",
    "recorded_waits",
    "replay",
    "settle",
    "simulate",
    "split",
    "staff",
    "stored",
    "take_asks",
    "tick",
    "to_document",
    "told",
]
