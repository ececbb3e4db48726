"""A real news server on loopback: INN's ``innd``, and its ``nnrpd`` for readers, also with TLS from the start and STARTTLS.

Everything that it writes lies in a folder of its own: INN is told by ``INNCONF``. Log in as `TEAM` or `CUSTOMERS`, password
`PASSWORD`; the groups are those in `GROUPS`, one of them moderated: what is posted there is kept as mail to the moderator.
Needs root, and Debian's package, which is installed if it is missing.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import trustme

__all__ = ["CUSTOMERS", "GROUPS", "PASSWORD", "TEAM", "NewsServer", "Newsreader", "news_server"]

PASSWORD = "correct-horse"
TEAM, CUSTOMERS = "team", "customers"
GROUPS = {"acme.support": "y", "acme.moderated": "m"}
_DEBIAN = Path("/etc/news")
_BIN = Path("/usr/lib/news/bin")
_AS_NEWS = ("setpriv", "--reuid=news", "--regid=news", "--clear-groups")

_CONF = """
mta: "{d}/etc/mta %s"
organization: "Acme, invented"
ovmethod: tradindexed
hismethod: hisv6
pathhost: news.example.test
domain: example.test
fromhost: example.test
moderatormailer: moderator@example.test
pathnews: /usr/lib/news
mailcmd: /bin/true
docancels: "require-auth"
wireformat: true
port: {port}
bindaddress: 127.0.0.1
bindaddress6: none
doinnwatch: false
nnrpdloadlimit: 0
tlscertfile: {d}/etc/cert.pem
tlskeyfile: {d}/etc/key.pem
pathdb: {d}/db
pathetc: {d}/etc
pathfilter: {d}/etc/filter
pathhttp: {d}/log
patharchive: {d}/spool/archive
patharticles: {d}/spool/articles
pathincoming: {d}/spool/incoming
pathoutgoing: {d}/spool/outgoing
pathoverview: {d}/spool/overview
pathspool: {d}/spool
pathtmp: {d}/spool/incoming/tmp
pathlog: {d}/log
pathrun: {d}/run
"""

_READERS = """
auth "known" {{
    hosts: "127.0.0.1, ::1"
    auth: "ckpasswd -f {d}/etc/passwd.nntp"
}}
access "known" {{
    users: "*"
    newsgroups: "*"
    access: RPA
    addcanlockuser: none
}}
"""

_MTA = """#!/bin/sh
exec /bin/cat > "$(/bin/mktemp {d}/moderator/mail.XXXXXX)"
"""


class NewsServer:
    """A running server.

    Attributes:
        port: Where ``innd`` listens; readers say MODE READER there.
        starttls: Where a reader may ask for STARTTLS.
        tls: Where TLS is there from the start.
        folder: Where its data lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.starttls, self.tls = _free_ports(3)
        self._authority = trustme.CA()
        self._running: list[subprocess.Popen[bytes]] = []
        self._environ = {**os.environ, "INNCONF": str(folder / "etc" / "inn.conf")}

    def trust(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the server's certificate."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def configure(self) -> None:
        """Write the configuration, the certificate, the accounts and an empty spool with the groups."""
        names = {"d": self.folder, "port": self.port}
        for name in ("db", "log", "run", "moderator", "spool/articles", "spool/overview", "spool/incoming/tmp"):
            (self.folder / name).mkdir(parents=True)
        for name in ("spool/incoming/bad", "spool/outgoing", "spool/archive", "etc/filter"):
            (self.folder / name).mkdir(parents=True)
        etc = self.folder / "etc"
        for name in ("control.ctl", "expire.ctl", "incoming.conf", "moderators", "storage.conf"):
            shutil.copy(_DEBIAN / name, etc / name)
        (etc / "inn.conf").write_text(_CONF.format(**names))
        (etc / "readers.conf").write_text(_READERS.format(**names))
        (etc / "newsfeeds").write_text("ME:!*/!local::\n")
        (etc / "mta").write_text(_MTA.format(**names))
        (etc / "mta").chmod(0o755)
        crypted = subprocess.run(
            ["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True
        ).stdout.strip()
        (etc / "passwd.nntp").write_text("".join(f"{user}:{crypted}\n" for user in (TEAM, CUSTOMERS)))
        self._certify(etc)
        always = {"control": "n", "control.cancel": "n", "junk": "n"}
        rows = (f"{group} 0000000000 0000000001 {flag}\n" for group, flag in {**always, **GROUPS}.items())
        (self.folder / "db" / "active").write_text("".join(rows))
        for name in ("newsgroups", "active.times", "history"):
            (self.folder / "db" / name).touch()
        subprocess.run(["chown", "-R", "news:news", str(self.folder)], check=True)
        subprocess.run([*_AS_NEWS, _BIN / "makedbz", "-i", "-o"], check=True, env=self._environ, cwd=self.folder / "db")

    def _certify(self, etc: Path) -> None:
        certificate = self._authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(etc / "key.pem")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(etc / "cert.pem", append=True)
        (etc / "key.pem").chmod(0o600)

    def start(self) -> None:
        """Start the server and its readers' daemons, and wait until they answer."""
        self._spawn(_BIN / "innd", "-f", "-P", str(self.port))
        _await_port(self.port, self.folder)
        self._spawn(_BIN / "nnrpd", "-D", "-f", "-p", str(self.starttls), "-b", "127.0.0.1")
        self._spawn(_BIN / "nnrpd", "-D", "-f", "-S", "-p", str(self.tls), "-b", "127.0.0.1")
        for port in (self.starttls, self.tls):
            _await_port(port, self.folder)

    def _spawn(self, *command: str | Path) -> None:
        with (self.folder / "log" / "out").open("ab") as log:
            started = subprocess.Popen(
                [*_AS_NEWS, *command], env=self._environ, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        self._running.append(started)

    def stop(self) -> None:
        """Stop everything, readers' processes included; what was stored stays."""
        # By itself innd only looks every ten seconds whether it was told to end.
        with suppress(subprocess.SubprocessError):
            self.control("shutdown", "the test is over")
        for process in self._running:
            # Each was started in a session of its own, so its group holds it and its children only.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self._running.clear()
        for port in (self.port, self.starttls, self.tls):
            _await_silence(port)

    def renew(self) -> None:
        """Throw everything that was posted away and begin anew, with the groups of `GROUPS`."""
        self.stop()
        for child in self.folder.iterdir():
            shutil.rmtree(child)
        self.configure()
        self.start()

    def control(self, *words: str) -> None:
        """Let ``ctlinnd`` do something: ``newgroup``, ``rmgroup`` …"""
        subprocess.run([*_AS_NEWS, _BIN / "ctlinnd", "-s", *words], check=True, env=self._environ, timeout=60)

    def to_moderator(self) -> list[str]:
        """Return what lies with the moderator, as mail."""
        return [path.read_text() for path in sorted((self.folder / "moderator").iterdir())]


class Newsreader:
    """Somebody's newsreader: another client than ours, on the standard library's sockets.

    Args:
        server: The server.
        user: Who logs in.
    """

    def __init__(self, server: NewsServer, user: str = CUSTOMERS) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), 30)
        self._file = self._socket.makefile("rwb")
        self._file.readline()
        for line in ("MODE READER", f"AUTHINFO USER {user}", f"AUTHINFO PASS {PASSWORD}"):
            self.say(line)

    def __enter__(self) -> Newsreader:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.say("QUIT")
        self._file.close()
        self._socket.close()

    def say(self, line: str) -> str:
        """Say a command; returns the first line of the answer."""
        self._file.write(f"{line}\r\n".encode())
        self._file.flush()
        return self._file.readline().decode("utf-8", "replace").strip()

    def block(self) -> list[bytes]:
        """Return the lines of a longer answer."""
        lines = iter(self._file.readline, b".\r\n")
        return [line[1:] if line.startswith(b".") else line for line in lines]

    def post(self, article: EmailMessage) -> str:
        """Post an article; returns the answer. It is locked, and holds the key of what it takes back (RFC 8315)."""
        article["Cancel-Lock"] = f"sha256:{_b64(hashlib.sha256(_key(article['Message-ID'])).digest())}"
        target = article["Supersedes"] or (article["Control"] or "").removeprefix("cancel ")
        if target:
            article["Cancel-Key"] = f"sha256:{_key(target).decode()}"
        answer = self.say("POST")
        assert answer.startswith("340"), answer
        data = article.as_bytes(policy=policy.SMTP)
        self._file.write((b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:])
        return self.say(".")

    def articles(self, group: str) -> dict[str, EmailMessage]:
        """Return everything that a group holds, by message id without brackets."""
        _, count, low, high, *_ = self.say(f"GROUP {group}").split()
        found = {}
        for number in range(int(low), int(high) + 1) if int(count) else ():
            if self.say(f"ARTICLE {number}").startswith("220"):
                held = message_from_bytes(b"".join(self.block()), policy=policy.default)
                found[str(held["Message-ID"]).strip("<>")] = held
        return found


def _key(message_id: str) -> bytes:
    return _b64(hashlib.sha256(f"a secret of the customers: {message_id}".encode()).digest()).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@contextmanager
def news_server() -> Iterator[NewsServer]:
    """Install what is missing, start a news server in a folder of its own, and stop it whatever happens."""
    _install()
    folder = Path(tempfile.mkdtemp(prefix="socialcrm-nntp-"))
    folder.chmod(0o755)
    server = NewsServer(folder)
    try:
        server.configure()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _install() -> None:
    if os.geteuid() != 0:
        raise RuntimeError("the news server needs root: it changes to the user news")
    missing = [name for name in ("inn2", "openssl") if not _installed(name)]
    if not missing:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], env=quiet)
    if not _installed("inn2"):
        # INN's set-up gives up where the host's name has no domain.
        conf = _DEBIAN / "inn.conf"
        text = re.sub(r"(?m)^#?domain:.*", "domain: example.test", conf.read_text())
        conf.write_text(re.sub(r"(?m)^pathhost:.*", "pathhost: news.example.test", text))
        subprocess.run(["dpkg", "--configure", "inn2"], check=True, env=quiet)


def _installed(name: str) -> bool:
    told = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], capture_output=True, text=True)
    return told.stdout == "install ok installed"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _await_port(port: int, folder: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in (folder / "log").glob("*") if path.is_file())
    raise RuntimeError(f"the news server does not answer on port {port}:\n{logs}")


def _await_silence(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return
        time.sleep(0.05)
    raise RuntimeError(f"something still answers on port {port}")
