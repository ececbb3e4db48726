"""Handing a message to a mail server (RFC 5321), as steps.

Invariant: only the line with the single dot is a step that can't be repeated. RFC 5321 section 4.2.5 makes the server
responsible for the message once it answers 250 to that line, and section 4.1.1.10 makes it cancel what broke off before. So
everything before is certainly not sent, an answer of 4xx or 5xx is certainly not accepted, and no answer is unclear.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import field, frozen

from socialcrm.connectors import Conn, Flow, Grant, Open, Read, StartTLS, Write
from socialcrm.errors import (
    CredentialsError,
    RefusedError,
    RetryError,
    ServerFault,
    SettingsError,
    SocialCRMError,
    TooLong,
    UnclearError,
    Unreachable,
    UnsupportedError,
)
from socialcrm_email._compose import Letter
from socialcrm_email._sasl import choose, encoded, login_line
from socialcrm_email._settings import EmailSettings

__all__ = ["check", "close_smtp", "hand_in", "open_smtp"]

_PATIENCE = 300.0
_DOT_PATIENCE = 600.0
"""RFC 5321 section 4.5.3.2: five minutes for a command, ten for the final dot."""

_LINES = 200
_DOTS = re.compile(rb"^\.", re.MULTILINE)


@frozen(kw_only=True)
class Smtp:
    """A connection that is ready for mail.

    Args:
        conn: The open stream.
        where: The server, for messages.
        offers: Its extensions, upper case, with their parameters.
    """

    conn: Conn
    where: str
    offers: dict[str, str] = field(factory=dict)


def open_smtp(settings: EmailSettings) -> Flow[Smtp]:
    """Connect, encrypt and log in (RFC 3207, RFC 4954).

    Raises:
        SettingsError: No host is set, something else than SMTP answers, or the security does not fit.
        CredentialsError: The server does not accept the credentials.
    """
    if not settings.smtp_host:
        raise SettingsError("mail: no smtp_host is set, so nothing can be sent; add it to the channel's settings")
    smtp = Smtp(conn=(yield from Open(settings.smtp_url)), where=f"SMTP {settings.smtp_host}")
    code, text = yield from _reply(smtp, greeting=True)
    if code != 220:
        raise _refusal(smtp, "the connection", code, text)
    offers = yield from _hello(smtp)
    if settings.smtp_security == "starttls":
        if "STARTTLS" not in offers:
            raise SettingsError(f"{smtp.where}: the server offers no STARTTLS here; try smtp_security='tls' on port 465")
        yield from _expect(smtp, b"STARTTLS", 220)
        yield from StartTLS(smtp.conn)
        offers = yield from _hello(smtp)
    smtp = Smtp(conn=smtp.conn, where=smtp.where, offers=offers)
    if "AUTH" in offers or settings.smtp_security != "plain":
        yield from _log_in(smtp, settings)
    return smtp


def hand_in(smtp: Smtp, letter: Letter) -> Flow[None]:
    """Hand one message in.

    Raises:
        RetryError: It was certainly not accepted; trying again may help.
        RefusedError: It was certainly not accepted, and will not be.
        UnclearError: The connection broke between the final dot and its answer.
    """
    parameters = b""
    limit = smtp.offers.get("SIZE", "").strip()
    if limit.isdecimal():
        if 0 < int(limit) < len(letter.data):
            excess = len(letter.data) - int(limit)
            raise TooLong(f"{smtp.where}: the mail is {excess} bytes longer than the server takes; send less", excess=excess)
        parameters += b" SIZE=%d" % len(letter.data)
    if letter.international:
        if "SMTPUTF8" not in smtp.offers:
            raise UnsupportedError(f"{smtp.where}: the server takes no address like {letter.receiver!r} (it lacks SMTPUTF8)")
        parameters += b" SMTPUTF8"
    yield from _expect(smtp, b"MAIL FROM:<" + letter.sender.encode() + b">" + parameters, 250, shown="MAIL")
    yield from _expect(smtp, b"RCPT TO:<" + letter.receiver.encode() + b">", 250, 251, shown="RCPT")
    yield from _expect(smtp, b"DATA", 354)
    body = _DOTS.sub(b"..", letter.data)
    yield from Write(smtp.conn, body if body.endswith(b"\r\n") else body + b"\r\n")
    try:
        yield from Write(smtp.conn, b".\r\n", repeatable=False)
        code, text = yield from _reply(smtp, timeout=_DOT_PATIENCE)
    except RetryError as error:
        raise UnclearError(
            f"{smtp.where}: the connection broke off before the server confirmed the mail to {letter.receiver}; look into the "
            "sent folder or ask the receiver before it is sent again"
        ) from error
    if code != 250:
        raise _refusal(smtp, "the message", code, text)


def close_smtp(smtp: Smtp) -> Flow[None]:
    """Say goodbye; what the server makes of it no longer matters."""
    try:
        yield from Write(smtp.conn, b"QUIT\r\n")
        yield from _reply(smtp, timeout=5)
    except SocialCRMError:
        return


def check(settings: EmailSettings) -> Flow[None]:
    """See whether the server would take mail from us, without sending any."""
    smtp = yield from open_smtp(settings)
    yield from close_smtp(smtp)


def _hello(smtp: Smtp) -> Flow[dict[str, str]]:
    # A client without a name of its own says an address literal (RFC 5321, section 4.1.3).
    code, text = yield from _say(smtp, b"EHLO [127.0.0.1]")
    if code != 250:
        raise _refusal(smtp, "EHLO", code, text)
    return {words[0].upper(): " ".join(words[1:]).upper() for line in text.split("\n")[1:] if (words := line.split())}


def _log_in(smtp: Smtp, settings: EmailSettings) -> Flow[None]:
    mechanism = choose(settings, smtp.offers.get("AUTH", "").split(), smtp.where)
    if mechanism == "LOGIN":
        steps: list[bytes | Callable[[Grant], bytes]] = [b"AUTH LOGIN\r\n", login_line(settings.login), login_line(None)]
    else:
        steps = [encoded(mechanism, settings.login, prefix=b"AUTH " + mechanism.encode() + b" ")]
    code, text = 334, ""
    for line in steps:
        if code != 334:
            break
        yield from Write(smtp.conn, line)
        code, text = yield from _reply(smtp)
    if code == 334:
        # XOAUTH2 tells its error in a challenge, and wants an empty answer before it refuses.
        code, text = yield from _say(smtp, b"")
    if code != 235:
        raise _refusal(smtp, "the log-in", code, text)


def _expect(smtp: Smtp, line: bytes, *codes: int, shown: str = "") -> Flow[None]:
    code, text = yield from _say(smtp, line)
    if code not in codes:
        raise _refusal(smtp, shown or line.decode("ascii", "replace"), code, text)


def _say(smtp: Smtp, line: bytes) -> Flow[tuple[int, str]]:
    yield from Write(smtp.conn, line + b"\r\n")
    return (yield from _reply(smtp))


def _reply(smtp: Smtp, *, timeout: float = _PATIENCE, greeting: bool = False) -> Flow[tuple[int, str]]:
    """Read a reply of one or several lines (RFC 5321, section 4.2.1)."""
    lines: list[str] = []
    while len(lines) < _LINES:
        line = yield from Read(smtp.conn, timeout=timeout)
        if not isinstance(line, bytes) or not line.endswith(b"\r\n"):
            what = "no answer in time" if line is None else "the server closed the connection"
            raise Unreachable(f"{smtp.where}: {what}; it is tried again later")
        if not re.match(rb"[2-5]\d\d[ \-\r]", line):
            shown = " ".join(line.decode("utf-8", "replace").split())[:100]
            if greeting:
                raise SettingsError(f"{smtp.where}: {shown!r} is no SMTP greeting; check host, port and security")
            raise Unreachable(f"{smtp.where}: {shown!r} is no SMTP; it is tried again later")
        lines.append(" ".join(line[4:].decode("utf-8", "replace").split()))
        if line[3:4] != b"-":
            return int(line[:3]), "\n".join(lines)
    raise Unreachable(f"{smtp.where}: an answer without end; it is tried again later")


def _refusal(smtp: Smtp, what: str, code: int, text: str) -> SocialCRMError:
    """Return the error for a reply that says no (RFC 5321 section 4.2.1, RFC 4954 section 6)."""
    told = f"{smtp.where}: {what} was refused ({code} {' '.join(text.split())[:200]})"
    if 400 <= code < 500:
        return ServerFault(f"{told}; it is tried again later")
    if code in (530, 534, 535, 538):
        return CredentialsError(f"{told}; check the user name and the password or token of the channel")
    return RefusedError(f"{told}; nothing was sent")
