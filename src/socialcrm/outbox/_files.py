"""Files that go along with a reply: known by their content from the moment it is queued.

They stay where they are until the reply has left. A file that has changed or gone since is never sent.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from socialcrm.connectors import Blob, Connector
from socialcrm.errors import RefusedError, SettingsError, UnsupportedError

__all__ = ["attach", "blob_of", "unchanged"]


def attach(connector: Connector[Any], paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Return what a reply keeps of its files.

    Raises:
        UnsupportedError: The platform takes fewer files, or none.
        SettingsError: A file can't be read.
    """
    files, most = [Path(path) for path in paths], connector.info.capabilities.attachments
    if len(files) > most:
        name = connector.info.title or connector.info.platform
        takes = f"{most} files in one answer" if most else "no files in answers"
        raise UnsupportedError(f"{name} takes {takes}, here are {len(files)}; send a link instead")
    kept = []
    for path in files:
        try:
            kept.append(
                {
                    "path": str(path.resolve(strict=True)),
                    "sha256": _digest(path),
                    "size": path.stat().st_size,
                    "mime": mimetypes.guess_type(path.name)[0] or "application/octet-stream",
                    "name": path.name,
                }
            )
        except OSError as error:
            raise SettingsError(f"{path} can't be sent along: {error.strerror or error}; check the path") from error
    return kept


def blob_of(kept: Mapping[str, Any]) -> Blob:
    """Return a file of a queued reply."""
    return Blob(sha256=kept["sha256"], path=Path(kept["path"]), size=kept["size"], mime=kept["mime"], name=kept["name"])


def unchanged(files: Iterable[Blob]) -> None:
    """Make sure that what would be sent is what was queued.

    Raises:
        RefusedError: A file is another one now, or gone.
    """
    for file in files:
        try:
            same = _digest(file.path) == file.sha256
        except OSError:
            same = False
        if not same:
            raise RefusedError(f"the file {file.name} has changed or gone since the reply was queued; queue it again")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
