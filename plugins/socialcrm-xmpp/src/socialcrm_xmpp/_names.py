"""The namespaces, as the specifications name them, in the form in which elements are looked up."""

from __future__ import annotations

__all__ = [
    "BIND",
    "CARBONS",
    "CHAT_STATES",
    "CLIENT",
    "DELAY",
    "DISCO_INFO",
    "FALLBACK",
    "FASTEN",
    "FORM",
    "FORWARD",
    "HINTS",
    "MAM",
    "MARKERS",
    "MODERATE",
    "MUC",
    "MUC_USER",
    "OCCUPANT",
    "OMEMO",
    "OOB",
    "PING",
    "REACTIONS",
    "RECEIPTS",
    "REPLACE",
    "REPLY",
    "RETRACT",
    "RSM",
    "SASL",
    "SID",
    "STANZAS",
    "STREAM",
    "STREAMS",
    "TLS",
    "VCARD",
    "q",
]  # fmt: skip

BIND = "urn:ietf:params:xml:ns:xmpp-bind"
CARBONS = "urn:xmpp:carbons:2"
CHAT_STATES = "http://jabber.org/protocol/chatstates"
CLIENT = "jabber:client"
DELAY = "urn:xmpp:delay"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
FALLBACK = "urn:xmpp:fallback:0"
FASTEN = "urn:xmpp:fasten:0"
FORM = "jabber:x:data"
FORWARD = "urn:xmpp:forward:0"
HINTS = "urn:xmpp:hints"
MAM = "urn:xmpp:mam:2"
MARKERS = "urn:xmpp:chat-markers:0"
MODERATE = "urn:xmpp:message-moderate:1"
MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
OCCUPANT = "urn:xmpp:occupant-id:0"
OMEMO = "eu.siacs.conversations.axolotl"
OOB = "jabber:x:oob"
PING = "urn:xmpp:ping"
REACTIONS = "urn:xmpp:reactions:0"
RECEIPTS = "urn:xmpp:receipts"
REPLACE = "urn:xmpp:message-correct:0"
REPLY = "urn:xmpp:reply:0"
RETRACT = "urn:xmpp:message-retract:1"
RSM = "http://jabber.org/protocol/rsm"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SID = "urn:xmpp:sid:0"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
STREAM = "http://etherx.jabber.org/streams"
STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
VCARD = "vcard-temp"


def q(namespace: str, *names: str) -> str:
    """Return the path of an element within elements of one namespace: ``q(MAM, "fin")``."""
    return "/".join(f"{{{namespace}}}{name}" for name in names)
