"""Opening a session: connect, encrypt, log in, bind a resource (RFC 6120, sections 4 to 7)."""

from __future__ import annotations

from socialcrm.connectors import Flow, Open, StartTLS, Write
from socialcrm.errors import SettingsError, Unreachable
from socialcrm_xmpp._jid import bare, local
from socialcrm_xmpp._names import BIND, SASL, TLS, q
from socialcrm_xmpp._refusals import log_in_refused
from socialcrm_xmpp._sasl import Scram, choose, plain
from socialcrm_xmpp._session import OWN, Session
from socialcrm_xmpp._settings import XmppSettings
from socialcrm_xmpp._xml import Element, build

__all__ = ["open_session"]


def open_session(settings: XmppSettings) -> Flow[Session]:
    """Connect, encrypt, log in and bind a resource; nobody is told that we are there.

    Raises:
        SettingsError: Something else than XMPP answers, or the security does not fit.
        CredentialsError: The server does not accept the credentials.
    """
    conn = yield from Open(settings.url)
    session = Session(conn, settings.own, f"XMPP {settings.where}", settings.max_stanza)
    features = yield from session.restart()
    if settings.security == "starttls":
        if features.find(q(TLS, "starttls")) is None:
            raise SettingsError(f"{session.where}: the server offers no STARTTLS here; try security='tls' on port 5223")
        yield from session.say(build("starttls", xmlns=TLS))
        if (yield from session.receive()).tag != q(TLS, "proceed"):
            raise Unreachable(f"{session.where}: the server would not encrypt; it is tried again later")
        yield from StartTLS(conn)
        features = yield from session.restart()
    features = yield from _log_in(session, features, encrypted=settings.security != "plain")
    if features.find(q(BIND, "bind")) is None:
        raise Unreachable(f"{session.where}: the server let us in and offers no session; it is tried again later")
    answer = yield from session.ask(OWN, build("bind", xmlns=BIND), kind="set")
    session.me = answer.findtext(q(BIND, "bind", "jid")) or settings.own
    session.own = bare(session.me)
    return session


def _log_in(session: Session, features: Element, *, encrypted: bool) -> Flow[Element]:
    offered = [one.text or "" for one in features.iterfind(q(SASL, "mechanisms", "mechanism"))]
    mechanism = choose(offered, encrypted=encrypted, where=session.where)
    user = local(session.own)
    if mechanism == "PLAIN":
        yield from Write(session.conn, plain(user))
        yield from _success(session)
        return (yield from session.restart())
    scram = Scram(mechanism, user, session.conn.id, session.where)
    yield from Write(session.conn, scram.first())
    challenge = yield from session.receive()
    if challenge.tag != q(SASL, "challenge"):
        raise log_in_refused(session.where, challenge)
    yield from Write(session.conn, scram.answer(challenge.text))
    success = yield from _success(session)
    return (yield from session.restart(lambda header: Write(session.conn, scram.proven(success.text, header))))


def _success(session: Session) -> Flow[Element]:
    answer = yield from session.receive()
    if answer.tag != q(SASL, "success"):
        raise log_in_refused(session.where, answer)
    return answer
