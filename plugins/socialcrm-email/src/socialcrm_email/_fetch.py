"""Following folders: what is new in each since the cursor, and waiting for news.

A cursor row ``folder:NAME`` holds ``UIDVALIDITY:UID``. RFC 9051 section 2.3.1.1: UIDs only grow while UIDVALIDITY stays, so the
last UID says exactly what is new. Another UIDVALIDITY voids them all, and the folder is read again; message ids keep anything
from doubling. A mail that is gone from the server is no deletion of what the customer wrote (a tidy inbox empties itself), so
no `Census` is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Batch, Cursor, Flow, Now, Outgoing, Raw, Read, Write
from socialcrm.errors import NotFound, ServerFault, Unreachable, UnsupportedError
from socialcrm.types import micros, utc
from socialcrm_email._imap import Folder, Imap, ImapRefusal
from socialcrm_email._responses import first_line
from socialcrm_email._settings import SENT, EmailSettings

__all__ = ["catch_up", "find_folder", "resolve_folders", "row", "wait"]

CHUNK = 50
BUDGET = 16 * 2**20
IDLE_SECONDS = 29 * 60
"""RFC 2177: a client should issue IDLE again at least every 29 minutes, or a server may log it off."""

_SENT_NAMES = ("sent", "sent items", "sent messages", "sent mail", "inbox.sent", "inbox/sent")


def row(folder: str) -> str:
    """Return a folder's key in the cursor."""
    return f"folder:{folder}"


def resolve_folders(imap: Imap, wanted: Sequence[str]) -> Flow[list[str]]:
    """Return the names of the folders to follow; special uses (``\\Sent``) that the server lacks are left out."""
    known: list[tuple[frozenset[str], str]] = []
    if any(name.startswith("\\") for name in wanted):
        known = yield from imap.folders()
    names = (find_folder(known, name) if name.startswith("\\") else name for name in wanted)
    return list(dict.fromkeys(name for name in names if name))


def find_folder(known: Sequence[tuple[frozenset[str], str]], use: str) -> str:
    """Return the folder with a special use (RFC 6154), for ``\\Sent`` else one with a usual name; empty if there is none."""
    marked = (name for flags, name in known if use.lower() in {flag.lower() for flag in flags})
    usual = (name for _, name in known if use == SENT and name.lower() in _SENT_NAMES)
    return next(marked, "") or next(usual, "")


def catch_up(imap: Imap, folder: str, cursor: Cursor, settings: EmailSettings) -> Flow[tuple[Folder, str]]:
    """Fetch what is new in a folder, in batches that carry the cursor.

    Returns:
        The folder as selected, and the cursor row's value.

    Raises:
        NotFound: There is no such folder.
    """
    try:
        selected = yield from imap.examine(folder)
    except ImapRefusal as error:
        raise NotFound(f"{imap.where}: the folder {folder!r} can't be opened; check the channel's folders ({error})") from error
    validity, _, last = cursor.get(row(folder), "").partition(":")
    known = int(last) if validity == str(selected.validity) and last.isdecimal() else 0
    uids = yield from _new_uids(imap, selected, known, settings)
    for chunk in _pieces(uids, CHUNK):
        sizes = yield from imap.fetch(chunk, b"(UID RFC822.SIZE INTERNALDATE)")
        for group in _groups(chunk, sizes, settings.max_size):
            raws = yield from _raws(imap, folder, group, sizes, settings.max_size)
            known = max(known, group[-1])
            yield from Batch(raws, {row(folder): f"{selected.validity}:{known}"})
    value = f"{selected.validity}:{known}"
    if value != cursor.get(row(folder)) and not uids:
        yield from Batch((), {row(folder): value})
    return selected, value


def _new_uids(imap: Imap, selected: Folder, known: int, settings: EmailSettings) -> Flow[list[int]]:
    if not selected.exists or (selected.next and selected.next - 1 <= known):
        return []
    criteria = b"UID %d:*" % (known + 1)
    if not known and settings.history_days:
        since: datetime = (yield from Now()) - timedelta(days=settings.history_days)
        criteria += b" SINCE " + _imap_day(since)
    found = yield from imap.search(criteria)
    # "n:*" means the last message even where its UID is lower than n (RFC 9051, section 9, seq-range).
    return [uid for uid in found if uid > known]


def _imap_day(when: datetime) -> bytes:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{when.day}-{months[when.month - 1]}-{when.year}".encode()


def _pieces(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), size):
        yield uids[start : start + size]


