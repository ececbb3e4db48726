"""Where exported chats lie: a text file, the zip around it, or a folder of either."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import attrs
from attrs import frozen

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError
from socialcrm_whatsapp._chat import Chat, digest, survey
from socialcrm_whatsapp._settings import WhatsAppSettings

__all__ = ["load_chats"]

_SIZE = 300
_LARGEST = 256 * 1024 * 1024
_ANYWHERE = ("_chat",)
_PREFIX = re.compile(r"\A(?:WhatsApp Chat (?:with|-)|Chat WhatsApp|WhatsApp[- ]Chat mit) ?", re.IGNORECASE)


@frozen(kw_only=True)
class _File:
    """One exported chat.

    Args:
        title: What its name says.
        path: The file, or the zip that it lies in.
        member: Its name in the zip; empty for a plain file.
    """

    title: str
    path: Path
    member: str = ""

    @contextmanager
    def lines(self) -> Iterator[TextIO]:
        """Open it."""
        if not self.member:
            with self.path.open("rb") as file, io.TextIOWrapper(file, "utf-8-sig", "replace") as words:
                yield words
            return
        with (
            zipfile.ZipFile(self.path) as archive,
            archive.open(self.member) as packed,
            io.TextIOWrapper(packed, "utf-8-sig", "replace") as words,
        ):
            yield words


def load_chats(path: Path, settings: WhatsAppSettings) -> Iterator[Batch]:
    """Read exported chats, each twice: first for who speaks and how dates are written, then for what is said.

    Raises:
        PayloadError: There is no exported chat, or something about one can't be told.
    """
    zone = ZoneInfo(settings.timezone)
    try:
        files = list(_files(path))
        if not files:
            raise PayloadError(
                f"{path.name} holds no exported chat; expected 'WhatsApp Chat with ….txt' or _chat.txt, or its zip"
            )
        for file in files:
            with file.lines() as lines:
                chat = survey(lines, file.title, settings.archive_name, settings.archive_dates)
            yield from _batches(file, chat, settings.phone_number_id, zone)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise PayloadError(f"{path.name} can't be read ({type(error).__name__}); export the chat again") from error


def _batches(file: _File, chat: Chat, account: str, zone: ZoneInfo) -> Iterator[Batch]:
    account = account or f"export:{digest(chat.ours)}"
    if chat.ours:
        yield Batch([Raw("export_account", {"id": account, "name": chat.ours})])
    with file.lines() as lines:
        raws = chat.raws(lines, zone)
        while group := list(islice(raws, _SIZE)):
            yield Batch([attrs.evolve(raw, context={"account": account}) for raw in group])


def _files(path: Path) -> Iterator[_File]:
    if path.is_dir():
        for one in sorted(path.rglob("*")):
            if one.is_file() and not one.is_symlink() and one.suffix.lower() in (".txt", ".zip"):
                yield from _files(one)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found = [one for one in archive.infolist() if one.filename.lower().endswith(".txt")]
        for info in found:
            if info.file_size <= _LARGEST and "__MACOSX" not in info.filename:
                yield _File(title=_title(path, info.filename), path=path, member=info.filename)
    elif path.stat().st_size <= _LARGEST:
        yield _File(title=_title(path.parent, path.name), path=path)


def _title(around: Path, name: str) -> str:
    stem = Path(name).stem
    return _PREFIX.sub("", around.stem if stem.lower() in _ANYWHERE else stem).strip()
