"""A mail becomes what it means, whoever wrote it and however broken it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Delivery, Direction, Handle, HandleKind, Item, Kind, Moderation, Visibility
from socialcrm_email import EmailConnector, EmailSettings
from socialcrm_email._flowed import flow, unflow

OURS = EmailSettings(address="support@example.org", aliases=("help@example.org",), trusted_authserv_id="mx.example.org")
RESULTS = "Authentication-Results: mx.example.org; "


def items(data, settings=OURS, **context):
    return list(EmailConnector(settings).parse(Raw(kind="message", body=data, context=context)))


def one(data, settings=OURS, **context):
    (item,) = items(data, settings, **context)
    return item


def test_a_mail_is_a_private_inbound_email(build_mail):
    """Sender, subject, text, time and thread come out as they are."""
    item = one(build_mail(3, head="In-Reply-To: <m2@example.com>\nReferences: <m1@example.com>\n <m2@example.com>"))
    assert (item.id, item.kind, item.direction, item.visibility) == (
        "m3@example.com",
        Kind.EMAIL,
        Direction.INBOUND,
        Visibility.PRIVATE,
    )
    assert (item.author.id, item.author.name, item.author.handle) == ("mara@example.com", "Mara", "mara@example.com")
    assert (item.subject, item.text) == ("Parcel 3", "Where is my parcel?")
    assert item.at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert (item.parent, item.references) == ("m2@example.com", ("m1@example.com", "m2@example.com"))
    assert item.extra["to"] == ["support@example.org"]


def test_without_in_reply_to_the_last_reference_is_the_parent(build_mail):
    """Some programs write References only."""
    assert one(build_mail(head="References: <a@x.example> <b@x.example>")).parent == "b@x.example"


@pytest.mark.parametrize("address", ["support@example.org", "Help@Example.ORG"])
def test_what_we_wrote_is_outbound(build_mail, address):
    """Our address and our aliases, in any case, are us."""
    assert one(build_mail(sender=f"Us <{address}>")).direction is Direction.OUTBOUND


def test_without_an_address_the_host_decides(build_mail):
    """A channel that does not know whose it is leaves the direction open."""
    assert one(build_mail(), EmailSettings()).direction is None


def test_plus_tags_make_another_author(build_mail):
    """A tagged address stays one of its own: two people never become one."""
    assert one(build_mail(sender="Mara+Shop@Example.com")).author.id == "mara+shop@example.com"


def test_quotation_and_signature_are_split_off(build_mail):
    """The text holds what is new; the rest is kept beside it."""
    body = "It arrived.\n\nThanks,\nMara\n\nOn Fri, 1 Mar 2024 at 09:00, Support <support@example.org> wrote:\n> Did it?\n"
    item = one(build_mail(body=body))
    assert item.text == "It arrived."
    assert item.quoted.startswith("Thanks,\nMara")
    assert item.quoted.endswith("> Did it?")


def test_html_alone_becomes_text(build_mail):
    """Paragraphs, entities and links are readable; scripts and styles are gone; a blockquote is quoted."""
    html = (
        "<style>p{color:red}</style><p>Gr&uuml;&szlig;e<br>see <a href='https://example.com/a'>this</a></p>"
        "<script>alert(1)</script><div>On Fri, 1 Mar 2024 at 09:00, Us &lt;support@example.org&gt; wrote:</div>"
        "<blockquote><p>Did it?</p></blockquote>"
    )
    item = one(build_mail(head="Content-Type: text/html; charset=utf-8", body=html))
    assert item.text == "Grüße\nsee this <https://example.com/a>"
    assert "> Did it?" in item.quoted


def test_lines_that_were_broken_for_terminals_are_whole(build_mail):
    """A flowed mail (RFC 3676) shows the paragraphs that were written, quoted ones too."""
    head = "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes"
    item = one(build_mail(head=head, body="A long  \nparagraph.\n\n> quoted  \n> words\n-- \nMara"))
    assert (item.text, item.quoted) == ("A long paragraph.", "> quoted words\n--\nMara")


def multipart(build_mail, *parts, kind="mixed"):
    body = "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    return build_mail(head=f'MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="b"', body=body)


def test_the_plain_alternative_is_preferred(build_mail):
    """Of plain text and HTML the plain text is read, unless it is empty."""
    html = "Content-Type: text/html\n\n<b>rich</b>"
    assert one(multipart(build_mail, "Content-Type: text/plain\n\nplain", html, kind="alternative")).text == "plain"
    assert one(multipart(build_mail, "Content-Type: text/plain\n\n ", html, kind="alternative")).text == "rich"


def test_attachments_say_where_they_are(build_mail):
    """Each file is listed with name, type, size and an address made of message id and part."""
    item = one(
        multipart(
            build_mail,
            "Content-Type: text/plain\n\nsee the file",
            'Content-Type: image/png; name="a.png"\nContent-Transfer-Encoding: base64\n\nAAAA',
            "Content-Type: image/gif\nContent-ID: <logo@example.com>\nContent-Disposition: inline\n\nGIF",
        )
    )
    assert item.text == "see the file"
    assert [(file.url, file.mime, file.name, file.size) for file in item.attachments] == [
        ("mid:m1@example.com/1.2", "image/png", "a.png", 3),
        ("mid:m1@example.com/logo@example.com", "image/gif", "", 3),
    ]


@pytest.mark.parametrize(
    ("results", "verified"),
    [
        (RESULTS + "dmarc=pass header.from=example.com", True),
        (RESULTS + "dkim=pass (good (really)) header.d=example.com", True),
        (RESULTS + "dkim=pass header.i=@example.com; dmarc=none", True),
        (RESULTS + "dkim=pass header.d=evil.example", False),
        (RESULTS + "spf=pass smtp.mailfrom=example.com", False),
        (RESULTS + "dkim=pass header.d=example.com; dmarc=fail header.from=example.com", False),
        (RESULTS + "dmarc=pass header.from=evil.example", False),
        ("Authentication-Results: mx.evil.example; dmarc=pass header.from=example.com", False),
        (RESULTS + "none\n" + RESULTS + "dmarc=pass header.from=example.com", False),
        ("", False),
    ],
)
def test_only_our_server_vouches(build_mail, results, verified):
    """An address is verified by our own server's uppermost verdict on its domain, and by nothing else."""
    (handle,) = one(build_mail(head=results)).author.handles
    assert handle == Handle(kind=HandleKind.EMAIL, value="mara@example.com", verified=verified)


