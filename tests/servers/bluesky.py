"""A real Bluesky network on loopback: PLC, PDS and AppView of npm @atproto/dev-env, over PostgreSQL and Redis.

Invariant: when the context ends, nothing of it is left: every process is stopped by its process group, and the data lay in
temporary folders. If this process is killed, the kernel stops them. Every socket listens on loopback only, and the network's
processes can't reach beyond it. The network has no chat service, and its search finds nothing.

People are invented.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from .postgresql import postgresql

__all__ = ["Bluesky", "Person", "bluesky"]

_CACHE = Path.home() / ".cache" / "socialcrm-servers" / "bluesky"
_PACKAGE = "@atproto/dev-env@0.3.215"
"""The newest that npm gives to Node 20."""

_PORTS = ("introspect", "plc", "pds", "appview", "ozone")

_NETWORK = """
const {TestNetwork, TestPds, mockMailer} = require('@atproto/dev-env');
const port = JSON.parse(process.env.PORTS), folder = process.env.TMPDIR;
const create = TestPds.create;
let settings;
TestPds.create = given => {
  if (given.port !== port.pds) return create.call(TestPds, given);
  settings = {...given, dataDirectory: `${folder}/pds`, blobstoreDiskLocation: `${folder}/blobs`,
    plcRotationKeyK256PrivateKeyHex: '01'.repeat(32)};
  require('fs').mkdirSync(settings.dataDirectory, {recursive: true});
  return create.call(TestPds, settings);
};
(async () => {
  const network = await TestNetwork.create({
    plc: {port: port.plc},
    pds: {port: port.pds, hostname: 'localhost', enableDidDocWithSession: true},
    bsky: {port: port.appview, dbPostgresSchema: 'bsky', publicUrl: `http://localhost:${port.appview}`},
    ozone: {port: port.ozone, chatUrl: 'http://localhost:1', chatDid: 'did:example:chat',
      dbMaterializedViewRefreshIntervalMs: 3600000},
    introspect: {port: port.introspect},
  });
  mockMailer(network.pds);
  const commands = {
    settle: () => network.processAll(),
    restart: async () => {
      await network.pds.server.destroy();
      network.pds.server = (await create.call(TestPds, settings)).server;
      mockMailer(network.pds);
    },
  };
  console.log('READY');
  require('readline').createInterface({input: process.stdin}).on('line', async word => {
    try { await commands[word](); console.log('DONE'); } catch (error) { console.error(error); process.exit(1); }
  }).on('close', () => process.exit(0));
})().catch(error => { console.error(error); process.exit(1); });
"""

_LOOPBACK = """
const net = require('net'), dns = require('dns');
const own = host => !host || host === 'localhost' || host === '::1' || /^(::ffff:)?127[.]/.test(host);
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const [first] = args;
  if (first && typeof first === 'object' && !first.path && first.fd === undefined) {
    args[0] = {...first, host: '127.0.0.1'};
  } else if (first === undefined || typeof first === 'function' || /^[0-9]+$/.test(String(first))) {
    const done = args.find(one => typeof one === 'function');
    return listen.call(this, {port: Number(typeof first === 'function' ? 0 : first) || 0, host: '127.0.0.1'}, done);
  }
  return listen.apply(this, args);
};
const lookup = dns.lookup;
dns.lookup = function (host, options, done) {
  if (own(host)) return lookup.call(dns, host, options, done);
  const refused = Object.assign(new Error('not on loopback: ' + host), {code: 'ENOTFOUND'});
  process.nextTick(() => (typeof options === 'function' ? options : done)(refused));
};
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const to = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (to && typeof to === 'object' && to.host && net.isIP(to.host) && !own(to.host)) {
    process.nextTick(() => this.destroy(new Error('not on loopback: ' + to.host)));
    return this;
  }
  return connect.apply(this, args);
};
"""


@frozen(kw_only=True)
class Person:
    """An account on the network.

    Args:
        did: Its DID.
        handle: Its handle.
        password: Its password.
        token: An access token.
    """

    did: str
    handle: str
    password: str = field(repr=False)
    token: str = field(repr=False)


@define
class Bluesky:
    """A running network.

    Args:
        url: The address of the PDS, through which everything is asked.
        appview: The address of the AppView, as the public would ask it.
    """

    url: str
    appview: str
    _process: subprocess.Popen[str] = field(repr=False)

    def person(self, name: str) -> Person:
        """Make an account."""
        password, handle = f"{name}-password", f"{name}.test"
        body = {"handle": handle, "email": f"{name}@example.com", "password": password}
        made = self.call("com.atproto.server.createAccount", body)
        person = Person(did=made["did"], handle=handle, password=password, token=made["accessJwt"])
        profile = {"$type": "app.bsky.actor.profile", "displayName": name.title()}
        self.write(person, "app.bsky.actor.profile", profile, "self")
        return person

    def app_password(self, person: Person, name: str = "socialcrm") -> str:
        """Make an app password."""
        return str(self.call("com.atproto.server.createAppPassword", {"name": name}, by=person)["password"])

    def post(
        self, person: Person, text: str, *, to: Mapping[str, Any] | None = None, at: str = "", **more: Any
    ) -> dict[str, Any]:
        """Post something; returns its reference, with that of its thread's first post."""
        record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": at or _now(), **more}
        if to is not None:
            parent = {"uri": to["uri"], "cid": to["cid"]}
            record["reply"] = {"root": to.get("root", parent), "parent": parent}
        made = self.write(person, "app.bsky.feed.post", record)
        return {"uri": made["uri"], "cid": made["cid"], **({"root": record["reply"]["root"]} if to is not None else {})}

    def write(self, person: Person, collection: str, record: Mapping[str, Any], key: str = "") -> Any:
        """Write a record into somebody's repository."""
        body = {"repo": person.did, "collection": collection, "record": dict(record), **({"rkey": key} if key else {})}
        return self.call("com.atproto.repo.createRecord", body, by=person)

    def delete(self, person: Person, uri: str) -> None:
        """Delete a record of somebody's."""
        _at, _slashes, _did, collection, key = uri.split("/")
        body = {"repo": person.did, "collection": collection, "rkey": key}
        self.call("com.atproto.repo.deleteRecord", body, by=person)

    def call(self, method: str, body: Any = None, *, by: Person | None = None, **params: Any) -> Any:
        """Call a method; raises `urllib.error.HTTPError` above 399."""
        query = f"?{urllib.parse.urlencode(params, doseq=True)}" if params else ""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if by is not None:
            headers["Authorization"] = f"Bearer {by.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/xrpc/{method}{query}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if answer.headers.get_content_type() == "application/json" else content

    def settle(self) -> None:
        """Wait until the AppView has seen everything that was written."""
        self._command("settle")

    def restart(self) -> None:
        """Stop the PDS, cutting every connection, and start it again with its data."""
        self._command("restart")

    def _command(self, word: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        _expect(self._process.stdout, "DONE")


@contextlib.contextmanager
def bluesky() -> Iterator[Bluesky]:
    """Start a fresh network, hand it over, and stop it."""
    _install()
    with postgresql() as cluster, _redis() as redis:
        database = cluster.database("bsky").replace("postgresql+psycopg://", "postgresql://")
        ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        folder = Path(tempfile.mkdtemp(prefix="bluesky-"))
        try:
            with _network(folder, ports, database, redis) as process:
                url, appview = (f"http://localhost:{ports[name]}" for name in ("pds", "appview"))
                yield Bluesky(url, appview, process)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _network(folder: Path, ports: Mapping[str, int], database: str, redis: int) -> Iterator[subprocess.Popen[str]]:
    for name, source in (("network.js", _NETWORK), ("loopback.js", _LOOPBACK)):
        (folder / name).write_text(source, encoding="utf-8")
    environment = {
        **os.environ, "PORTS": json.dumps(ports), "DB_POSTGRES_URL": database, "DB_POSTGRES_SCHEMA": "network",
        "REDIS_HOST": f"127.0.0.1:{redis}", "LOG_ENABLED": "false", "NODE_PATH": str(_CACHE / "node_modules"),
        "TMPDIR": str(folder),
    }  # fmt: skip
    command = ("setpriv", "--pdeathsig", "KILL", "node", "-r", str(folder / "loopback.js"), str(folder / "network.js"))
    pipe = subprocess.PIPE
    with (folder / "network.log").open("w") as log:
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=log, text=True, cwd=folder, env=environment, start_new_session=True
        )
    try:
        assert process.stdout is not None
        _expect(process.stdout, "READY", lambda: (folder / "network.log").read_text(errors="replace"))
        yield process
    finally:
        _stop(process)


