"""A channel's settings: typed, explained, and stored without credentials."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import field, frozen

from socialcrm.connectors import describe_settings, make_settings, plain_settings
from socialcrm.errors import SettingsError
from socialcrm.types import Secret


@frozen(kw_only=True)
class Settings:
    """Of an invented platform."""

    server: str = field(metadata={"help": "its address"})
    token: Secret | None = None
    days: int = 14
    quick: bool = False
    rooms: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.days < 0:
            raise ValueError("days can't be negative")


def make(**values: Any) -> Settings:
    """Build settings for the tests."""
    return make_settings(Settings, {"server": "x", **values}, platform="invented")


def test_text_from_a_command_line_becomes_what_the_field_says() -> None:
    """Numbers, truth values and lists may come as text."""
    made = make(days="3", quick="yes", rooms="a, b")
    assert (made.days, made.quick, made.rooms) == (3, True, ("a", "b"))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sever": "x"}, "did you mean 'server'"),
        ({"days": "many"}, "'days' should be int, got 'many'"),
        ({"quick": "perhaps"}, "'quick' should be bool"),
        ({"server": 3}, "'server' should be str"),
        ({"days": -1}, "days can't be negative"),
        ({"token": "hunter2"}, "env:NAME"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(values: dict[str, Any], told: str) -> None:
    """An unknown name, a value of the wrong kind and a literal credential are refused, without showing the credential."""
    with pytest.raises(SettingsError, match="invented") as caught:
        make(**values)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_setting_is_named() -> None:
    """A required setting that is missing is named."""
    with pytest.raises(SettingsError, match="needs the setting 'server'"):
        make_settings(Settings, {}, platform="invented")


def test_what_is_stored_holds_references_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference is stored as it is and looked up at use; a value or callable in memory is not stored."""
    monkeypatch.setenv("ACME_TOKEN", "hunter2")
    made = make(token="env:ACME_TOKEN")
    assert plain_settings(made)["token"] == "env:ACME_TOKEN"
    assert made.token is not None
    assert made.token.reveal() == "hunter2"
    for secret in (Secret("hunter2"), lambda: "hunter2"):
        held = make(token=secret)
        assert plain_settings(held)["token"] is None
        assert "hunter2" not in repr(held) + str(held) + f"{held.token}"


def test_settings_describe_themselves() -> None:
    """Name, type, default and help of each setting can be shown."""
    assert describe_settings(Settings)[0] == ("server", "str", "required", "its address")
