"""One spelling of "is one of these" for both databases.

SQLite gets the values as one JSON parameter (``IN (SELECT value FROM json_each(?))``), PostgreSQL as one array
(``= ANY(%s)``): a set of any size is one parameter of one statement, compiled once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from attrs import frozen
from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY

__all__ = ["Sets", "adapt"]


def adapt(dialect: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Turn each collection among the parameters into what the database takes."""
    convert: Callable[[list[Any]], Any] = json.dumps if dialect == "sqlite" else list
    return {
        name: convert(list(value)) if isinstance(value, Collection) and not isinstance(value, str | bytes) else value
        for name, value in parameters.items()
    }


@frozen
class Sets:
    """Builds membership tests for one database; two of the same are equal, so that what is built once can be kept."""

    dialect: str

    def among(self, tested: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Return ``tested is one of the values of the parameter ``name``."""
        if self.dialect == "sqlite":
            each = func.json_each(bindparam(name)).table_valued(column("value"))
            return tested.in_(select(each.c.value))
        item = BigInteger() if isinstance(tested.type, BigInteger) else tested.type
        return tested == any_(bindparam(name, type_=ARRAY(item)))
