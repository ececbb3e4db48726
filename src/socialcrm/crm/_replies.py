"""Replies: written, guarded, composed and queued; claimed and handed to the outbound corridor."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import Row, select

from socialcrm import cases, outbox
from socialcrm.connectors import Connector
from socialcrm.crm._accounts import ChannelRow, list_channels
from socialcrm.crm._host import StoreHost
from socialcrm.crm._pull import Progress
from socialcrm.crm._reports import FlushReport
from socialcrm.crm.outbound import Delivery
from socialcrm.errors import ConflictError, NotFound, SettingsError, SocialCRMError
from socialcrm.outbox import Letter, Target
from socialcrm.store import CaseRow, Lease, Tx, number, records, ref, tables
from socialcrm.types import Identity, Kind, OutboxState, Reply, Visibility, from_micros

if TYPE_CHECKING:
    from socialcrm.crm._crm import CRM

__all__ = ["Replies"]

_I, _P, _T = tables.interactions, tables.identities, tables.conversations


@frozen(kw_only=True)
class _Answer:
    """A reply made ready: what it answers, by whom it leaves, as what."""

    case: CaseRow
    target: Row[Any]
    channel: ChannelRow
    connector: Connector[Any]
    parts: tuple[str, ...]
    visibility: Visibility


class Replies:
    """The outbound half of the CRM object."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm

    def preview(self, case: str, text: str, *, to: str | None, visibility: Visibility | None) -> Reply:
        """Return the reply as the platform would get it."""
        with self._crm.store.read() as tx:
            answer = self._answer(tx, case, text, to, visibility)
        target = answer.target
        return Reply(
            ref="",
            case=ref("case", answer.case.id),
            channel=answer.channel.name,
            to=_identity(target),
            text=text,
            parts=answer.parts,
            visibility=answer.visibility,
            state=OutboxState.DRAFT,
            by="",
            created_at=self._crm.clock(),
        )

    def reply(
        self,
        case: str,
        text: str,
        *,
        by: str,
        to: str | None,
        visibility: Visibility | None,
        anyway: bool,
        allowed: tuple[str, ...],
        version: int | None,
        files: tuple[str | Path, ...] = (),
        automatic: bool = False,
    ) -> Reply:
        """Guard and queue a reply: the check of the case's version and the row are one transaction."""
        if not by:
            raise SettingsError("a reply needs its author: by='ana'")
        crm = self._crm
        with crm.store.read() as tx:
            answer = self._answer(tx, case, text, to, visibility)
            shown = records.cases(tx, [answer.case], lambda _: "")[0]
        media = outbox.attach(answer.connector, files)
        if not anyway:
            objections = [one for told in crm.plugins.hook.socialcrm_review(draft=text, case=shown) for one in told]
            ours = (*allowed, *(account.handle for account in answer.channel.accounts))
            outbox.check(text, answer.visibility, allowed=ours, objections=objections)
        with crm.store.write() as tx:
            now = cases.find_case(tx, answer.case.id)
            cases.hold(now, by, self._crm.now())
            if version is not None and now.version != version:
                raise ConflictError(
                    f"case c{now.id} has changed since you read it (version {version}, now {now.version}): "
                    "somebody answered it or the customer wrote again; read it, then decide"
                )
            row = self._row(tx, answer, text, by, media)
            # nobody had seen anything, so it is no answer
            key = outbox.queue(tx, {**row, "seen": 0} if automatic else row)
            return records.replies(tx, tables.outbox.c.id == key)[0]

    def _answer(self, tx: Tx, case: str, text: str, to: str | None, visibility: Visibility | None) -> _Answer:
        row = cases.find_case(tx, number("case", case))
        target = self._target(tx, row, to)
        channel = next(one for one in list_channels(tx) if one.id == target.channel)
        connector = self._crm.channels.connector(channel)
        asked = visibility if visibility is not None else Visibility(target.visibility)
        aim = Target(
            channel=channel.name,
            name=target.name or target.account,
            at=from_micros(target.at),
            visibility=Visibility(target.visibility),
        )
        parts = outbox.compose(connector, aim, text, asked, self._crm.clock())
        return _Answer(case=row, target=target, channel=channel, connector=connector, parts=parts, visibility=asked)

    def _target(self, tx: Tx, case: CaseRow, to: str | None) -> Row[Any]:
        statement = (
            select(_I, _P.c.platform, _P.c.account, _P.c.name, _P.c.handle, _P.c.customer.label("person"), _T.c.key)
            .join(_P, (_P.c.ws == _I.c.ws) & (_P.c.id == _I.c.author))
            .join(_T, (_T.c.ws == _I.c.ws) & (_T.c.id == _I.c.conversation))
            .where(_I.c.ws == tx.ws, _I.c.customer == case.customer, _I.c.direction == "inbound", _I.c.deleted.is_(None))
            .order_by(_I.c.at.desc(), _I.c.id.desc())
            .limit(1)
        )
        if to is not None:
            statement = statement.where(_I.c.id == number("interaction", to))
        else:
            statement = statement.where(_I.c.case_id == case.id)
        found = tx.row(statement)
        if found is None:
            what = "nothing of the customer's is left to answer" if to is None else f"{to} is not from this customer"
            raise NotFound(f"case c{case.id}: {what}; see `crm.interactions(case='c{case.id}')`")
        return found

    def _row(self, tx: Tx, answer: _Answer, text: str, by: str, media: list[dict[str, Any]]) -> dict[str, Any]:
        now, target = self._crm.now(), answer.target
        extra = json.loads(target.extra) if target.extra else {}
        uid = secrets.token_hex(12)
        message = {
            "id": uid,
            "conversation": target.key or "",
            "parts": answer.parts,
            "reply_to": target.pid,
            "scope": target.scope,
            "to": _where_to(extra.get("extra", {}).get("reply_to")) or target.account,
            "to_handle": target.handle,
            "visibility": answer.visibility.value,
            "subject": target.subject,
            "references": [*extra.get("references", ()), target.pid],
            "moves": answer.visibility is Visibility.PRIVATE and target.visibility != Visibility.PRIVATE,
            "kind": (Kind.EMAIL if target.kind == Kind.EMAIL else Kind.REPLY).value,
            "media": media,
            "at": now,
        }
        seen = tx.value(select(_I.c.at).where(_I.c.ws == tx.ws, _I.c.id == answer.case.last))
        return {
            "uid": uid,
            "case_id": answer.case.id,
            "channel": answer.channel.id,
            "conversation": target.conversation,
            "interaction": target.id,
            "identity": target.author,
            "visibility": answer.visibility.value,
            "text": text,
            "parts": json.dumps(answer.parts),
            "message": json.dumps(message),
            "author": by,
            "created": now,
            "seen": seen if seen is not None else target.at,
        }

    def due(self, report: FlushReport, progress: Callable[[Progress], None] | None) -> Iterator[tuple[Delivery, StoreHost]]:
        """Claim replies one by one, each with what drives it, until none is due."""
        crm = self._crm
        with Lease() as lease:
            tried: set[int] = set()
            while True:
                with crm.store.write() as tx:
                    letter = outbox.claim(tx, lease, crm.now())
                if letter is None or letter.id in tried:
                    return
                tried.add(letter.id)
                delivery = self._delivery(letter, report)
                if delivery is not None:
                    yield delivery, self._host(delivery)
                if progress is not None:
                    progress(Progress(channel=ref("reply", letter.id), stream="flush", batches=len(tried)))

    def _delivery(self, letter: Letter, report: FlushReport) -> Delivery | None:
        crm = self._crm
        channel = next(one for one in crm.channels.rows() if one.id == letter.channel)
        try:
            connector = crm.channels.connector(channel)
        except SocialCRMError as error:
            with crm.store.write() as tx:
                outbox.postpone(tx, letter.id, letter.state if letter.intent else "queued", crm.now() + 60_000_000, str(error))
            report.postponed[ref("reply", letter.id)] = str(error)
            return None
        return Delivery(crm.store, channel, connector, letter, playbook=crm.playbook, clock=crm.clock, announce=crm.announce)

    def _host(self, delivery: Delivery) -> StoreHost:
        return StoreHost(
            self._crm.store,
            delivery.channel.id,
            delivery.connector,
            clock=self._crm.clock,
            on_batch=delivery.commit,
            on_step=delivery.progress,
            on_intend=delivery.intend,
        )

    def listed(self, state: str | None) -> list[Reply]:
        """Return replies, oldest first."""
        where = [tables.outbox.c.state == state] if state is not None else []
        with self._crm.store.read() as tx:
            return records.replies(tx, *where)

    def retry(self, reply: str) -> Reply:
        """Queue a failed reply once more."""
        key = number("reply", reply)
        with self._crm.store.write() as tx:
            outbox.retry(tx, key, uid=secrets.token_hex(12), now=self._crm.now())
            return records.replies(tx, tables.outbox.c.id == key)[0]

    def cancel(self, reply: str) -> Reply:
        """Take a reply back that has not left yet."""
        key = number("reply", reply)
        with self._crm.store.write() as tx:
            outbox.cancel(tx, key)
            return records.replies(tx, tables.outbox.c.id == key)[0]


def _where_to(told: str | Sequence[str] | None) -> str:
    """Return the first address that a writer asked answers to go to; empty where they asked for none."""
    return told if isinstance(told, str) else next(iter(told or ()), "")


def _identity(target: Row[Any]) -> Identity:
    return Identity(
        id=target.account,
        platform=target.platform,
        name=target.name,
        handle=target.handle,
        ref=ref("identity", target.author),
        customer=ref("customer", target.person),
    )
