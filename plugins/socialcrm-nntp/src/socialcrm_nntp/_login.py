"""Opening a connection: greeting, encryption, reader mode, log-in.

The password goes out by a function that only a driver calls, over TLS or on loopback: `NntpSettings` refuses anything else.
"""

from __future__ import annotations

from socialcrm.connectors import Flow, Grant, Open, StartTLS
from socialcrm.errors import CredentialsError, SettingsError
from socialcrm_nntp._errors import refusal
from socialcrm_nntp._session import Nntp
from socialcrm_nntp._settings import NntpSettings

__all__ = ["open_nntp"]


def open_nntp(settings: NntpSettings) -> Flow[Nntp]:
    """Connect, encrypt and log in (RFC 3977, sections 5.1 to 5.3; RFC 4642; RFC 4643).

    Raises:
        SettingsError: No server is set, something else than NNTP answers, or the security does not fit.
        CredentialsError: The server does not accept the credentials.
    """
    if not settings.server:
        raise SettingsError("nntp: no server is set, so nothing can be fetched or posted; add it to the channel's settings")
    nntp = Nntp((yield from Open(settings.url)), f"NNTP {settings.server}")
    code, text = yield from nntp.response(greeting=True)
    if code not in (200, 201):
        if code < 400:
            raise SettingsError(f"{nntp.where}: '{code} {text[:80]}' is no NNTP greeting; check server, port and security")
        raise refusal(nntp.where, "the connection", code, text)
    yield from _learn(nntp)
    if settings.security == "starttls":
        # A server that switches modes offers TLS only to readers.
        if not nntp.offers("STARTTLS") and not nntp.offers("READER"):
            yield from _become_reader(nntp)
        yield from nntp.expect("STARTTLS", 382)
        yield from StartTLS(nntp.conn)
        yield from _learn(nntp)
    if not nntp.offers("READER"):
        yield from _become_reader(nntp)
    if settings.username:
        yield from _log_in(nntp, settings.username)
        yield from _learn(nntp)
    return nntp


def _learn(nntp: Nntp) -> Flow[None]:
    """Ask what the server can do; one from before RFC 3977 does not know the question."""
    code, _ = yield from nntp.ask("CAPABILITIES")
    nntp.capabilities = {}
    if code == 101:
        lines = (yield from nntp.block()).decode("utf-8", "replace").split("\r\n")
        rows = (line.upper().partition(" ") for line in lines if line.strip())
        nntp.capabilities = {label: arguments for label, _, arguments in rows}


def _become_reader(nntp: Nntp) -> Flow[None]:
    code, text = yield from nntp.ask("MODE READER")
    if code not in (200, 201, 500, 501):
        raise refusal(nntp.where, "MODE READER", code, text)
    yield from _learn(nntp)


def _log_in(nntp: Nntp, username: str) -> Flow[None]:
    """Log in with AUTHINFO USER and PASS (RFC 4643, section 2.3)."""
    code, text = yield from nntp.ask(f"AUTHINFO USER {username}")
    if code == 381:
        code, text = yield from nntp.ask(_password)
    if code != 281:
        raise refusal(nntp.where, "the log-in", code, text)


def _password(grant: Grant) -> bytes:
    secret = grant.get("password")
    if not secret:
        raise CredentialsError("nntp: the password is missing; set it in the channel's settings")
    if any(character in secret for character in "\r\n\0"):
        raise CredentialsError("nntp: the password holds a line break; check where it is stored")
    return f"AUTHINFO PASS {secret}\r\n".encode()
