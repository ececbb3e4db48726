"""Takes credentials out of what is written down: by the names of fields, and by the literal values that are in force."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import quote, quote_plus

__all__ = ["REDACTED", "redact", "sensitive"]

REDACTED = "REDACTED"

T = TypeVar("T")

_SHORTEST = 4
_NAMES = frozenset({"token", "jwt", "pwd", "sig", "cookie", "setcookie", "sessionid", "xcsrftoken", "passcode"})
_ENDINGS = (
    "accesskey",
    "apikey",
    "apppassword",
    "assertion",
    "authkey",
    "authorization",
    "authtoken",
    "accesstoken",
    "bearertoken",
    "clientsecret",
    "idtoken",
    "oauthtoken",
    "passwd",
    "password",
    "privatekey",
    "privatetoken",
    "refreshtoken",
    "secret",
    "secretproof",
    "securitytoken",
    "sessiontoken",
    "signature",
    "verifytoken",
)
_HEADERS = re.compile(r"(?i)(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie)(\"?\s{0,3}[:=]\s{0,3}\"?)[^\r\n\"]+")
_FIELDS = re.compile(r"""(?<![\w-])([\w-]{1,64})(["']?\s{0,3}[:=]\s{0,3})("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'&,;<>)}\]]+)""")


def sensitive(name: str) -> bool:
    """Say whether a header, a query field or a JSON key of this name holds a credential."""
    plain = re.sub(r"[-_.\s]", "", name).lower()
    return plain in _NAMES or plain.endswith(_ENDINGS)


def redact(value: T, secrets: Iterable[str] = ()) -> T:
    """Return the same text, bytes or JSON value without credentials.

    Args:
        value: Text, bytes, or mappings and lists of them. A mapping's field is redacted whole if its name is that of a
            credential; text is searched for such names too, as in a query, a header or JSON.
        secrets: Values to take out wherever they stand, also percent-encoded, JSON-escaped or in base 64. Values
            of fewer than four characters are left alone: they would stand everywhere.
    """
    return cast("T", _clean(value, _variants(secrets)))


def _clean(value: Any, variants: list[str]) -> Any:
    if isinstance(value, str):
        return _text(value, variants)
    if isinstance(value, bytes):
        for variant in variants:
            value = value.replace(variant.encode(), REDACTED.encode())
        return value
    if isinstance(value, Mapping):
        return {_clean(name, variants): _field(str(name), item, variants) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_clean(item, variants) for item in value)
    return value


def _field(name: str, value: Any, variants: list[str]) -> Any:
    if sensitive(name) and value and not isinstance(value, bool | Mapping | list | tuple):
        return REDACTED
    if sensitive(name) and isinstance(value, list | tuple):
        return type(value)(_field(name, item, variants) for item in value)
    return _clean(value, variants)


def _text(text: str, variants: list[str]) -> str:
    for variant in variants:
        text = text.replace(variant, REDACTED)
    text = _HEADERS.sub(rf"\1\2{REDACTED}", text)
    return _FIELDS.sub(_replace, text)


def _replace(match: re.Match[str]) -> str:
    name, middle, value = match.groups()
    if not sensitive(name):
        return match[0]
    mark = value[0] if value[0] in "\"'" else ""
    return f"{name}{middle}{mark}{REDACTED}{mark}"


def _variants(secrets: Iterable[str]) -> list[str]:
    variants: set[str] = set()
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            coded = base64.b64encode(secret.encode()).decode()
            variants |= {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), coded, coded.rstrip("=")}
            variants |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return sorted(variants, key=lambda variant: (-len(variant), variant))
