"""Answering comments, mentions and messages; finding out whether an answer arrived.

Sources: Instagram Platform: IG Comment Replies, IG Media Comments, IG User Mentions, Private Replies, Messaging API.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from socialcrm.connectors import Answer, Call, Flow, Outgoing, TextLimit, Unit
from socialcrm.errors import UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_instagram._parse import MENTION
from socialcrm_meta import Replies, ident, mapping, moment, node, read_page, rows, target, text

__all__ = ["COMMENTS", "MESSAGES", "Reply", "is_public"]

COMMENTS = TextLimit(2200, Unit.UTF16)
MESSAGES = TextLimit(1000, Unit.BYTES)
"""A message holds 1,000 bytes of UTF-8 (Messaging API); a comment 2,200 characters."""


def is_public(key: str) -> bool:
    """Say whether an id is that of a medium or a comment: a number. Those of messages are not."""
    return key.isascii() and key.isdigit()


class Reply(Replies):
    """Answers as one account."""

    def check(self, message: Outgoing) -> None:
        """Refuse what can't be sent: also a private reply to a mention."""
        if message.visibility is Visibility.PRIVATE and message.scope == MENTION:
            raise UnsupportedError("instagram: a private reply is only possible to comments on our own media; answer in public")
        super().check(message)

    def comment(self, message: Outgoing, words: str) -> Flow[Answer]:
        """Answer a medium, a comment or a mention, each by an edge of its own."""
        answered, body = target(message), {"message": words}
        if message.scope == MENTION:
            path, body = node(self.version, self.account, "mentions"), {**body, "media_id": message.conversation or answered}
            body |= {"comment_id": answered} if answered != message.conversation else {}
        else:
            path = node(self.version, answered, "comments" if answered == message.conversation else "replies")
        return (yield from Call("POST", path, json=body, bucket="comments"))

    def find_comment(self, message: Outgoing, words: str, floor: datetime, others: frozenset[str]) -> Flow[str]:
        """Look among the comments of the medium, or among the replies of the comment.

        Raises:
            UnclearError: It answers a mention: on somebody else's media our comments can't be listed.
        """
        if message.scope == MENTION:
            raise UnclearError("instagram: comments on somebody else's media can't be listed; look there for the answer")
        answered, edge = target(message), "comments"
        me = (yield from Call("GET", node(self.version, self.account), params={"fields": "username"})).json(dict)
        if answered != message.conversation:
            told = (yield from Call("GET", node(self.version, answered), params={"fields": "id,parent_id"})).json(dict, "id")
            # The answer to a reply stands beside it, under the comment that both answer.
            edge, answered = "replies", ident(told.get("parent_id")) or answered
        more: Mapping[str, str] = {}
        while True:
            query = {"fields": "id,text,timestamp,username,user,from", "limit": "50"}
            page = yield from read_page(node(self.version, answered, edge), query, more)
            for row in rows(list(page.rows)):
                at, key = moment(row.get("timestamp")), ident(row.get("id"))
                people = {text(row.get("username")), text(mapping(row.get("from")).get("username"))} - {""}
                mine = ident(mapping(row.get("user")).get("id")) == self.account or text(me.get("username")) in people
                same = text(row.get("text")).split() == words.split() and key not in others
                if mine and same and at is not None and at >= floor:
                    return key
            more = page.more
            if not more:
                return ""
