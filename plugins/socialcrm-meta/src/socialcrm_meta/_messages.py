"""Message exchanges by the Conversations API: following them, sending into them, finding what was sent.

Sources: Messenger Platform: Conversations API, Send API, Private Replies; Instagram Platform: Conversations API, Messaging
API. Lists come newest first and can't be limited by time; details exist for the twenty newest messages of an exchange only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import Factory, frozen

from socialcrm.connectors import Batch, Call, Cursor, Flow, Now, Raw
from socialcrm.errors import NotFound, PayloadError, UnclearError
from socialcrm.types import Interaction, Item, Kind, Visibility
from socialcrm_meta._attached import filed
from socialcrm_meta._graph import node, read_page
from socialcrm_meta._judge import WindowClosed
from socialcrm_meta._people import known, party
from socialcrm_meta._values import ident, mapping, moment, rows, text, unsettled

__all__ = ["Inbox", "parse_message"]

_OVERLAP = timedelta(minutes=5)
_SIZE = "50"
_FIELDS = "id,created_time,from,to,message,attachments,shares,story,is_unsupported"


@frozen(kw_only=True)
class Inbox:
    """The exchanges of one account.

    Cursor rows: ``known`` (until when everything was read), ``chat:ID`` (the exchange's time when it was read), ``todo:ID``
    (its time, still to be read).

    Args:
        version: Of the Graph API.
        owner: Whose edges ``conversations`` and ``messages`` are: the Page's id, or the Instagram account's.
        account: Our account's id, as it stands among participants.
        platform: ``messenger`` or ``instagram``.
        days: How far back the first look goes; 0 for everything.
        human_agent: The app may write until seven days after the person did (tag ``HUMAN_AGENT``).
        fields: What is asked of a message.
    """

    version: str
    owner: str
    account: str
    platform: str
    days: int = 30
    human_agent: bool = False
    fields: str = _FIELDS
    ours: frozenset[str] = Factory(lambda self: frozenset({self.account, self.owner}), takes_self=True)

    def follow(self, cursor: Cursor) -> Flow[None]:
        """Bring what was written since the cursor stood here."""
        now = yield from Now()
        done = moment(cursor.get("known"))
        floor = done - _OVERLAP if done else (now - timedelta(days=self.days) if self.days else None)
        todo = {key: value for key, value in cursor.items() if key.startswith("todo:")}
        known: list[str] = []
        more: Mapping[str, str] = {}
        while True:
            page = yield from read_page(*self._list({}), more)
            times = [time for row in rows(list(page.rows)) if (time := moment(row.get("updated_time")))]
            patch = self._changed(page.rows, floor, {**cursor, **todo})
            known += [time.isoformat() for time in times]
            if patch:
                yield from Batch([], patch)
                todo |= patch
            more = page.more
            if not more or (floor is not None and times and all(time < floor for time in times)):
                break
        for key, mark in todo.items():
            yield from self._read(key.partition(":")[2], mark, cursor, floor, now)
        if known and max(known) != cursor.get("known"):
            yield from Batch([], {"known": max(known)})

    def send(self, recipient: Mapping[str, str], message: str) -> Flow[tuple[str, str]]:
        """Send a text.

        The tag ``HUMAN_AGENT`` is only used once the 24 hours are over, and where the settings say that the app may: it
        marks what a person wrote.

        Args:
            recipient: ``{"id": …}``, or ``{"comment_id": …}`` or ``{"post_id": …}`` for a private reply.
            message: The text.

        Returns:
            The message's id, and the person's id.

        Raises:
            WindowClosed: They wrote too long ago.
            UnclearError: The answer can't be read.
        """
        body: dict[str, Any] = {"recipient": dict(recipient), "message": {"text": message}}
        if "id" in recipient:
            body["messaging_type"] = "RESPONSE"
        try:
            return (yield from self._post(body))
        except WindowClosed:
            if not self.human_agent or "id" not in recipient:
                raise
        return (yield from self._post({**body, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}))

    def act(self, customer: str, action: str, payload: Mapping[str, str] | None = None) -> Flow[None]:
        """Do something that is no message: ``mark_seen``, ``react`` (Send API: sender actions)."""
        body = {"recipient": {"id": customer}, "sender_action": action, **({"payload": dict(payload)} if payload else {})}
        yield from Call("POST", node(self.version, self.owner, "messages"), json=body, bucket="messages", repeatable=True)

    def partner(self, message: str) -> Flow[str]:
        """Return who stands on the other side of a message.

        Raises:
            NotFound: The message is gone, or does not tell.
        """
        answer = yield from Call("GET", node(self.version, message), params={"fields": "from,to"})
        row = answer.json(dict)
        found = self._customer([row.get("from"), *rows(row.get("to"))])
        if not found:
            raise NotFound(f"{self.platform}: message {message} does not tell whom it was written with; it may be too old")
        return found

    def find(self, customer: str, message: str, since: datetime, *, but: frozenset[str] = frozenset()) -> Flow[tuple[str, str]]:
        """Look for a message of ours, to one person or (``customer`` empty) to anybody.

        Returns:
            Its id and the person's; empty texts where it is certainly not there.
        """
        floor, more = since - _OVERLAP, dict[str, str]()
        while True:
            page = yield from read_page(*self._list({"user_id": customer} if customer else {}), more)
            chats = [row for row in rows(list(page.rows)) if (moment(row.get("updated_time")) or floor) >= floor]
            for chat in chats:
                found = yield from self._find_in(ident(chat.get("id")), message, floor, but)
                if found:
                    return found, self._customer(rows(chat.get("participants"))) or customer
            more = dict(page.more)
            if not more or (page.rows and not chats):
                return "", ""

    def _find_in(self, chat: str, message: str, floor: datetime, but: frozenset[str]) -> Flow[str]:
        more: Mapping[str, str] = {}
        while chat:
            page = yield from read_page(*self._messages(chat), more)
            for row in rows(list(page.rows)):
                at, key = moment(row.get("created_time")), ident(row.get("id"))
                mine = ident(mapping(row.get("from")).get("id")) in self.ours and key not in but
                if mine and at is not None and at >= floor and text(row.get("message")).split() == message.split():
                    return key
            times = [time for row in rows(list(page.rows)) if (time := moment(row.get("created_time")))]
            more = page.more
            if not more or (times and max(times) < floor):
                break
        return ""

    def _post(self, body: Mapping[str, Any]) -> Flow[tuple[str, str]]:
        answer = yield from Call("POST", node(self.version, self.owner, "messages"), json=body, bucket="messages")
        try:
            told = answer.json(dict, "message_id")
        except PayloadError as error:
            raise UnclearError(
                f"{self.platform}: the answer to a message can't be read ({error}); look into the inbox"
            ) from error
        return ident(told["message_id"]), ident(told.get("recipient_id"))

    def _list(self, query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        fields = {"platform": self.platform, "fields": "id,updated_time,participants", "limit": _SIZE}
        return node(self.version, self.owner, "conversations"), {**fields, **query}

    def _messages(self, chat: str) -> tuple[str, dict[str, str]]:
        return node(self.version, chat, "messages"), {"fields": self.fields, "limit": _SIZE}

    def _changed(self, found: tuple[Any, ...], floor: datetime | None, cursor: Cursor) -> dict[str, str]:
        patch = {}
        for row in rows(list(found)):
            key, told = ident(row.get("id")), text(row.get("updated_time"))
            at = moment(told)
            mark = f"{told} {self._customer(rows(row.get('participants')))}"
            fresh = floor is None or at is None or at >= floor
            if key and fresh and mark not in (cursor.get(f"chat:{key}"), cursor.get(f"todo:{key}")):
                patch[f"todo:{key}"] = mark
        return patch

    def _read(self, chat: str, mark: str, cursor: Cursor, floor: datetime | None, now: datetime) -> Flow[None]:
        before = moment(cursor.get(f"chat:{chat}", "").partition(" ")[0])
        since = before - _OVERLAP if before else (floor if self.days else None)
        told, _, customer = mark.partition(" ")
        context = {"customer": customer, "account": self.account}
        more: Mapping[str, str] = {}
        while True:
            try:
                page = yield from read_page(*self._messages(chat), more)
            except NotFound:  # the exchange was deleted on our side; what we hold stays
                break
            if page.rows:
                yield from Batch([Raw("message", row, context) for row in page.rows])
            times = [time for row in rows(list(page.rows)) if (time := moment(row.get("created_time")))]
            more = page.more
            if not more or (since is not None and times and all(time < since for time in times)):
                break
        yield from Batch([], {f"chat:{chat}": mark + unsettled(told, now), f"todo:{chat}": None})

    def _customer(self, people: Any) -> str:
        found = [ident(mapping(one).get("id")) for one in people]
        return next((one for one in found if one and one not in self.ours), "")


def parse_message(row: object, context: Mapping[str, str]) -> Iterator[Item]:
    """Say what a message of the Conversations API means.

    Raises:
        PayloadError: It has no id or no time.
    """
    told = mapping(row)
    key, at = ident(told.get("id")), moment(told.get("created_time"))
    if not key or at is None:
        raise PayloadError("a message should have an 'id' and a 'created_time'")
    account, sender = context.get("account", ""), ident(mapping(told.get("from")).get("id"))
    people = [sender, *(ident(one.get("id")) for one in rows(told.get("to")))]
    customer = context.get("customer", "") or next((one for one in people if one and one != account), "")
    files, extra = filed(told)
    said = text(told.get("message"))
    yield Interaction(
        id=key,
        at=at,
        author=known(told.get("from"), element=key),
        conversation=party(customer) if customer else "",
        parent=ident(mapping(told.get("reply_to")).get("mid")) or None,
        kind=Kind.MESSAGE if said or files or extra else Kind.OTHER,
        visibility=Visibility.PRIVATE,
        text=said,
        attachments=files,
        extra=extra,
    )
