"""Writes ``docs/platforms.md`` and what READMEs say of capabilities: ``python -m tests.docs.platforms``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from socialcrm.connectors import Connector, PluginManager
from socialcrm.types import Visibility

from .pages import DOCS

__all__ = ["PAGE", "capabilities", "connectors", "page", "readme", "with_capabilities"]

PAGE = DOCS / "platforms.md"
PLUGINS = DOCS.parent / "plugins"
BEGIN, END = "<!-- capabilities: written by tests/docs/platforms.py -->", "<!-- end of capabilities -->"
_MARKED = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.S)
_HEAD = """# Platforms

What each plugin of this repository reads and answers, and what that was proven on. This page is written from the plugins
(`python -m tests.docs.platforms`), and a test holds it to them. Every connector passes the contract suite: killed and started
again after every step, every call spoilt in turn, no reply twice or lost, no credential in a log.

| Platform | Plugin | Brings | Answers | As it happens | Archive | Without an account | Proven on |
|---|---|---|---|---|---|---|---|
"""


def connectors() -> dict[str, type[Connector[Any]]]:
    """Return this repository's connectors, by platform."""
    ours = {path.name.removeprefix("socialcrm-") for path in PLUGINS.iterdir() if path.is_dir()}
    found = PluginManager().connectors()
    return {name: cls for name, cls in sorted(found.items()) if name in ours}


def page() -> str:
    """Return the whole page."""
    return _HEAD + "\n".join(_row(cls) for cls in connectors().values()) + "\n"


def _row(cls: type[Connector[Any]]) -> str:
    info, able = cls.info, cls.info.capabilities
    live = ["webhook"] if able.webhook else []
    live += ["live stream"] if any(stream.live for stream in info.streams.values()) else []
    kinds = [word for word, there in (("edits", able.edits), ("deletions", able.deletions)) if there]
    cells = (
        info.title or info.platform,
        f"[`socialcrm-{info.platform}`](../plugins/socialcrm-{info.platform}/README.md)",
        ", ".join(["messages", *kinds]),
        _answers(able.visibility) if able.send else "–",
        ", ".join(live) or "–",
        "yes" if able.archive else "–",
        "`socialcrm listen`" if able.public else "–",
        info.proven or "nothing yet",
    )
    return "| " + " | ".join(_cell(text) for text in cells) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _answers(visibility: frozenset[Visibility]) -> str:
    words = {
        Visibility.PUBLIC: "in public",
        Visibility.LIMITED: "among members",
        Visibility.PRIVATE: "in private",
    }
    return ", ".join(words[one] for one in words if one in visibility)


def capabilities(cls: type[Connector[Any]]) -> str:
    """Return what a connector declares, as a table."""
    rows = "\n".join(f"| {what} | {_cell(told)} |" for what, told in _facts(cls))
    return f"| What | This platform |\n|---|---|\n{rows}"


def _facts(cls: type[Connector[Any]]) -> Iterator[tuple[str, str]]:
    info, able = cls.info, cls.info.capabilities
    for name, stream in info.streams.items():
        told = [stream.title or "everything"]
        told += ["live"] if stream.live else []
        told += [f"looks back {_span(stream.rescan)}"] if stream.rescan else []
        told += [] if stream.replayable else ["what was missed is a hole"]
        yield f"Stream `{name}`", "; ".join(told)
    yield "Answers", _answers(able.visibility) if able.send else "no"
    if able.send:
        yield "Length of a message", f"{able.text.size} {able.text.unit}" if able.text.size else "no limit known"
        yield "A long answer in several messages", _yes(able.threads)
        yield "Something public answered in private", _yes(able.private_reply or able.move_to_private)
        yield "A repeated send is harmless", _yes(able.idempotent)
        yield "Files in an answer", str(able.attachments) if able.attachments else "no"
        yield "How long we may answer", _span(able.reply_window) if able.reply_window else "always"
    names = {
        "edits": "Edits by customers", "deletions": "Deletions by customers", "webhook": "Webhook", "archive": "Export archive",
        "search": "Search on the platform", "profile": "Profiles", "retract": "Taking an answer back", "react": "Reactions",
        "mark_read": "Read marks", "renew": "Renewal of tokens", "public": "Reading without an account",
    }  # fmt: skip
    for name, what in names.items():
        yield what, _yes(getattr(able, name))


def _yes(there: bool) -> str:
    return "yes" if there else "no"


def _span(span: timedelta) -> str:
    days, rest = divmod(int(span.total_seconds()), 86400)
    return f"{days} days" if not rest and days > 1 else f"{int(span.total_seconds()) // 3600} hours"


def readme(platform: str) -> Path:
    """Return where a plugin's README lies."""
    return PLUGINS / f"socialcrm-{platform}" / "README.md"


def with_capabilities(text: str, cls: type[Connector[Any]]) -> str:
    """Return a README with what the connector declares today, in a section of its own at the end."""
    told = f"{BEGIN}\n\n{capabilities(cls)}\n\n{END}"
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n## Capabilities, as the code declares them\n\n{told}\n"
    return _MARKED.sub(lambda _: told, text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    for platform, cls in connectors().items():
        path = readme(platform)
        path.write_text(with_capabilities(path.read_text(encoding="utf-8"), cls), encoding="utf-8")
