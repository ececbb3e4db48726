"""A real Mailman 3 with HyperKitty on loopback, and a small mail server in front of both.

The list is open: who is no member may write. What is handed in by SMTP goes to Mailman by LMTP where it is for a list, and into
a mailbox in memory otherwise; Mailman itself sends nothing but there. Everything lies in a temporary folder; only the virtual
environment with the servers' packages is kept in the cache.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import smtplib
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

__all__ = ["HOST", "PASSWORD", "MailingLists", "mailing_lists"]

HOST = "lists.example.test"
PASSWORD = "correct-horse"
_CACHE = Path.home() / ".cache" / "socialcrm-servers" / "mailinglist"
# Mailman 3.3.10 does not run with SQLAlchemy 2.1.
_PACKAGES = ("mailman==3.3.10", "mailman-web==0.0.9", "hyperkitty==1.3.12", "mailman-hyperkitty==1.2.1", "sqlalchemy<2.1")
_IDLE_RUNNERS = ("bounces", "command", "digest", "nntp", "out", "retry", "task", "virgin")

_MAILMAN = """
[mailman]
site_owner: owner@{host}
layout: here
[paths.here]
var_dir: {d}/var
[mta]
incoming: mailman.mta.null.NullMTA
lmtp_host: 127.0.0.1
lmtp_port: {lmtp}
smtp_host: 127.0.0.1
smtp_port: {smtp}
[webservice]
hostname: 127.0.0.1
port: {rest}
workers: 1
admin_user: rest
admin_pass: {password}
[archiver.hyperkitty]
class: mailman_hyperkitty.Archiver
enable: yes
configuration: {d}/hyperkitty.cfg
"""

_DJANGO = """
from mailman_web.settings.base import *
from mailman_web.settings.mailman import *
SECRET_KEY = "only for these tests, on loopback, for some minutes"
BASE_DIR = {d!r}
ALLOWED_HOSTS = ["*"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {d!r} + "/web.db", "OPTIONS": {{"timeout": 30}}}}}}
MAILMAN_REST_API_URL = "http://127.0.0.1:{rest}"
MAILMAN_REST_API_USER = "rest"
MAILMAN_REST_API_PASS = MAILMAN_ARCHIVER_KEY = {password!r}
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}}}
Q_CLUSTER = {{"sync": True, "orm": "default", "timeout": 30, "retry": 60}}
HAYSTACK_CONNECTIONS = {{"default": {{"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}}}
COMPRESS_ENABLED = COMPRESS_OFFLINE = False
COMPRESS_PRECOMPILERS = ()
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LOGGING = {{"version": 1, "disable_existing_loggers": False, "handlers": {{"console": {{"class": "logging.StreamHandler"}}}},
           "root": {{"handlers": ["console"], "level": "WARNING"}}}}
STATIC_ROOT = {d!r} + "/static"
"""


class MailingLists:
    """A running Mailman with HyperKitty.

    Attributes:
        url: HyperKitty's address.
        smtp: The port where mail is handed in.
        mailbox: What was sent to people rather than to lists: receiver and message.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp, self.lmtp, self.rest, self.web = _free_ports(4)
        self.url = f"http://127.0.0.1:{self.web}/archives"
        self.mailbox: list[tuple[str, EmailMessage]] = []
        self._running: list[subprocess.Popen[bytes]] = []
        self._relay = _Relay(self)

    # -- running ---------------------------------------------------------------------------------------------------------

    def configure(self) -> None:
        """Write the configuration and make the archive's database."""
        words = {"d": str(self.folder), "host": HOST, "password": PASSWORD}
        ports = {"smtp": self.smtp, "lmtp": self.lmtp, "rest": self.rest}
        idle = "".join(f"[runner.{name}]\nstart: no\n" for name in _IDLE_RUNNERS)
        quick = "".join(f"[runner.{name}]\nsleep_time: 0.1s\n" for name in ("archive", "in", "pipeline"))
        (self.folder / "mailman.cfg").write_text(_MAILMAN.format(**words, **ports) + idle + quick)
        (self.folder / "socialcrm_lists.py").write_text(_DJANGO.format(**words, **ports))
        archiver = f"[general]\nbase_url: http://127.0.0.1:{self.web}/hyperkitty/\napi_key: {PASSWORD}\n"
        (self.folder / "hyperkitty.cfg").write_text(archiver)

    def start(self) -> None:
        """Start everything, and wait until it answers; Mailman itself takes the longest."""
        threading.Thread(target=self._relay.serve_forever, args=(0.05,), daemon=True).start()
        self._spawn("master", "-C", str(self.folder / "mailman.cfg"), "--force")
        self._make_database()
        self.start_web()
        _wait(lambda: _answers(self.rest) and _answers(self.lmtp), 240, f"Mailman does not answer; look into {self.folder}")
        self.api("POST", "domains", mail_host=HOST)

    def _make_database(self) -> None:
        """Copy HyperKitty's empty database from the cache; making it takes longer than everything else."""
        kept = _CACHE / "web.db"
        if not kept.exists():
            self.django("migrate", "-v0")
            shutil.copy(self.folder / "web.db", kept)
        else:
            shutil.copy(kept, self.folder / "web.db")

    def start_web(self) -> None:
        """Start HyperKitty."""
        where = ("-b", f"127.0.0.1:{self.web}", "-w", "1", "--threads", "4", "--no-control-socket")
        self._web = self._spawn("gunicorn", *where, "mailman_web.wsgi:application")
        _wait(lambda: _answers(self.web), 60, "HyperKitty does not answer")

    def stop_web(self) -> None:
        """Stop HyperKitty at once, in the middle of whatever it does; Mailman goes on and keeps what it could not archive."""
        self._web.terminate()
        self._web.wait(30)
        self._running.remove(self._web)

    def stop(self) -> None:
        """Stop everything."""
        self._relay.shutdown()
        self._relay.server_close()
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)
        self._running.clear()

    def _spawn(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{program}.log").open("ab") as log:
            # If this process dies, the kernel stops what it started.
            command = ["setpriv", "--pdeathsig", "TERM", str(_CACHE / "venv" / "bin" / program), *words]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environ(), cwd=self.folder)
        self._running.append(process)
        return process

    def django(self, *words: str) -> None:
        """Run one of Django's commands."""
        command = [str(_CACHE / "venv" / "bin" / "django-admin"), *words]
        done = subprocess.run(command, env=self._environ(), cwd=self.folder, capture_output=True, text=True, timeout=400)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} failed: {done.stderr[-2000:]}")

    def _environ(self) -> dict[str, str]:
        path = f"{_CACHE / 'venv' / 'bin'}:{os.environ['PATH']}"
        own = {"DJANGO_SETTINGS_MODULE": "socialcrm_lists", "PYTHONPATH": str(self.folder), "HOME": str(self.folder)}
        return {**os.environ, **own, "PATH": path, "MAILMAN_CONFIG_FILE": str(self.folder / "mailman.cfg")}

    # -- using -----------------------------------------------------------------------------------------------------------

    def api(self, method: str, path: str, **form: str) -> Any:
        """Ask Mailman's own API."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.rest}/3.1/{path}", method=method)
        request.data = urlencode(form).encode() if form else None
        pair = base64.b64encode(f"rest:{PASSWORD}".encode()).decode("ascii")
        request.add_header("Authorization", f"Basic {pair}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = answer.read()
        return json.loads(told) if told else None

    def create(self, name: str, **config: str) -> str:
        """Make a list where everybody may write; returns its address."""
        address = f"{name}@{HOST}"
        self.api("POST", "lists", fqdn_listname=address)
        self.api("PATCH", f"lists/{address}/config", **{"default_nonmember_action": "accept", **config})
        return address

    def member(self, address: str, user: str) -> None:
        """Subscribe somebody who can log in to HyperKitty with `PASSWORD`."""
        self.api(
            "POST", "members", list_id=address.replace("@", "."), subscriber=user,
            pre_verified="true", pre_confirmed="true", pre_approved="true",
        )  # fmt: skip
        script = (
            "from django.contrib.auth.models import User; from allauth.account.models import EmailAddress;"
            f"u = User.objects.create_user({user.partition('@')[0]!r}, {user!r}, {PASSWORD!r});"
            f"EmailAddress.objects.create(user=u, email={user!r}, verified=True, primary=True)"
        )
        self.django("shell", "-c", script)

    def learn(self) -> None:
        """Let HyperKitty ask Mailman for the lists' settings, as its hourly job does."""
        self.django("shell", "-c", "from hyperkitty.lib.mailman import sync_with_mailman; sync_with_mailman(overwrite=True)")

    def post(self, address: str, *mails: EmailMessage) -> None:
        """Hand mails to Mailman for a list."""
        with smtplib.LMTP("127.0.0.1", self.lmtp) as lmtp:
            for mail in mails:
                lmtp.send_message(mail, mail["From"], [address])

    def archive(self, address: str, *mails: EmailMessage) -> None:
        """Import mails into HyperKitty, at one moment each, as its own command does with an mbox."""
        box = self.folder / f"{address}.{time.monotonic_ns()}.mbox"
        start = datetime.now(UTC) - timedelta(seconds=len(mails))
        with box.open("wb") as file:
            for place, mail in enumerate(mails):
                moment = (start + timedelta(seconds=place)).strftime("%a %b %d %H:%M:%S %Y")
                file.write(f"From mara@example.com {moment}\n".encode() + mail.as_bytes() + b"\n\n")
        self.django("hyperkitty_import", "-v0", "-l", address, str(box))

    def hyperkitty(self, path: str) -> Any:
        """Ask HyperKitty's API as a visitor."""
        with urllib.request.urlopen(f"{self.url}/api/{path}", timeout=60) as answer:
            return json.loads(answer.read())

    def archived(self, address: str) -> list[dict[str, Any]]:
        """Return every mail of a list as HyperKitty's list of mails tells it, the oldest first."""
        rows = self.hyperkitty(f"list/{address}/emails/?limit=10000")["results"]
        return list(reversed(rows))

    def await_mails(self, address: str, count: int) -> None:
        """Wait until a list's archive holds so many mails."""

        def there() -> bool:
            with suppress(OSError):
                return int(self.hyperkitty(f"list/{address}/emails/?limit=1")["count"]) >= count
            return False

        _wait(there, 90, f"{address} has not {count} mails in the archive")


@contextmanager
def mailing_lists() -> Iterator[MailingLists]:
    """Install what is missing, start everything in a folder of its own, and stop it whatever happens."""
    _install()
    folder = Path(tempfile.mkdtemp(prefix="socialcrm-lists-"))
    server = MailingLists(folder)
    try:
        server.configure()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _install() -> None:
    done = _CACHE / "installed"
    if done.is_file() and done.read_text() == repr(_PACKAGES):
        return
    shutil.rmtree(_CACHE, ignore_errors=True)
    _CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["uv", "venv", "-q", str(_CACHE / "venv")], check=True)
    python = str(_CACHE / "venv" / "bin" / "python")
    subprocess.run(["uv", "pip", "install", "-q", "--python", python, *_PACKAGES, "whoosh"], check=True, timeout=900)
    done.write_text(repr(_PACKAGES))


class _Relay(socketserver.ThreadingTCPServer):
    """The mail server: it takes mail from anybody on loopback."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, lists: MailingLists) -> None:
        super().__init__(("127.0.0.1", lists.smtp), _Smtp)
        self.lists = lists

    def deliver(self, sender: str, receivers: list[str], content: bytes) -> None:
        for receiver in receivers:
            if receiver.endswith(f"@{HOST}"):
                with smtplib.LMTP("127.0.0.1", self.lists.lmtp) as lmtp:
                    lmtp.sendmail(sender, [receiver], content)
            else:
                message = message_from_bytes(content, policy=policy.default)
                self.lists.mailbox.append((receiver, message))  # type: ignore[arg-type]  # policy.default makes them


class _Smtp(socketserver.StreamRequestHandler):
    server: _Relay
    _PLAIN = MappingProxyType({"EHLO": "250-mail.example.test\r\n250 SIZE 10000000", "QUIT": "221 bye"})

    def handle(self) -> None:
        receivers: list[str] = []
        sender = verb = ""
        self._say("220 ready")
        while verb != "QUIT" and (line := self.rfile.readline()):
            words, _, rest = line.decode("utf-8", "replace").strip().partition("<")
            verb = words[:4].upper()
            if verb == "MAIL":
                sender, receivers = rest.partition(">")[0], []
            elif verb == "RCPT":
                receivers.append(rest.partition(">")[0])
            elif verb == "DATA":
                self._say("354 go on")
                self.server.deliver(sender, receivers, self._content())
            self._say(self._PLAIN.get(verb, "250 fine"))

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _content(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _wait(ready: Callable[[], bool], seconds: float, told: str) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(told)
        time.sleep(0.1)
