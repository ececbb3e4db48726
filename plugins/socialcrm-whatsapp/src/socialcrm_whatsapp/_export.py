"""Where exported chats lie: a text file, the zip around it, or a folder of either."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import attrs

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import Member, open_archive
from socialcrm.errors import PayloadError
from socialcrm_whatsapp._chat import digest, survey
from socialcrm_whatsapp._settings import WhatsAppSettings

__all__ = ["load_chats"]

_SIZE = 300
_LARGEST = 256 * 1024 * 1024
_ANYWHERE = ("_chat",)
_EXPECTED = "expected 'WhatsApp Chat with ….txt' or _chat.txt, or its zip"
_PREFIX = re.compile(r"\A(?:WhatsApp Chat (?:with|-)|Chat WhatsApp|WhatsApp[- ]Chat mit) ?", re.IGNORECASE)


def load_chats(path: Path, settings: WhatsAppSettings) -> Iterator[Batch]:
    """Read exported chats, each twice: first for who speaks and how dates are written, then for what is said.

    Raises:
        PayloadError: There is no exported chat, or something about one can't be told.
    """
    zone, found = ZoneInfo(settings.timezone), False
    for place in _places(path):
        with open_archive(place, expected=_EXPECTED, most=_LARGEST) as members:
            for name, member in members.items():
                if "__MACOSX" not in name and (name.lower().endswith(".txt") or name == place.name):
                    found = True
                    title = _title(place.parent if name == place.name else place, name)
                    yield from _batches(member, title, settings, zone)
    if not found:
        raise PayloadError(f"{path.name} holds no exported chat; {_EXPECTED}")


def _places(path: Path) -> list[Path]:
    """A folder's texts and zips, at any depth."""
    if not path.is_dir():
        return [path]
    found = (one for one in path.rglob("*") if one.suffix.lower() in (".txt", ".zip"))
    return sorted(one for one in found if one.is_file() and not one.is_symlink())


def _batches(member: Member, title: str, settings: WhatsAppSettings, zone: ZoneInfo) -> Iterator[Batch]:
    with _lines(member) as lines:
        chat = survey(lines, title, settings.archive_name, settings.archive_dates)
    account = settings.phone_number_id or f"export:{digest(chat.ours)}"
    if chat.ours:
        yield Batch([Raw("export_account", {"id": account, "name": chat.ours})])
    with _lines(member) as lines:
        raws = chat.raws(lines, zone)
        while group := list(islice(raws, _SIZE)):
            yield Batch([attrs.evolve(raw, context={"account": account}) for raw in group])


def _lines(member: Member) -> TextIO:
    return io.TextIOWrapper(member.open(), "utf-8-sig", "replace")


def _title(around: Path, name: str) -> str:
    stem = Path(name).stem
    return _PREFIX.sub("", around.stem if stem.lower() in _ANYWHERE else stem).strip()
