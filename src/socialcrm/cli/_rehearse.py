"""What would leave: a connector's own send, driven against a platform that is not there, up to what can't be taken back.

A connector does no I/O, so its send can be stepped through by hand: reads are answered from what the demo's archives hold, and
the first step that a platform would act on is shown in place of being done.
"""

from __future__ import annotations

import email
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email import policy
from typing import Any

from attrs import frozen

from socialcrm.connectors import Answer, Call, Conn, Connector, Flow, Now, Open, Outgoing, Read, Receipt, Write, make_settings
from socialcrm.crm import CRM
from socialcrm.errors import PluginError
from socialcrm.types import Interaction, Reply, Secret

__all__ = ["Rehearsal", "rehearse"]


@frozen(kw_only=True)
class Rehearsal:
    """A reply as one platform would get it.

    Args:
        channel: Where it would leave.
        to: Whom it answers.
        head: Names and values that go with it, in the platform's words.
        text: What it says, in the platform's format.
    """

    channel: str
    to: str
    head: tuple[tuple[str, str], ...]
    text: str


@frozen(kw_only=True)
class _Stage:
    """A platform's part in the play: settings to pretend, answers to give, and how to read what would leave."""

    settings: Mapping[str, Any]
    answer: Callable[[Call, Any, Interaction], Any]
    read: Callable[[Call | bytes, Connector[Any]], tuple[tuple[tuple[str, str], ...], str]]


def rehearse(crm: CRM, target: Interaction, reply: Reply) -> Rehearsal:
    """Return what the platform would get, and send nothing.

    Args:
        crm: A demo's workspace.
        target: What the reply answers.
        reply: As `CRM.preview` returned it.

    Raises:
        PluginError: The connector ends without asking for anything to be sent.
    """
    channel = crm.channels[reply.channel]
    stage = _STAGES[channel.platform]
    cls = crm.plugins.connector(channel.platform)
    given = {**{key: value for key, value in channel.settings.items() if value is not None}, **stage.settings}
    connector = cls(make_settings(cls.info.settings, given, platform=channel.platform))
    raw = crm.raw(target)
    found = _drive(connector.send(_message(target, reply), {}), crm.clock(), lambda call: stage.answer(call, raw, target))
    head, text = stage.read(found, connector)
    return Rehearsal(channel=reply.channel, to=str(reply.to), head=head, text=text)


def _message(target: Interaction, reply: Reply) -> Outgoing:
    return Outgoing(
        id="demo",
        conversation=target.conversation,
        parts=reply.parts,
        reply_to=target.id,
        scope=target.scope,
        to=target.author.id,
        to_handle=target.author.handle,
        visibility=reply.visibility,
        subject=target.subject,
        references=(*target.references, target.id),
        at=reply.created_at,
    )


def _drive(flow: Flow[Receipt], now: datetime, answer: Callable[[Call], Any]) -> Call | bytes:
    """Answer a send's questions until it does something that can't be repeated, or hands a mail in."""
    server = _mail_server()
    result: Any = None
    try:
        while True:
            step = flow.send(result)
            result = None
            if isinstance(step, Call):
                if not step.repeatable:
                    return step
                result = Answer(status=200, content=json.dumps(answer(step)).encode())
            elif isinstance(step, Open):
                result = Conn("demo")
            elif isinstance(step, Now):
                result = now
            elif isinstance(step, Read):
                result = next(server)
            elif isinstance(step, Write) and isinstance(step.data, bytes) and b"\r\n\r\n" in step.data:
                return step.data
    except StopIteration:
        raise PluginError("a connector ended its send without sending; mend the plugin") from None
    finally:
        flow.close()


def _mail_server() -> Iterator[bytes]:
    """A server that agrees to everything (RFC 5321): greeting, EHLO, MAIL, RCPT, DATA."""
    yield from (b"220 demo\r\n", b"250 demo\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")


def _read_mail(found: Call | bytes, _connector: Connector[Any]) -> tuple[tuple[tuple[str, str], ...], str]:
    mail = email.message_from_bytes(found if isinstance(found, bytes) else b"", policy=policy.default)
    names = ("From", "To", "Subject", "In-Reply-To", "References")
    head = tuple((name, " ".join(str(mail[name]).split())) for name in names if mail[name])
    body = mail.get_body(("plain",))
    return head, str(body.get_content()).strip() if body is not None else ""


def _read_status(found: Call | bytes, connector: Connector[Any]) -> tuple[tuple[tuple[str, str], ...], str]:
    body = _body(found)
    text = str(body["status"])
    length = f"{connector.text_limit.measure(text)} of {getattr(connector.settings, 'max_characters', 500)} characters"
    head = (("visibility", str(body["visibility"])), ("in reply to", str(body.get("in_reply_to_id"))), ("length", length))
    return head, text


def _read_comment(found: Call | bytes, _connector: Connector[Any]) -> tuple[tuple[tuple[str, str], ...], str]:
    body = _body(found)
    head = (("under comment", str(body["parent"])), ("on post", str(body["post"])), ("as user", str(body["author"])))
    return head, str(body["content"])


def _body(found: Call | bytes) -> Mapping[str, Any]:
    if isinstance(found, Call) and isinstance(found.json, Mapping):
        return found.json
    raise PluginError("a connector sends something that the demo can't show; update the plugin")


def _status(_call: Call, raw: Any, _target: Interaction) -> Any:
    return raw


def _comment(call: Call, _raw: Any, target: Interaction) -> Any:
    if call.path.endswith("/users/me"):
        return {"id": 2, "name": "Ines Falk", "capabilities": {"moderate_comments": True}}
    return {"id": int(target.id), "post": int(target.conversation or 0), "status": "approved"}


_STAGES = {
    "email": _Stage(
        settings={"smtp_host": "localhost", "smtp_security": "plain", "from_name": "Larkwire"}, answer=_status, read=_read_mail
    ),
    "mastodon": _Stage(settings={"token": Secret("demo")}, answer=_status, read=_read_status),
    "wordpress": _Stage(settings={"username": "ines", "password": Secret("demo")}, answer=_comment, read=_read_comment),
}