def test_nobody_vouches_without_a_server(build_mail):
    """Without a configured server the header is worth nothing, and two senders are never verified."""
    told = RESULTS + "dmarc=pass header.from=example.com"
    assert not one(build_mail(head=told), EmailSettings(address="support@example.org")).author.handles[0].verified
    assert not one(build_mail(head=told, sender="mara@example.com, eve@example.com")).author.handles[0].verified


def test_archives_are_trusted_by_wish_only(build_mail):
    """trust_senders verifies addresses in an archive, and never in mail that was fetched."""
    trusting = EmailSettings(address="support@example.org", trust_senders=True)
    assert one(build_mail(), trusting, archive="mbox").author.handles[0].verified
    assert not one(build_mail(), trusting).author.handles[0].verified
    assert not one(build_mail(), archive="mbox").author.handles[0].verified


def test_a_forged_mail_of_ours_is_spam(build_mail):
    """A mail in our name that fails our own DMARC check is not ours, and is spam."""
    item = one(build_mail(sender="support@example.org", head=RESULTS + "dmarc=fail header.from=example.org"))
    assert (item.direction, item.moderation) == (Direction.INBOUND, Moderation.SPAM)


def test_a_web_form_speaks_for_its_visitor(build_mail):
    """A mail from us to us with somebody else's Reply-To was written by them, and they are not verified by it."""
    item = one(build_mail(sender="Form <help@example.org>", head="Reply-To: Ben <ben@example.com>"))
    assert (item.author.id, item.direction) == ("ben@example.com", Direction.INBOUND)
    assert not item.author.handles[0].verified


def test_reply_to_is_kept(build_mail):
    """Where answers are wanted is told, beside the author who stays who wrote."""
    item = one(build_mail(head="Reply-To: desk@example.com"))
    assert (item.author.id, item.extra["reply_to"]) == ("mara@example.com", ["desk@example.com"])


@pytest.mark.parametrize(
    "head",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes", "Return-Path: <>", "Auto-Submitted: auto-x; a=b"],
)
def test_automatic_mail_is_marked(build_mail, head):
    """What a program wrote is marked, so that nobody answers a machine."""
    assert one(build_mail(head=head)).extra["automatic"] is True


@pytest.mark.parametrize("head", ["Auto-Submitted: no", "Return-Path: <mara@example.com>"])
def test_people_are_not_marked(build_mail, head):
    """What a person wrote is not marked."""
    assert "automatic" not in one(build_mail(head=head)).extra


