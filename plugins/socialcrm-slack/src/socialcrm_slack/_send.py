"""Answering: where a reply goes, posting it, finding out whether it arrived.

Every message of ours carries metadata ("Message metadata") with the reply's id and the number of its part: that is how it is
recognised again. Files go out before the text, as a message of their own ("Working with files").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import frozen

from socialcrm.connectors import Batch, Blob, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import NotFound, PayloadError, RefusedError, UnclearError
from socialcrm.types import Visibility
from socialcrm_slack._api import ask, next_of, tell
from socialcrm_slack._fields import channel_of, mapping, moment, required, root_of, rows, scope_of, stamp, text_of
from socialcrm_slack._people import user_of
from socialcrm_slack._text import escape, said

__all__ = ["METADATA", "send", "settle"]

METADATA = "socialcrm_reply"
"""The ``event_type`` of the metadata that our messages carry."""

_CLOCKS = timedelta(minutes=10)


@frozen(kw_only=True)
class Target:
    """Where a reply goes.

    Args:
        channel: The conversation.
        thread: The ``ts`` of the message that began the thread; empty for the conversation itself.
        moved: The question was asked elsewhere: this is a direct message that answers a channel.
    """

    channel: str
    thread: str = ""
    moved: bool = False


def send(message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Share the files, then post the parts, in the thread of the question or in a direct message.

    Raises:
        RefusedError: The reply names no conversation.
        UnclearError: Slack accepted a part, and its answer can't be read.
    """
    target = yield from _target(message, cursor)
    if message.media and "shared" not in cursor:
        yield from _share(message.media, target, cursor)
    ids: list[str] = []
    for part, text in enumerate(message.parts):
        row = f"part:{part}"
        ts = cursor.get(row, "")
        if not ts:
            ts = yield from _post(message, target, part, text)
            yield from Batch([], {row: ts})
        ids.append(ts)
    return _receipt(ids, target)


def _target(message: Outgoing, cursor: Cursor) -> Flow[Target]:
    """A direct message where a channel is answered in private; else where the question stands."""
    asked = message.scope or message.conversation
    if message.visibility is Visibility.PRIVATE and _in_channel(message):
        channel = cursor.get("direct", "")
        if not channel:
            body = yield from tell("conversations.open", users=user_of(message.to), repeatable=True)
            channel = required(mapping(body).get("channel"), "id")
            yield from Batch([], {"direct": channel})
        return Target(channel=channel, moved=True)
    if not asked:
        raise RefusedError("slack: the reply names no conversation; answer something that was fetched")
    thread = root_of(message.scope) or root_of(message.conversation)
    return Target(channel=channel_of(asked), thread=thread)


def _in_channel(message: Outgoing) -> bool:
    # The key of a direct or group message is the conversation's own id, that of anything in a channel names a thread as well.
    return bool(root_of(message.conversation)) or not message.conversation


def _post(message: Outgoing, target: Target, part: int, text: str) -> Flow[str]:
    """Post one part ("chat.postMessage"): nothing in it becomes a mark, a link preview or a mention."""
    metadata = {"event_type": METADATA, "event_payload": {"id": message.id, "part": part}}
    body = yield from tell(
        "chat.postMessage",
        channel=target.channel,
        thread_ts=target.thread,
        text=escape(text),
        mrkdwn="false",
        unfurl_links="false",
        unfurl_media="false",
        metadata=json.dumps(metadata),
    )
    try:
        ts = required(body, "ts")
        moment(ts)
    except PayloadError as error:
        raise UnclearError("slack: the message was accepted and the answer can't be read; it is looked for") from error
    return ts


def _receipt(ids: list[str], target: Target) -> Receipt:
    return Receipt(
        ids=tuple(ids),
        scope=scope_of(target.channel, "", target.thread),
        conversation=target.channel if target.moved else None,
        at=moment(ids[0]),
    )


