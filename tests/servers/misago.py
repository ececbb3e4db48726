"""A real Misago forum on loopback: Misago 0.39 from the Python package index, on a PostgreSQL cluster of its own.

Invariant: when the context ends, nothing of it is left: every process is stopped by its process group, and the data lay in a
temporary folder; only the environment with Misago's packages is kept in the cache. If this process is killed, the kernel stops
the others. Avatars are drawn by the forum itself, so that nothing leaves the machine. People and addresses are invented.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import Factory, define, field

from .postgresql import postgresql

__all__ = ["ACCOUNTS", "Misago", "Visitor", "misago"]

_PACKAGES = ("misago==0.39.6", "setuptools<80")
_CACHE = Path("~/.cache/socialcrm-servers/misago").expanduser()

ACCOUNTS: Mapping[str, str] = {
    "admin": "password-of-admin",
    "Acme": "password-of-acme",
    "Mara": "password-of-mara",
    "Jonas": "password-of-jonas",
}
"""Who is there, with their passwords: ``admin`` may do everything, the others are members."""

_SETTINGS = """
from misago.settings import *
SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "NAME": "misago", "USER": "postgres", "PASSWORD": "",
    "HOST": "127.0.0.1", "PORT": {port}}}}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LANGUAGE_CODE, TIME_ZONE, USE_I18N, USE_TZ = "en-us", "UTC", True, True
STATIC_URL, MEDIA_URL = "/static/", "/media/"
STATIC_ROOT, MEDIA_ROOT, MISAGO_USER_DATA_DOWNLOADS_WORKING_DIR = "{folder}/static", "{folder}/media", "{folder}/userdata"
EMAIL_BACKEND, DEFAULT_FROM_EMAIL = "django.core.mail.backends.dummy.EmailBackend", "forum@example.com"
AUTH_USER_MODEL, AUTHENTICATION_BACKENDS = "misago_users.User", ["misago.users.authbackends.MisagoBackend"]
CSRF_FAILURE_VIEW = "misago.core.errorpages.csrf_failure"
LOGIN_REDIRECT_URL, LOGIN_URL, LOGOUT_URL = "misago:index", "misago:login", "misago:logout"
MIDDLEWARE = [
    "misago.users.middleware.RealIPMiddleware", "misago.core.middleware.FrontendContextMiddleware",
    "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
    "misago.cache.middleware.cache_versions_middleware", "misago.conf.middleware.dynamic_settings_middleware",
    "misago.socialauth.middleware.socialauth_providers_middleware", "misago.users.middleware.UserMiddleware",
    "misago.acl.middleware.user_acl_middleware", "misago.core.middleware.ExceptionHandlerMiddleware",
    "misago.users.middleware.OnlineTrackerMiddleware", "misago.admin.middleware.AdminAuthMiddleware",
    "misago.threads.middleware.UnreadThreadsCountMiddleware",
]
ROOT_URLCONF = "site_.urls"
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "APP_DIRS": True,
    "OPTIONS": {{"context_processors": TEMPLATE_CONTEXT_PROCESSORS}}}}]
