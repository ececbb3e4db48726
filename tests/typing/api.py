"""The public API as a type checker sees it; mypy reads this file, nothing runs it."""

from __future__ import annotations

from typing import assert_type

import socialcrm
from socialcrm import CRM, Case, Customer, Interaction
from socialcrm.connectors import All, Answer, Batch, Call, Conn, Connector, Cursor, Flow, Now, Open
from socialcrm.crm import FlushReport, SyncReport
from socialcrm.types import Channel, Event, Reply


def applications() -> None:
    """What an application's author relies on."""
    crm = socialcrm.open("acme.db", workspace="acme")
    assert_type(crm, CRM)
    assert_type(crm.channels.add("wordpress", name="blog", server="https://blog.example.com"), Channel)
    assert_type(crm.sync(), SyncReport)
    for case in crm.inbox():
        assert_type(case, Case)
        assert_type(crm.reply(case, "Sorry!", by="ana"), Reply)
    assert_type(crm.flush(), FlushReport)
    assert_type(crm.customer("u1"), Customer)
    for interaction in crm.interactions(case="c1"):
        assert_type(interaction, Interaction)
    assert_type(crm.events("c1"), list[Event])


async def on_an_event_loop(crm: CRM) -> None:
    """The same verbs, awaited."""
    assert_type(await crm.aio.sync(), SyncReport)
    assert_type(await crm.aio.flush(), FlushReport)


class Author(Connector[None]):
    """What a plugin's author relies on: `yield from` types the step's result."""

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Use every kind of step."""
        answer = yield from Call("GET", "/posts", params={"after": cursor.get("after", "")})
        assert_type(answer, Answer)
        assert_type((yield from All((Call("GET", "/a"), Call("GET", "/b")))), tuple[Answer, ...])
        assert_type((yield from Open("tls://mail.example.com:993")), Conn)
        (yield from Now()).isoformat()
        yield from Batch([], {"after": stream})
