"""A platform that only repeats what was recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from socialcrm.connectors import Answer, Incoming
from socialcrm.errors import SettingsError

__all__ = ["CassettePlatform"]


class CassettePlatform:
    """Plays cassettes as a `Platform`: each request gets the answer that was recorded for it, as often as it is made.

    Several recorded answers to one request are given in their order, and the last one again and again. Nothing can be sent
    to it: pass ``sends=False`` in the scenario, or bring a platform that takes replies.

    Args:
        paths: Files that `socialcrm.transport.Cassette` recorded.
        texts: The text of everything that they hold, in any order.

    Raises:
        SettingsError: There is no such file, or it is no cassette.
    """

    def __init__(self, *paths: Path | str, texts: Sequence[str]) -> None:
        self._texts = list(texts)
        self._answers: dict[tuple[Any, ...], list[Answer]] = {}
        for path in map(Path, paths):
            try:
                exchanges = json.loads(path.read_text(encoding="utf-8"))["exchanges"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise SettingsError(f"{path} is no cassette that can be played; record it again") from error
            for one in exchanges:
                asked = one["request"]
                key = (asked["method"], asked["path"], tuple(parse_qsl(asked["query"], keep_blank_values=True)))
                self._answers.setdefault(key, []).append(_answer(one["response"]))

    def answer(self, request: Incoming) -> Answer:
        """Answer as recorded; 404 for what was not."""
        parts = urlsplit(request.url)
        known = self._answers.get((request.method, parts.path, tuple(parse_qsl(parts.query, keep_blank_values=True))))
        if not known:
            return Answer(status=404, content=b'{"error": "this was not recorded"}')
        return known.pop(0) if len(known) > 1 else known[0]

    def texts(self) -> list[str]:
        """Return what the recording holds."""
        return list(self._texts)

    def received(self) -> list[str]:
        """Return nothing: a recording takes no replies."""
        return []


def _answer(kept: dict[str, Any]) -> Answer:
    body = kept["body"]
    content = base64.b64decode(body["base64"]) if "base64" in body else body["text"].encode()
    return Answer(status=kept["status"], headers=dict(kept["headers"]), content=content)
