"""An XMPP server in memory, written from the specifications, and builders. Everybody in it is invented."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, XMLPullParser
from xml.sax.saxutils import escape, quoteattr

import pytest
from scramp import ScramMechanism

from socialcrm.types import Secret
from socialcrm_xmpp import XmppConnector, XmppSettings

PASSWORD = "pässword-1 & <x>"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWN, ROOM = "team@example.org", "help@rooms.example.org"
MAM, RSM = "{urn:xmpp:mam:2}", "{http://jabber.org/protocol/rsm}"
SCRAM = ScramMechanism("SCRAM-SHA-256")
SALT, STORED, SERVER_KEY, ROUNDS = SCRAM.make_auth_info(PASSWORD, 4096, b"0123456789abcdef")


class Kept:
    """One message of an archive."""

    def __init__(self, key: str, at: datetime, xml: str) -> None:
        self.key, self.at, self.xml = key, at, xml


class World:
    """Accounts, a room, and what they archived. Faults are switched on by attributes."""

    def __init__(self, page: int = 3) -> None:
        self.archives: dict[str, list[Kept]] = {OWN: [], ROOM: []}
        self.page, self.default, self.number = page, "always", 0
        self.password, self.mechanisms, self.tls = PASSWORD, ["SCRAM-SHA-256", "PLAIN"], ""
        self.features = ["muc_public", "muc_open", "urn:xmpp:mam:2", "urn:xmpp:occupant-id:0"]
        self.refuses: dict[str, str] = {}
        self.sent: list[Element] = []
        self.asked: list[str] = []
        self.forge = self.greeting = ""

    def keep(self, archive: str, attributes: str, inner: str) -> str:
        """Archive a message; returns the archive's id."""
        self.number += 1
        key = f"a{self.number:04}"
        xml = f"<message xmlns='jabber:client' {attributes}>{inner}</message>"
        self.archives[archive].append(Kept(key, START + timedelta(seconds=self.number), xml))
        return key

    def chat(self, text: str, sender: str = "mara@example.com", id: str = "", inner: str = "") -> str:  # noqa: A002 - the protocol's word
        """A person writes to us."""
        body = f"<body>{escape(text)}</body>" if text else ""
        return self.keep(OWN, f"from='{sender}/phone' to='{OWN}' type='chat' id={quoteattr(id)}", body + inner)

    def say(self, text: str, nick: str = "omar", id: str = "", inner: str = "") -> str:  # noqa: A002 - the protocol's word
        """Somebody speaks in the room."""
        occupant = f"<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o-{nick}'/>"
        body = f"<body>{escape(text)}</body>" if text else ""
        return self.keep(ROOM, f"from='{ROOM}/{nick}' type='groupchat' id={quoteattr(id)}", occupant + body + inner)


