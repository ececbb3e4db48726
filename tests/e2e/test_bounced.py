"""Replies in parts of which some bounce, and processes that are killed. All people are invented."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e import _board
from tests.e2e._mortal import calls, work

import socialcrm
from socialcrm import CRM

LONG = " ".join(f"Step {number}: please look at the lamp of your router and tell us its colour." for number in range(9))


@pytest.fixture
def board() -> Iterator[_board.Board]:
    with _board.board() as running:
        yield running


def opened(url: str) -> CRM:
    return socialcrm.open(url, plugins=_board.plugins())


def prepared(url: str, board: _board.Board, people: int) -> None:
    """Every customer was answered in three parts; of every answer two bounced, and a person has ordered them again."""
    dice = random.Random(people)
    with opened(url) as crm:
        crm.channels.add("board", name="board", server=board.url)
        for number in range(people):
            board.write(f"customer-{number}", "My line is dead")
        crm.sync()
        for case in crm.inbox(limit=99):
            assert len(crm.reply(case, LONG, by="ana").parts) == 3
        assert len(crm.flush().sent) == people
        for reply in crm.outbox():
            for one in dice.sample(reply.ids, 2):
                board.lose(int(one))
        crm.sync()
        for reply in crm.outbox(state="failed"):
            assert reply.ids.count("") == 2
            crm.retry(reply)


def test_killed_while_sending_again_no_part_is_doubled_or_lost(board: _board.Board, tmp_path: Path) -> None:
    """Killed eight times while what bounced of four answers is sent again, each part reaches its reader exactly once."""
    url, calm = f"sqlite:///{tmp_path}/team.db", f"sqlite:///{tmp_path}/calm.db"
    with _board.board() as other:
        prepared(calm, other, 4)
        whole = calls(calm, "flush", since="due")
    prepared(url, board, 4)
    dice = random.Random(4)
    assert [work(url, "flush", dice.randint(1, whole // 4), since="due") for _ in range(8)].count(None) >= 4
    assert work(url, "flush") is not None
    with opened(url) as crm:
        replies = crm.outbox()
        assert {reply.state.value for reply in replies} <= {"sent", "reconciled"}
        reached = {str(post["id"]): post for post in board.posts if post["author"] == "us" and post["id"] not in board.lost}
        assert sorted(reached) == sorted(one for reply in replies for one in reply.ids)
        assert all(tuple(reached[one]["text"] for one in reply.ids) == reply.parts for reply in replies)
        assert len(board.ours()) == 4 * (3 + 2)
