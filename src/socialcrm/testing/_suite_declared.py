"""The contract of declarations: what a connector says of itself is so."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, get_type_hints

import attrs
import pytest

from socialcrm.connectors import (
    CONTRACT,
    Answer,
    Capabilities,
    ConnectorInfo,
    Stream,
    describe_settings,
    disagreements,
    make_settings,
)
from socialcrm.errors import SettingsError, SocialCRMError
from socialcrm.testing._promise import broken, check
from socialcrm.testing._scenario import Scenario
from socialcrm.testing._suite_base import SuiteBase
from socialcrm.transport import sensitive
from socialcrm.types import Secret

__all__ = ["Declared"]

_FOREIGN = [
    ("https://example.com", None),
    ("https://", None),
    ("https://[", None),
    ("https://example.com:port/", Answer(status=200)),
    ("https://example.com/", Answer(status=200, headers={"content-type": "text/html"}, content=b"<h1>Hello</h1>")),
    ("https://example.com/", Answer(status=500, headers={"link": "<"}, content=b"\xff\xfe<meta name=generator>")),
    (
        "https://example.com/x",
        Answer(status=200, headers={"link": '<>; rel=""'}, content=b'<link rel="alternate"><meta name="'),
    ),
]
"""Addresses that are no platform's, with what they answer."""


class Declared(SuiteBase):
    """Info, capabilities, settings."""

    def test_what_it_declares_is_what_it_implements(self) -> None:
        """Each capability and stream has its method, and each method its capability."""
        found = "; ".join(f"{what}. {advice}" for what, advice in disagreements(self.connector))
        check(
            not found,
            "declared = implemented, both ways",
            "a capability is copied from another plugin, or forgotten for a method that was added",
            found,
        )

    def test_its_info_is_complete(self) -> None:
        """Platform, contract, streams and settings are there, and typed."""
        info = self.connector.info
        check(isinstance(info, ConnectorInfo), "info is a ConnectorInfo", "it is a property or a plain class", type(info))
        check(info.contract == CONTRACT, f"info.contract is the contract it was written for, now {CONTRACT}", "", info.contract)
        check(
            info.platform and info.platform == info.platform.lower() and " " not in info.platform,
            "platform is one word in lower case",
            "the platform's own spelling stands there; that is 'title'",
            info.platform,
        )
        streams = all(isinstance(stream, Stream) for stream in info.streams.values())
        check(streams, "streams are Stream records by name", "a list of names", info.streams)
        check(isinstance(info.capabilities, Capabilities), "capabilities are a Capabilities record", "", info.capabilities)

    def test_it_recognises_its_sites_and_no_others(self, scenario: Scenario) -> None:
        """The settings of `recognise` are accepted; foreign pages and odd addresses are none of its business."""
        self.need(self.connector.info.capabilities.public, "it declares no public reading")
        told = "recognise() says None for what is not its platform, and raises nothing"
        for url, page in _FOREIGN:
            found = self.connector.recognise(url, page)
            check(found is None, told, "it takes every site for its own", f"{url}: {found}")
        self.need(scenario.sites, "its scenario brings no sites")
        for url, page in scenario.sites:
            found = self.connector.recognise(url, page)
            check(found is not None, "recognise() knows the sites of its platform", "a marker that newer versions lack", url)
            make_settings(self.connector.info.settings, dict(found or {}), platform=self.connector.info.platform)

    def test_an_unknown_stream_is_refused(self, scenario: Scenario) -> None:
        """A stream that was not declared raises UnsupportedError."""
        with self.bench(scenario) as bench:
            flow = bench.connector.fetch("no such stream", {})
            try:
                next(flow)
            except SocialCRMError:
                return
            except StopIteration:
                pass
            finally:
                if isinstance(flow, Generator):
                    flow.close()
            broken(
                "fetch() refuses a stream that it does not have, with UnsupportedError",
                "it takes every name for its only stream",
            )

    def test_settings_are_typed_and_credentials_are_secrets(self, scenario: Scenario) -> None:
        """The settings are an attrs class of plain types with help; what holds a credential is a Secret."""
        cls = self.connector.info.settings
        check(attrs.has(cls), "settings are an attrs class", "a dictionary or a dataclass", cls)
        for name, hint in get_type_hints(cls, include_extras=False).items():
            if name not in {field.name for field in attrs.fields(cls)}:
                continue
            secret = hint is Secret or Secret in getattr(hint, "__args__", ())
            check(
                secret or not sensitive(name),
                "every credential is a Secret: masked, and never stored",
                "a token is a plain str",
                f"{name}: {hint}",
            )
            check(
                hint is not Any and hint is not object,
                "settings are typed, so that a wrong value is told when the channel is added",
                "Any",
                f"{name}: {hint}",
            )
        for name, _kind, _default, told in describe_settings(cls):
            check(told, 'every setting explains itself: metadata={"help": "…"}', "the help is left out", name)
        with self.bench(scenario) as bench:
            given = {**bench.settings, "no_such_setting": "x"}
            with pytest.raises(SettingsError):
                make_settings(cls, given, platform=self.connector.info.platform)
