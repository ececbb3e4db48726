"""A real PostgreSQL on loopback: a cluster of its own in a temporary folder.

Invariant: when the context ends, nothing of it is left: the server is stopped, and its data lay in a temporary folder. If this
process is killed, the kernel stops the server. Whoever can reach the port of loopback may connect, so nothing but tests
belongs into it; what is written survives the end of a client, not a power cut.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

__all__ = ["PostgreSQL", "postgresql"]

_HOMES = Path("/usr/lib/postgresql")
_OWNER = "postgres"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
}


@frozen(kw_only=True)
class PostgreSQL:
    """A running cluster.

    Args:
        port: Where it listens.
        binaries: Where its programs are.
    """

    port: int
    binaries: Path

    def database(self, name: str) -> str:
        """Make an empty database and return its address."""
        subprocess.run([self.binaries / "createdb", *self._where, name], check=True, capture_output=True)
        return f"postgresql+psycopg://{_OWNER}@127.0.0.1:{self.port}/{name}"

    def sql(self, database: str, statement: str) -> str:
        """Run a statement with PostgreSQL's own client and return what it printed."""
        command: list[str | Path] = [
            self.binaries / "psql",
            *self._where,
            "-d",
            database,
            "-AtXq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    @property
    def _where(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", _OWNER)


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Start a fresh cluster, hand it over, and stop it."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        as_owner = _privileges(folder)
        data = folder / "data"
        init: list[str | Path] = [
            *as_owner,
            binaries / "initdb",
            "-D",
            data,
            "-U",
            _OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        port = _free_port()
        options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [*as_owner, binaries / "postgres", "-D", data, "-p", str(port), "-k", folder, *options]
        log = folder / "postgresql.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, start_new_session=True)
        try:
            _wait(binaries, port, process, log)
            yield PostgreSQL(port=port, binaries=binaries)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = sorted(_HOMES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*apt, "update"], check=True, env=quiet, stdout=subprocess.DEVNULL)
        install = [*apt, "install", "-y", "--no-install-recommends", "postgresql"]
        subprocess.run(install, check=True, env=quiet, stdout=subprocess.DEVNULL)
        found = sorted(_HOMES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent


def _privileges(folder: Path) -> tuple[str, ...]:
    """Return the command that runs as the owner of the cluster: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return ("setpriv", "--pdeathsig", "QUIT")
    shutil.chown(folder, _OWNER, _OWNER)
    return ("setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--clear-groups", "--pdeathsig", "QUIT")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(binaries: Path, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ready: list[str | Path] = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + 60
    while subprocess.run(ready).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast shutdown, then immediate, then none at all
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
            return
