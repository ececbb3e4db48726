"""Answering in threads, finding out whether an answer arrived, and taking one back.

Invariant: a reply goes into the thread in which the answered post stands *now*; before it is posted, the thread's last post is
noted, so that an answer which never came can be looked for among our own posts behind it, as they were typed
(``posts/reply_editor/?reply=``, which also asks whether we may reply). Misago takes no idempotency key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from socialcrm.connectors import Batch, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import ForbiddenError, PayloadError, RateLimited, RefusedError, UnclearError, UnsupportedError
from socialcrm_misago._api import PRIVATE, Api, Sight, thread_route
from socialcrm_misago._fields import mapping, moment, number, objects, word
from socialcrm_misago._judge import Gone
from socialcrm_misago._pages import Held, read_thread
from socialcrm_misago._parse import place
from socialcrm_misago._text import fingerprint, read_html

__all__ = ["Reply", "receipt_of", "retract", "upload"]

_SKEW = timedelta(minutes=5)  # by how much the forum's clock may differ from ours
_FEED = 5
"""Pages of somebody's posts that are looked through for one that was moved."""


class Reply:
    """One message on its way into a thread.

    Args:
        api: The forum's.
        message: What to send.
        cursor: What an earlier attempt left.
    """

    def __init__(self, api: Api, message: Outgoing, cursor: Cursor) -> None:
        if len(message.parts) != 1:
            raise UnsupportedError(f"misago: a post is one message, got {len(message.parts)} parts; send them one by one")
        self._api = api
        self._message = message
        self._cursor = dict(cursor)
        self._scope = message.scope

    def send(self) -> Flow[Receipt]:
        """Post it.

        Raises:
            ForbiddenError: The thread is closed, or we may not reply there.
            RateLimited: The forum's flood protection or a limit of posts; it is tried again later.
            UnclearError: The answer can't be read, and the reply can't be found.
        """
        me = yield from self._api.user()
        thread = yield from self._thread()
        route = thread_route(thread, self._scope)
        row = yield from self._api.get(route)
        last = number(row.get("last_post")) or number(mapping(row.get("last_post")).get("id"))
        yield from self._keep({"thread": thread, "after": str(last)})
        files = yield from upload(self._api, self._message, self._cursor)
        body: dict[str, Any] = {"post": self._message.parts[0], **({"attachments": files} if files else {})}
        try:
            answer = yield from Call("POST", self._api.path(f"{route}posts/"), json=body, bucket="post")
        except ForbiddenError as error:
            if (yield from self._original(thread, self._message.reply_to)) is None:
                raise
            # We may reply there, so it is only for now; which limit it was is said in the forum's language.
            raise RateLimited(f"{error}; it is tried again later", retry_after=60) from error
        try:
            receipt = receipt_of(self._api, answer.json(dict), thread, self._scope)
        except PayloadError:
            receipt = None
        receipt = receipt or (yield from self._look(me, thread))
        if receipt is None:
            raise UnclearError("misago: the answer to a new post can't be read, nor the post found; it is looked for again")
        return receipt

    def settle(self) -> Flow[Receipt | None]:
        """Look for it among our own posts in that thread.

        Raises:
            UnclearError: We wrote something there meanwhile, and can't read it as it was typed.
        """
        me = yield from self._api.user()
        return (yield from self._look(me, self._cursor.get("thread") or (yield from self._thread())))

    def _thread(self) -> Flow[str]:
        """Return the thread to reply in, after a look whether the answered post is still there."""
        thread, post = str(number(self._message.conversation) or ""), number(self._message.reply_to)
        if not post:
            if self._message.reply_to is not None or not thread:
                raise RefusedError("misago: a reply needs a post or a thread to answer; neither was given as a number")
            return thread
        try:
            if thread:
                yield from self._api.get(f"{thread_route(thread, self._scope)}posts/reply_editor/", {"reply": str(post)})
                return thread
        except Gone:
            if self._scope == PRIVATE:
                raise
        return (yield from self._moved(post))

    def _moved(self, post: int) -> Flow[str]:
        """Look for a post that was moved to another thread among the posts of the one who wrote it."""
        start = 0
        for _ in range(_FEED if number(self._message.to) else 0):
            query = {"start": str(start)} if start else {}
            body = yield from self._api.get(f"/api/users/{number(self._message.to)}/posts/", query)
            for row in objects(body.get("results")):
                thread, scope = place(row)
                if number(row.get("id")) == post and thread and scope != PRIVATE:
                    return thread
            start = number(body.get("next"))
            if not start:
                break
        raise RefusedError(f"misago: post {post} was deleted, or hidden from us; nothing can be answered there any more")

    def _look(self, me: Sight, thread: str) -> Flow[Receipt | None]:
        at, after = self._message.at, number(self._cursor.get("after"))
        since = at - _SKEW if at is not None else None
        try:
            held = Held(top=after) if after else None
            found = yield from read_thread(self._api, thread, self._scope, held=held, since=since, counted=False)
        except Gone:
            return None
        unsure = False
        for row in objects(list(found.posts)):
            written = moment(row.get("posted_on"))
            ours = str(number(mapping(row.get("poster")).get("id"))) == me.account.id and row.get("is_event") is not True
            recent = since is None or (written is not None and written >= since)
            if not ours or not recent or number(row.get("id")) <= after:
                continue
            typed = yield from self._original(thread, str(row.get("id")))
            if self._same(row, typed):
                return receipt_of(self._api, row, thread, self._scope)
            unsure = unsure or not typed
        if unsure:
            raise UnclearError("misago: we wrote something in that thread meanwhile that can't be compared; look on the forum")
        return None

    def _original(self, thread: str, post: str | None) -> Flow[str | None]:
        """Return what was typed, as far as the forum tells; ``None`` where we may not reply."""
        query = {"reply": post} if post else {}
        try:
            body = yield from self._api.get(f"{thread_route(thread, self._scope)}posts/reply_editor/", query)
        except (ForbiddenError, Gone):
            return None
        return word(body.get("post"))

    def _same(self, row: Mapping[str, Any], typed: str | None) -> bool:
        if typed:
            return typed.split() == self._message.parts[0].split()
        text, _ = read_html(word(row.get("content")), self._api.settings.server)
        return fingerprint(text) == fingerprint(self._message.parts[0])

    def _keep(self, progress: dict[str, str]) -> Flow[None]:
        self._cursor |= progress
        yield from Batch([], dict(progress))


