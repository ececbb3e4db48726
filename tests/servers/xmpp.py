"""Real XMPP servers on loopback: Prosody and ejabberd, both from Debian, and a client that knows nothing of socialcrm.

Everybody registers in-band. Rooms come into being when somebody enters, are public and open, and keep archives, as accounts do.
Needs root (each server runs as its own user) and Debian's packages, which are installed if they are missing.
"""

from __future__ import annotations

import base64
import itertools
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from glob import glob
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, XMLPullParser

import trustme

__all__ = ["DOMAIN", "PASSWORD", "ROOMS", "Client", "XmppServer", "ejabberd", "prosody"]

DOMAIN, ROOMS = "localhost", "rooms.localhost"
PASSWORD = "correct-horse & <battery>"

_PROSODY = """
run_as_root = false
pidfile = "{d}/prosody.pid"
data_path = "{d}/data"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ {tls} }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "register", "mam", "carbons", "vcard_legacy", "posix" }}
modules_disabled = {{ "s2s" }}
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
storage = "internal"
archive_expires_after = "never"
certificates = "{d}"
ssl = {{ certificate = "{d}/cert.pem"; key = "{d}/key.pem" }}
c2s_direct_tls_ssl = {{ certificate = "{d}/cert.pem"; key = "{d}/key.pem" }}
log = {{ info = "{d}/server.log" }}
VirtualHost "localhost"
Component "rooms.localhost" "muc"
  modules_enabled = {{ "muc_mam" }}
  restrict_room_creation = false
  muc_room_locking = false
  muc_room_default_persistent = true
  muc_room_default_public = true
  muc_log_by_default = true
"""

_EJABBERD = """
hosts: [localhost]
loglevel: info
log_rotate_count: 0
auth_method: internal
auth_password_format: scram
registration_timeout: infinity
certfiles: ["{d}/both.pem"]
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 262144, shaper: none, access: all, starttls: true}}
  - {{port: {tls}, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 262144, shaper: none, access: all, tls: true}}
acl: {{loopback: {{ip: [127.0.0.0/8]}}}}
access_rules: {{trusted_network: {{allow: loopback}}}}
modules:
  mod_adhoc: {{}}
  mod_carboncopy: {{}}
  mod_disco: {{}}
  mod_mam: {{default: always, db_type: mnesia, compress_xml: false}}
  mod_muc:
    host: rooms.localhost
    max_user_conferences: 1000
    default_room_options: {{mam: true, persistent: true, public: true, members_only: false}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_register: {{ip_access: trusted_network, password_strength: 0}}
  mod_roster: {{}}
  mod_stream_mgmt: {{}}
  mod_vcard: {{search: false}}
"""


