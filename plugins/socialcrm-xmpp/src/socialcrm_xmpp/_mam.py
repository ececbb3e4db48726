"""Reading archives (XEP-0313, Message Archive Management), page by page (XEP-0059, Result Set Management)."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from socialcrm.connectors import Flow
from socialcrm.errors import NotFound
from socialcrm.types import utc
from socialcrm_xmpp._names import CLIENT, DELAY, FORM, FORWARD, MAM, RSM, q
from socialcrm_xmpp._session import OWN, Session
from socialcrm_xmpp._xml import Element, build

__all__ = ["Page", "archived", "entry", "keeps_all", "page", "read_time", "stamp_of"]


@frozen(kw_only=True)
class Page:
    """One page of an archive.

    Args:
        results: The ``result`` elements, oldest first; those without an id are left out, since nothing can name them.
        complete: There is nothing further in the direction of paging.
    """

    results: tuple[Element, ...]
    complete: bool


def page(
    session: Session,
    archive: str,
    size: int,
    *,
    after: str = "",
    before: str | None = None,
    person: str = "",
    start: datetime | None = None,
) -> Flow[Page]:
    """Read a page of an archive.

    Args:
        session: The session.
        archive: A room's address, or `OWN`.
        size: How many results at most.
        after: The id after which to begin; empty for the beginning.
        before: The id before which to end, and page backwards; empty for the end of the archive.
        person: Only what went to or came from this address.
        start: Only from this time on.

    Raises:
        NotFound: The archive does not hold that id any more.
    """
    query_id = session.mark()
    fields = {"FORM_TYPE": MAM, "with": person, "start": start.strftime("%Y-%m-%dT%H:%M:%SZ") if start else ""}
    form = build("x", {"type": "submit"}, *(_field(name, value) for name, value in fields.items() if value), xmlns=FORM)
    rows = [build("max", None, str(size))]
    if before is not None:
        rows.append(build("before", None, before))
    elif after:
        rows.append(build("after", None, after))
    query = build("query", {"queryid": query_id}, form, build("set", None, *rows, xmlns=RSM), xmlns=MAM)
    results: list[Element] = []

    def collect(stanza: Element) -> bool:
        result = stanza.find(q(MAM, "result")) if stanza.tag == q(CLIENT, "message") else None
        if result is None or result.get("queryid") != query_id or not session.comes_from(stanza, archive):
            return False
        if result.get("id") and len(results) < 10 * size:
            results.append(result)
        return True

    answer = yield from session.ask(archive, query, kind="set", collect=collect)
    fin = answer.find(q(MAM, "fin"))
    complete = fin is not None and fin.get("complete") in ("true", "1")
    return Page(results=tuple(results), complete=complete or not results)


def entry(session: Session, archive: str, id: str) -> Flow[Element]:  # noqa: A002 - the contract's word
    """Return one ``result`` by its id: it is what stands before its successor.

    Raises:
        NotFound: The archive does not hold it.
    """
    following = yield from page(session, archive, 1, after=id)
    mark = following.results[0].get("id", "") if following.results else ""
    found = yield from page(session, archive, 1, before=mark)
    for result in found.results:
        if result.get("id") == id:
            return result
    raise NotFound(f"{session.where}: the archive of {archive or session.own} holds no message {id!r}; it may have expired")


def archived(result: Element) -> Element | None:
    """Return the message that a ``result`` holds; ``None`` where the server took it out."""
    return result.find(q(FORWARD, "forwarded") + "/" + q(CLIENT, "message"))


def stamp_of(result: Element) -> datetime | None:
    """Return when the archive received a message (XEP-0203), in UTC; ``None`` where it does not say."""
    delay = result.find(q(FORWARD, "forwarded") + "/" + q(DELAY, "delay"))
    return read_time(delay.get("stamp", "") if delay is not None else "")


def read_time(text: str) -> datetime | None:
    """Return a time as XEP-0082 writes it; ``None`` for anything else."""
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def keeps_all(session: Session, person: str) -> Flow[bool]:
    """Ask whether the server archives everything that we exchange with a person (XEP-0441)."""
    answer = yield from session.ask(OWN, build("prefs", xmlns=MAM))
    prefs = answer.find(q(MAM, "prefs"))
    if prefs is None or prefs.get("default") != "always":
        return False
    return person not in [one.text for one in prefs.iterfind(q(MAM, "never", "jid"))]


def _field(name: str, value: str) -> Element:
    return build("field", {"var": name, **({"type": "hidden"} if name == "FORM_TYPE" else {})}, build("value", None, value))
