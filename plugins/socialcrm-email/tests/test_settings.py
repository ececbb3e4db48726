"""Settings are checked when a channel is added."""

from __future__ import annotations

import pytest

from socialcrm.connectors import PluginManager, make_settings, plain_settings
from socialcrm.errors import SettingsError
from socialcrm_email import EmailConnector, EmailSettings


def test_an_archive_needs_no_settings():
    """A channel that only holds an archive is made without any."""
    assert make_settings(EmailSettings, {}, platform="email").own == frozenset()


@pytest.mark.parametrize(
    "values",
    [
        {"imap_host": "imap.example.org", "imap_security": "plain"},
        {"smtp_host": "smtp.example.org", "smtp_security": "plain"},
        {"imap_security": "ssl"},
        {"imap_port": 70000},
        {"max_size": 10},
        {"password": "hunter2"},
    ],
)
def test_what_is_unsafe_or_wrong_is_refused(values):
    """Clear text beyond loopback, words and numbers that mean nothing, and a password as a plain value are refused."""
    with pytest.raises(SettingsError) as caught:
        make_settings(EmailSettings, values, platform="email")
    assert "hunter2" not in str(caught.value)


def test_addresses_and_ports_follow_the_security():
    """Each security has its usual port, and an IPv6 host is bracketed."""
    usual = EmailSettings(imap_host="imap.example.org", smtp_host="smtp.example.org", smtp_security="starttls")
    assert (usual.imap_url, usual.smtp_url) == ("tls://imap.example.org:993", "tcp://smtp.example.org:587")
    assert EmailSettings(imap_host="::1", imap_port=14, imap_security="plain").imap_url == "tcp://[::1]:14"


def test_settings_round_trip_without_secrets():
    """What is stored holds references only, and makes the same settings again."""
    values = {"address": "support@example.org", "aliases": "help@example.org", "password": "env:MAIL_PASSWORD"}
    settings = make_settings(EmailSettings, values, platform="email")
    plain = plain_settings(settings)
    assert plain["password"] == "env:MAIL_PASSWORD"
    again = {name: value for name, value in plain.items() if value is not None}
    assert make_settings(EmailSettings, again, platform="email") == settings
    assert settings.own == {"support@example.org", "help@example.org"}


def test_the_plugin_is_found():
    """The installed plugin registers its connector."""
    assert PluginManager().connector("email") is EmailConnector
