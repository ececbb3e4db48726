"""A value that never shows itself.

Invariant: neither ``repr``, ``str``, ``format``, pickling nor an error message of this class contains the value.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

from socialcrm.errors import SettingsError

__all__ = ["Secret"]


class Secret:
    """A credential, or where to find it.

    Args:
        source: ``"env:NAME"`` (an environment variable), ``"keyring:SERVICE/NAME"`` (the system's keyring, extra
            ``keyring``), ``"file:PATH"`` (the content of a file, as container platforms mount secrets), a callable
            that returns the value, or the value itself. A reference is looked up at each use, so a rotated
            credential is picked up; a value or a callable lives in memory only and is never stored.

    Example:
        >>> token = Secret("env:ACME_TOKEN")
        >>> token
        Secret('env:ACME_TOKEN')
        >>> Secret("hunter2")
        Secret('****')
    """

    __slots__ = ("_source",)

    _SCHEMES = ("env:", "keyring:", "file:")

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source

    @property
    def reference(self) -> str | None:
        """The reference that can be stored in place of the value; ``None`` for a value or a callable."""
        source = self._source
        return source if isinstance(source, str) and source.startswith(self._SCHEMES) else None

    def reveal(self) -> str:
        """Look the value up.

        Returns:
            The credential itself.

        Raises:
            SettingsError: The reference leads nowhere; the message names the reference, never a value.
        """
        if callable(self._source):
            return self._source()
        scheme, _, rest = self._source.partition(":")
        if self.reference is None:
            return self._source
        if scheme == "env":
            value = os.environ.get(rest)
        elif scheme == "file":
            value = _read(rest)
        else:
            value = _keyring(rest)
        if not value:
            raise SettingsError(f"the secret {self._source!r} is empty or not set; set it, then try again")
        return value

    def __repr__(self) -> str:
        return f"Secret({self.reference or '****'!r})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._source == other._source

    def __hash__(self) -> int:
        return hash((Secret, self._source))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled; pass its reference, such as 'env:NAME'")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise SettingsError(f"the secret 'file:{path}' can't be read: {error.strerror}") from None


def _keyring(rest: str) -> str | None:
    service, _, name = rest.partition("/")
    try:
        import keyring
    except ImportError:
        raise SettingsError(f"'keyring:{rest}' needs the extra: pip install 'socialcrm[keyring]'") from None
    return keyring.get_password(service, name)
