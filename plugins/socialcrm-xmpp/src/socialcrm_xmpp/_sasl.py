"""Proving who we are (SASL; RFC 6120, section 6): made by callables that only a driver calls, so that a flow sees no secret.

SCRAM (RFC 5802, RFC 7677) by the library ``scramp``; PLAIN (RFC 4616) only within TLS. The server's own proof, the last step of
SCRAM, needs the password too: it is checked by the callable that makes the next thing to send.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection

from scramp import ScramClient, ScramException  # type: ignore[import-untyped]  # ships no types

from socialcrm.connectors import Grant
from socialcrm.errors import CredentialsError, SettingsError
from socialcrm_xmpp._names import SASL
from socialcrm_xmpp._xml import build, wire

__all__ = ["Scram", "choose", "plain"]

_SCRAM = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")


def choose(offered: Collection[str], *, encrypted: bool, where: str) -> str:
    """Choose the strongest mechanism that both sides have.

    Raises:
        SettingsError: There is none.
    """
    for mechanism in _SCRAM + (("PLAIN",) if encrypted else ()):
        if mechanism in offered:
            return mechanism
    told = ", ".join(sorted(offered)) or "nothing"
    raise SettingsError(f"{where}: the server offers {told}, and none of it is safe here; use security 'starttls' or 'tls'")


def plain(user: str) -> Callable[[Grant], bytes]:
    """Return the whole of PLAIN."""

    def said(grant: Grant) -> bytes:
        words = f"\0{user}\0{_password(grant)}".encode()
        return wire(build("auth", {"mechanism": "PLAIN"}, base64.b64encode(words).decode(), xmlns=SASL))

    return said


class Scram:
    """One SCRAM exchange: what was said so far, without the password.

    Args:
        mechanism: One of the SCRAM family.
        user: The local part of our address.
        nonce: Never used before.
        where: The server, for messages.
    """

    def __init__(self, mechanism: str, user: str, nonce: str, where: str) -> None:
        self._mechanism, self._user, self._nonce, self._where = mechanism, user, nonce, where
        self._challenge = ""

    def first(self) -> bytes:
        """Return the first message; it holds no secret."""
        words = self._client("").get_client_first().encode()
        return wire(build("auth", {"mechanism": self._mechanism}, base64.b64encode(words).decode(), xmlns=SASL))

    def answer(self, challenge: str | None) -> Callable[[Grant], bytes]:
        """Return the answer to the server's challenge."""
        self._challenge = self._decoded(challenge)

        def said(grant: Grant) -> bytes:
            words = self._answered(_password(grant))[1].encode()
            return wire(build("response", None, base64.b64encode(words).decode(), xmlns=SASL))

        return said

    def proven(self, proof: str | None, following: bytes) -> Callable[[Grant], bytes]:
        """Return what follows, once the server has proven that it knows the password, too."""
        told = self._decoded(proof)

        def said(grant: Grant) -> bytes:
            client, _ = self._answered(_password(grant))
            try:
                client.set_server_final(told)
            except ScramException as error:
                raise self._wrong() from error
            return following

        return said

    def _client(self, password: str) -> ScramClient:
        return ScramClient([self._mechanism], self._user, password or "-", c_nonce=self._nonce)

    def _answered(self, password: str) -> tuple[ScramClient, str]:
        client = self._client(password)
        client.get_client_first()
        try:
            client.set_server_first(self._challenge)
            return client, client.get_client_final()
        except ScramException as error:
            raise self._wrong() from error

    def _decoded(self, text: str | None) -> str:
        try:
            return base64.b64decode(text or "", validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise self._wrong() from error

    def _wrong(self) -> CredentialsError:
        return CredentialsError(
            f"{self._where}: the server's part of the log-in is wrong, so it may not be the server; check host and certificate"
        )


def _password(grant: Grant) -> str:
    password = grant.get("password", "")
    if not password:
        raise CredentialsError("xmpp: the channel has no password; add it to the channel's settings")
    return password
