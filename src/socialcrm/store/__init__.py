"""SQLAlchemy Core tables, transactions, migrations and full-text search on SQLite and PostgreSQL.

Rooms above compose queries over `tables` and run them in a `Tx`; nothing here knows what a case is.
"""

from socialcrm.store import _records as records
from socialcrm.store import _schema as tables
from socialcrm.store._lease import Lease, held
from socialcrm.store._migrate import HEAD
from socialcrm.store._refs import PREFIXES, number, ref
from socialcrm.store._rows import (
    CaseRow,
    EventRow,
    InteractionRow,
    case_values,
    event_values,
    interaction_values,
)
from socialcrm.store._search import BEHIND, catch_up, find, reindex, watermark
from socialcrm.store._sets import Sets
from socialcrm.store._store import Store
from socialcrm.store._tx import Tx

__all__ = [
    "BEHIND",
    "HEAD",
    "PREFIXES",
    "CaseRow",
    "EventRow",
    "InteractionRow",
    "Lease",
    "Sets",
    "Store",
    "Tx",
    "case_values",
    "catch_up",
    "event_values",
    "find",
    "held",
    "interaction_values",
    "number",
    "records",
    "ref",
    "reindex",
    "tables",
    "watermark",
]
