"""Marks: what is left of a name or an id, so that it is recognised when it comes again, and can't be read.

A mark is an HMAC-SHA-256 (RFC 2104) under a random key of the workspace. Who has the database has the key too, and can test a
guess; who has only an export or a backup of other tables can't.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets

from attrs import frozen
from sqlalchemy import bindparam, select, update

from socialcrm.connectors import Raw
from socialcrm.store import Tx, tables

__all__ = ["ERASED", "Marker", "make_marker", "marker"]

ERASED = Raw("erased", None)
"""What stands in the journal in the place of an element that was erased, so that the others keep their positions."""

_KEY = "forget_key"
_SETTINGS = select(tables.workspaces.c.settings).where(tables.workspaces.c.ws == bindparam("ws"))


@frozen
class Marker:
    """Makes marks of one workspace."""

    key: str

    def account(self, platform: str, account: str) -> str:
        """Return the mark of an account on a platform."""
        return self._mark("account", platform, account)

    def item(self, channel: int, scope: str, pid: str) -> str:
        """Return the mark of a platform's id on a channel."""
        return self._mark("item", str(channel), scope, pid)

    def _mark(self, *parts: str) -> str:
        told = json.dumps(parts).encode()
        return "~" + hmac.new(bytes.fromhex(self.key), told, hashlib.sha256).hexdigest()[:40]


def marker(tx: Tx) -> Marker | None:
    """Return what makes the workspace's marks; ``None`` while nobody was forgotten."""
    settings = json.loads(tx.value(_SETTINGS) or "{}")
    return Marker(settings[_KEY]) if _KEY in settings else None


def make_marker(tx: Tx) -> Marker:
    """Return what makes the workspace's marks, with a new key for the first."""
    held = marker(tx)
    if held is not None:
        return held
    table = tables.workspaces
    settings = json.loads(tx.value(_SETTINGS) or "{}")
    settings[_KEY] = secrets.token_hex(32)
    tx.run(update(table).where(table.c.ws == tx.ws).values(settings=json.dumps(settings)))
    return Marker(settings[_KEY])