def upload(api: Api, message: Outgoing, cursor: Mapping[str, str]) -> Flow[list[int]]:
    """Upload the files that were not uploaded before (``POST /api/attachments/``); return their numbers.

    Raises:
        RefusedError: The forum does not take files of that kind or size.
        PayloadError: An upload came back without a number.
    """
    found = []
    for place_, blob in enumerate(message.media):
        known = number(cursor.get(f"file:{place_}"))
        if not known:
            answer = yield from Call(
                "POST", api.path("/api/attachments/"), files={"upload": blob}, bucket="upload", timeout=120, repeatable=True
            )
            known = number(answer.json(dict).get("id"))
            if not known:
                raise PayloadError(f"misago: the upload of {blob.name!r} came back without a number; try it again")
            yield from Batch([], {f"file:{place_}": str(known)})
        found.append(known)
    return found


def receipt_of(api: Api, row: Mapping[str, Any], thread: str, scope: str) -> Receipt | None:
    """Return what a post confirms; ``None`` where it is none."""
    post, link = number(row.get("id")), word(mapping(row.get("url")).get("index"))
    if not post:
        return None
    url = f"{api.origin}{link}" if link.startswith("/") else ""
    return Receipt(ids=(str(post),), conversation=thread, scope=scope, at=moment(row.get("posted_on")), url=url)


def retract(api: Api, receipt: Receipt) -> Flow[None]:
    """Delete our posts, or hide them where we may not delete.

    Raises:
        RefusedError: The receipt does not say in which thread they are.
        ForbiddenError: We may do neither (a thread's first post, or too late).
    """
    yield from api.user()
    thread = number(receipt.conversation)
    for one in receipt.ids:
        if not thread or not number(one):
            raise RefusedError(f"misago: {one!r:.40} can't be taken back: the receipt names no post in a thread")
        path = api.path(f"{thread_route(str(thread), receipt.scope or '')}posts/{number(one)}/")
        try:
            yield from Call("DELETE", path)
        except Gone:
            continue
        except ForbiddenError:
            hide = [{"op": "replace", "path": "is-hidden", "value": True}]
            row = (yield from Call("PATCH", path, json=hide, repeatable=True)).json(dict)
            if row.get("is_hidden") is not True:
                raise
