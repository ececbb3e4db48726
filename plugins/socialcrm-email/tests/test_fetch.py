"""Folders are followed without loss and without doubling, whatever the server or the process does."""

from __future__ import annotations

import pytest

from socialcrm.connectors import Outgoing
from socialcrm.errors import (
    CredentialsError,
    NotFound,
    PayloadError,
    ServerFault,
    SettingsError,
    UnclearError,
    Unreachable,
    UnsupportedError,
)
from socialcrm.types import Secret


def ids(connector, world):
    return sorted(item.id for raw in world.raws if raw.kind == "message" for item in connector.parse(raw))


def test_every_mail_comes_once(world, build_connector, build_mail):
    """A second sync after a first one brings only what came in between."""
    connector = build_connector()
    for number in range(120):
        world.folders["INBOX"].add(build_mail(number))
    world.run(connector.fetch("mail", world.cursor))
    assert len(world.raws) == 120
    assert max(len(batch.raws) for batch in world.batches) == 50
    world.batches.clear()
    world.folders["INBOX"].add(build_mail(500))
    world.run(connector.fetch("mail", world.cursor))
    assert ids(connector, world) == ["m500@example.com"]
    world.batches.clear()
    world.run(connector.fetch("mail", world.cursor))
    assert world.batches == []


def test_a_server_without_uidnext_repeats_nothing(world, build_connector, build_mail):
    """Where the server does not tell the next UID, its answer to "everything after" still brings no old mail again."""
    connector, world.tells_next = build_connector(), False
    world.folders["INBOX"].add(build_mail())
    world.run(connector.fetch("mail", {}))
    world.run(connector.fetch("mail", dict(world.cursor)))
    assert len(world.raws) == 1


def test_killed_anywhere_it_resumes(world, build_connector, build_mail, killed, monkeypatch):
    """Killed before any step and started again from the durable cursor, the same mails are there in the end."""
    monkeypatch.setattr("socialcrm_email._fetch.CHUNK", 5)
    for number in range(12):
        world.folders["INBOX"].add(build_mail(number))
    world.folders["Gesendet &- mehr"].add(build_mail(900, sender="support@example.org"))
    connector, kill_at = build_connector(), 0
    while True:
        world.cursor, world.batches = {}, []
        try:
            world.run(connector.fetch("mail", world.cursor), kill_at)
            break
        except killed:
            world.run(connector.fetch("mail", dict(world.cursor)))
        assert len(set(ids(connector, world))) == 13, kill_at
        kill_at += 1
    assert kill_at > 30


def test_nothing_is_changed_on_the_server(world, build_connector, build_mail):
    """Folders are only examined and bodies only peeked at, so no mail is marked as seen."""
    world.folders["INBOX"].add(build_mail())
    world.run(build_connector().fetch("mail", {}))
    assert not [command for command in world.commands if command.startswith(("SELECT", "STORE", "UID STORE"))]
    assert all("PEEK" in command for command in world.commands if "BODY" in command)


def test_the_sent_folder_is_found_by_its_use(world, build_connector):
    """Whatever its name, encoded or not, the folder marked as sent is followed."""
    world.run(build_connector().fetch("mail", {}))
    assert set(world.cursor) == {"folder:INBOX", "folder:Gesendet & mehr"}


def test_another_uidvalidity_reads_again(world, build_connector, build_mail):
    """When the server renumbers a folder everything is fetched again, under the same ids."""
    connector = build_connector()
    world.folders["INBOX"].add(build_mail(1))
    world.run(connector.fetch("mail", {}))
    world.folders["INBOX"].validity = 8
    world.run(connector.fetch("mail", dict(world.cursor)))
    assert ids(connector, world) == ["m1@example.com", "m1@example.com"]
    assert world.cursor["folder:INBOX"] == "8:1"


def test_a_long_mail_is_cut_and_flagged(world, build_connector, build_mail):
    """Beyond the size limit only the beginning is fetched, and the interaction says so."""
    connector = build_connector(max_size=5000)
    world.folders["INBOX"].add(build_mail(1, body="x" * 70 + "\n" + ("y" * 70 + "\n") * 200))
    world.run(connector.fetch("mail", {}))
    assert len(world.raws[0].body) == 5000
    (item,) = connector.parse(world.raws[0])
    assert item.extra["truncated"] is True
    assert item.extra["size"] > 14000