def _share(media: tuple[Blob, ...], target: Target, cursor: Cursor) -> Flow[None]:
    """Upload files and show them in one message ("files.getUploadURLExternal", "files.completeUploadExternal").

    The address to upload to is good for one file, so uploads may be repeated; a file that nobody completes is never seen.
    """
    files = []
    for place, blob in enumerate(media):
        key = cursor.get(f"file:{place}", "")
        if not key:
            body = yield from tell("files.getUploadURLExternal", filename=blob.name, length=str(blob.size), repeatable=True)
            key = required(body, "file_id")
            yield from Call(
                "POST",
                required(body, "upload_url"),
                content=blob,
                headers={"Content-Type": "application/octet-stream"},
                bucket="upload",
                timeout=300,
                auth=False,
                repeatable=True,
            )
            yield from Batch([], {f"file:{place}": key})
        files.append({"id": key, "title": blob.name})
    yield from tell("files.completeUploadExternal", files=json.dumps(files), channel_id=target.channel, thread_ts=target.thread)
    yield from Batch([], {"shared": "yes"})


def settle(message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
    """Find out whether the step that stayed unclear happened: the sharing of the files, or the first part not known.

    Returns:
        The receipt if everything is there; ``None`` if that step certainly did not happen, or more is left to send.

    Raises:
        UnclearError: Nobody can say.
    """
    if message.visibility is Visibility.PRIVATE and _in_channel(message) and "direct" not in cursor:
        return None
    target = yield from _target(message, cursor)
    if message.media and "shared" not in cursor:
        yield from _shared(cursor)
        return None
    done = [cursor[f"part:{part}"] for part in range(len(message.parts)) if f"part:{part}" in cursor]
    if len(done) < len(message.parts):
        found = yield from _find(message, target, done)
        if not found:
            return None
        yield from Batch([], {f"part:{len(done)}": found})
        done.append(found)
    return _receipt(done, target) if len(done) == len(message.parts) else None


def _shared(cursor: Cursor) -> Flow[None]:
    """Note that the files stand in a message ("files.info"); a file that was not completed is not there."""
    first = cursor.get("file:0", "")
    if not first:
        return
    try:
        body = yield from ask("files.info", file=first)
    except NotFound:
        return
    file = mapping(mapping(body).get("file"))
    if not any(file.get(where) for where in ("channels", "groups", "ims", "shares")):
        raise UnclearError("slack: a file was uploaded, and it can't be told whether it is shown; look at the conversation")
    yield from Batch([], {"shared": "yes"})


def _find(message: Outgoing, target: Target, done: list[str]) -> Flow[str]:
    """Look for the next part among what stands there since the reply was queued; returns its ``ts``, or nothing."""
    if message.at is None:
        raise UnclearError("slack: it can't be told since when to look for the reply; look at the conversation, then decide")
    me = yield from ask("auth.test")
    method = "conversations.replies" if target.thread else "conversations.history"
    oldest, after = stamp(message.at - _CLOCKS), ""
    while True:
        body = yield from ask(
            method,
            channel=target.channel,
            ts=target.thread,
            oldest=oldest,
            limit="100",
            include_all_metadata="true",
            cursor=after,
        )
        for row in rows(mapping(body).get("messages")):
            ts = text_of(row, "ts")
            if ts >= oldest and ts not in (target.thread, *done) and _is(row, message, len(done), me):
                return ts
        before, after = after, next_of(body)
        if not after or after == before:
            return ""


def _is(row: Any, message: Outgoing, part: int, me: Mapping[str, Any]) -> bool:
    """Whether a message is that part: by its metadata; by author and text only where Slack gives no metadata at all."""
    metadata = mapping(mapping(row).get("metadata"))
    payload = mapping(metadata.get("event_payload"))
    if text_of(metadata, "event_type") == METADATA and payload:
        return text_of(payload, "id") == message.id and text_of(payload, "part") == str(part)
    ours = text_of(row, "user") == text_of(me, "user_id") or (
        bool(text_of(row, "bot_id")) and text_of(row, "bot_id") == text_of(me, "bot_id")
    )
    return ours and _print(said(mapping(row))) == _print(message.parts[part])


def _print(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()