@contextlib.contextmanager
def _redis() -> Iterator[int]:
    (port,) = _free_ports(1)
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    folder = tempfile.mkdtemp(prefix="redis-")
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command, "--dir", folder], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 30
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Redis did not start")
            time.sleep(0.05)
        yield port
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _install() -> None:
    """Install Node's packages into a cache, and Redis; scripts of packages are not run, they would load binaries from afar."""
    if shutil.which("redis-server") is None or shutil.which("npm") is None or shutil.which("make") is None:
        apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*apt, "update"], check=True, env=quiet, stdout=subprocess.DEVNULL)
        wanted = ["redis-server", "make", "g++", "python3", *([] if shutil.which("npm") else ["nodejs", "npm", "libnode-dev"])]
        command = [*apt, "install", "-y", "--no-install-recommends", *wanted]
        subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)
    if (_CACHE / "ready").exists():
        return
    _CACHE.mkdir(parents=True, exist_ok=True)
    (_CACHE / "package.json").write_text('{"name": "socialcrm-bluesky", "private": true, "version": "1.0.0"}\n')
    npm: list[str] = ["npm", "--no-audit", "--no-fund", "--silent"]
    subprocess.run([*npm, "install", "--ignore-scripts", _PACKAGE], check=True, cwd=_CACHE, stdout=subprocess.DEVNULL)
    node = Path(shutil.which("node") or "/usr/bin/node").resolve()
    # Node's headers lie beside it (include/node); with them nothing has to be downloaded to build the SQLite binding.
    build = {**os.environ, "npm_config_nodedir": str(node.parents[1])}
    rebuild = [*npm, "rebuild", "better-sqlite3", "--build-from-source"]
    subprocess.run(rebuild, check=True, cwd=_CACHE, env=build, stdout=subprocess.DEVNULL)
    (_CACHE / "ready").touch()


def _expect(lines: Any, word: str, log: Callable[[], str] = str) -> None:
    for line in lines:
        if line.strip() == word:
            return
    raise RuntimeError(f"the network ended before it said {word}: {log()[-2000:]}")


def _stop(process: subprocess.Popen[Any]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            break
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime()) + f"{time.time_ns() // 1_000_000 % 1000:03}Z"
