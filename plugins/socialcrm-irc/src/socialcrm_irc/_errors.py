"""What the server's refusals mean, as errors that say what to do.

Source: "Modern IRC Client Protocol", Numerics; RFC 2812, section 5; IRCv3 "Standard Replies".
"""

from __future__ import annotations

import re

from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    SocialCRMError,
    Unreachable,
)
from socialcrm_irc._line import Line, plain

__all__ = ["closing", "not_joined", "not_registered", "not_said", "shown"]

_REGISTRATION: dict[str, tuple[type[SocialCRMError], str]] = {
    "432": (SettingsError, "the server allows no such nick; choose another, perhaps a shorter one"),
    "451": (ServerFault, "it says that we are not registered; it is tried again later"),
    "463": (ForbiddenError, "this host may not connect; ask the network's operators"),
    "464": (CredentialsError, "the server's password is wrong or missing; check 'server_password'"),
    "465": (ForbiddenError, "we are banned from this server; ask the network's operators"),
    "466": (ForbiddenError, "we are going to be banned from this server; ask the network's operators"),
    "902": (CredentialsError, "our account is locked; ask the network's operators"),
    "904": (CredentialsError, "SASL failed; check 'account' and 'password'"),
    "905": (CredentialsError, "SASL failed, the credentials are too long; check 'password'"),
    "906": (CredentialsError, "SASL was aborted; check 'account' and 'password'"),
    "908": (SettingsError, "the server knows other SASL mechanisms than PLAIN only"),
}
_JOIN: dict[str, tuple[type[SocialCRMError], str]] = {
    "403": (NotFound, "there is no such channel; check 'channels'"),
    "405": (RefusedError, "we are in too many channels; name fewer in 'channels'"),
    "407": (RefusedError, "the name is not unique; check 'channels'"),
    "437": (ServerFault, "it is unavailable for the moment; it is tried again later"),
    "448": (NotFound, "the server allows no such name; check 'channels'"),
    "471": (ServerFault, "it is full; it is tried again later"),
    "473": (ForbiddenError, "one has to be invited; ask its operators for an invite exception for us"),
    "474": (ForbiddenError, "we are banned; ask its operators, or take it out of 'channels'"),
    "475": (CredentialsError, "its key is wrong or missing; check 'channel_keys'"),
    "476": (NotFound, "its name is wrong; check 'channels'"),
    "477": (CredentialsError, "one has to be logged in; set 'account' and 'password'"),
    "480": (RateLimited, "it is being joined too fast; it is tried again later"),
    "489": (SettingsError, "only encrypted connections may join; use security='tls'"),
    "520": (ForbiddenError, "only operators of the network may join"),
}
_SAY: dict[str, tuple[type[SocialCRMError], str]] = {
    "401": (NotFound, "nobody has this nick now; write when they are back"),
    "402": (NotFound, "there is no such server"),
    "403": (NotFound, "there is no such channel now"),
    "404": (ForbiddenError, "we may not speak there: it is moderated, or we are banned; ask its operators for a voice (+v)"),
    "407": (RefusedError, "too many would get it"),
    "411": (RefusedError, "the server saw nobody to send it to"),
    "412": (RefusedError, "the server saw no text in it"),
    "413": (RefusedError, "the server saw no domain in the target"),
    "414": (RefusedError, "the server took the target for a wildcard"),
    "415": (RefusedError, "the server took the target for a mask"),
    "417": (RefusedError, "the line is too long for this server"),
    "421": (RefusedError, "the server does not know the command"),
    "437": (RefusedError, "the target is unavailable for the moment"),
    "439": (RefusedError, "we write to too many too fast; write again in some minutes"),
    "477": (ForbiddenError, "one has to be logged in to write there; set 'account' and 'password'"),
    "482": (ForbiddenError, "only operators of the channel may do that"),
    "486": (ForbiddenError, "one has to be logged in to write to them; set 'account' and 'password'"),
    "489": (SettingsError, "one has to be connected by TLS to write there; use security='tls'"),
    "492": (ForbiddenError, "the server lets no such text pass to them"),
    "531": (ForbiddenError, "they take no private messages from us"),
    "573": (ForbiddenError, "the server blocked it"),
    "716": (ForbiddenError, "they take private messages only from those they let in; they were told that we wrote"),
    "937": (RefusedError, "the server blocked it for a word in it"),
}


def shown(text: str) -> str:
    """Return what the server said, short and harmless."""
    return plain(text)[:200]


def _error(line: Line, table: dict[str, tuple[type[SocialCRMError], str]], what: str) -> SocialCRMError | None:
    found = table.get(line.command)
    if found is None:
        return None
    return found[0](f"{what}: {found[1]} ({line.command} {shown(line.param(-1))})")


def not_registered(where: str, line: Line) -> SocialCRMError | None:
    """Return why the server does not let us in, if the line says so."""
    return _error(line, _REGISTRATION, where)


def not_joined(where: str, line: Line, room: str) -> SocialCRMError | None:
    """Return why we may not join a channel, if the line says so."""
    return _error(line, _JOIN, f"{where}: {room} can't be joined")


def not_said(where: str, line: Line, target: str) -> SocialCRMError | None:
    """Return why a line was not delivered, if the line says so."""
    if line.command == "FAIL" and line.param(0).upper() in ("PRIVMSG", "*"):
        return RefusedError(f"{where}: not delivered to {target}: {line.param(1)} ({shown(line.param(-1))})")
    return _error(line, _SAY, f"{where}: not delivered to {target}")


def closing(where: str, reason: str) -> SocialCRMError:
    """Return what an ERROR line means: the last words before the server hangs up."""
    text, told = reason.lower(), shown(reason)
    if re.search(r"throttl|too fast|too many connections|reconnect", text):
        return RateLimited(f"{where}: the server wants us to wait before we connect again ({told})", retry_after=60)
    if re.search(r"password", text):
        return CredentialsError(f"{where}: the server's password is wrong; check 'server_password' ({told})")
    if re.search(r"\b[kgdzq]-?line|banned|akill|not authori[sz]ed|access denied", text):
        return ForbiddenError(f"{where}: the server does not let us in; ask the network's operators ({told})")
    if re.search(r"excess flood|recvq|sendq", text):
        return ServerFault(f"{where}: the server closed the connection for flooding; raise 'pace' or lower 'burst' ({told})")
    return Unreachable(f"{where}: the server closed the connection ({told}); it is tried again later")
