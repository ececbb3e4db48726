"""Real IRC servers on loopback: ngIRCd (no IRCv3 to speak of) and InspIRCd 3 (message ids, times, echoes, labels, playback).

Each runs in a temporary folder, on a free port of loopback, as the user ``irc`` of Debian's packages, which are installed
if they are missing. Needs root. `Guest` is another person's client: its screen is what the server showed to it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["KINDS", "Guest", "IrcServer", "irc_server"]

KINDS = ("ngircd", "inspircd")

_NGIRCD = """
[Global]
Name = irc.example.test
Info = test
Listen = 127.0.0.1
Ports = {port}
ServerUID = irc
ServerGID = irc
MotdPhrase = hello
AdminInfo1 = test
AdminEMail = test@example.test
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 30
MaxPenaltyTime = 0
PingTimeout = 120
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = user
[Operator]
Name = op
Password = operator
[Channel]
Name = #support
Topic = help
Modes = tn
"""

_INSPIRCD = """
<server name="irc2.example.test" description="test" network="Test">
<admin name="test" nick="test" email="test@example.test">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="main" allow="*" timeout="60" pingfreq="120" hardsendq="1M" softsendq="64K" recvq="64K" threshold="1000"
 commandrate="1000000" fakelag="no" localmax="1000" globalmax="1000" resolvehostnames="no" useident="no">
<class name="S" commands="*"><type name="NetAdmin" classes="S" host="test.local">
<oper name="op" password="operator" host="*@*" type="NetAdmin">
<pid file="{d}/inspircd.pid"><options defaultmodes="not"><performance quietbursts="yes"><security maxtargets="20">
<limits maxnick="30" maxchan="64" maxmodes="20" maxident="20" maxquit="255" maxtopic="307" maxkick="255" maxreal="128">
<module name="cap"><module name="ircv3"><module name="ircv3_servertime"><module name="ircv3_ctctags">
<module name="ircv3_msgid"><module name="ircv3_echomessage"><module name="ircv3_batch"><module name="ircv3_labeledresponse">
<module name="ircv3_accounttag"><module name="ircv3_chghost"><module name="chanhistory"><chanhistory maxlines="50">
<module name="namesx">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{d}/ircd.log">
<path configdir="{d}" datadir="{d}" logdir="{d}">
"""


class IrcServer:
    """A server that can be started and stopped.

    Attributes:
        kind: One of `KINDS`.
        port: Where it listens.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder, self.port = kind, folder, _free_port()
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        config = self.folder / "server.conf"
        config.write_text((_NGIRCD if self.kind == "ngircd" else _INSPIRCD).format(port=self.port, d=self.folder))
        for path in (self.folder, config):
            shutil.chown(path, "irc", "irc")
        command = ["ngircd", "-n", "-f", str(config)]
        if self.kind == "inspircd":
            user = ["setpriv", "--reuid=irc", "--regid=irc", "--clear-groups"]
            command = [*user, "inspircd", "--nofork", "--nolog", f"--config={config}"]
        with (self.folder / "output.log").open("ab") as log:
            self._running = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.kind} does not answer:\n{(self.folder / 'output.log').read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Stop it; channels and what was said are gone."""
        if self._running is not None:
            self._running.terminate()
            try:
                self._running.wait(15)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait(15)
            self._running = None


class Guest:
    """Somebody else on the server, with a client of their own.

    Attributes:
        screen: What the server showed, line by line, as text.
    """

    def __init__(self, server: IrcServer, nick: str, room: str = "#support") -> None:
        self.nick, self.room, self.screen = nick, room, list[str]()
        self._line = socket.create_connection(("127.0.0.1", server.port), 10)
        self._line.settimeout(None)
        self._number = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.write(f"NICK {nick}", f"USER {nick.lower()[:9]} 0 * :{nick}")
        self.await_line(" 376 ", " 422 ")
        if room:
            self.write(f"JOIN {room}")
            self.await_line(" 366 ")

    def write(self, *lines: str) -> None:
        """Send raw lines."""
        self._line.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def say(self, *texts: str, to: str = "") -> None:
        """Write, and return when the server has taken it."""
        self.write(*(f"PRIVMSG {to or self.room} :{text}" for text in texts))
        self.settle()

    def settle(self) -> None:
        """Return when the server has done what was sent so far."""
        self._number += 1
        self.write(f"PING settle{self._number}")
        self.await_line(f"settle{self._number}")

    def await_line(self, *pieces: str, seconds: float = 30) -> None:
        """Wait until a line with one of these pieces was shown."""
        self.until(lambda: any(piece in line for line in self.screen for piece in pieces), f"{pieces}", seconds)

    def until(self, ready: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Wait for something."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.nick} waited in vain for {what}; the screen ends with {self.screen[-5:]}")
            time.sleep(0.01)

    def shown(self, text: str) -> int:
        """Return how often a text was shown as the end of what somebody said."""
        return sum(" PRIVMSG " in line and line.endswith(text) for line in self.screen)

    def close(self) -> None:
        """Leave."""
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()
        self._reader.join(10)

    def _read(self) -> None:
        rest = b""
        with suppress(OSError):
            while data := self._line.recv(65536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    text = line.rstrip(b"\r").decode("utf-8", "replace")
                    self.screen.append(text)
                    if text.startswith("PING"):
                        self.write(f"PONG {text.partition(' ')[2]}")


@contextmanager
def irc_server(kind: str) -> Iterator[IrcServer]:
    """Install what is missing, start a server in a folder of its own, and stop it whatever happens."""
    _install(kind)
    folder = Path(tempfile.mkdtemp(prefix=f"socialcrm-{kind}-"))
    server = IrcServer(kind, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _install(kind: str) -> None:
    if os.geteuid() != 0:
        raise RuntimeError("the IRC servers need root: they change to a user of their own")
    if subprocess.run(["dpkg", "-s", kind], capture_output=True).returncode:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "-q", "--no-install-recommends", kind]
        if subprocess.run(command, env=quiet).returncode:
            subprocess.run(["apt-get", "update", "-q"], check=True, env=quiet)
            subprocess.run(command, check=True, env=quiet)


def _free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        port: int = each.getsockname()[1]
        return port
