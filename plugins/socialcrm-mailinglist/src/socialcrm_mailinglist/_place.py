"""Where an archive lies, and which software keeps it: read from its web address."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from attrs import frozen

__all__ = ["Place", "locate"]

_HYPERKITTY = re.compile(r"(?P<root>.*?)(?:/api)?/list/(?P<list>[^/@]+@[^/@]+)(?:/.*)?\Z")
_PIPERMAIL = re.compile(r"(?P<folder>.*/(?:pipermail|mailman/private|private)/[^/]+)(?:/.*)?\Z")


@frozen(kw_only=True)
class Place:
    """An archive.

    Args:
        software: ``hyperkitty`` or ``pipermail``.
        origin: Scheme, host and port.
        root: The path below which everything lies, without a slash at its end: HyperKitty's own, or the list's folder.
        list: The list's address in lower case, as HyperKitty names it; empty for Pipermail, whose addresses do not tell.
    """

    software: str
    origin: str
    root: str
    list: str = ""

    @property
    def private(self) -> bool:
        """Whether the address is that of a Pipermail archive for members (``/mailman/private/LIST/``)."""
        return self.software == "pipermail" and "/private/" in self.root + "/"

    def api(self, rest: str = "") -> str:
        """Return a path of HyperKitty's API for this list."""
        return f"{self.root}/api/list/{quote(self.list, safe='@')}/{rest}"

    def page(self, hash: str) -> str:  # noqa: A002 - HyperKitty's word
        """Return the web page of a mail on HyperKitty."""
        return f"{self.origin}{self.root}/list/{quote(self.list, safe='@')}/message/{quote(hash)}/"


def locate(url: str) -> Place | None:
    """Say where the archive is that a web address belongs to: any of its pages will do.

    Returns:
        ``None`` if it is no web address.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
        parts.port  # noqa: B018 - it raises where the port is none
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    path = unquote(parts.path)
    found = _HYPERKITTY.match(path)
    if found is not None:
        return Place(software="hyperkitty", origin=origin, root=quote(found["root"]), list=found["list"].lower())
    found = _PIPERMAIL.match(path)
    folder = found["folder"] if found is not None else path.rpartition("/")[0]
    return Place(software="pipermail", origin=origin, root=quote(folder))
