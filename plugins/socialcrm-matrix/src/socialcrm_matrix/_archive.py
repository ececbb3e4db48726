"""Reading what Element exports of a room: "Export chat" in the format JSON, alone or in a zip with its files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import open_archive
from socialcrm.errors import PayloadError
from socialcrm_matrix._fields import mapping, rows, text_of
from socialcrm_matrix._rooms import names_of

__all__ = ["load"]

_LARGEST = 512 * 1024 * 1024
_BATCH = 300
_EXPECTED = "expected Element's export of a chat, as JSON or as zip"


def load(path: Path, user_id: str) -> Iterator[Batch]:
    """Read an export in batches.

    The file does not say who can read the room, so it counts as limited; nor which user exported it, only their display name.

    Args:
        path: ``matrix - … - Chat Export ….json``, or the zip with ``export.json`` in it.
        user_id: Who we are; empty where nobody told.

    Raises:
        PayloadError: It is no such file, or larger than 512 MiB.
    """
    with open_archive(path, expected=_EXPECTED, most=_LARGEST) as members:
        found = [one for name, one in members.items() if name == path.name or one.base == "export.json"]
        if len(found) != 1:
            raise PayloadError(f"{path.name} holds no export.json; {_EXPECTED}")
        content = found[0].read()
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise PayloadError(f"{path.name} can't be read as JSON; {_EXPECTED}") from None
    messages = mapping(body).get("messages")
    if not isinstance(messages, list) or "exported_by" not in body:
        raise PayloadError(f"{path.name} is no export of a chat: Element's has 'messages' and 'exported_by'; export it as JSON")
    if user_id:
        yield Batch([Raw("account", {"user_id": user_id})])
    names = names_of(one for one in rows(messages) if isinstance(one, dict))
    for start in range(0, len(messages), _BATCH):
        yield Batch([_raw(one, names) for one in messages[start : start + _BATCH]])


def _raw(event: Any, names: dict[str, tuple[str, str]]) -> Raw:
    name, avatar = names.get(text_of(event, "sender"), ("", ""))
    context = {"archive": "element", "name": name, "avatar": avatar}
    return Raw("event", event, {key: value for key, value in context.items() if value})