class XmppServer:
    """A running server.

    Attributes:
        name: ``prosody`` or ``ejabberd``.
        port: Where clients connect in clear and with STARTTLS.
        tls: Where they connect with TLS.
        folder: Where its data lies.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.port, self.tls = _free_ports(2)
        self._authority = trustme.CA()
        self._running: subprocess.Popen[bytes] | None = None

    def trust(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the server's certificate."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def configure(self) -> None:
        """Write the configuration and the certificate, for the server's own user."""
        # ejabberd waits with a timer of Erlang's for the end of a certificate, and takes none that is valid for centuries
        soon = datetime.now(UTC) + timedelta(days=30)
        certificate = self._authority.issue_cert("localhost", "127.0.0.1", ROOMS, not_after=soon)
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        (self.folder / "cert.pem").write_bytes(chain)
        (self.folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
        (self.folder / "both.pem").write_bytes(certificate.private_key_pem.bytes() + chain)
        words = _PROSODY if self.name == "prosody" else _EJABBERD
        told = words.format(d=self.folder, port=self.port, tls=self.tls)
        (self.folder / ("prosody.cfg.lua" if self.name == "prosody" else "ejabberd.yml")).write_text(told)
        for name in ("data", "db", "log"):
            (self.folder / name).mkdir()
        subprocess.run(["chown", "-R", f"{self.name}:{self.name}", str(self.folder)], check=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        run = ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--clear-groups"]
        environ = {**os.environ, "HOME": str(self.folder)}
        if self.name == "prosody":
            command = [*run, "prosody", "--config", str(self.folder / "prosody.cfg.lua"), "-F"]
        else:
            beams = sorted(glob("/usr/lib/*/ejabberd*/ebin") + glob("/usr/lib/ejabberd*/ebin"))
            environ |= {
                "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(self.folder / "log" / "ejabberd.log"),
                "SPOOL_DIR": str(self.folder / "db"),
                "LOGS_DIR": str(self.folder / "log"),
            }
            # Without a node name there is no distribution: neither epmd nor an Erlang port.
            command = [*run, "erl", "-noinput", "-pa", beams[0], "-mnesia", "dir", f'"{self.folder}/db"', "-s", "ejabberd"]
        with (self.folder / "out.log").open("ab") as out:
            self._running = subprocess.Popen(
                command, cwd=self.folder, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        _until(lambda: _answers(self.port) and _answers(self.tls), f"{self.name} does not answer", self.folder)

    def stop(self) -> None:
        """Stop it; what it stored stays."""
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(20)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait(20)
        self._running = None
        _until(lambda: not _answers(self.port), "something still answers", self.folder)

    def client(self, user: str) -> Client:
        """Return a connected client of an account, which is made if need be."""
        with Client(self.port) as new:
            new.register(user)
        client = Client(self.port)
        client.log_in(user)
        return client


class Client:
    """Somebody's client: connected to a server in clear."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), 20)
        self._numbers = itertools.count(1)
        self.user = ""
        self._begin()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye."""
        with suppress(OSError):
            self._line.sendall(b"</stream:stream>")
            self._line.close()

    def _begin(self) -> None:
        self._parser, self._depth, self._ready = XMLPullParser(["start", "end"]), 0, list[Element]()
        head = f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
        self.send(head + "xmlns:stream='http://etherx.jabber.org/streams'>")
        self.take(lambda one: one.tag.endswith("features"))

    def send(self, xml: str) -> None:
        """Send as it is."""
        self._line.sendall(xml.encode())

    def take(self, wanted: Callable[[Element], bool]) -> Element:
        """Return the first element that is wanted; what comes before is dropped."""
        while True:
            while self._ready:
                found = self._ready.pop(0)
                if wanted(found):
                    return found
            data = self._line.recv(65536)
            assert data, f"the server hung up on {self.user}"
            self._parser.feed(data)
            for event, element in self._parser.read_events():
                self._depth += 1 if event == "start" else -1
                if event == "end" and self._depth == 1:
                    self._ready.append(element)  # type: ignore[arg-type]  # these events bring elements

    def ask(self, payload: str, to: str = "", kind: str = "set", collect: list[Element] | None = None) -> Element:
        """Ask, and return the answer."""
        key = f"c{next(self._numbers)}"
        address = f" to='{to}'" if to else ""
        self.send(f"<iq type='{kind}' id='{key}'{address}>{payload}</iq>")

        def wanted(one: Element) -> bool:
            if collect is not None and one.tag.endswith("}message"):
                collect.append(one)
            return one.tag.endswith("}iq") and one.get("id") == key

        return self.take(wanted)

    def register(self, user: str) -> None:
        """Make an account, if there is none."""
        secret = PASSWORD.replace("&", "&amp;").replace("<", "&lt;")
        self.ask(f"<query xmlns='jabber:iq:register'><username>{user}</username><password>{secret}</password></query>")

    def log_in(self, user: str) -> None:
        """Log in, and be there."""
        words = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{words}</auth>")
        found = self.take(lambda one: "xmpp-sasl" in one.tag)
        assert found.tag.endswith("success"), f"{user}: {found.tag}"
        self._begin()
        self.ask("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
        self.user = user
        self.send("<presence/>")

    def enter(self, room: str, nick: str = "") -> None:
        """Enter a room."""
        self.send(f"<presence to='{room}/{nick or self.user}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        found = self.take(lambda one: one.tag.endswith("presence") and one.get("from", "") == f"{room}/{nick or self.user}")
        assert found.get("type") is None, found.get("type")
        # A new room may be held back until its maker is content with it.
        if any(status.get("code") == "201" for status in found.iter("{http://jabber.org/protocol/muc#user}status")):
            self.ask(
                "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>", room
            )

    def say(self, to: str, text: str, key: str, inner: str = "", kind: str = "chat", *, wait: bool = True) -> None:
        """Say something to somebody, or in a room; returns when the server has processed it, unless told not to wait."""
        words = text.replace("&", "&amp;").replace("<", "&lt;")
        body = f"<body>{words}</body>" if text else ""
        self.send(f"<message to='{to}' type='{kind}' id='{key}'>{body}{inner}<store xmlns='urn:xmpp:hints'/></message>")
        if wait:
            self.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", to if kind == "groupchat" else DOMAIN, "get")

    def archive(self, of: str = "") -> list[tuple[str, Element]]:
        """Return a whole archive as the server tells it: ids and messages."""
        found: list[tuple[str, Element]] = []
        while True:
            after = f"<after>{found[-1][0]}</after>" if found else ""
            page: list[Element] = []
            rsm = f"<set xmlns='http://jabber.org/protocol/rsm'><max>40</max>{after}</set>"
            self.ask(f"<query xmlns='urn:xmpp:mam:2'>{rsm}</query>", of, collect=page)
            results = [one for message in page if (one := message.find("{urn:xmpp:mam:2}result")) is not None]
            if not results:
                return found
            found += [(one.get("id", ""), one[0].find("{jabber:client}message")) for one in results]  # type: ignore[misc]  # they hold one


@contextmanager
def _server(name: str) -> Iterator[XmppServer]:
    _install(name)
    folder = Path(tempfile.mkdtemp(prefix=f"socialcrm-{name}-"))
    folder.chmod(0o755)
    server = XmppServer(name, folder)
    try:
        server.configure()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def prosody() -> Any:
    """Install what is missing, start Prosody in a folder of its own, and stop it whatever happens (a context manager)."""
    return _server("prosody")


def ejabberd() -> Any:
    """Install what is missing, start ejabberd in a folder of its own, and stop it whatever happens (a context manager)."""
    return _server("ejabberd")


def _install(name: str) -> None:
    if os.geteuid() != 0:
        raise RuntimeError(f"{name} needs root: it runs as a user of its own")
    if subprocess.run(["dpkg", "-s", name], capture_output=True).returncode:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "-q", "--no-install-recommends", name],
            check=True,
            env=quiet,
        )


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
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _until(ready: Callable[[], bool], why: str, folder: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.rglob("*.log"))
            raise RuntimeError(f"{why}:\n{logs}")
        time.sleep(0.05)
