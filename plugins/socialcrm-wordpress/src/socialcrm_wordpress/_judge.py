"""What WordPress's error codes mean, beyond what HTTP says (the source: the REST API's comments and users controllers)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    SocialCRMError,
)

__all__ = ["DuplicateComment", "NoTrash", "judge"]

FLOOD = 15.0
"""Seconds that WordPress wants between two comments of one author, moderators excepted (``wp_throttle_comment_flood``)."""


class DuplicateComment(RefusedError):
    """The same author said the same thing in the same place already: the comment was not stored again."""


class NoTrash(RefusedError):
    """The site has no trash; only deleting for good is possible."""


_NO_LOGIN = "the site does not accept username and application password; make a new one under Users → Profile"
_NO_POST = "the post is gone; nothing can be said there any more"
_HIDDEN_POST = "the post is not published; publish it, or answer elsewhere"

_MEANING: Mapping[str, tuple[Callable[[str], SocialCRMError], str]] = {
    "comment_duplicate": (DuplicateComment, "the same text was already said there by the same user; change the text"),
    "comment_flood": (lambda text: RateLimited(text, retry_after=FLOOD), "two comments too fast; it is tried again later"),
    "comment_content_column_length": (RefusedError, "the text is longer than the site can store; shorten it"),
    "rest_comment_closed": (ForbiddenError, "comments are closed on that post; open them there, or answer elsewhere"),
    "rest_comment_draft_post": (ForbiddenError, _HIDDEN_POST),
    "rest_comment_trash_post": (ForbiddenError, _HIDDEN_POST),
    "rest_comment_invalid_post_id": (NotFound, _NO_POST),
    "rest_post_invalid_id": (NotFound, _NO_POST),
    "rest_comment_invalid_id": (NotFound, "the comment is gone: it was deleted for good"),
    "rest_no_route": (NotFound, "the site's REST API lacks this; check rest_root, and plugins that restrict the API"),
    "rest_trash_not_supported": (NoTrash, "the site has no trash"),
    "rest_not_logged_in": (CredentialsError, _NO_LOGIN),
    "rest_comment_login_required": (CredentialsError, _NO_LOGIN),
    "incorrect_password": (CredentialsError, _NO_LOGIN),
    "invalid_username": (CredentialsError, _NO_LOGIN),
    "invalid_email": (CredentialsError, _NO_LOGIN),
    "application_passwords_disabled": (CredentialsError, "the site has switched application passwords off; switch them on"),
}


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge an answer by WordPress's error code, and by HTTP where there is none that we know."""
    verdict = judge_http("wordpress", call, answer)
    if verdict.error is None or answer.status == 429:
        return verdict
    code = _code(answer)
    where = f"wordpress: {call.method} {call.path.partition('?')[0]} answered {answer.status}"
    if code in _MEANING:
        make, meaning = _MEANING[code]
        rest = {call.bucket: FLOOD} if code == "comment_flood" else {}
        return Verdict(error=make(f"{where} ({code}): {meaning}"), rest=rest)
    if not code and isinstance(verdict.error, NotFound):
        return Verdict(error=NotFound(f"{where}, without WordPress's own words: check server and rest_root"))
    return verdict


def _code(answer: Answer) -> str:
    try:
        body = json.loads(answer.content)
    except ValueError:
        return ""
    code = body.get("code") if isinstance(body, Mapping) else None
    return code if isinstance(code, str) else ""
