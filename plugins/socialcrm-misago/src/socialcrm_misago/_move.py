"""Answering something public in private: a private thread with the one who wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from socialcrm.connectors import Batch, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import ForbiddenError, NotFound, PayloadError, RateLimited, RefusedError, UnclearError, UnsupportedError
from socialcrm_misago._api import PRIVATE, Api, Sight, thread_route
from socialcrm_misago._fields import mapping, moment, number, objects, rows, word
from socialcrm_misago._judge import Gone
from socialcrm_misago._reply import receipt_of, upload
from socialcrm_misago._text import fingerprint, read_html

__all__ = ["Move"]

_SKEW = timedelta(minutes=5)
_TITLE = 90
"""Characters of a title that every forum takes, unless it was set to less (``thread_title_length_max``)."""


class Move:
    """One message on its way into a new private thread.

    Args:
        api: The forum's.
        message: What to send; ``to`` is the user's number.
        cursor: What an earlier attempt left.
    """

    def __init__(self, api: Api, message: Outgoing, cursor: Cursor) -> None:
        if len(message.parts) != 1:
            raise UnsupportedError(f"misago: a post is one message, got {len(message.parts)} parts; send them one by one")
        self._api = api
        self._message = message
        self._cursor = dict(cursor)

    def send(self) -> Flow[Receipt]:
        """Begin the thread, unless an earlier attempt did.

        Raises:
            RefusedError: There is no such user, or they do not want to be written to.
            UnclearError: The answer can't be read, and the thread can't be found.
        """
        me = yield from self._api.user()
        thread = number(self._cursor.get("thread"))
        if not thread:
            thread = yield from self._begin(me)
        return (yield from self._first(str(thread)))

    def settle(self) -> Flow[Receipt | None]:
        """Look for it among the private threads that we began."""
        me = yield from self._api.user()
        thread = number(self._cursor.get("thread")) or (yield from self._look(me))
        return (yield from self._first(str(thread))) if thread else None

    def _begin(self, me: Sight) -> Flow[int]:
        if not me.starts:
            raise ForbiddenError("misago: our user may not start private threads; allow it in the forum's user permissions")
        name = yield from self._name()
        title = yield from self._title()
        files = yield from upload(self._api, self._message, self._cursor)
        body: dict[str, Any] = {"to": [name], "title": title, "post": self._message.parts[0]}
        if files:
            body["attachments"] = files
        try:
            answer = yield from Call("POST", self._api.path("/api/private-threads/"), json=body, bucket="post")
        except ForbiddenError as error:
            # We may start private threads, so it is only for now; which limit it was is said in the forum's language.
            raise RateLimited(f"{error}; it is tried again later", retry_after=60) from error
        try:
            thread = number(answer.json(dict).get("id"))
        except PayloadError:
            thread = 0
        thread = thread or (yield from self._look(me))
        if not thread:
            raise UnclearError(
                "misago: the answer to a new private thread can't be read, nor the thread found; it is looked for"
            )
        yield from Batch([], {"thread": str(thread)})
        return thread

    def _first(self, thread: str) -> Flow[Receipt]:
        body = yield from self._api.get(f"{thread_route(thread, PRIVATE)}posts/")
        for row in objects(rows(body, "post_set", "results")):
            receipt = receipt_of(self._api, row, thread, PRIVATE) if row.get("is_event") is not True else None
            if receipt is not None:
                return receipt
        raise PayloadError(f"misago: private thread {thread} shows no post; it is looked at again")

    def _name(self) -> Flow[str]:
        user = number(self._message.to)
        if not user:
            raise RefusedError("misago: only a user of this forum can be written to in private; answer in public")
        try:
            row = yield from self._api.get(f"/api/users/{user}/")
        except Gone as error:
            raise RefusedError(f"misago: user {user} is gone; nobody can be written to") from error
        if not word(row.get("username")):
            raise PayloadError(f"misago: user {user} came without a name; check that 'server' is the forum's address")
        return word(row["username"])

    def _title(self) -> Flow[str]:
        about = self._message.subject.strip()
        if not about and number(self._message.conversation):
            try:
                row = yield from self._api.get(thread_route(self._message.conversation, ""))
                about = word(row.get("title"))
            except (NotFound, ForbiddenError):
                about = ""
        return f"Re: {about}"[:_TITLE] if about else "About your post"

    def _look(self, me: Sight) -> Flow[int]:
        """Return the private thread that we began with this very text and person, 0 if there is none."""
        body = yield from self._api.get("/api/private-threads/", {"list": "my"})
        for row in objects(rows(body, "results")):
            started, thread = moment(row.get("started_on")), number(row.get("id"))
            late = started is None or (self._message.at is not None and started < self._message.at - _SKEW)
            if late or str(number(mapping(row.get("starter")).get("id"))) != me.account.id:
                continue
            whole = yield from self._api.get(f"{thread_route(str(thread), PRIVATE)}posts/")
            there = {number(one.get("id")) for one in objects(whole.get("participants"))}
            posts = [one for one in objects(rows(whole, "post_set", "results")) if one.get("is_event") is not True]
            if number(self._message.to) in there and posts and (yield from self._same(thread, posts[0])):
                return thread
        return 0

    def _same(self, thread: int, row: Mapping[str, Any]) -> Flow[bool]:
        query = {"reply": str(row.get("id"))}
        try:
            editor = yield from self._api.get(f"{thread_route(str(thread), PRIVATE)}posts/reply_editor/", query)
        except (ForbiddenError, Gone):
            editor = {}
        if word(editor.get("post")):
            return word(editor["post"]).split() == self._message.parts[0].split()
        text, _ = read_html(word(row.get("content")), self._api.settings.server)
        return fingerprint(text) == fingerprint(self._message.parts[0])
