"""Credentials as the wire wants them: made by callables that only a driver calls, so that a flow never sees a secret."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection

from socialcrm.connectors import Grant
from socialcrm.errors import CredentialsError, SettingsError
from socialcrm_email._settings import EmailSettings

__all__ = ["choose", "encoded", "login_line", "quoted"]


def choose(settings: EmailSettings, offered: Collection[str], where: str) -> str:
    """Choose how to log in.

    Args:
        settings: Which credentials there are.
        offered: SASL mechanisms that the server offers (upper case), ``LOGIN`` for a log-in command of its own.
        where: The server, for the message.

    Raises:
        SettingsError: There are no credentials, or none of a kind that the server takes.
    """
    if not settings.login or (settings.token is None and settings.password is None):
        raise SettingsError(
            f"{where}: a log-in needs an address (or username) and a password or token; add them to the channel"
        )
    usable = ["XOAUTH2"] if settings.token is not None else ["PLAIN", "LOGIN"]
    for mechanism in usable:
        if mechanism in offered:
            return mechanism
    told = ", ".join(sorted(offered)) or "none, perhaps because the connection is not encrypted"
    raise SettingsError(f"{where}: it does not take {' or '.join(usable)}; it offers {told}. Check the security setting")


def encoded(mechanism: str, login: str, *, prefix: bytes = b"") -> Callable[[Grant], bytes]:
    """Return the initial response of PLAIN (RFC 4616) or XOAUTH2 (Google's "OAuth 2.0 Mechanism"), in base64, as a line."""

    def line(grant: Grant) -> bytes:
        if mechanism == "XOAUTH2":
            words = f"user={login}\x01auth=Bearer {_secret(grant, 'token')}\x01\x01"
        else:
            words = f"\0{login}\0{_secret(grant, 'password')}"
        return prefix + base64.b64encode(words.encode()) + b"\r\n"

    return line


def quoted(command: bytes, login: str) -> Callable[[Grant], bytes]:
    """Return IMAP's LOGIN command (RFC 9051, 6.2.3) with its arguments as quoted strings."""

    def line(grant: Grant) -> bytes:
        arguments = (_quote(login), _quote(_secret(grant, "password")))
        return command + b" LOGIN " + b" ".join(arguments) + b"\r\n"

    return line


def _quote(text: str) -> bytes:
    if any(character in text for character in "\r\n\0"):
        raise SettingsError("a log-in name or password holds a line break; check where it is stored")
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def _secret(grant: Grant, name: str) -> str:
    secret = grant.get(name)
    if not secret:
        raise CredentialsError(f"mail: the {name} is missing; set it in the channel's settings")
    return secret


def login_line(login: str | None) -> Callable[[Grant], bytes]:
    """Return one of the two answers of SMTP's old ``AUTH LOGIN``: the name, or the password for ``None``."""

    def line(grant: Grant) -> bytes:
        return base64.b64encode((_secret(grant, "password") if login is None else login).encode()) + b"\r\n"

    return line
