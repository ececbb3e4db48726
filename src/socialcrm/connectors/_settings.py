"""A channel's settings: typed by the connector, checked when a channel is added, stored without secrets."""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from socialcrm.errors import SettingsError
from socialcrm.types import Secret

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
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _convert(value, next(arg for arg in args if arg is not type(None)), what)
    if hint is Secret:
        return _secret(value, what)
    if origin in (tuple, frozenset, list):
        parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else list(value)
        return origin(_convert(part, args[0], what) for part in parts)
    convert = _SCALARS.get(hint)
    if convert is None:
        return value
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{what} should be {hint.__name__}, got {value!r}") from None


def _secret(value: Any, what: str) -> Secret:
    if isinstance(value, Secret):
        return value
    if callable(value):
        return Secret(value)
    if isinstance(value, str):
        secret = Secret(value)
        if secret.reference is not None:
            return secret
    raise SettingsError(
        f"{what} is a credential, and credentials are not stored: set it in the environment and pass 'env:NAME' "
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


_SCALARS: dict[Any, Callable[[Any], Any]] = {str: _str, int: int, float: float, bool: _bool}
