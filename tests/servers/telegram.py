"""An emulator of Telegram's Bot API on loopback: the npm package telegram-test-api, with three corrections.

Invariant: when the context ends, nothing of it is left: the process is stopped by its group, and the emulator keeps everything
in memory. If this process is killed, the kernel stops it. The packages lie in a cache folder and are installed once.

The emulator forgets an update as soon as it was asked for, whatever the offset, tells its own times in milliseconds, shows the
bot's token in each update, and knows no edits: a few lines around it mend that, so that an update waits until it is confirmed
by a larger offset, in pages, as Telegram's manual says. What it does otherwise than Telegram all the same: every chat that it
answers for is private, any text, chat and question is taken, nothing is limited or refused, and webhooks carry no secret. A
restart forgets everything. People are invented.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

__all__ = ["TOKEN", "Telegram", "telegram"]

TOKEN = "666:token-of-these-tests"
_PACKAGE = "telegram-test-api@4.2.1"

_SERVER = """
const Emulator = require('telegram-test-api');
const express = require('express');
const floor = {};

Emulator.formatUpdate = (update) => {
  const { botToken, ...message } = update.message;
  const kind = message.edit_date ? 'edited_message' : 'message';
  return { update_id: update.updateId, [kind]: { ...message, message_id: message.message_id || update.messageId } };
};
const add = Emulator.prototype.addBotMessage;
Emulator.prototype.addBotMessage = function addBotMessage(raw, token) {
  const message = add.call(this, raw, token);
  return { ...message, date: Math.floor(message.date / 1000) };
};

(async () => {
  const server = new Emulator({ port: Number(process.env.PORT), host: '127.0.0.1', storeTimeout: 3600 });
  const outer = express();
  outer.use(express.json());
  outer.all('/bot:token/getUpdates', (request, response) => {
    const { token } = request.params;
    const { offset = 0, limit = 100 } = request.body;
    floor[token] = Math.max(floor[token] || 0, offset);
    const waiting = server.storage.userMessages.filter((one) => one.botToken === token && one.updateId >= floor[token]);
    response.json({ ok: true, result: waiting.slice(0, limit).map(Emulator.formatUpdate) });
  });
  outer.use(server.webServer);
  server.webServer = outer;
  await server.start();
})();
"""


@frozen(kw_only=True)
class Telegram:
    """A running emulator. Any token is a bot of its own; all of them are the user 666.

    Args:
        url: Its address.
    """

    url: str

    def call(self, path: str, body: Any) -> Any:
        """Ask the emulator something."""
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer).get("result")

    def say(self, person: int, text: str, *, chat: int = 0, token: str = TOKEN, **more: Any) -> None:
        """Somebody writes: to the bot, or into a group."""
        kind = {"type": "supergroup", "title": "Help"} if chat < 0 else {"type": "private", "first_name": f"Person {person}"}
        sender = {"id": person, "is_bot": False, "first_name": f"Person {person}"}
        told = {"date": int(time.time()), "text": text, "from": sender, "chat": {"id": chat or person, **kind}, **more}
        self.call("/sendMessage", {"botToken": token, **told})

    def history(self, token: str = TOKEN) -> list[dict[str, Any]]:
        """Return everything that was said to a bot and by it, in order: ``bot``, ``chat``, ``id``, ``text``, ``fields``."""
        found = []
        for one in self.call("/getUpdatesHistory", {"token": token}):
            message = one["message"]
            bot = "chat_id" in message
            chat, key = message["chat_id"] if bot else message["chat"]["id"], message.get("message_id") or one["messageId"]
            told = {"bot": bot, "chat": str(chat), "id": str(key), "text": message["text"], "fields": message}
            found.append((one["updateId"], told))
        return [told for _, told in sorted(found, key=lambda pair: pair[0])]


@contextlib.contextmanager
def telegram() -> Iterator[Telegram]:
    """Start a fresh emulator, hand it over, and stop it."""
    modules = _install() / "node_modules"
    with tempfile.TemporaryDirectory(prefix="telegram-") as name:
        folder, port = Path(name), _free_port()
        (folder / "server.js").write_text(_SERVER)
        environ = {**os.environ, "PORT": str(port), "NODE_PATH": str(modules)}
        with _process(("node", str(folder / "server.js")), folder, environ) as server:
            running = Telegram(url=f"http://127.0.0.1:{port}")
            _wait(running, server, folder / "log")
            yield running


def _install() -> Path:
    folder = Path.home() / ".cache" / "socialcrm-servers" / "telegram"
    if not (folder / "node_modules" / "telegram-test-api" / "lib" / "index.js").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        install = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", _PACKAGE)
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


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


def _wait(server: Telegram, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.call(f"/bot{TOKEN}/getMe", {})
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the emulator did not start: {log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.1)
        else:
            return