REST_FRAMEWORK = {{"DEFAULT_PERMISSION_CLASSES": ["misago.core.rest_permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "misago.core.exceptionhandler.handle_api_exception",
    "UNAUTHENTICATED_USER": "misago.users.models.AnonymousUser", "URL_FORMAT_OVERRIDE": None}}
CELERY_BROKER_URL, CELERY_TASK_ALWAYS_EAGER = "memory://", True
MISAGO_SEARCH_CONFIG, MISAGO_AVATARS_SIZES = "simple", [400, 200, 100]
SOCIAL_AUTH_STRATEGY = "misago.socialauth.strategy.MisagoStrategy"
LOGGING = {{"version": 1, "disable_existing_loggers": False}}
"""

_URLS = """
import os
from misago.threads.api.postingendpoint import floodprotection
floodprotection.MIN_POSTING_INTERVAL = float(os.environ.get("POSTING_INTERVAL", "0"))
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog
urlpatterns = [path("django-i18n.js", JavaScriptCatalog.as_view(), name="django-i18n"),
    path("", include("misago.urls", namespace="misago"))]
handler403 = "misago.core.errorpages.permission_denied"
handler404 = "misago.core.errorpages.page_not_found"
"""

_CELERY = """
from celery import Celery
app = Celery("site_")
app.conf.update(task_always_eager=True, broker_url="memory://")
app.set_default()
"""

_SEED = """
from misago.conf.models import Setting
Setting.objects.filter(setting__in=["default_avatar", "default_gravatar_fallback"]).update(dry_value="dynamic")
Setting.objects.filter(setting__in=["hourly_post_limit", "daily_post_limit"]).update(dry_value="0")
from misago.cache.versions import invalidate_all_caches
invalidate_all_caches()
from django.contrib.auth import get_user_model
from misago.conf.shortcuts import get_dynamic_settings
from misago.users.setupnewuser import setup_new_user
users, settings, result = get_user_model().objects, get_dynamic_settings(), {{}}
for name, password in {accounts!r}.items():
    make = users.create_superuser if name == "admin" else users.create_user
    user = make(name, name.lower() + "@example.com", password, joined_from_ip="127.0.0.1")
    setup_new_user(settings, user)
    result[name] = user.pk
"""

_FILL = """
from django.contrib.auth import get_user_model
from django.utils import timezone
from misago.threads import test
from misago.threads.models import Thread
thread, poster, result = Thread.objects.get(pk={thread}), get_user_model().objects.get(username={name!r}), []
for text in {texts!r}:
    result.append(test.reply_thread(thread, poster=poster, message=text, posted_on=timezone.now()).pk)
"""

_SHELL = """
import json, sys
import django
django.setup()
for line in sys.stdin:
    names = {"result": None}
    try:
        exec(compile(json.loads(line), "<test>", "exec"), names)
        told = {"result": names["result"]}
    except Exception as error:
        told = {"error": repr(error)}
    print(json.dumps(told, default=str), flush=True)
"""


@define
class Visitor:
    """Somebody with a browser of their own.

    Args:
        url: The forum's address.
        name: Who they are; empty for a guest.
    """

    url: str
    name: str = ""
    _cookies: http.cookiejar.CookieJar = Factory(http.cookiejar.CookieJar)

    def __attrs_post_init__(self) -> None:
        if self.name:
            self.page("/")
            self.call("POST", "/api/auth/", {"username": self.name, "password": ACCOUNTS[self.name]})

    def page(self, path: str) -> str:
        """Return a web page."""
        with self._opener.open(self.url + path, timeout=60) as answer:
            return str(answer.read().decode())

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API; raises `urllib.error.HTTPError` above 399."""
        headers = {"Content-Type": "application/json"}
        tokens = [one.value or "" for one in self._cookies if one.name == "csrftoken"]
        if tokens:
            headers["X-CSRFToken"] = tokens[0]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with self._opener.open(request, timeout=60) as answer:
            return json.load(answer)

    def start(self, title: str, text: str, *, category: int) -> int:
        """Start a thread; returns its number."""
        return int(self.call("POST", "/api/threads/", {"title": title, "post": text, "category": category})["id"])

    def reply(self, thread: int, text: str, *, tree: str = "threads") -> int:
        """Reply in a thread; returns the post's number."""
        return int(self.call("POST", f"/api/{tree}/{thread}/posts/", {"post": text})["id"])

    @property
    def _opener(self) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))


