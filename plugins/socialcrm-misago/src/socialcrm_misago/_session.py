"""Signing in: Misago has no tokens, only the session of a browser.

``POST /api/auth/`` takes name and password and sets the session cookie. It wants Django's double submit: the value of the CSRF
cookie, which every page sets, again as a header; over https also a ``Referer`` of the same site (Django documentation: "Cross
Site Request Forgery protection"). A session that ended is not refused: the request counts as a guest's, and the answer takes
the cookie back. `lost` sees that, so that nothing that a guest can't see looks deleted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import evolve

from socialcrm.connectors import Answer, Call, Flow, Grant
from socialcrm.errors import CredentialsError

__all__ = ["LOGIN", "SessionEnded", "lost", "renew", "sign"]

LOGIN = "/api/auth/"

_COOKIE = re.compile(r"(?:^|,)\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([^;,]*)((?:;[^;,]*(?:,\s*\d[^;,]*)?)*)")
"""One cookie of a joined ``Set-Cookie`` header: name, value, attributes; the comma within ``expires`` belongs to it."""
_NAME = re.compile(rb'misago_csrf\s*=\s*"([^"\\]{1,80})"')
_GONE = re.compile(r"max-age=0(?!\d)|expires=thu, 0?1[ -]jan[ -]1970", re.IGNORECASE)


class SessionEnded(CredentialsError):
    """The forum does not know the session any more; the password may be as good as ever."""


def renew(home: str, username: str, grant: Grant) -> Flow[Grant]:
    """Sign in, and return the grant with ``cookies`` (a whole ``Cookie`` header) and ``csrf``.

    Args:
        home: The forum's address, with its folder.
        username: Who we are.
        grant: Holds the password.

    Raises:
        CredentialsError: The forum does not accept name and password, or gives no session.
    """
    if not grant.get("password"):
        raise CredentialsError("misago: there is no password; set username and password in the channel's settings")
    front = yield from Call("GET", f"{home}/", auth=False)
    named = _NAME.search(front.content)
    name = named[1].decode("ascii", "replace") if named else "csrftoken"
    cookies = _set(front.headers)
    if not cookies.get(name):
        raise CredentialsError(
            "misago: the forum's front page sets no CSRF cookie, so nobody can sign in by password; check that 'server' is the "
            "forum's address"
        )
    headers = {"Cookie": _cookie(cookies), "X-CSRFToken": cookies[name], "Referer": f"{home}/"}
    body = {"username": username, "password": grant["password"]}
    answer = yield from Call("POST", f"{home}{LOGIN}", json=body, headers=headers, auth=False, bucket="login")
    given = _set(answer.headers)
    if not any(value for key, value in given.items() if key != name):
        raise CredentialsError(
            "misago: the forum accepted the password and gave no session; check that 'server' is its address"
        )
    cookies |= given
    return {**grant, "cookies": _cookie(cookies), "csrf": cookies[name]}


def sign(home: str, call: Call, grant: Grant) -> Call:
    """Return the call with the session, if there is one yet."""
    cookies = grant.get("cookies")
    if not cookies:
        return call
    headers = {**call.headers, "Cookie": cookies}
    if call.method not in ("GET", "HEAD"):
        headers |= {"X-CSRFToken": grant.get("csrf", ""), "Referer": f"{home}/"}
    return evolve(call, headers=headers)


def lost(answer: Answer) -> bool:
    """Tell whether the answer takes a cookie back: the session that we sent is not known any more."""
    return any(_GONE.search(found[3]) for found in _COOKIE.finditer(answer.headers.get("set-cookie", "")))


def _set(headers: Mapping[str, str]) -> dict[str, str]:
    found = _COOKIE.finditer(headers.get("set-cookie", ""))
    return {one[1]: one[2].strip().strip('"') for one in found if not _GONE.search(one[3])}


def _cookie(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