def _groups(uids: Sequence[int], sizes: Mapping[int, Mapping[bytes, Any]], limit: int) -> Iterator[list[int]]:
    """Group UIDs so that one group's messages fit in memory; vanished ones go along, so that the cursor passes them."""
    group: list[int] = []
    weight = 0
    for uid in uids:
        size = min(limit, _size(sizes.get(uid)))
        if group and weight + size > BUDGET:
            yield group
            group, weight = [], 0
        group.append(uid)
        weight += size
    if group:
        yield group


def _size(values: Mapping[bytes, Any] | None) -> int:
    size = (values or {}).get(b"RFC822.SIZE")
    return size if isinstance(size, int) else 0


def _raws(
    imap: Imap, folder: str, group: Sequence[int], sizes: Mapping[int, Mapping[bytes, Any]], limit: int
) -> Flow[list[Raw]]:
    present = [uid for uid in group if uid in sizes]
    if not present:
        return []
    # PEEK leaves the message unseen. A partial fetch of more than there is returns all there is.
    items = b"(UID BODY.PEEK[]<0.%d>)" % limit
    bodies: dict[int, Any] = {}
    try:
        bodies = yield from imap.fetch(present, items)
    except ImapRefusal as error:
        # One damaged message makes some servers refuse all of them; it must not stop the folder for ever.
        if len(present) == 1:
            return [Raw(kind="unreadable", body={"why": str(error)}, context={"folder": folder, "uid": str(present[0])})]
        for uid in present:
            try:
                bodies.update((yield from imap.fetch([uid], items)))
            except ImapRefusal as single:
                bodies[uid] = str(single)
    return [_raw(folder, uid, bodies[uid], sizes[uid], limit) for uid in present if uid in bodies]


def _raw(folder: str, uid: int, values: Any, facts: Mapping[bytes, Any], limit: int) -> Raw:
    context = {"folder": folder, "uid": str(uid)}
    body = None
    if isinstance(values, Mapping):
        body = next((value for key, value in values.items() if key.upper().startswith(b"BODY[]")), None)
    if not isinstance(body, bytes):
        why = values if isinstance(values, str) else "the server lists the message, but hands out no content"
        return Raw(kind="unreadable", body={"why": why}, context=context)
    received = facts.get(b"INTERNALDATE")
    if isinstance(received, datetime):
        context["received"] = str(micros(utc(received)))
    if len(body) >= limit and _size(facts) > limit:
        context["size"] = str(_size(facts))
    return Raw(kind="message", body=body, context=context)


def wait(imap: Imap, exists: int) -> Flow[Outgoing | None]:
    """Wait in IDLE (RFC 2177) until the selected folder holds something new, or there is something to send.

    Args:
        imap: With a folder selected.
        exists: How many messages it held.

    Raises:
        UnsupportedError: The server can't do it.
        Unreachable: The connection broke off; what came meanwhile is found by catching up.
    """
    if "IDLE" not in imap.capabilities:
        raise UnsupportedError(f"{imap.where}: the server has no IDLE, so it can't be watched; sync it at intervals instead")
    while True:
        tag = imap.tag()
        yield from Write(imap.conn, tag + b" IDLE\r\n")
        line = yield from imap.line()
        news = False
        while line.startswith(b"* "):
            news, line = news or _is_news(line, exists), (yield from imap.line())
        if not line.startswith(b"+"):
            raise imap.refusal(b"NO", line.removeprefix(tag + b" "), "IDLE")
        found = True if news else (yield from _rest(imap, exists))
        yield from Write(imap.conn, b"DONE\r\n")
        reply = yield from imap.finish(tag, "IDLE")
        if isinstance(found, Outgoing):
            return found
        if found or any(_is_news(b"* " + first_line(response), exists) for response in reply.responses):
            return None


def _rest(imap: Imap, exists: int) -> Flow[Outgoing | bool | None]:
    """Read until something new is announced (true), something is to be sent, or it is time to say IDLE again."""
    deadline = (yield from Now()) + timedelta(seconds=IDLE_SECONDS)
    while (left := (deadline - (yield from Now())).total_seconds()) > 0:
        read = yield from Read(imap.conn, timeout=left, idle=True)
        if read is None or isinstance(read, Outgoing):
            return read
        if not read.endswith(b"\r\n"):
            raise Unreachable(f"{imap.where}: the server closed the connection; it is tried again later")
        if read.upper().startswith(b"* BYE"):
            raise ServerFault(f"{imap.where}: the server ended the session; it is tried again later")
        if _is_news(read, exists):
            return True
    return None


def _is_news(line: bytes, exists: int) -> bool:
    words = line.upper().split()
    return len(words) >= 3 and words[2] == b"EXISTS" and words[1].isdigit() and int(words[1]) != exists