def test_a_damaged_mail_stops_nobody_else(world, build_connector, build_mail):
    """A mail that the server refuses to hand out is passed on as unreadable; its neighbours arrive."""
    connector = build_connector()
    for number in (1, 2, 3):
        world.folders["INBOX"].add(build_mail(number))
    world.damaged = {2}
    world.run(connector.fetch("mail", {}))
    assert ids(connector, world) == ["m1@example.com", "m3@example.com"]
    (bad,) = [raw for raw in world.raws if raw.kind == "unreadable"]
    with pytest.raises(PayloadError, match="damaged"):
        list(connector.parse(bad))


def test_history_days_bounds_the_first_fetch(world, build_connector, build_mail):
    """With history_days the first search asks for recent mail only, later ones for everything new."""
    connector = build_connector(history_days=3)
    world.folders["INBOX"].add(build_mail(1))
    world.run(connector.fetch("mail", {}))
    assert "UID SEARCH UID 1:* SINCE 27-Feb-2024" in world.commands
    world.folders["INBOX"].add(build_mail(2))
    world.run(connector.fetch("mail", dict(world.cursor)))
    assert "UID SEARCH UID 2:*" in world.commands


def test_secrets_stay_out_of_flow_and_cursor(world, build_connector, build_mail):
    """Neither what the flow writes itself nor what it commits holds the password."""
    world.folders["INBOX"].add(build_mail())
    world.run(build_connector().fetch("mail", {}))
    for text in (*map(repr, world.batches), *map(repr, world.seen_by_flow), repr(world.cursor)):
        assert world.password not in text
        assert "QAcMOkc3" not in text


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 AUTH=PLAIN", "IMAP4rev1", "IMAP4rev1 SASL-IR AUTH=PLAIN LOGINDISABLED"])
def test_every_way_to_log_in(world, build_connector, build_mail, capabilities):
    """PLAIN with and without an initial response and LOGIN take a password of any characters."""
    world.capabilities = capabilities
    world.folders["INBOX"].add(build_mail())
    world.run(build_connector().fetch("mail", {}))
    assert len(world.raws) == 1


@pytest.mark.parametrize("initial", ["SASL-IR ", ""])
def test_a_token_logs_in(world, build_connector, build_mail, initial):
    """An OAuth token is used by XOAUTH2."""
    world.capabilities = f"IMAP4rev1 {initial}AUTH=PLAIN AUTH=XOAUTH2"
    world.grant, world.password = {"token": "t0ken"}, "t0ken"
    connector = build_connector(password=None, token=Secret("env:MAIL_TOKEN"))
    world.folders["INBOX"].add(build_mail())
    world.run(connector.fetch("mail", {}))
    assert len(world.raws) == 1
    world.grant = {"token": "expired"}
    with pytest.raises(CredentialsError, match="bad token"):
        world.run(connector.fetch("mail", {}))


def test_starttls_comes_before_the_password(world, build_connector):
    """With starttls nothing is said in clear but the wish for encryption; what the server injected before is gone."""
    world.capabilities = "IMAP4rev1 STARTTLS SASL-IR AUTH=PLAIN"
    world.run(build_connector(imap_security="starttls").fetch("mail", {}))
    assert world.commands[:2] == ["CAPABILITY", "STARTTLS"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"greeting": "HTTP/1.1 400 Bad Request"}, SettingsError),
        ({"greeting": "* BYE too busy"}, ServerFault),
        ({"password": "another"}, CredentialsError),
        ({"capabilities": "IMAP4rev1 LOGINDISABLED"}, SettingsError),
        ({"cut_after": 5}, Unreachable),
    ],
)
def test_what_goes_wrong_is_typed(world, build_connector, changes, error):
    """Another protocol, a busy server, a wrong password, no usable log-in and a closed line are different errors."""
    for name, value in changes.items():
        setattr(world, name, value)
    with pytest.raises(error) as caught:
        world.run(build_connector().fetch("mail", {}))
    assert world.password not in str(caught.value)


def test_a_truncated_literal_commits_nothing(world, build_connector, build_mail):
    """A connection that breaks off within a message leaves the cursor where it was."""
    world.folders["INBOX"].add(build_mail(body="x" * 5000))
    world.cut_after = 800
    with pytest.raises(Unreachable):
        world.run(build_connector().fetch("mail", {}))
    assert world.cursor == {}


def test_a_missing_folder_is_named(world, build_connector):
    """A folder that is not there is a mistake in the settings, and the message names it."""
    with pytest.raises(NotFound, match="Archiv"):
        world.run(build_connector(folders=("Archiv",)).fetch("mail", {}))


