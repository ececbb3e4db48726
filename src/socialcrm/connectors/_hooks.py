"""The hooks that a plugin may implement: few, batch-shaped, typed.

Mark an implementation with `hookimpl`. Built-in behaviour registers through the same hooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

from socialcrm.types import Case, Customer, Event, Identity, Interaction

if TYPE_CHECKING:
    from socialcrm.connectors._connector import Connector

__all__ = ["HookSpec", "hookimpl"]

_hookspec = pluggy.HookspecMarker("socialcrm")
hookimpl = pluggy.HookimplMarker("socialcrm")
"""Marks a function of a plugin as the implementation of a hook."""

Connectors: TypeAlias = "Iterable[type[Connector[Any]]]"


class HookSpec:
    """Every hook, with its exact signature. ``docs/hooks.md`` describes each under a heading equal to it."""

    @_hookspec
    def socialcrm_connectors(self) -> Connectors:
        """Return the connector classes that this plugin adds."""
        raise NotImplementedError

    @_hookspec
    def socialcrm_enrich(self, interactions: Sequence[Interaction]) -> Mapping[int, Mapping[str, Any]]:
        """Add facts to interactions before they are stored (a language, a topic), by index."""
        raise NotImplementedError

    @_hookspec
    def socialcrm_evidence(self, identities: Sequence[Identity]) -> Iterable[tuple[int, int, str, float]]:
        """Tell which of these identities are one person: two indexes, the reason, a weight of 0 to 1."""
        raise NotImplementedError

    @_hookspec
    def socialcrm_review(self, draft: str, case: Case) -> Iterable[str]:
        """Object to a reply before it is queued: one sentence for each objection."""
        raise NotImplementedError

    @_hookspec
    def socialcrm_committed(self, events: Sequence[Event]) -> None:
        """See what was committed. Called after the transaction; an error here is reported and undoes nothing."""
        raise NotImplementedError

    @_hookspec
    def socialcrm_measures(self) -> Mapping[str, Any]:
        """Add measures: name to a function of a store reader."""
        raise NotImplementedError

    @_hookspec
    def socialcrm_forget(self, customer: Customer) -> None:
        """A customer is being erased: erase what this plugin keeps of them."""
        raise NotImplementedError
