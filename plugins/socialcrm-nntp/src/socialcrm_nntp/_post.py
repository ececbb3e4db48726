"""Posting a reply, finding out whether it was posted, and taking it back.

A reply has the same message id at every attempt, and a server that holds an article refuses another one of the same id (RFC
5537, section 3.5; RFC 3977, section 6.3.1). So whatever happens between POST and its answer, ``STAT <message-id>`` tells
afterwards. The exception is a moderated group: there the server takes the reply, mails it to the moderator, and shows it days
later or never.
"""

from __future__ import annotations

from datetime import datetime
from email.message import Message

from attrs import frozen

from socialcrm.connectors import Batch, Cursor, Flow, Grant, Now, Outgoing, Receipt, Write
from socialcrm.errors import NotFound, PayloadError, RefusedError, RetryError, SocialCRMError, UnclearError
from socialcrm_email.mail import header, message_ids, normal_address, read_date, read_message, words
from socialcrm_nntp._compose import cancel_article, locked, message_id, own_address, reply_article
from socialcrm_nntp._errors import refusal
from socialcrm_nntp._follow import resolve_groups
from socialcrm_nntp._headers import group_names, sender
from socialcrm_nntp._login import open_nntp
from socialcrm_nntp._session import Nntp
from socialcrm_nntp._settings import NntpSettings

__all__ = ["retract_articles", "send_reply", "settle_reply"]

_PROGRESS = "part:0"


@frozen(kw_only=True)
class _Target:
    """Where a reply goes.

    Args:
        groups: The groups that it is posted to.
        thread: The message ids that it follows, oldest first.
        subject: The subject of what it answers.
        moderated: Whether a moderator stands before one of the groups.
    """

    groups: tuple[str, ...]
    thread: tuple[str, ...]
    subject: str
    moderated: bool


