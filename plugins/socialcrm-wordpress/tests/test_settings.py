"""Settings, addresses, signing and the health check."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from socialcrm.connectors import Answer, Call, make_settings
from socialcrm.errors import CredentialsError, NotFound, PayloadError, SettingsError
from socialcrm.types import Account, Secret
from socialcrm_wordpress import WordPressConnector, WordPressSettings, socialcrm_connectors

PASSWORD = Secret("abcd efgh")


def made(**values: Any) -> WordPressSettings:
    return make_settings(WordPressSettings, values, platform="wordpress")


def test_the_plugin_offers_its_connector() -> None:
    """The entry point's module adds the one connector."""
    assert list(socialcrm_connectors()) == [WordPressConnector]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"server": "ftp://blog.example.com"}, "web address"),
        ({"server": "https://ana:hunter2@blog.example.com"}, "bare address"),
        ({"server": "https://blog.example.com?x=1"}, "bare address"),
        ({"server": "blog.example.com", "username": "ana"}, "go together"),
        ({"server": "blog.example.com", "password": PASSWORD}, "go together"),
        ({"server": "http://blog.example.com", "username": "ana", "password": PASSWORD}, "https"),
        ({"server": "blog.example.com", "rescan_days": "-1"}, "negative"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any], words: str) -> None:
    """A wrong setting is named before any call, and no credential is repeated."""
    with pytest.raises(SettingsError, match=words) as caught:
        made(**values)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("server", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"])
def test_loopback_needs_no_https(server: str) -> None:
    """A development site on this machine may take a password in clear."""
    assert made(server=server, username="ana", password=PASSWORD).server == server


@pytest.mark.parametrize(
    ("server", "root", "path"),
    [
        ("blog.example.com", "/wp-json/", "/wp-json/wp/v2/users/me"),
        ("https://example.com/blog/", "wp-json", "/blog/wp-json/wp/v2/users/me"),
        ("https://example.com", "/?rest_route=/", "/?rest_route=/wp/v2/users/me"),
        ("https://example.com/b", "/index.php?rest_route=/", "/b/index.php?rest_route=/wp/v2/users/me"),
    ],
)
def test_addresses(server: str, root: str, path: str) -> None:
    """Sites in a folder, other REST roots and plain permalinks are reached by their own paths."""
    connector = WordPressConnector(made(server=server, rest_root=root, username="ana", password=PASSWORD))
    step = next(connector.identify())
    assert isinstance(step, Call)
    assert step.path == path
    assert connector.origin.count("/") == 2


def test_calls_are_signed_with_basic_credentials(bench: Any) -> None:
    """Username and application password travel as RFC 7617 says; without a password nothing is added."""
    call = Call("GET", "/")
    signed = bench.connector.sign(call, {"password": "abcd efgh"}, bench.blog.now, "n")
    kind, _, value = signed.headers["Authorization"].partition(" ")
    assert (kind, base64.b64decode(value)) == ("Basic", b"ana:abcd efgh")
    assert bench.connector.sign(call, {}, bench.blog.now, "n") == call


def test_identify_tells_who_we_are(bench: Any) -> None:
    """The account is the user that the application password belongs to."""
    assert bench.run(bench.connector.identify()) == Account(id="1", name="Ana", handle="ana")


def test_a_visitor_is_user_zero(benches: Any, respond: Any) -> None:
    """Without credentials the account is the site itself, and no comment is ever written by user 0."""
    bench = benches("")
    bench.blog.replies["GET /"] = respond({"name": "Example blog"})
    account = bench.run(bench.connector.identify())
    assert account == Account(id="0", name="Example blog", url="https://blog.example.com")
    assert bench.one().author.id != account.id


def test_a_wrong_password_is_a_credentials_error(bench: Any, respond: Any) -> None:
    """The site's 401 says where to make a new application password."""
    bench.blog.replies["GET /wp/v2/users/me"] = respond({"code": "incorrect_password"}, status=401)
    with pytest.raises(CredentialsError, match="Users → Profile"):
        bench.run(bench.connector.identify())


@pytest.mark.parametrize("fault", [(404, b"<html>"), (200, b"<html>home page</html>"), (200, b"[]")])
def test_another_rest_root_is_discovered(bench: Any, respond: Any, fault: tuple[int, bytes]) -> None:
    """Where the API is not at its usual place, the message names the right setting."""
    bench.blog.replies["GET /wp/v2/users/me"] = respond(fault[1], status=fault[0])
    link = '<https://blog.example.com/index.php?rest_route=/>; rel="https://api.w.org/", <https://x>; rel=shortlink'
    bench.blog.replies["HEAD /"] = Answer(status=200, headers={"link": link})
    with pytest.raises(SettingsError, match=r"'/index\.php\?rest_route=/': set that as rest_root"):
        bench.run(bench.connector.identify())


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (200, PayloadError)])
def test_a_site_without_the_api_is_said_to_be(bench: Any, respond: Any, status: int, error: type[Exception]) -> None:
    """A site that names no API keeps its own error."""
    bench.blog.replies["GET /wp/v2/users/me"] = respond(b"<html>", status=status)
    bench.blog.replies["HEAD /"] = Answer(status=200)
    with pytest.raises(error, match="check"):
        bench.run(bench.connector.identify())
