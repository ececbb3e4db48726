"""Frozen records at the price of unfrozen ones, and an empty mapping that they share.

attrs fills a frozen record through ``object.__setattr__``, field by field; for a record of twenty fields that is most of what
a connector's ``parse`` costs (`bench/ingest.py`). `quick` lets it be of a class that may be written to while it is filled.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import attrs

__all__ = ["EMPTY", "quick"]

T = TypeVar("T")


class _Empty(dict[str, Any]):
    """Holds nothing, and refuses to."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this record is frozen; attrs.evolve makes another one")

    __setitem__ = __ior__ = setdefault = update = _refuse


EMPTY = _Empty()
"""What a record's mapping is where none was given: one for all, because most of them hold nothing."""


def quick(cls: type[T]) -> type[T]:
    """Give a frozen, slotted attrs class an ``__init__`` that does the same in less than half the time.

    Neither converters nor defaults that look at the record are provided for. A subclass is built as attrs does it.
    """
    free = type(cls.__name__, (cls,), {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__})
    plain: Any = cls.__init__
    scope: dict[str, Any] = {"cls": cls, "free": free, "plain": plain, "put": object.__setattr__, "NOTHING": attrs.NOTHING}
    signature, filled, checked = ["self"], list[str](), list[str]()
    for one in attrs.fields(cls):  # type: ignore[arg-type]  # the decorated class is one of attrs'
        name, given = one.name, one.name
        if one.kw_only and "*" not in signature:
            signature.append("*")
        factory = getattr(one.default, "factory", None)
        scope |= {f"default_{name}": one.default, f"make_{name}": factory, f"check_{name}": one.validator, f"field_{name}": one}
        if factory is not None:
            given = f"make_{name}() if {name} is NOTHING else {name}"
            signature.append(f"{name}=NOTHING")
        else:
            signature.append(name if one.default is attrs.NOTHING else f"{name}=default_{name}")
        filled.append(f"self.{name} = {given}")
        if one.validator is not None:
            # a default is what its class holds to be right
            given = "" if one.default is attrs.NOTHING else f"if {name} is not default_{name}: "
            checked.append(f"{given}check_{name}(self, field_{name}, {name})")
    same = ", ".join(f"{one.name}={one.name}" for one in attrs.fields(cls))  # type: ignore[arg-type]  # as above
    lines = [
        f"def __init__({', '.join(signature)}):",
        f"if self.__class__ is not cls: return plain(self, {same})",
        "put(self, '__class__', free)",
        *filled,
        "self.__class__ = cls",
        *checked,
    ]
    exec("\n    ".join(lines), scope)  # noqa: S102 - made of the class's own names, as attrs does it
    made: Any = scope["__init__"]
    made.__annotations__, made.__qualname__, made.__module__ = plain.__annotations__, plain.__qualname__, cls.__module__
    cls.__init__ = made  # type: ignore[method-assign]  # the same signature
    return cls
