"""Sending a reply, and finding out whether one was sent."""

from __future__ import annotations

from socialcrm.connectors import Batch, Blob, Blocking, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import SettingsError, SocialCRMError, UnclearError
from socialcrm_email._addresses import normal_address
from socialcrm_email._compose import Letter, compose, message_id
from socialcrm_email._fetch import find_folder, resolve_folders
from socialcrm_email._imap import Imap
from socialcrm_email._login import open_imap
from socialcrm_email._settings import SENT, EmailSettings
from socialcrm_email._smtp import close_smtp, hand_in, open_smtp

__all__ = ["send_reply", "settle_reply"]

_PROGRESS = "part:0"


def send_reply(settings: EmailSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Hand a reply to the mail server, then put a copy into the sent folder."""
    if cursor.get(_PROGRESS):
        return Receipt(ids=(cursor[_PROGRESS],), at=message.at)
    files: dict[Blob, bytes] = {}
    for blob in message.media:
        files[blob] = yield from Blocking(blob.path.read_bytes, repeatable=True)
    letter = compose(message, settings, tuple(files.items()))
    smtp = yield from open_smtp(settings)
    yield from hand_in(smtp, letter)
    yield from Batch((), {_PROGRESS: letter.id})
    yield from close_smtp(smtp)
    if settings.save_sent and settings.imap_host:
        yield from _save(settings, letter)
    return Receipt(ids=(letter.id,), at=message.at)


def _save(settings: EmailSettings, letter: Letter) -> Flow[None]:
    """Keep a copy where people look for what was sent."""
    # The reply is on its way: a failure here must not look as if it were not.
    try:
        imap = yield from open_imap(settings)
        folder = find_folder((yield from imap.folders()), SENT)
        # Gmail and Exchange Online store what passes their SMTP by themselves.
        if folder and not (yield from _find(imap, folder, letter.id)):
            yield from imap.append(folder, letter.data)
        yield from imap.logout()
    except SocialCRMError:
        return


def settle_reply(settings: EmailSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Find out whether a reply was sent: by the progress that was stored, else by our message id in our own folders.

    Raises:
        UnclearError: It is in none of them, which proves nothing: few servers store by themselves what passes through.
    """
    if cursor.get(_PROGRESS):
        return Receipt(ids=(cursor[_PROGRESS],), at=message.at)
    sender = normal_address(settings.address)
    if not sender:
        raise SettingsError("mail: 'address' is not set; add it to the channel's settings")
    id = message_id(message.id, sender)  # noqa: A001 - the contract's word
    if settings.imap_host:
        imap = yield from open_imap(settings)
        for folder in (yield from resolve_folders(imap, (SENT, *settings.folders))):
            if (yield from _find(imap, folder, id)):
                yield from imap.logout()
                return Receipt(ids=(id,), at=message.at)
        yield from imap.logout()
    raise UnclearError(
        f"mail: whether the reply to {message.to} left can't be told: no copy of <{id}> lies in our folders; ask the "
        "receiver, or look into the mail server's log, before it is sent again"
    )


def _find(imap: Imap, folder: str, id: str) -> Flow[bool]:  # noqa: A002 - the contract's word
    yield from imap.examine(folder)
    found = yield from imap.search(b'HEADER Message-ID "<' + id.encode() + b'>"')
    return bool(found)