def test_starttls_that_is_not_offered_is_refused(world, build_connector):
    """Without an offer of STARTTLS nothing is sent in clear."""
    with pytest.raises(SettingsError, match="STARTTLS"):
        world.run(build_connector(imap_security="starttls").fetch("mail", {}))
    assert "AUTH" not in world.commands


def arrive(world, data):
    def happen():
        world.folders["INBOX"].add(data)
        return b"* %d EXISTS\r\n" % len(world.folders["INBOX"].mails)

    return happen


def test_idle_brings_what_arrives(world, build_connector, build_mail):
    """What arrives while waiting is fetched and committed; what lay there before is the pull stream's."""
    connector = build_connector()
    world.folders["INBOX"].add(build_mail(1))
    world.idle_script = [b"* OK still here\r\n", arrive(world, build_mail(2)), ServerFault("end of the test")]
    with pytest.raises(ServerFault):
        world.run(connector.fetch("idle", {}))
    assert ids(connector, world) == ["m2@example.com"]
    assert world.cursor == {"folder:INBOX": "7:2"}


def test_idle_catches_up_after_a_restart(world, build_connector, build_mail):
    """Started again, the live stream first brings what arrived meanwhile."""
    connector = build_connector()
    world.idle_script = [ServerFault("killed")]
    with pytest.raises(ServerFault):
        world.run(connector.fetch("idle", {}))
    world.folders["INBOX"].add(build_mail(3))
    world.idle_script = [ServerFault("killed")]
    with pytest.raises(ServerFault):
        world.run(connector.fetch("idle", dict(world.cursor)))
    assert ids(connector, world) == ["m3@example.com"]


def test_idle_is_issued_again_in_time(world, build_connector):
    """After 29 quiet minutes IDLE is ended and issued again, however often the server says that it is still there."""
    world.idle_script = [b"* OK still here\r\n", None, ServerFault("end of the test")]
    with pytest.raises(ServerFault):
        world.run(build_connector().fetch("idle", {}))
    assert world.commands.count("IDLE") == 2


def test_idle_hands_a_reply_over(world, build_connector):
    """A reply that an idle read hands in is sent at once, and waiting goes on."""
    message = Outgoing(id="o1", conversation="", parts=("Hello",), to="mara@example.com")
    world.idle_script = [message, ServerFault("end of the test")]
    with pytest.raises(ServerFault):
        world.run(build_connector().fetch("idle", {}))
    assert len(world.accepted) == 1
    assert world.sent[0].message is message


def test_an_idle_reply_that_fails_is_reported(world, build_connector):
    """When such a reply fails the watch goes on, and the error is handed back."""
    world.lose_after_dot = True
    world.idle_script = [
        Outgoing(id="o1", conversation="", parts=("Hello",), to="mara@example.com"),
        ServerFault("end of the test"),
    ]
    with pytest.raises(ServerFault):
        world.run(build_connector().fetch("idle", {}))
    assert isinstance(world.sent[0].receipt, UnclearError)


@pytest.mark.parametrize(("line", "error"), [(b"* BYE down\r\n", ServerFault), (b"", Unreachable)])
def test_idle_that_ends_is_an_error(world, build_connector, line, error):
    """A server that says goodbye or goes away ends the watch with an error to try again on."""
    world.idle_script = [line]
    with pytest.raises(error):
        world.run(build_connector().fetch("idle", {}))


def test_no_idle_no_watch(world, build_connector):
    """A server without IDLE can't be watched, and the message says what to do instead."""
    world.capabilities = "IMAP4rev1 AUTH=PLAIN"
    with pytest.raises(UnsupportedError, match="sync"):
        world.run(build_connector().fetch("idle", {}))


def test_an_unknown_stream_is_refused(world, build_connector):
    """A stream of another name is refused before any network."""
    with pytest.raises(UnsupportedError, match="idle"):
        world.run(build_connector().fetch("news", {}))
    assert world.commands == []


def test_identify_checks_both_servers(world, build_connector):
    """The health check logs in to both servers and tells our address."""
    account = world.run(build_connector(from_name="Support").identify())
    assert (account.id, account.name) == ("support@example.org", "Support")
    world.smtp_replies["AUTH"] = "535 5.7.8 wrong"
    with pytest.raises(CredentialsError):
        world.run(build_connector().identify())
