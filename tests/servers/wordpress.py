"""A real WordPress on loopback: Debian's WordPress and MariaDB, served by PHP's own web server.

Invariant: when the context ends, nothing of it is left: every process is stopped by its process group, and the data lay in a
temporary folder. If this process is killed, the kernel stops them; PHP runs without worker processes, which would outlive it.
Nothing leaves the machine: outgoing HTTP, mail, updates and cron are switched off, and both servers only listen here.

People and addresses are invented (example.com).
"""

from __future__ import annotations

import base64
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
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

__all__ = ["WordPress", "wordpress"]

_PACKAGES = ("wordpress", "mariadb-server", "php-cli", "php-mysql", "php-mbstring", "php-xml")
_SOURCE = Path("/usr/share/wordpress")
_MARIADB = (
    "mariadbd",
    "--no-defaults",
    "--skip-networking",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
)

_CONFIG = """<?php
define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_HOME', '{url}'); define('WP_SITEURL', '{url}');
define('WP_ENVIRONMENT_TYPE', 'local');
define('WP_HTTP_BLOCK_EXTERNAL', true); define('AUTOMATIC_UPDATER_DISABLED', true); define('DISABLE_WP_CRON', true);
define('WP_DEBUG', false);
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT',
  'NONCE_SALT'] as $name) define($name, "only for tests: $name");
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""

_PLUGIN = """<?php
add_filter('pre_wp_mail', '__return_true');
add_filter('rest_allow_anonymous_comments', '__return_true');
add_filter('wp_is_comment_flood', fn($flood) => get_option('test_flood') ? $flood : false, 99);
"""

_ROUTER = """<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path !== '/' && is_file('{root}' . $path)) return false;
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = '{root}/index.php';
chdir('{root}');
require '{root}/index.php';
"""

_INSTALL = """
wp_install('Example blog', 'admin', 'admin@example.com', true, '', 'admin-password');
foreach (['permalink_structure' => '/%postname%/', 'comment_moderation' => 0, 'comment_previously_approved' => 0,
  'comments_notify' => 0, 'moderation_notify' => 0] as $name => $value) update_option($name, $value);
wp_delete_comment(1, true);
$users = ['admin' => get_user_by('login', 'admin')->ID];
foreach (['editor', 'author', 'subscriber'] as $role)
  $users[$role] = wp_insert_user(['user_login' => $role, 'user_pass' => "$role-password", 'user_email' => "$role@example.com",
    'display_name' => ucfirst($role), 'role' => $role]);
$passwords = [];
foreach ($users as $name => $id)
  $passwords[$name] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'socialcrm'])[0];
flush_rewrite_rules();
echo json_encode(['users' => $users, 'passwords' => $passwords]);
"""


@frozen(kw_only=True)
class WordPress:
    """A running blog with the users ``admin``, ``editor``, ``author`` and ``subscriber``, and one post, number 1.

    Args:
        url: Its address.
        root: Where its files lie.
        users: Their ids, by name.
        passwords: Their application passwords, by name.
    """

    url: str
    root: Path
    users: Mapping[str, int]
    passwords: Mapping[str, str] = field(repr=False)

    def api(self, method: str, route: str, body: Mapping[str, Any] | None = None, *, user: str = "admin") -> Any:
        """Call the REST API as somebody, or as a visitor with ``user=""``; raises `urllib.error.HTTPError` above 399."""
        headers = {"Content-Type": "application/json"}
        if user:
            pair = f"{user}:{self.passwords[user]}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/wp-json/wp/v2{route}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def comment(self, text: str, *, name: str = "", user: str = "", post: int = 1, **fields: Any) -> int:
        """Comment as a visitor (``name``) or as a user; returns the comment's id."""
        body = {"post": post, "content": text, **fields}
        if name:
            body |= {"author_name": name, "author_email": f"{name.lower()}@example.com"}
        return int(self.api("POST", "/comments", body, user=user)["id"])

    def php(self, code: str, *, installing: bool = False) -> str:
        """Run PHP inside WordPress and return what it printed."""
        prelude = [
            "error_reporting(E_ERROR);",
            "define('WP_INSTALLING', true);" if installing else "",
            f"$_SERVER['HTTP_HOST'] = '{self.url.removeprefix('http://')}'; $_SERVER['REQUEST_URI'] = '/';",
            f"require '{self.root}/wp-load.php'; require_once ABSPATH . 'wp-admin/includes/upgrade.php';",
        ]
        done = subprocess.run(["php", "-r", "".join(prelude) + code], capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"PHP failed: {done.stdout}{done.stderr}")
        return done.stdout


