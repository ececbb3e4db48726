"""The example is a working application."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path
from typing import Any

import pytest


def test_the_example_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens the database that the environment names, and knows no channel yet."""
    monkeypatch.setenv("SOCIALCRM_DB", str(tmp_path / "acme.db"))
    app = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "webhook_asgi.py"))["app"]
    sent: list[dict[str, Any]] = []

    async def ask() -> None:
        life = asyncio.Queue[dict[str, Any]]()
        body = {"type": "http.request", "body": b""}

        async def take() -> dict[str, Any]:
            return body

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        serving = asyncio.create_task(app({"type": "lifespan"}, life.get, send))
        await life.put({"type": "lifespan.startup"})
        await app({"type": "http", "method": "POST", "path": "/shop", "headers": []}, take, send)
        await life.put({"type": "lifespan.shutdown"})
        await serving

    asyncio.run(ask())
    assert (tmp_path / "acme.db").exists()
    assert [message["status"] for message in sent if "status" in message] == [404]
    assert {"lifespan.startup.complete", "lifespan.shutdown.complete"} <= {message["type"] for message in sent}
