"""Lists as files: any mbox, HyperKitty's export (``.mbox.gz``), Pipermail's text (``.txt.gz``), Maildir, ``.eml``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError
from socialcrm_email import mail
from socialcrm_mailinglist._settings import MailingListSettings

__all__ = ["load_archive"]

_BATCH = 200
_BATCH_BYTES = 8 * 2**20


def load_archive(path: Path, settings: MailingListSettings) -> Iterator[Batch]:
    """Read an archive in batches, our own accounts first.

    Raises:
        PayloadError: There is no mail in it.
    """
    yield Batch(Raw("account", {"address": address}) for address in sorted(settings.ours))
    group: list[Raw] = []
    weight = count = 0
    for raw in _messages(path):
        group.append(raw)
        weight, count = weight + len(raw.body), count + 1
        if len(group) >= _BATCH or weight >= _BATCH_BYTES:
            yield Batch(group)
            group, weight = [], 0
    if group:
        yield Batch(group)
    if not count:
        raise PayloadError(f"{path}: there is no mail in it; expected an mbox file, or Pipermail's .txt.gz files")


def _messages(path: Path) -> Iterator[Raw]:
    """Read a file or folder; the mail plugin does not take ``.txt`` for mail when it looks through folders."""
    yield from mail.mbox_messages(path)
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.name.lower().endswith((".txt", ".txt.gz")):
                yield from mail.mbox_messages(file)
