"""Opening a mailbox: connect, encrypt, log in."""

from __future__ import annotations

from socialcrm.connectors import Flow, Open, StartTLS, Write
from socialcrm.errors import ServerFault, SettingsError
from socialcrm_email._imap import Imap
from socialcrm_email._responses import shown
from socialcrm_email._sasl import choose, encoded, quoted
from socialcrm_email._settings import EmailSettings

__all__ = ["open_imap"]


def open_imap(settings: EmailSettings) -> Flow[Imap]:
    """Connect, encrypt and log in.

    Raises:
        SettingsError: No host is set, something else than IMAP answers, or the security does not fit.
        CredentialsError: The server does not accept the credentials.
    """
    if not settings.imap_host:
        raise SettingsError("mail: no imap_host is set, so nothing can be read; add it to the channel's settings")
    imap = Imap((yield from Open(settings.imap_url)), f"IMAP {settings.imap_host}")
    greeting = yield from imap.line()
    if greeting.upper().startswith(b"* BYE"):
        raise ServerFault(f"{imap.where}: the server turned us away ({shown(greeting[6:])}); it is tried again later")
    if not greeting.upper().startswith((b"* OK", b"* PREAUTH")):
        raise SettingsError(f"{imap.where}: {shown(greeting)!r} is no IMAP greeting; check host, port and security")
    yield from imap.learn()
    if settings.imap_security == "starttls":
        if "STARTTLS" not in imap.capabilities:
            raise SettingsError(f"{imap.where}: the server offers no STARTTLS here; try imap_security='tls' on port 993")
        yield from imap.command(b"STARTTLS")
        yield from StartTLS(imap.conn)
        yield from imap.learn()
    if not greeting.upper().startswith(b"* PREAUTH"):
        yield from _log_in(imap, settings)
        yield from imap.learn()
    return imap


def _log_in(imap: Imap, settings: EmailSettings) -> Flow[None]:
    offered = {word.removeprefix("AUTH=") for word in imap.capabilities if word.startswith("AUTH=")} - {"LOGIN"}
    if "LOGINDISABLED" not in imap.capabilities:
        offered.add("LOGIN")
    mechanism, tag = choose(settings, offered, imap.where), imap.tag()
    if mechanism == "LOGIN":
        yield from Write(imap.conn, quoted(tag, settings.login))
    elif "SASL-IR" in imap.capabilities:
        prefix = b"%s AUTHENTICATE %s " % (tag, mechanism.encode())
        yield from Write(imap.conn, encoded(mechanism, settings.login, prefix=prefix))
    else:
        yield from Write(imap.conn, b"%s AUTHENTICATE %s\r\n" % (tag, mechanism.encode()))
        line = yield from imap.line()
        if not line.startswith(b"+"):
            raise imap.refusal(b"NO", line.partition(b" ")[2].partition(b" ")[2], "the log-in")
        yield from Write(imap.conn, encoded(mechanism, settings.login))
    line = yield from imap.line()
    if line.startswith(b"+"):
        # XOAUTH2 tells its error in a challenge, and wants an empty answer before it says NO.
        yield from Write(imap.conn, b"\r\n")
        line = yield from imap.line()
    while line.startswith(b"* "):
        yield from imap.response(line)
        line = yield from imap.line()
    status, _, text = line.removeprefix(tag + b" ").partition(b" ")
    if status.upper() != b"OK":
        raise imap.refusal(status, text, "the log-in")
