"""A real mail server on loopback: OpenSMTPD hands mail by LMTP to Dovecot, which serves IMAP and takes submissions.

Everybody has a mailbox: ``USER@mail.example.test``, log-in name ``USER``, password `PASSWORD`. Dovecot speaks TLS with a
certificate of the harness's own authority; it also takes the submissions, because the TLS of Debian 12's OpenSMTPD fails
with every key. Needs root, and Debian's packages, which are installed if they are missing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

__all__ = ["DOMAIN", "PASSWORD", "MailServer", "mail_server"]

DOMAIN = "mail.example.test"
PASSWORD = "correct-horse"
_PACKAGES = ("dovecot-imapd", "dovecot-lmtpd", "dovecot-submissiond", "opensmtpd")
_USER = "socialcrm-mail-test"

_DOVECOT = """
base_dir = {d}/run
state_dir = {d}/run
log_path = {d}/dovecot.log
protocols = imap lmtp submission
hostname = {domain}
submission_relay_host = 127.0.0.1
submission_relay_port = {smtp}
listen = 127.0.0.1
ssl = yes
ssl_cert = <{d}/cert.pem
ssl_key = <{d}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Ln
mail_location = maildir:{d}/mail/%n
mail_uid = {user}
mail_gid = {user}
first_valid_uid = 100
default_internal_user = dovecot
default_login_user = dovenull
mail_max_userip_connections = 50
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={user} home={d}/mail/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    address = 127.0.0.1
    port = {submission}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
"""

_SMTPD = """
table everybody {{ "@" = "{user}" }}
queue ttl 1h
listen on 127.0.0.1 port {smtp} hostname {domain}
action "in" lmtp "127.0.0.1:{lmtp}" rcpt-to virtual <everybody>
match from any for domain "{domain}" action "in"
match from any for any reject
"""


class MailServer:
    """A running server.

    Attributes:
        smtp: The port where anybody hands in mail, in clear.
        submission: The port with STARTTLS, where one has to log in.
        imap: The port for IMAP in clear and with STARTTLS.
        imaps: The port for IMAP in TLS.
        folder: Where its data lies.
        log: Dovecot's log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "dovecot.log"
        self.smtp, self.submission, self.imap, self.imaps, self.lmtp = _free_ports(5)
        self._authority = trustme.CA()
        self._running: list[subprocess.Popen[bytes]] = []

    def trust(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the server's certificate."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def start(self) -> None:
        """Start both servers and wait until they answer."""
        self._running.append(subprocess.Popen(["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]))
        with (self.folder / "smtpd.log").open("ab") as log:
            command = ["smtpd", "-d", "-f", str(self.folder / "smtpd.conf")]
            self._running.append(subprocess.Popen(command, stdout=log, stderr=log))
        for port in (self.imap, self.imaps, self.lmtp, self.smtp, self.submission):
            _await_port(port, self.folder)

    def stop(self) -> None:
        """Stop both servers; what they stored stays."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)
        self._running.clear()
        for port in (self.imap, self.imaps, self.lmtp, self.smtp, self.submission):
            _await_silence(port)

    def configure(self) -> None:
        """Write the configuration, the certificate and the accounts."""
        certificate = self._authority.issue_cert("localhost", "127.0.0.1", DOMAIN)
        certificate.private_key_pem.write_to_path(self.folder / "key.pem")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(self.folder / "cert.pem", append=True)
        (self.folder / "key.pem").chmod(0o600)
        names = {
            "d": self.folder,
            "user": _USER,
            "domain": DOMAIN,
            "password": PASSWORD,
            "smtp": self.smtp,
            "submission": self.submission,
            "imap": self.imap,
            "imaps": self.imaps,
            "lmtp": self.lmtp,
        }
        (self.folder / "dovecot.conf").write_text(_DOVECOT.format(**names))
        (self.folder / "smtpd.conf").write_text(_SMTPD.format(**names))
        (self.folder / "smtpd.conf").chmod(0o600)
        for name in ("run", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "mail", _USER, _USER)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Install what is missing, start a mail server in a folder of its own, and stop it whatever happens."""
    with _alone():
        _install()
        folder = Path(tempfile.mkdtemp(prefix="socialcrm-mail-"))
        folder.chmod(0o755)
        server = MailServer(folder)
        try:
            server.configure()
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process runs a mail server: OpenSMTPD has one control socket for a whole machine."""
    with (Path(tempfile.gettempdir()) / "socialcrm-mail.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install() -> None:
    if os.geteuid() != 0:
        raise RuntimeError("the mail server needs root: it changes to users of its own")
    missing = [name for name in _PACKAGES if subprocess.run(["dpkg", "-s", name], capture_output=True).returncode]
    if missing:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "-q", "--no-install-recommends", *missing],
            check=True,
            env=quiet,
        )
    if subprocess.run(["id", _USER], capture_output=True).returncode:
        subprocess.run(["useradd", "-r", "-M", "-d", "/nonexistent", "-s", "/usr/sbin/nologin", _USER], check=True)


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
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.glob("*.log"))
    raise RuntimeError(f"the mail server does not answer on port {port}:\n{logs}")


def _await_silence(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return
        time.sleep(0.05)
    raise RuntimeError(f"something still answers on port {port}")
