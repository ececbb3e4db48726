from __future__ import annotations

from datetime import timedelta

import pytest

from socialcrm.connectors import PluginManager, make_settings, plain_settings
from socialcrm.errors import SettingsError
from socialcrm_mastodon import MastodonConnector, MastodonSettings


def made(**values):
    return make_settings(MastodonSettings, values, platform="mastodon")


def test_text_settings_are_understood():
    """Settings as a command line gives them are converted and normalised."""
    settings = made(server="example.social/", token="env:TOKEN", hashtags="#Acme, acme,AcmeHelp", own_posts="no")
    assert (settings.server, settings.hashtags, settings.own_posts) == ("https://example.social", ("acme", "acmehelp"), False)
    assert plain_settings(settings)["token"] == "env:TOKEN"


@pytest.mark.parametrize(
    "server",
    ["http://example.social", "https://", "https://u:p@example.social", "https://example.social/api", "ftp://example.social"],
)
def test_an_unsafe_or_wrong_server_is_refused(server):
    """Only an https address without path or user is a server; the message shows one."""
    with pytest.raises(SettingsError, match=r"https://example\.social"):
        made(server=server)


@pytest.mark.parametrize("server", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:3000"])
def test_loopback_may_do_without_tls(server):
    """A server on this machine may speak plain HTTP."""
    assert made(server=server).server == server


@pytest.mark.parametrize("values", [{"history_days": -1}, {"recheck_days": "-3"}, {"max_characters": 10}, {"hashtag": "x"}])
def test_wrong_values_are_refused(values):
    """Numbers out of range and misspelt names are told."""
    with pytest.raises(SettingsError):
        made(server="https://example.social", **values)


def test_a_larger_limit_is_declared():
    """The declared text limit follows the server's; some of it is kept free for the mention."""
    assert MastodonConnector(made()).text_limit.size == 460
    assert MastodonConnector(made(max_characters=5000)).text_limit.size == 4960
    assert MastodonConnector.info.capabilities.text.size == 460


def test_a_call_needs_a_server():
    """A channel without server says so when it is used."""
    with pytest.raises(SettingsError, match="server"):
        next(MastodonConnector(made(token="env:TOKEN")).identify())


def test_the_plugin_is_found():
    """The entry point brings the platform."""
    manager = PluginManager()
    assert manager.connector("mastodon") is MastodonConnector


def test_streams_that_look_again_say_how_far():
    """Every pull stream declares its rescan window; the live one can be replayed by them."""
    streams = MastodonConnector.info.streams
    assert all(stream.rescan == timedelta(days=3) for stream in streams.values() if not stream.live)
    assert streams["streaming"].live
    assert streams["streaming"].replayable