def send_reply(settings: NntpSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Post a reply.

    Raises:
        NotFound: What it answers is gone, and where to post can't be told.
        RefusedError: Its author wants answers by mail or elsewhere, or the server refuses the reply.
        ForbiddenError: We may not post here.
        UnclearError: The connection broke before the answer.
    """
    id = message_id(message.id, own_address(settings))  # noqa: A001 - the contract's word
    if cursor.get(_PROGRESS) == id:
        return _receipt(id, cursor.get("at", ""), message)
    if message.media:
        raise RefusedError("nntp: groups for text take no files; send the reply without them, with a link to them perhaps")
    nntp = yield from open_nntp(settings)
    held = yield from _header_of(nntp, id)
    if held is not None:
        return Receipt(ids=(id,), at=read_date(header(held, "Date")) or message.at)
    target = yield from _target(nntp, message, settings)
    now = (yield from Now()).replace(microsecond=0)
    text = reply_article(
        message, settings, groups=target.groups, thread=target.thread, subject=target.subject or message.subject, now=now
    )
    yield from _post(nntp, id, text)
    yield from Batch((), {_PROGRESS: id, "at": now.isoformat()})
    yield from _leave(nntp)
    return Receipt(ids=(id,), at=now)


def settle_reply(settings: NntpSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
    """Find out whether a reply was posted: the server knows its message id, or not.

    Raises:
        UnclearError: It may lie with a moderator.
    """
    id = message_id(message.id, own_address(settings))  # noqa: A001 - the contract's word
    if cursor.get(_PROGRESS) == id:
        return _receipt(id, cursor.get("at", ""), message)
    nntp = yield from open_nntp(settings)
    held = yield from _header_of(nntp, id)
    if held is not None:
        yield from _leave(nntp)
        return Receipt(ids=(id,), at=read_date(header(held, "Date")) or message.at)
    target = yield from _target(nntp, message, settings)
    yield from _leave(nntp)
    if target.moderated:
        raise UnclearError(
            f"{nntp.where}: whether <{id}> was taken can't be told: {', '.join(target.groups)} is moderated, and it may lie "
            "with the moderator; wait, or ask the moderator, before it is sent again"
        )
    return None


def retract_articles(settings: NntpSettings, receipt: Receipt) -> Flow[None]:
    """Ask the server to take articles of ours back; harmless for what is gone already.

    Raises:
        RefusedError: It is not ours, or the server still shows it: it obeys no cancel, or only one with another Cancel-Key.
    """
    nntp = yield from open_nntp(settings)
    for target in receipt.ids:
        held = yield from _header_of(nntp, target)
        if held is None:
            continue
        if sender(header(held, "From"))[1] not in settings.own:
            raise RefusedError(f"{nntp.where}: <{target}> is none of ours, so we take nothing back")
        groups = group_names(header(held, "Newsgroups"))
        cancel = message_id(f"cancel {target}", own_address(settings))
        text = cancel_article(target, settings, groups, (yield from Now()).replace(microsecond=0))
        yield from _post(nntp, cancel, text, opens=target)
        if (yield from nntp.stat(f"<{target}>")):
            raise RefusedError(
                f"{nntp.where}: the server took the cancel message and still shows <{target}>; it may obey none, or ask for a "
                "Cancel-Key: set cancel_secret before you post, or ask the server's operator"
            )
    yield from _leave(nntp)


def _receipt(id: str, at: str, message: Outgoing) -> Receipt:  # noqa: A002 - the contract's word
    return Receipt(ids=(id,), at=datetime.fromisoformat(at) if at else message.at)


def _target(nntp: Nntp, message: Outgoing, settings: NntpSettings) -> Flow[_Target]:
    """Say where an answer goes: by the article's own Followup-To or Newsgroups, within the groups that this channel follows.

    An author can name any group of the world there. Only those that we follow are posted to, so nobody can send our words
    elsewhere.
    """
    status = yield from resolve_groups(nntp, settings.groups)
    asked = message.reply_to or ""
    held = (yield from _header_of(nntp, asked)) if asked else None
    if held is None:
        if len(status) != 1:
            raise NotFound(
                f"{nntp.where}: <{asked}> is gone, so the group to answer in can't be told; post it yourself, or leave it"
            )
        wanted, thread, subject = tuple(status), message.references, message.subject
    else:
        wanted = _wanted(nntp, held, asked)
        thread, subject = message_ids(header(held, "References")), words(header(held, "Subject"))
    groups = tuple(name for name in wanted if name in status)
    if not groups:
        raise RefusedError(
            f"{nntp.where}: the answer to <{asked}> belongs into {', '.join(wanted) or 'no group'}, which this channel does "
            "not follow; add it to the channel's groups, or answer there yourself"
        )
    moderated = any(status[name] == "m" for name in groups)
    return _Target(groups=groups, thread=(*thread, *([asked] if asked else [])), subject=subject, moderated=moderated)


def _wanted(nntp: Nntp, held: Message, asked: str) -> tuple[str, ...]:
    followup = header(held, "Followup-To")
    if followup.lower() == "poster":
        _, address = sender(header(held, "Reply-To"))
        address = address or normal_address(sender(header(held, "From"))[1])
        raise RefusedError(
            f"{nntp.where}: the author of <{asked}> wants answers by mail (Followup-To: poster); write to {address or 'them'} "
            "from a mail channel: this plugin only posts to groups"
        )
    return group_names(followup) or group_names(header(held, "Newsgroups"))


def _header_of(nntp: Nntp, id: str) -> Flow[Message | None]:  # noqa: A002 - the contract's word
    """Return an article's header by its message id; ``None`` if it is not there."""
    if not id.isascii() or not id.isprintable() or any(character in id for character in " <>") or len(id) > 248:
        return None
    code, text = yield from nntp.ask(f"HEAD <{id}>")
    if code in (420, 423, 430):
        return None
    if code != 221:
        raise refusal(nntp.where, f"HEAD <{id}>", code, text)
    try:
        return read_message((yield from nntp.block()) + b"\r\n")
    except PayloadError:
        return Message()


def _post(nntp: Nntp, id: str, article: bytes, *, opens: str = "") -> Flow[None]:  # noqa: A002 - the contract's word
    """Post an article (RFC 3977, section 6.3.1); one that the server holds already is as good as posted."""
    yield from nntp.expect("POST", 340)

    def wire(grant: Grant) -> bytes:
        data = locked(article, id, grant, opens=opens)
        stuffed = (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]
        return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"

    try:
        yield from Write(nntp.conn, wire, repeatable=False)
        code, text = yield from nntp.response()
    except RetryError as error:
        raise UnclearError(
            f"{nntp.where}: the connection broke off before the server confirmed <{id}>; whether it is there is looked up "
            "before it is sent again"
        ) from error
    if code == 240 or (code == 441 and (yield from nntp.stat(f"<{id}>"))):
        return
    raise refusal(nntp.where, "the article", code, text)


def _leave(nntp: Nntp) -> Flow[None]:
    # What was asked is done: how the connection ends no longer matters.
    try:
        yield from nntp.quit()
    except SocialCRMError:
        return
