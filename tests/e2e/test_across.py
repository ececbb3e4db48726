"""A customer who comments on the blog and then writes mail is one case, on two real servers. All people are invented."""

from __future__ import annotations

import imaplib
import smtplib
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from tests.servers.mail import DOMAIN, PASSWORD

import socialcrm
from socialcrm.types import Visibility

pytestmark = [pytest.mark.server("wordpress"), pytest.mark.server("mail")]


def deliver(mail: Any, text: str) -> None:
    """Let Mara write to the team, and wait until her mail is there."""
    message = EmailMessage()
    message["From"] = f"Mara <mara@{DOMAIN}>"
    message["To"] = f"team@{DOMAIN}"
    message["Subject"] = "My router"
    message["Message-ID"] = f"<mara-1@{DOMAIN}>"
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", mail.smtp) as smtp:
        smtp.send_message(message)
    deadline = time.monotonic() + 60
    while True:
        with imaplib.IMAP4("127.0.0.1", mail.imap) as client:
            client.login("team", PASSWORD)
            if int(client.select("INBOX", readonly=True)[1][0]):
                return
        assert time.monotonic() < deadline, "the mail server did not deliver"
        time.sleep(0.1)


def test_what_began_in_public_and_went_on_by_mail_is_one_case_after_linking(
    site: Any, mail: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cases before, one after; the answer goes by mail to the one who wrote it; taking the link back gives two again."""
    monkeypatch.setenv("BLOG_PASSWORD", site.passwords["editor"])
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    said = site.comment("My router is dead since Monday.", name="Mara", user="")
    with socialcrm.open(f"sqlite:///{tmp_path}/team.db") as crm:
        crm.channels.add("wordpress", name="blog", server=site.url, username="editor", password="env:BLOG_PASSWORD")
        ports = {"imap_port": mail.imap, "smtp_port": mail.smtp, "imap_security": "plain", "smtp_security": "plain"}
        hosts = {"imap_host": "127.0.0.1", "smtp_host": "127.0.0.1", "username": "team", "password": "env:MAIL_PASSWORD"}
        crm.channels.add("email", name="mail", address=f"team@{DOMAIN}", **ports, **hosts)
        crm.sync()
        deliver(mail, "As I said on your blog: dead. My number is in the contract.")
        crm.sync()
        mine = {one.channel: one for one in crm.interactions() if one.author.name == "Mara"}
        assert set(mine) == {"blog", "mail"}
        assert mine["blog"].id == str(said)
        before = {case.ref for case in crm.inbox() if case.customer_name == "Mara"}
        assert len(before) == 2

        crm.cases.join(mine["blog"].author, mine["mail"].author, by="ana", reason="she says so in her mail")
        (case,) = [case for case in crm.inbox() if case.customer_name == "Mara"]
        assert set(case.channels) == {"blog", "mail"}
        assert {one.case for one in crm.interactions() if one.author.name == "Mara"} == {case.ref}

        reply = crm.reply(case, "A new router is on its way.", by="ana")
        assert (reply.channel, reply.visibility) == ("mail", Visibility.PRIVATE)
        assert crm.flush().sent == [reply.ref]
        assert not [one for one in crm.inbox() if one.customer_name == "Mara"]

        crm.cases.separate(mine["blog"].author, mine["mail"].author, by="ana", reason="another Mara")
        (waiting,) = [case for case in crm.inbox() if case.customer_name == "Mara"]
        assert waiting.channels == ("blog",)
