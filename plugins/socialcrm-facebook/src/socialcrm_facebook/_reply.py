"""Answering comments in public and in private, and messages; finding out whether an answer arrived.

Sources: Graph API: Comment, Page Post; Messenger Platform: Send API, Private Replies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import attrs

from socialcrm.connectors import Answer, Call, Flow, Outgoing, Receipt, TextLimit, Unit
from socialcrm_meta import Replies, ident, mapping, moment, node, read_page, rows, target, text

__all__ = ["COMMENTS", "MESSAGES", "Reply", "is_public"]

COMMENTS = TextLimit(8000, Unit.UTF16)
MESSAGES = TextLimit(2000, Unit.UTF16)
"""Characters of a comment and of a message. Meta does not say how it counts; UTF-16 counts never less than it could."""

_NUMBERS = re.compile(r"\d+(?:_\d+)*")


def is_public(key: str) -> bool:
    """Say whether an id is that of a post, a comment or a recommendation: numbers. Messages begin with ``m_`` or ``mid.``."""
    return _NUMBERS.fullmatch(key) is not None


class Reply(Replies):
    """Answers as one Page."""

    def comment(self, message: Outgoing, words: str) -> Flow[Answer]:
        """Answer a post or a comment."""
        path = node(self.version, target(message), "comments")
        return (yield from Call("POST", path, json={"message": words}, bucket="comments"))

    def find_comment(self, message: Outgoing, words: str, floor: datetime, others: frozenset[str]) -> Flow[str]:
        """Look among the comments of the post, the newest first."""
        answered = target(message)
        post = message.conversation if is_public(message.conversation) else answered
        parent = yield from self._parent(answered, post)
        params = {"filter": "stream", "order": "reverse_chronological", "limit": "100"}
        more: Mapping[str, str] = {}
        while True:
            query = {**params, "fields": "id,message,from,created_time,parent{id}"}
            page = yield from read_page(node(self.version, post, "comments"), query, more)
            times = []
            for row in rows(list(page.rows)):
                at, key = moment(row.get("created_time")), ident(row.get("id"))
                times += [at] if at else []
                mine = ident(mapping(row.get("from")).get("id")) == self.account and key not in others
                place = ident(mapping(row.get("parent")).get("id"))
                same = text(row.get("message")).split() == words.split() and (place == parent or post == answered)
                if mine and same and at is not None and at >= floor:
                    return key
            more = page.more
            if not more or (times and max(times) < floor):
                return ""

    def recipient(self, message: Outgoing) -> dict[str, str]:
        """Return whom to write to; a visitor's post has a field of its own (Messenger Platform: Private Replies)."""
        if is_public(target(message)) and target(message) == message.conversation:
            return {"post_id": target(message)}
        return super().recipient(message)

    def receipt(self, message: Outgoing, done: Mapping[str, str]) -> Receipt:
        """Return what was sent; our answer is a comment, whatever it answers."""
        return attrs.evolve(super().receipt(message, done), scope="" if message.scope else None)

    def _parent(self, answered: str, post: str) -> Flow[str]:
        """Return under which comment an answer stands: Facebook puts the answer to a reply beside that reply."""
        if answered == post:
            return ""
        row = (yield from Call("GET", node(self.version, answered), params={"fields": "id,parent{id}"})).json(dict)
        return ident(mapping(row.get("parent")).get("id")) or answered
