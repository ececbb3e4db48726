"""The one place where the database's errors become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, exc

from socialcrm.errors import SocialCRMError, StoreBusy, StoreError

__all__ = ["translated"]

_SQLITE = {
    8: "the database is read-only; check the file's and the folder's permissions. What was committed is safe",
    10: "the disk failed while the database was used, or a limit on the size of files was met; check the disk and the limit",
    11: "the database file is damaged; restore a backup",
    13: "the disk is full; free some space, then run the same command again. What was committed is safe",
    14: "the database file can't be opened; check that the folder exists and may be written to",
    26: "the file is not a database; give the path of another file",
}
_POSTGRESQL_BUSY = ("40001", "40P01", "55P03")


@contextmanager
def translated(url: str, engine: Engine) -> Iterator[None]:
    """Raise our errors for the database's, whether SQLAlchemy or the driver itself raised them.

    Args:
        url: The database, without its password, for the message.
        engine: Whose driver's errors are meant.

    Raises:
        StoreBusy: Another process holds the database.
        StoreError: Disk full, read-only, damaged, unreachable. What was committed stays.
    """
    driver: Any = engine.dialect.loaded_dbapi
    try:
        yield
    except exc.DBAPIError as error:
        raise _ours(error.orig, isinstance(error, exc.OperationalError), url) from error
    except driver.Error as error:
        raise _ours(error, isinstance(error, driver.OperationalError), url) from error


def _ours(cause: BaseException | None, operational: bool, url: str) -> SocialCRMError:
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        if code & 0xFF in (5, 6):
            return StoreBusy(f"{url}: another process is writing to the database; try again")
        known = _SQLITE.get(code & 0xFF)
        if known:
            return StoreError(f"{url}: {known}")
    state = getattr(cause, "sqlstate", None)
    if state in _POSTGRESQL_BUSY:
        return StoreBusy(f"{url}: the transaction collided with another one; try again")
    if operational and state is None and code is None:
        return StoreError(f"{url}: the database can't be reached; check that it runs and the address is right ({cause})")
    return StoreError(f"{url}: the database refused: {type(cause).__name__}: {str(cause).splitlines()[0]}")