@define
class Misago:
    """A running forum with the members of `ACCOUNTS` and one category.

    Args:
        url: Its address.
        users: Their numbers, by name.
        category: The number of its first category, which guests can read.
    """

    url: str
    _folder: Path
    _environ: Mapping[str, str]
    _port: int
    _shell: subprocess.Popen[bytes]
    users: dict[str, int] = field(factory=dict)
    category: int = 0
    _server: subprocess.Popen[bytes] | None = None

    def run(self, code: str) -> Any:
        """Run Python inside Misago, as another process beside the server; returns what it left in ``result``."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(json.dumps(code).encode() + b"\n")
        self._shell.stdin.flush()
        line = self._shell.stdout.readline()
        if not line:
            raise RuntimeError(f"Misago's shell ended: {(self._folder / 'shell.log').read_text()[-2000:]}")
        told = json.loads(line)
        if "error" in told:
            raise RuntimeError(f"Misago's shell failed: {told['error']}")
        return told["result"]

    def visitor(self, name: str = "") -> Visitor:
        """Return a member who has signed in, or a guest."""
        return Visitor(self.url, name)

    def fill(self, thread: int, texts: list[str], *, name: str) -> list[int]:
        """Let a member reply many times at once; returns the posts' numbers."""
        return list(self.run(_FILL.format(thread=thread, texts=texts, name=name)))

    def empty(self) -> None:
        """Delete every thread."""
        self.run("from misago.threads.models import Thread; Thread.objects.all().delete()")

    def forget(self) -> None:
        """End every session."""
        self.run("from django.contrib.sessions.models import Session; Session.objects.all().delete()")

    def serve(self, *, interval: float = 0) -> None:
        """Start the web server, and wait until it answers; on the main thread, with whose end the kernel stops it.

        Args:
            interval: How many seconds have to lie between two posts of one member; Misago itself says 3.
        """
        log = self._folder / "server.log"
        command = (str(_CACHE / "venv/bin/django-admin"), "runserver", "--noreload", "--insecure", f"127.0.0.1:{self._port}")
        environ = {**self._environ, "POSTING_INTERVAL": str(interval)}
        self._server = _spawn(command, log, environ, self._folder)
        _wait(lambda: _answers(f"{self.url}/api/auth/"), self._server, log)

    def stop(self) -> None:
        """Stop the web server at once, as a crash would."""
        if self._server is not None:
            _kill(self._server)
            self._server = None


@contextlib.contextmanager
def misago() -> Iterator[Misago]:
    """Start a fresh forum, hand it over, and stop it."""
    _install()
    folder = Path(tempfile.mkdtemp(prefix="misago-"))
    try:
        with postgresql() as cluster:
            cluster.database("misago")
            environ = _files(folder, cluster.port)
            migrate = [_CACHE / "venv/bin/django-admin", "migrate", "-v0"]
            subprocess.run(migrate, check=True, env=environ, cwd=folder, capture_output=True)
            shell = _spawn((str(_CACHE / "venv/bin/python"), "-c", _SHELL), folder / "shell.log", environ, folder, pipe=True)
            port = _free_port()
            forum = Misago(f"http://127.0.0.1:{port}", folder, environ, port, shell)
            try:
                forum.users = forum.run(_SEED.format(accounts=dict(ACCOUNTS)))
                first = "from misago.categories.models import Category; result = Category.objects.get(slug='first-category').pk"
                forum.category = forum.run(first)
                forum.serve()
                yield forum
            finally:
                forum.stop()
                _kill(shell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install() -> None:
    ready = _CACHE / "ready"
    if ready.exists() and ready.read_text() == " ".join(_PACKAGES):
        return
    shutil.rmtree(_CACHE, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", _CACHE / "venv"], check=True)
    subprocess.run([_CACHE / "venv/bin/pip", "install", "-q", *_PACKAGES], check=True, capture_output=True)
    ready.write_text(" ".join(_PACKAGES))


def _files(folder: Path, port: int) -> dict[str, str]:
    site = folder / "site_"
    site.mkdir()
    (site / "__init__.py").write_text(_CELERY)
    (site / "settings.py").write_text(_SETTINGS.format(port=port, folder=folder))
    (site / "urls.py").write_text(_URLS)
    for name in ("static", "media", "userdata"):
        (folder / name).mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "DJANGO_SETTINGS_MODULE": "site_.settings", "PYTHONPATH": str(folder)}


def _spawn(
    command: tuple[str, ...], log: Path, environ: Mapping[str, str], folder: Path, *, pipe: bool = False
) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            ("setpriv", "--pdeathsig", "KILL", *command),
            stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe else out,
            stderr=out,
            env=environ,
            cwd=folder,
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the forum did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