class Session:
    """One connection, as the server sees it."""

    def __init__(self, world: World) -> None:
        self.world, self.closed, self.scram, self.inside = world, False, None, False
        self.begin()

    def begin(self) -> None:
        """A stream begins, new or once more."""
        self.parser, self.depth = XMLPullParser(["start", "end"]), 0

    def greet(self) -> bytes:
        """The client speaks first."""
        return b""

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what to say."""
        said: list[str] = []
        self.parser.feed(data)
        for event, element in list(self.parser.read_events()):
            self.depth += 1 if event == "start" else -1
            if event == "start" and self.depth == 1:
                said.append(self.opened())
            elif event == "end" and self.depth == 0:
                self.closed = True
                said.append("</stream:stream>")
            elif event == "end" and self.depth == 1:
                said.extend(self.stanza(element))
        return "".join(said).encode()

    def opened(self) -> str:
        """The stream's header and features."""
        spaces = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        head = f"<stream:stream {spaces} from='example.org' version='1.0'>"
        if self.inside:
            return f"{head}<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
        offered = "".join(f"<mechanism>{one}</mechanism>" for one in self.world.mechanisms)
        sasl = f"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{offered}</mechanisms>"
        return self.world.greeting or f"{head}<stream:features>{self.world.tls}{sasl}</stream:features>"

    def stanza(self, element: Element) -> list[str]:
        """Answer one element."""
        kind = element.tag.rpartition("}")[2]
        return list(getattr(self, f"do_{kind}")(element))

    def do_starttls(self, _element: Element) -> list[str]:
        """Encrypt."""
        self.world.tls = ""
        self.begin()
        return ["<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"]

    def do_auth(self, element: Element) -> list[str]:
        """The log-in begins."""
        words = base64.b64decode(element.text or "").decode()
        if element.get("mechanism") == "PLAIN":
            return self._let_in(words == f"\0team\0{self.world.password}", "")
        right = self.world.password == PASSWORD
        stored = STORED if right else SCRAM.make_auth_info(self.world.password, 4096, SALT)[1]
        self.scram = SCRAM.make_server(lambda _user: (SALT, stored, SERVER_KEY, ROUNDS))
        self.scram.set_client_first(words)
        challenge = base64.b64encode(self.scram.get_server_first().encode()).decode()
        return [f"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{challenge}</challenge>"]

    def do_response(self, element: Element) -> list[str]:
        """The log-in ends."""
        assert self.scram is not None
        try:
            self.scram.set_client_final(base64.b64decode(element.text or "").decode())
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            return self._let_in(False, "")
        return self._let_in(True, self.world.forge or self.scram.get_server_final())

    def _let_in(self, right: bool, proof: str) -> list[str]:
        if not right:
            return ["<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"]
        self.inside = True
        self.begin()
        return [f"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64.b64encode(proof.encode()).decode()}</success>"]

    def do_presence(self, element: Element) -> list[str]:
        """Somebody enters the room."""
        to = element.get("to", "")
        if not to:
            return []
        if "presence" in self.world.refuses:
            return [_error("presence", element, self.world.refuses["presence"])]
        nick = to.partition("/")[2]
        x = "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/>{}</x>"
        occupant = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o-{}'/>"
        people = [f"<presence from='{ROOM}/{one}'>{occupant.format(one)}{x.format('')}</presence>" for one in ("omar", "lena")]
        own = x.format("<status code='110'/>")
        subject = f"<message from='{ROOM}' type='groupchat'><subject>Help</subject></message>"
        return [*people, f"<presence from='{ROOM}/{nick}'>{occupant.format(nick)}{own}</presence>", subject]

    def do_message(self, element: Element) -> list[str]:
        """Somebody says something."""
        self.world.sent.append(element)
        to, kind = element.get("to", ""), element.get("type")
        if "message" in self.world.refuses:
            return [_error("message", element, self.world.refuses["message"])]
        inner = "".join(_plain(child) for child in element)
        who, key = f"type='{kind}' id={quoteattr(element.get('id', ''))}", to.partition("/")[0]
        if kind == "groupchat":
            occupant = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o-team'/>"
            archived = self.world.keep(ROOM, f"from='{ROOM}/team' {who}", occupant + inner)
            sid = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='{archived}'/>"
            return [f"<message from='{ROOM}/team' {who}>{inner}{sid}</message>"]
        assert key
        self.world.keep(OWN, f"from='{OWN}/desk' to={quoteattr(to)} {who}", inner)
        return []

    def do_iq(self, element: Element) -> list[str]:
        """A question."""
        payload = element[0]
        name, to = payload.tag.rpartition("}")[2], element.get("to", "")
        self.world.asked.append(payload.tag)
        sender = f"from={quoteattr(to)}" if to else ""
        if name in self.world.refuses:
            return [_error("iq", element, self.world.refuses[name])]
        if payload.tag == f"{MAM}query":
            return self._archive(element, payload, to or OWN, sender)
        features = "".join(f"<feature var='{one}'/>" for one in self.world.features)
        inner = {
            "bind": f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{OWN}/desk</jid></bind>",
            "prefs": f"<prefs xmlns='urn:xmpp:mam:2' default='{self.world.default}'><always/><never/></prefs>",
            "query": f"<query xmlns='http://jabber.org/protocol/disco#info'>{features}</query>",
            "vCard": "<vCard xmlns='vcard-temp'><FN>Mara Example</FN><URL>https://example.com/mara</URL></vCard>",
        }.get(name, "")
        return [f"<iq type='result' id={quoteattr(element.get('id', ''))} {sender}>{inner}</iq>"]

    def _archive(self, element: Element, query: Element, archive: str, sender: str) -> list[str]:
        rows, rsm = list(self.world.archives.get(archive, [])), query.find(f"{RSM}set")
        assert rsm is not None
        size = min(int(rsm.findtext(f"{RSM}max") or 99), self.world.page)
        person = next((one[0].text or "" for one in query[0] if one.get("var") == "with"), "")
        rows = [row for row in rows if not person or person in row.xml.partition(">")[0]]
        after, before = rsm.findtext(f"{RSM}after"), rsm.findtext(f"{RSM}before")
        keys = [row.key for row in rows]
        if (after and after not in keys) or (before and before not in keys):
            return [_error("iq", element, "item-not-found")]
        rows = rows[keys.index(after) + 1 :] if after else rows
        rows = rows[: keys.index(before)] if before else rows
        found = rows[:size] if before is None else rows[-size:]
        told = [self._result(row, query.get("queryid", ""), sender) for row in found]
        complete = "complete='true'" if len(found) == len(rows) else ""
        marks = f"<first>{found[0].key}</first><last>{found[-1].key}</last>" if found else ""
        fin = f"<fin xmlns='urn:xmpp:mam:2' {complete}><set xmlns='http://jabber.org/protocol/rsm'>{marks}</set></fin>"
        return [*told, f"<iq type='result' id={quoteattr(element.get('id', ''))} {sender}>{fin}</iq>"]

    def _result(self, row: Kept, query: str, sender: str) -> str:
        stamp = f"<delay xmlns='urn:xmpp:delay' stamp='{row.at:%Y-%m-%dT%H:%M:%SZ}'/>"
        forwarded = f"<forwarded xmlns='urn:xmpp:forward:0'>{stamp}{row.xml}</forwarded>"
        return (
            f"<message {sender}><result xmlns='urn:xmpp:mam:2' queryid='{query}' id='{row.key}'>{forwarded}</result></message>"
        )


def _error(name: str, element: Element, condition: str) -> str:
    ids = f"id={quoteattr(element.get('id', ''))} from={quoteattr(element.get('to', ''))}"
    reason = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    return f"<{name} type='error' {ids}><error type='cancel'>{reason}</error></{name}>"


def _plain(element: Element) -> str:
    space, _, name = element.tag[1:].rpartition("}")
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in element.attrib.items())
    inner = escape(element.text or "") + "".join(_plain(child) for child in element)
    return f"<{name} xmlns='{space}'{attributes}>{inner}</{name}>"


def settings(**changes: Any) -> XmppSettings:
    """Build settings for the server in memory."""
    given: dict[str, Any] = {"jid": OWN, "password": Secret("env:XMPP_PASSWORD"), "rooms": (ROOM,), "page_size": 3}
    return XmppSettings(**{**given, **changes})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def build_settings() -> Callable[..., XmppSettings]:
    return settings


@pytest.fixture
def connector() -> XmppConnector:
    return XmppConnector(settings())
