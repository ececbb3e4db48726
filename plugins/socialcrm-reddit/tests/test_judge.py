"""What Reddit's answers mean, whose archives can be read, and which settings are refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Call
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    PayloadError,
    RateLimited,
    RefusedError,
    ServerFault,
    UnclearError,
)
from socialcrm.types import Secret
from socialcrm_reddit import RedditConnector, RedditSettings
from socialcrm_reddit._judge import TOKEN, judge, patience

GET, POST = Call("GET", "/r/acme/new"), Call("POST", "/api/comment", form={"text": "x"})
HTML = {"content-type": "text/html"}
AGENT = "linux:com.example.crm:v1.0 (by /u/acme)"


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=told, content=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("call", "given", "error"),
    [
        (GET, answer(403, {"reason": "private", "message": "Forbidden"}), ForbiddenError),
        (GET, answer(403, {"reason": "quarantined", "quarantine_message": "…"}), ForbiddenError),
        (GET, answer(404, {"reason": "banned", "message": "Not Found"}), NotFound),
        (GET, Answer(status=403, headers=HTML, content=b"<html>whoa there, pardner!"), ForbiddenError),
        (GET, Answer(status=200, headers=HTML, content=b"<html>"), ServerFault),
        (POST, Answer(status=200, headers=HTML, content=b"<html>"), UnclearError),
        (POST, answer(400, {"reason": "THREAD_LOCKED", "explanation": "Comments are locked."}), ForbiddenError),
        (POST, answer(200, {"json": {"errors": [["NO_TEXT", "we need something here", "text"]]}}), RefusedError),
        (Call("POST", TOKEN, auth=False), answer(400, {"message": "Bad Request"}), CredentialsError),
    ],
)
def test_answers(call: Call, given: Answer, error: type[Exception]) -> None:
    """Statuses, web pages and errors in the body become typed errors."""
    assert type(judge(call, given).error) is error


def test_rates_are_budgets() -> None:
    """The headers tell when nothing is left, and until when; a 429 waits as long."""
    used = {"x_ratelimit_used": "996", "x_ratelimit_reset": "123"}
    assert judge(GET, answer(200, {}, x_ratelimit_remaining="0.0", **used)).rest == {"default": 123.0}
    assert not judge(GET, answer(200, {}, x_ratelimit_remaining="599.0", **used)).rest
    error = judge(GET, answer(429, None, x_ratelimit_reset="42")).error
    assert isinstance(error, RateLimited)
    assert error.retry_after == 42


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        ("try again in 9 minutes.", 540),
        ("Take a break for 40 seconds before trying again.", 40),
        ("try again in 999 milliseconds", 1),
        ("try again in 1 hour", 3600),
        ("try again later.", None),
    ],
)
def test_words_tell_the_wait(words: str, wait: float | None) -> None:
    """Reddit tells the wait in words."""
    assert patience(words) == wait


@pytest.mark.parametrize(
    "settings",
    [
        {"user_agent": "python-requests/2"},
        {"token": Secret("x")},
        {"refresh_token": Secret("x"), "user_agent": AGENT},
        {"subreddits": ("not a name",)},
        {"recheck_days": -1},
        {"message_subject": "x" * 101},
    ],
)
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    """Half credentials, wrong names, and user agents that Reddit would block are refused."""
    with pytest.raises(ValueError, match=r"should|missing|needs"):
        RedditSettings(**settings)


def test_names_of_subreddits_are_bare() -> None:
    """People write r/ in front."""
    assert RedditSettings(subreddits=("r/acme", "/r/phones/")).subreddits == ("acme", "phones")


def load(path: Path) -> list[Any]:
    connector = RedditConnector(RedditSettings())
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def test_an_export_in_a_folder(tmp_path: Path) -> None:
    """Messages of ours are outbound, others inbound; words may hold line breaks, commas and a byte order mark."""
    (tmp_path / "statistics.csv").write_text("statistic,value\naccount name,acme\n")
    rows = 'id,permalink,thread_id,date,ip,from,to,subject,body\n1,,,2026-10-01 10:00:00 UTC,,mara,acme,Hi,"a, b\n\nc"\n'
    (tmp_path / "messages.csv").write_text(
        "\ufeff" + rows + "2,,1,2026-10-01 11:00:00 UTC,,acme,mara,re: Hi,d\n", encoding="utf-8"
    )
    account, first, second = load(tmp_path)
    assert account.id == "u/acme"
    assert (first.id, first.text, first.direction, first.conversation) == ("t4_1", "a, b\n\nc", "inbound", "t4_1")
    assert (second.direction, second.conversation) == ("outbound", "t4_1")


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    """The message says what was expected."""
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("other.txt", "x")
    with pytest.raises(PayloadError, match=r"posts\.csv"):
        load(path)
