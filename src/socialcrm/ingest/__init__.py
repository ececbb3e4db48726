"""From raw elements to interactions: journal, dedupe, revisions, threading, quarantine."""

from socialcrm.ingest._ingest import Outcome, authors_of, ingest, quarantine
from socialcrm.ingest._journal import append, read, unpack
from socialcrm.ingest._others import link_reply
from socialcrm.ingest._place import Placed, Source, finish, place
from socialcrm.ingest._read import Reading, Unreadable, read_items

__all__ = [
    "Outcome",
    "Placed",
    "Reading",
    "Source",
    "Unreadable",
    "append",
    "authors_of",
    "finish",
    "ingest",
    "link_reply",
    "place",
    "quarantine",
    "read",
    "read_items",
    "unpack",
]
