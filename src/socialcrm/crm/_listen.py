"""From a web address to a channel that needs no account: the installed connectors are asked whose site it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from socialcrm.connectors import Answer, Call, Connector, ConnectorInfo, Flow
from socialcrm.errors import SettingsError, SocialCRMError, UnsupportedError
from socialcrm.transport import Host

if TYPE_CHECKING:
    from socialcrm.crm._crm import CRM
    from socialcrm.crm._pull import Progress
    from socialcrm.crm._reports import ChannelReport

__all__ = ["listen", "recognise"]

_HOST = re.compile(r"[^\s/\\@]+")


class _Site(Connector[None]):
    """Gets one public page, without credentials."""

    info = ConnectorInfo(platform="web")

    def __init__(self, url: str) -> None:
        super().__init__(None)
        self._url = url

    @property
    def origin(self) -> str:
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc}"

    def page(self) -> Flow[Answer]:
        """Ask for the page."""
        return (yield from Call("GET", self._url, headers={"Accept": "text/html, */*;q=0.5"}, auth=False, timeout=20))


def listen(crm: CRM, url: str, name: str, limit: int, progress: Callable[[Progress], None] | None) -> ChannelReport:
    """Add a channel for a web address, where there is none of that name, and fetch what is public."""
    site = _address(url)
    name = name or site.netloc
    if name not in {channel.name for channel in crm.channels}:
        platform, settings = recognise(crm, site.geturl())
        crm.channels.add(platform, name=name, **settings)
    return crm.sync(name, limit=limit, progress=progress).channels[0]


def recognise(crm: CRM, url: str) -> tuple[str, dict[str, Any]]:
    """Find out which platform a web address belongs to, and how it is read without credentials.

    Args:
        crm: Whose plugins are asked.
        url: ``https`` is taken where it has no scheme.

    Returns:
        The platform's name, and settings for a channel.

    Raises:
        SettingsError: It is no web address.
        UnsupportedError: No installed plugin knows it.
        RetryError, FixError: The page can't be had.
    """
    full = _address(url).geturl()
    public = {platform: cls for platform, cls in sorted(crm.plugins.connectors().items()) if cls.info.capabilities.public}
    found = _ask(public, full, None)
    if found is None:
        site = _Site(full)
        with crm.driver(site, Host(), 0) as driver:
            page = driver.run(site.page())
        found = _ask(public, full, page)
    if found is None:
        titles = ", ".join(cls.info.title or platform for platform, cls in public.items()) or "none is installed"
        raise UnsupportedError(
            f"{full} is of no platform that can be read without an account by the installed plugins ({titles}); "
            "with an account, add it as a channel: socialcrm channels add --help"
        )
    return found


def _address(url: str) -> SplitResult:
    full = url.strip() if "://" in url else f"https://{url.strip()}"
    try:
        parts = urlsplit(full)
        usable = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password:
        raise SettingsError("that is no web address; give one such as https://forum.example.com, without name and password")
    return parts


def _ask(public: Mapping[str, type[Connector[Any]]], url: str, page: Answer | None) -> tuple[str, dict[str, Any]] | None:
    for platform, cls in public.items():
        try:
            settings = cls.recognise(url, page)
        except SocialCRMError:
            raise
        except Exception as error:
            raise SettingsError(f"the plugin for {platform} failed on {url}: {type(error).__name__}: {error}") from error
        if settings is not None:
            return platform, dict(settings)
    return None