def test_a_list_is_named(build_mail):
    """Mail by way of a list says which."""
    assert one(build_mail(head="List-Id: Friends <friends.example.com>")).extra["list"] == "friends.example.com"


def bounce(build_mail, action="failed", returned="Message-ID: <ours@example.org>"):
    fields = f"Action: {action}\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 nobody"
    status = f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n{fields}"
    body = "".join(
        f"--b\n{part}\n"
        for part in (
            "Content-Type: text/plain\n\nSorry. Message-ID: <decoy@example.com>",
            status,
            f"Content-Type: text/rfc822-headers\n\nSubject: Re: x\n{returned}\n",
        )
    )
    head = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\nReturn-Path: <>'
    return build_mail(sender="MAILER-DAEMON@example.com", head=head, body=body + "--b--\n")


def test_a_bounce_is_a_failed_delivery(build_mail):
    """A delivery report fails the message that came back with it, and is no customer's contact."""
    (item,) = items(bounce(build_mail))
    assert isinstance(item, Delivery)
    assert (item.id, item.status, item.reason) == ("ours@example.org", "failed", "smtp; 550 nobody")


def test_a_delay_settles_nothing(build_mail):
    """A report of a delay says nothing final."""
    assert items(bounce(build_mail, action="delayed")) == []
    assert items(bounce(build_mail, action="relayed"))[0].status == "delivered"


def test_a_report_on_nothing_is_kept(build_mail):
    """A report that names no message is an automatic mail."""
    assert one(bounce(build_mail, returned="X: y")).extra["automatic"] is True


def test_an_exim_bounce_fails_too(build_mail):
    """A bounce in plain text names the failed receiver in a header and the message below."""
    body = "A message could not be delivered.\n\nMessage-ID: <ours@example.org>\nSubject: x"
    (item,) = items(build_mail(sender="Mailer-Daemon@example.com", head="X-Failed-Recipients: ben@example.com", body=body))
    assert (item.id, item.status) == ("ours@example.org", "failed")
    assert "ben@example.com" in item.reason


def test_a_customer_cannot_fail_a_delivery_by_prose(build_mail):
    """Text that looks like a bounce is text when a person sends it."""
    assert one(build_mail(body="Message-ID: <ours@example.org>\nwhat does this mean?")).kind is Kind.EMAIL


def test_a_read_receipt_is_read(build_mail):
    """A disposition notification tells that our mail was displayed."""
    part = (
        "Content-Type: message/disposition-notification\n\nOriginal-Message-ID: <ours@example.org>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed"
    )
    data = multipart(build_mail, "Content-Type: text/plain\n\nseen", part, kind="report")
    assert [(item.id, item.status) for item in items(data)] == [("ours@example.org", "read")]


def test_without_an_id_the_content_is_the_id(build_mail):
    """Without Message-ID the id is the same however lines end and whatever was added on the way, and no other mail has it."""
    data = build_mail().replace(b"Message-ID: <m1@example.com>\r\n", b"")
    again = b"Received: by x.example\n" + data.replace(b"\r\n", b"\n")
    assert one(data).id == one(again).id
    assert one(data).id.startswith("sha256:")
    assert one(data.replace(b"parcel?", b"money?")).id != one(data).id


def test_without_a_date_the_arrival_counts(build_mail):
    """A missing or impossible date gives way to when the server took the mail; without any the mail is unreadable."""
    arrived = str(int(datetime(2024, 3, 2, tzinfo=UTC).timestamp()) * 1_000_000)
    for bad in (
        b"",
        b"Date: yesterday\r\n",
        b"Date: Fri, 1 Mar 2099 10:00:00 +0000\r\n",
        b"Date: Mon, 1 Jan 1 00:00:00 +9999\r\n",
    ):
        data = build_mail().replace(b"Date: Fri, 1 Mar 2024 10:00:00 +0000\r\n", bad)
        assert one(data, received=arrived).at == datetime(2024, 3, 2, tzinfo=UTC)
    with pytest.raises(PayloadError, match="date"):
        items(build_mail().replace(b"Date: Fri, 1 Mar 2024 10:00:00 +0000\r\n", b""))


def test_without_a_sender_everybody_is_apart(build_mail):
    """Two mails without a usable sender have two authors."""
    authors = {one(build_mail(number, sender="nobody at all")).author.id for number in (1, 2)}
    assert len(authors) == 2


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("Grüße", "Grüße"),
        ("=?no-such?q?abc?=", "abc"),
        ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
        ("a\x00b\x1b", "ab"),
    ],
)
def test_subjects_are_decoded_or_left(build_mail, subject, shown):
    """Encoded words are decoded; what can't be decoded stays; control characters go."""
    assert one(build_mail().replace(b"Parcel 1", subject.encode())).subject == shown