@contextlib.contextmanager
def wordpress() -> Iterator[WordPress]:
    """Start a fresh blog, hand it over, and stop it."""
    _install_packages()
    folder = Path(tempfile.mkdtemp(prefix="wordpress-"))
    folder.chmod(0o755)
    try:
        with _database(folder) as unix_socket, _free_port() as port:
            url = f"http://127.0.0.1:{port}"
            root = _files(folder, url, unix_socket)
            bare = WordPress(url=url, root=root, users={}, passwords={})
            made = json.loads(bare.php(_INSTALL, installing=True).splitlines()[-1])
            command = (
                "php",
                "-d",
                "opcache.enable_cli=1",
                "-S",
                f"127.0.0.1:{port}",
                "-t",
                str(root),
                str(folder / "router.php"),
            )
            with _process(command, folder / "php.log") as server:
                _wait(lambda: _answers(port), server, folder / "php.log")
                yield WordPress(url=url, root=root, **made)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install_packages() -> None:
    query = subprocess.run(["dpkg-query", "-W", "-f", "${Status}\n", *_PACKAGES], capture_output=True, text=True)
    if query.stdout.count("install ok installed") == len(_PACKAGES):
        return
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], check=True, env=environment, stdout=subprocess.DEVNULL)
    subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", *_PACKAGES], check=True, env=environment, stdout=subprocess.DEVNULL
    )


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[Path]:
    data, unix_socket, log = folder / "db", folder / "my.sock", folder / "mariadb.log"
    as_user: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    if os.geteuid() == 0:  # MariaDB refuses to run as root
        as_user, owner = ("--reuid=mysql", "--regid=mysql", "--clear-groups"), ("--user=mysql",)
    install = ("mariadb-install-db", "--no-defaults", *owner, f"--datadir={data}", "--auth-root-authentication-method=normal")
    subprocess.run([*install, "--skip-test-db"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if as_user:
        shutil.chown(folder, "mysql")
    with _process((*_MARIADB, f"--datadir={data}", f"--socket={unix_socket}"), log, *as_user) as server:
        _wait(unix_socket.exists, server, log)
        subprocess.run(
            ["mariadb", "--no-defaults", "-uroot", "-S", str(unix_socket), "-e", "create database wp"],
            check=True,
            capture_output=True,
        )
        yield unix_socket


def _files(folder: Path, url: str, unix_socket: Path) -> Path:
    root = folder / "wp"
    shutil.copytree(_SOURCE, root, ignore=shutil.ignore_patterns(".htaccess", "languages", "wp-config.php"))
    (root / "wp-config.php").write_text(_CONFIG.replace("{socket}", str(unix_socket)).replace("{url}", url))
    plugins = root / "wp-content" / "mu-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    (plugins / "test.php").write_text(_PLUGIN)
    (folder / "router.php").write_text(_ROUTER.replace("{root}", str(root)))
    return root


@contextlib.contextmanager
def _process(command: tuple[str, ...], log: Path, *privileges: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        command = ("setpriv", "--pdeathsig", "KILL", *privileges, *command)
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process
        finally:
            for how, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience)
                    break


@contextlib.contextmanager
def _free_port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    yield port


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/wp-json/", timeout=30) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False


def _wait(ready: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
