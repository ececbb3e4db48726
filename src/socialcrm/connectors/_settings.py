"""A channel's settings: typed by the connector, checked when a channel is added, stored without secrets."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

import attrs

from socialcrm.errors import SettingsError
from socialcrm.types import Secret

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["describe_settings", "make_settings", "plain_settings"]

T = TypeVar("T")


def make_settings(cls: type[T], values: Mapping[str, Any], *, platform: str) -> T:
    """Build a connector's settings from what a user gave.

    Args:
        cls: The attrs class, ``ConnectorInfo.settings``.
        values: By field name. A secret is a reference (``env:NAME``), a callable or a `Secret`; numbers and truth values
            may come as text, as they do from a command line.
        platform: For the message.

    Raises:
        SettingsError: An unknown name (the message suggests the right one), a missing one, or a value of the wrong kind.
    """
    fields = {field.name: field for field in attrs.fields(cls) if field.init}  # type: ignore[arg-type]  # any attrs class
    for name in values:
        if name not in fields:
            close = difflib.get_close_matches(name, fields, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise SettingsError(
                f"{platform} has no setting {name!r}: {hint}It knows {', '.join(sorted(fields)) or 'no settings'}"
            )
    missing = [name for name, field in fields.items() if field.default is attrs.NOTHING and name not in values]
    if missing:
        raise SettingsError(f"{platform} needs the setting {', '.join(map(repr, missing))}")
    hints = get_type_hints(cls)
    made = {name: _convert(value, hints[name], f"{platform}: the setting {name!r}") for name, value in values.items()}
    try:
        return cls(**made)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{platform}: {error}") from error


def plain_settings(settings: object) -> dict[str, Any]:
    """Return settings as JSON values for the store: a secret becomes its reference, or ``None`` if it lives in memory."""
    plain: dict[str, Any] = {}
    for field in attrs.fields(type(settings)):  # type: ignore[arg-type]  # any attrs class
        value = getattr(settings, field.name)
        if isinstance(value, Secret):
            plain[field.name] = value.reference
        elif isinstance(value, frozenset | set | tuple | list):
            plain[field.name] = sorted(value) if isinstance(value, frozenset | set) else list(value)
        else:
            plain[field.name] = value
    return plain


def describe_settings(cls: type[Any]) -> list[tuple[str, str, str, str]]:
    """Return each setting's name, type, default and help text, for people."""
    rows = []
    hints = get_type_hints(cls)
    for field in attrs.fields(cls):
        default = "required" if field.default is attrs.NOTHING else repr(_default(field.default))
        kind = getattr(hints[field.name], "__name__", str(hints[field.name])).replace("NoneType", "None")
        rows.append((field.name, kind, default, str(field.metadata.get("help", ""))))
    return rows


def _default(default: Any) -> Any:
    return default.factory() if isinstance(default, attrs.Factory) and not default.takes_self else default  # type: ignore[arg-type]  # Factory is a class at run time


def _convert(value: Any, hint: Any, what: str) -> Any:
    try:
        return _converter().structure(value, hint)
    except SettingsError as error:
        raise SettingsError(f"{what} {error}") from None
    except Exception:  # noqa: BLE001 - cattrs reports what a value is not by many kinds of exception
        raise SettingsError(f"{what} should be {_name(hint)}, got {value!r}") from None


@cache
def _converter() -> Converter:
    from cattrs import Converter

    converter = Converter()
    converter.register_structure_hook(Secret, lambda value, _: _secret(value))
    converter.register_structure_hook(bool, lambda value, _: _bool(value))
    converter.register_structure_hook(str, lambda value, _: _str(value))
    converter.register_structure_hook_func(
        lambda hint: _sequence(hint) is not None,
        lambda value, hint: _sequence(hint)(converter.structure(part, get_args(hint)[0]) for part in _parts(value)),
    )
    return converter


def _sequence(hint: Any) -> Any:
    origin: Any = get_origin(hint)
    return origin if origin in (tuple, frozenset, list) else None


def _name(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint)) if get_origin(hint) is None else str(hint)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value)


def _secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if callable(value):
        return Secret(value)
    if isinstance(value, str):
        secret = Secret(value)
        if secret.reference is not None:
            return secret
    raise SettingsError(
        "is a credential, and credentials are not stored: set it in the environment and pass 'env:NAME' "
        "(or 'keyring:SERVICE/NAME', 'file:PATH', a callable, or Secret(...) for this process only)"
    )


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(value)


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