@pytest.mark.parametrize("charset", ["no-such", "utf-8", "rot13", "idna", "undefined"])
def test_a_wrong_charset_loses_nothing(build_mail, charset):
    """Text whose character set is unknown or wrong is read as what it can be."""
    data = build_mail(head=f"Content-Type: text/plain; charset={charset}").replace(b"parcel", b"p\xe4rcel")
    assert one(data).text == "Where is my pärcel?"


def test_gmail_labels_count(build_mail):
    """Takeout's labels are kept; spam is spam; a draft was never sent."""
    item = one(build_mail(head="X-Gmail-Labels: Inbox,=?utf-8?q?Gr=C3=BC=C3=9Fe?="), archive="mbox")
    assert item.extra["labels"] == ["Inbox", "Grüße"]
    assert one(build_mail(head="X-Gmail-Labels: Spam"), archive="mbox").moderation is Moderation.SPAM
    assert items(build_mail(head="X-Gmail-Labels: Drafts"), archive="mbox") == []


def test_deep_nesting_is_quarantined_or_read():
    """Parts within parts without end are either read or refused as one element."""
    data = b"From: a@example.com\nDate: Fri, 1 Mar 2024 10:00:00 +0000\n"
    for level in range(2000):
        data += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
    with pytest.raises(PayloadError, match="deeply"):
        items(data)


def test_comments_without_end_are_no_addresses(build_mail):
    """An address header that would exhaust the parser names nobody, and the mail is read."""
    item = one(build_mail(sender="(" * 50000, head="Cc: " + '"(' * 30000))
    assert item.author.id.startswith("unknown:")
    assert item.text == "Where is my parcel?"


@pytest.mark.parametrize(
    ("kind", "body"), [("news", {}), ("message", 7), ("account", {}), ("account", []), ("unreadable", None)]
)
def test_what_it_does_not_know_is_quarantined(kind, body):
    """An unknown kind or a body of the wrong type is refused as one element."""
    with pytest.raises(PayloadError):
        list(EmailConnector(OURS).parse(Raw(kind=kind, body=body)))


def test_an_account_is_told():
    """An archive's owner becomes an account of ours."""
    (item,) = EmailConnector(OURS).parse(Raw(kind="account", body={"address": "Mara@Example.com"}))
    assert item == Account(id="mara@example.com", handle="mara@example.com")


NAMES = st.sampled_from(
    "From To Cc Reply-To Date Subject Message-ID In-Reply-To References Content-Type Content-Transfer-Encoding "  # noqa: SIM905
    "Content-Disposition Authentication-Results Received List-Id Return-Path X-Gmail-Labels".split()
)
VALUES = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60).map(lambda data: data.decode("latin-1")),
    st.sampled_from(
        [
            "multipart/report; boundary=b",
            "multipart/alternative; boundary=b",
            "message/rfc822",
            "message/delivery-status",
            "text/html; charset*=utf-8''%FF",
            "base64",
            "attachment; filename*0*=x''%E4; filename*1=y",
            '"a@b" <c@d>, <@>, :;, (((',
            "<<a@b>",
            "=?utf-8?b?=FF?= =?x?q??=",
            "mx.example.org; dkim=pass header.d",
        ]
    ),
)


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=12),
    st.one_of(st.binary(max_size=200), st.just(b"--b\n\n--b\nX: y\n\n<p>\n--b--")),
)
def test_any_mail_gives_items_or_a_payload_error(fields, body):
    """Whatever header fields and bodies come, parsing yields items or refuses the one element."""
    head = "".join(f"{name}: {value}\n" for name, value in fields).encode("utf-8", "surrogatepass")
    raw = Raw(kind="message", body=head + b"\n" + body, context={"received": "1700000000000000"})
    try:
        found = list(EmailConnector(OURS).parse(raw))
    except PayloadError:
        return
    assert all(isinstance(item, Item) for item in found)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n"), max_size=300))
def test_flowing_and_back(text: str) -> None:
    """What we break into lines comes back as it was, but for spaces at the ends of lines."""
    lines = [line if line == "-- " else line.rstrip(" ") for line in text.split("\n")]
    assert unflow(flow(text), delsp=False) == "\n".join(lines)
    assert all(len(line) < 998 or " " not in line.strip() for line in flow(text).split("\n"))
