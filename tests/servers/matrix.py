"""A real Matrix homeserver on loopback: Synapse from the package index, in an environment of its own, on SQLite.

Invariant: when the context ends, nothing of it is left: the process is stopped by its process group, and its data lay in a
temporary folder. If this process is killed, the kernel stops it. It federates with nobody, previews no links and sends no
pushes but those to the application service, which listens on loopback too.

Its server name is ``localhost``; the people on it are invented.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import define, field, frozen

__all__ = ["HS_TOKEN", "Person", "Synapse", "synapse"]

HS_TOKEN = "hs-token-of-the-tests"
_SECRET = "only for tests"
_VERSION = "matrix-synapse>=1.120,<2"
_CACHE = Path.home() / ".cache" / "socialcrm-servers" / "matrix"

_FREELY = "{per_second: 10000, burst_count: 10000}"
_CONFIG = f"""
registration_shared_secret: "{_SECRET}"
trusted_key_servers: []
suppress_key_server_warning: true
federation_domain_whitelist: []
enable_registration: false
url_preview_enabled: false
push: {{enabled: false}}
report_stats: false
bcrypt_rounds: 4
refreshable_access_token_lifetime: 5m
rc_message: {_FREELY}
rc_registration: {_FREELY}
rc_login: {{address: {_FREELY}, account: {_FREELY}, failed_attempts: {_FREELY}}}
rc_joins: {{local: {_FREELY}}}
rc_admin_redaction: {_FREELY}
rc_invites: {{per_room: {_FREELY}, per_user: {_FREELY}, per_issuer: {_FREELY}}}
"""
_SERVICE = """
id: crm
url: "http://127.0.0.1:{push}"
as_token: as-token-of-the-tests
hs_token: {token}
sender_localpart: crm
rate_limited: false
namespaces: {{users: [], rooms: [{{exclusive: false, regex: ".*"}}], aliases: []}}
"""


@frozen
class Person:
    """Somebody with an account, and what they can do."""

    server: Synapse = field(repr=False)
    id: str
    token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)

    def api(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Call the client-server API as this person; raises `urllib.error.HTTPError` above 399."""
        return self.server.call(method, f"/_matrix/client/v3{path}", body, token=self.token, **query)

    def open(self, *invite: str, **fields: Any) -> str:
        """Make a room; returns its id."""
        return str(self.api("POST", "/createRoom", {"invite": list(invite), **fields})["room_id"])

    def join(self, room: str) -> None:
        """Join a room."""
        self.api("POST", f"/rooms/{quote(room)}/join", {})

    def put(self, room: str, kind: str, content: Any) -> str:
        """Send an event; returns its id."""
        path = f"/rooms/{quote(room)}/send/{kind}/{self.server.number()}"
        return str(self.api("PUT", path, content)["event_id"])

    def say(self, room: str, text: str, **content: Any) -> str:
        """Send a text; returns the event's id."""
        return self.put(room, "m.room.message", {"msgtype": "m.text", "body": text, **content})

    def edit(self, room: str, event: str, text: str) -> str:
        """Replace the words of an event."""
        relation = {"rel_type": "m.replace", "event_id": event}
        return self.say(room, f"* {text}", **{"m.new_content": {"msgtype": "m.text", "body": text}, "m.relates_to": relation})

    def redact(self, room: str, event: str) -> None:
        """Take an event back."""
        self.api("PUT", f"/rooms/{quote(room)}/redact/{quote(event)}/{self.server.number()}", {})

    def history(self, room: str) -> list[dict[str, Any]]:
        """Return every event of a room as the server reports it, oldest first."""
        found: list[dict[str, Any]] = []
        query = {"dir": "b", "limit": "500"}
        while True:
            page = self.api("GET", f"/rooms/{quote(room)}/messages", **query)
            found += page["chunk"]
            if "end" not in page:
                return found[::-1]
            query["from"] = page["end"]


@define
class Synapse:
    """A homeserver that can be stopped and started again with the same data."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None
    _count: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def number(self) -> int:
        """Return a number that was never returned before."""
        self._count += 1
        return self._count

    def call(self, method: str, path: str, body: Any = None, *, token: str = "", **query: str) -> Any:
        """Make a call; a link's query is added."""
        link = self.url + path + ("?" + "&".join(f"{key}={quote(value)}" for key, value in query.items()) if query else "")
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(link, data, headers, method=method), timeout=60) as answer:
            return json.load(answer)

    def person(self, name: str) -> Person:
        """Register somebody, and log them in with a refresh token."""
        path = "/_synapse/admin/v1/register"
        nonce = self.call("GET", path)["nonce"]
        words = (nonce, name, "a password", "notadmin")
        mac = hmac.new(_SECRET.encode(), "\0".join(words).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": words[2], "displayname": name.title(), "admin": False, "mac": mac}
        made = self.call("POST", path, body)
        login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": words[2]}
        more = self.call("POST", "/_matrix/client/v3/login", {**login, "refresh_token": True})
        return Person(self, made["user_id"], made["access_token"], more["refresh_token"])

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = (self.folder / "synapse.log").open("ab")
        with log:
            command = ("setpriv", "--pdeathsig", "KILL", str(_python()), "-m", "synapse.app.homeserver")
            files = ("-c", str(self.folder / "homeserver.yaml"), "-c", str(self.folder / "local.yaml"))
            self._process = subprocess.Popen(
                (*command, *files), cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"Synapse did not start: {(self.folder / 'synapse.log').read_text(errors='replace')[-3000:]}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it."""
        process, self._process = self._process, None
        if process is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
                return

    def restart(self) -> None:
        """Stop it, and start it again."""
        self.stop()
        self.start()

    def _answers(self) -> bool:
        try:
            return "versions" in self.call("GET", "/_matrix/client/versions")
        except urllib.error.HTTPError:
            raise
        except OSError:
            return False


@contextlib.contextmanager
def synapse(*, push: int = 0) -> Iterator[Synapse]:
    """Start a fresh homeserver, hand it over, and stop it.

    Args:
        push: The port on loopback where an application service listens; 0 for none.
    """
    _install()
    with tempfile.TemporaryDirectory(prefix="synapse-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), _free_port()
        generate = ("--server-name", "localhost", "--data-directory", name, "--generate-config", "--report-stats=no")
        command = (str(_python()), "-m", "synapse.app.homeserver", "-c", str(folder / "homeserver.yaml"), *generate)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        resources = "[{names: [client], compress: false}]"
        listener = f"{{port: {port}, tls: false, type: http, bind_addresses: ['127.0.0.1'], resources: {resources}}}"
        config = f"{_CONFIG}\nlisteners: [{listener}]\n"
        if push:
            (folder / "service.yaml").write_text(_SERVICE.format(push=push, token=HS_TOKEN))
            config += f"app_service_config_files: ['{folder}/service.yaml']\n"
        (folder / "local.yaml").write_text(config)
        server = Synapse(folder, port)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _python() -> Path:
    return _CACHE / "venv" / "bin" / "python"


def _install() -> None:
    """Put Synapse into an environment of its own, once; a half-made one is made anew."""
    done = _CACHE / "installed"
    if done.exists() and _python().exists():
        return
    _CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_CACHE / "venv")], check=True)
    subprocess.run([str(_python()), "-m", "pip", "install", "-q", _VERSION], check=True, stdout=subprocess.DEVNULL)
    done.touch()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
