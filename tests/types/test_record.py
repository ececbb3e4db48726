"""A quick record is the record that attrs would have made, sooner."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from socialcrm.types import Identity, Interaction

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _made(**more: Any) -> Interaction:
    return Interaction(id="1", at=AT, author=Identity(id="mara"), **more)


def test_it_is_of_its_own_class_and_stays_as_it_is() -> None:
    """Once made, it can't be changed."""
    made = _made()
    assert type(made) is Interaction
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.text = "other"  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del made.text


def test_what_is_not_given_is_the_default() -> None:
    """Defaults are those of the class; a mapping that all may share can't be written to, and outlives a copy."""
    one, other = _made(), _made()
    assert (one.text, one.parent, one.kind.value) == ("", None, "message")
    assert one.extra == {}
    assert one == other
    for write in (lambda: one.extra.update(a=1), lambda: one.extra.setdefault("a", 1), lambda: one.extra.__setitem__("a", 1)):  # type: ignore[attr-defined]
        with pytest.raises(TypeError, match="is frozen"):
            write()
    assert other.extra == {}
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert json.dumps(one.extra) == "{}"


def test_what_is_refused_is_refused() -> None:
    """Validators run; what is missing or unknown is an error."""
    with pytest.raises(ValueError, match="at has no time zone"):
        Interaction(id="1", at=datetime(2026, 1, 1), author=Identity(id="mara"))
    with pytest.raises(TypeError, match="author"):
        Interaction(id="1", at=AT)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="followers"):
        _made(followers=3)


def test_it_can_be_changed_into_another_pickled_and_subclassed() -> None:
    """Whatever else attrs offers goes on working."""

    class Louder(Interaction):
        pass

    made = _made(text="hello")
    assert attrs.evolve(made, text="bye").text == "bye"
    assert pickle.loads(pickle.dumps(made)) == made
    louder = Louder(id="1", at=AT, author=Identity(id="mara"), text="HELLO")
    assert (type(louder), louder.text, louder.extra) == (Louder, "HELLO", {})
