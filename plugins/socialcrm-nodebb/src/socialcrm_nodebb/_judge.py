"""What NodeBB's errors mean, beyond what HTTP says.

The Write API answers ``{"status": {"code", "message"}, "response": {}}``, with 400 for nearly everything and the message in
the user's language; the Read API's "not found" is an object with ``path`` (NodeBB's source: its controllers).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import ForbiddenError, NotFound, RateLimited, RefusedError, ServerFault, SocialCRMError
from socialcrm_nodebb._fields import mapping, word

__all__ = ["Gone", "TooManyPosts", "judge"]


class Gone(NotFound):
    """The forum itself says that there is no such thing."""


class TooManyPosts(RateLimited):
    """Our user has to wait between two posts or messages; nothing was posted."""


_WAIT = 30.0
_SECONDS = re.compile(r"(\d{1,5})\s*(second|minute)")
# Messages are translated unless our user's language is English; what is not recognised is a refusal in the forum's words.
_FAST = ("you can only post once every", "too many messages", "already-posting", "already posting")
_LOCKED = ("topic locked", "topic-locked")
_PRIVILEGE = ("enough privileges", "no-privileges")


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge an answer by NodeBB's status object, and by HTTP where there is none."""
    verdict = judge_http("nodebb", call, answer)
    if verdict.error is None:
        return _redirect(call, answer)
    body = _body(answer)
    status = mapping(body.get("status"))
    code, said = word(status.get("code")), word(status.get("message"))[:300]
    where = f"nodebb: {call.method} {call.path.partition('?')[0]} answered {answer.status}"
    if answer.status == 404 and (code == "not-found" or "path" in body):
        return Verdict(error=Gone(f"{where}: it was purged, or our user may not see it"))
    if answer.status == 400 and said:
        return _refused(where, said, call)
    if answer.status == 503 or code == "service-unavailable":
        return Verdict(error=ServerFault(f"{where}: the forum is in maintenance; it is tried again later"), rest=verdict.rest)
    return verdict


def _refused(where: str, said: str, call: Call) -> Verdict:
    words = said.casefold()
    if any(one in words for one in _FAST):
        told = _SECONDS.search(words)
        wait = float(told[1]) * (60 if told[2] == "minute" else 1) if told else _WAIT
        return Verdict(error=TooManyPosts(f"{where}: {said}", retry_after=wait), rest={call.bucket: wait})
    error: SocialCRMError = RefusedError(f"{where}: {said}")
    if any(one in words for one in (*_LOCKED, *_PRIVILEGE)):
        error = ForbiddenError(f"{where}: {said} Check what our user may do there, or answer elsewhere")
    return Verdict(error=error)


def _redirect(call: Call, answer: Answer) -> Verdict:
    if 300 <= answer.status < 400 and call.method != "GET":
        text = f"nodebb: {call.method} {call.path} is redirected, so nothing happened; set the forum's own address as server"
        return Verdict(error=RefusedError(text))
    return Verdict()


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(answer.content))
    except ValueError:
        return {}
