"""What an answer of the Bot API means: ``ok`` in the body, then ``error_code``, ``description`` and ``parameters``.

"Making requests", "ResponseParameters"; the descriptions are those of the server's own source (tdlib/telegram-bot-api) and may
change, as the manual says, so that only their core is looked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from socialcrm.connectors import Answer, Call, Verdict, judge_http, retry_after
from socialcrm.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
    UnclearError,
)
from socialcrm_telegram._fields import mapping, text_of, whole

__all__ = ["Migrated", "judge"]

_PAUSE = 30.0
"""Seconds to wait where Telegram does not say."""

_PACE = {False: 1.0, True: 3.0}
"""Seconds between two messages into a private chat, and into a group (20 a minute) or channel ("Bots FAQ": limits)."""

_RIGHTS = (
    "not enough rights", "no rights", "have no rights", "need administrator rights", "chat_write_forbidden",
    "chat_admin_required", "can't be deleted", "topic_closed", "user_is_blocked", "chat_restricted",
)  # fmt: skip


class Migrated(RefusedError):
    """A group became a supergroup, which has another id.

    Args:
        message: What happened.
        chat: The new id.
    """

    def __init__(self, message: str, *, chat: int) -> None:
        super().__init__(message)
        self.chat = chat


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge by ``ok`` in the body; by the status where this is no answer of the Bot API.

    A body that is none is a passing fault of a call that may be repeated; else nobody knows what became of it. What was sent
    into a chat uses its budget up for as long as Telegram's limits say.
    """
    verdict = judge_http("telegram", call, answer)
    if call.path.startswith("/file/") and verdict.error is None:
        return verdict
    body, where = _body(answer), f"telegram: {call.path.lstrip('/').partition('/')[0]}"
    if not isinstance(body.get("ok"), bool):
        if isinstance(verdict.error, RateLimited):
            return _limited(where, call, verdict.error.retry_after)
        if verdict.error is not None:
            return verdict
        if call.repeatable:
            return Verdict(error=ServerFault(f"{where}: this is no answer of the Bot API; it is tried again later"))
        return Verdict(error=UnclearError(f"{where}: the answer can't be read; it is not known whether it was processed"))
    if body["ok"]:
        chat = call.bucket.removeprefix("chat ")
        return Verdict(rest={call.bucket: _PACE[chat.startswith("-")]}) if chat != call.bucket else Verdict()
    told_code = text_of(body, "error_code")
    code = int(told_code) if told_code.isascii() and told_code.isdigit() else answer.status
    if code == 429:
        told = whole(body.get("parameters"), "retry_after")
        return _limited(where, call, float(told) if told is not None else retry_after(answer.headers))
    return Verdict(error=_error(where, code, text_of(body, "description")[:300], mapping(body.get("parameters"))))


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(answer.content))
    except (ValueError, RecursionError):
        return {}


def _limited(where: str, call: Call, told: float | None) -> Verdict:
    wait = _PAUSE if told is None else max(0.0, told)
    error = RateLimited(f"{where}: too many requests; it is tried again in {wait:.0f} s", retry_after=wait)
    return Verdict(error=error, rest={call.bucket: wait})


def _error(where: str, code: int, words: str, parameters: Mapping[str, Any]) -> SocialCRMError:
    said, lower = f"{where} answered {code}: {words or 'no reason'}", words.lower()
    moved = whole(parameters, "migrate_to_chat_id")
    if moved is not None:
        return Migrated(f"{said}; the group is now the supergroup {moved}, write there", chat=moved)
    if code == 401 or (code == 404 and lower in ("", "not found")):
        return CredentialsError(f"{said}; the bot's token is not accepted: give the one that @BotFather shows")
    if code == 409:
        return ConflictError(f"{said}; {_conflict(lower)}")
    if code >= 500:
        return ServerFault(f"{said}; Telegram failed, it is tried again later")
    if "initiate conversation" in lower:
        return ForbiddenError(f"{said}; a bot can't write first: the customer has to press Start in the bot's private chat")
    if code == 403 or any(part in lower for part in _RIGHTS):
        return ForbiddenError(f"{said}; the bot was blocked or removed, or lacks a right: look at the chat and its members")
    if "not found" in lower or "message_id_invalid" in lower or code == 404:
        return NotFound(f"{said}; it is gone, or the bot can't see it")
    if "too long" in lower:
        return RefusedError(f"{said}; shorten the text")
    if code == 413 or "too big" in lower or "too large" in lower:
        return RefusedError(f"{said}; the file is larger than the server takes")
    return RefusedError(f"{said}; the request was rejected as it stands")


def _conflict(words: str) -> str:
    if "webhook" in words:
        return (
            "the bot has a webhook, and Telegram gives updates to one taker only: set poll=false and serve crm.receive, or "
            "take the webhook away with deleteWebhook"
        )
    return "another program asks for this bot's updates: stop it, or give each program a bot of its own"
