"""Following archives: each has a row of the cursor, which says until where its messages are durable.

A live stream brings nothing of its own: what comes over it says which archive to read on. So both streams bring the same
messages under the same ids, in the archive's order, and nothing falls into the gap between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from attrs import frozen

from socialcrm.connectors import Batch, Cursor, Flow, Outgoing, Raw
from socialcrm.errors import FixError, NotFound, SettingsError, UnsupportedError
from socialcrm_xmpp._login import open_session
from socialcrm_xmpp._mam import page, read_time, stamp_of
from socialcrm_xmpp._names import CARBONS
from socialcrm_xmpp._refs import Window
from socialcrm_xmpp._rooms import enter
from socialcrm_xmpp._session import OWN, Session
from socialcrm_xmpp._settings import XmppSettings
from socialcrm_xmpp._xml import Element, as_text, build

__all__ = ["follow", "sync"]


@frozen
class Mark:
    """Where an archive was left: the last id, and its time. As a row of the cursor: ``TIME ID``."""

    id: str = ""
    at: str = ""

    @classmethod
    def read(cls, row: str) -> Mark:
        """Read a row."""
        at, _, id = row.partition(" ")  # noqa: A001 - the protocol's word
        return cls(id, at)

    def row(self) -> str:
        """Return the row."""
        return f"{self.at} {self.id}"


def sync(settings: XmppSettings, cursor: Cursor) -> Flow[None]:
    """Read on in every archive: the rooms', then our own.

    Raises:
        FixError: A room could not be read; everything else was.
    """
    session = yield from open_session(settings)
    archives, failed = yield from _archives(session, settings)
    for archive in archives:
        yield from _read_on(session, settings, archive, cursor)
    yield from session.close()
    if failed is not None:
        raise failed


def follow(settings: XmppSettings, cursor: Cursor, send: Callable[[Session, Outgoing], Flow[None]]) -> Flow[None]:
    """Stay in touch, and read on wherever something stirs.

    Args:
        settings: The channel's.
        cursor: Rows of this stream.
        send: What to do with a reply that the driver hands in.
    """
    rows = dict(cursor)
    session = yield from open_session(settings)
    yield from session.ask(OWN, build("enable", xmlns=CARBONS), kind="set")
    archives, failed = yield from _archives(session, settings)
    if failed is not None:
        raise failed
    for archive in archives:
        if _key(archive) not in rows:
            # What lies there already is the pull stream's; this one begins now, and says so before it waits.
            last = yield from page(session, archive, 1, before="")
            rows[_key(archive)] = _mark(last.results[-1]).row() if last.results else Mark().row()
            yield from Batch((), {_key(archive): rows[_key(archive)]})
    yield from session.say(build("presence"))
    session.stirred.update(archives)
    while True:
        while session.stirred:
            archive = session.stirred.pop()
            rows[_key(archive)] = yield from _read_on(session, settings, archive, rows)
        message = yield from session.wait()
        if message is not None:
            yield from send(session, message)


def _archives(session: Session, settings: XmppSettings) -> Flow[tuple[list[str], FixError | None]]:
    entered: list[str] = []
    failed: FixError | None = None
    for jid in settings.followed:
        try:
            entered.append((yield from enter(session, settings, jid)).jid)
        except FixError as error:
            failed = failed or error
    return [*entered, OWN], failed


def _read_on(session: Session, settings: XmppSettings, archive: str, cursor: Mapping[str, str]) -> Flow[str]:
    mark, key = Mark.read(cursor.get(_key(archive), "")), _key(archive)
    window = Window(session, archive, settings.look_back, settings.page_size, settings.followed)
    hole = None
    while True:
        try:
            found = yield from page(session, archive, settings.page_size, after=mark.id)
        except NotFound:
            if not mark.id:
                raise
            # The archive expired what we read last: begin with what is left, and say what nobody could see.
            hole, mark = mark, Mark()
            continue
        except UnsupportedError as error:
            raise SettingsError(
                f"{session.where}: {archive or 'our account'} has no archive (XEP-0313): {error}; ask whoever runs the server"
            ) from error
        raws = [raw for raw in (_hole(hole, found.results, archive),) if raw is not None]
        hole = None
        for result in found.results:
            told = yield from window.place(result)
            context = {"own": session.own, **({"archive": archive} if archive else {}), **window.context(result), **told}
            raws.append(Raw("message", as_text(result), context))
        if found.results:
            before, mark = mark, _mark(found.results[-1], mark.at)
            yield from Batch(raws, {key: mark.row()})
            if mark.id == before.id:
                return mark.row()
        if found.complete:
            return mark.row()


def _hole(lost: Mark | None, results: tuple[Element, ...], archive: str) -> Raw | None:
    since = read_time(lost.at) if lost is not None else None
    first: datetime | None = stamp_of(results[0]) if results else None
    if since is None or first is None or first <= since:
        return None
    return Raw("hole", {"archive": archive, "since": since.isoformat(), "at": first.isoformat()})


def _mark(result: Element, at: str = "") -> Mark:
    stamp = stamp_of(result)
    return Mark(result.get("id", ""), stamp.strftime("%Y-%m-%dT%H:%M:%SZ") if stamp is not None else at)


def _key(archive: str) -> str:
    return f"room:{archive}" if archive else "own"
