"""What a workspace holds, free of our own numbers and of our own time: two stores with the same content compare equal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm import CRM

__all__ = ["content"]


def content(crm: CRM) -> dict[str, Any]:
    """Return interactions, threads, customers, cases and replies by the platforms' own ids."""
    found = crm.interactions()
    names = {one.ref: f"{one.channel}:{one.scope}:{one.id}" for one in found}
    threads: dict[str, set[str]] = {}
    matters: dict[str, set[str]] = {}
    for one in found:
        threads.setdefault(one.thread, set()).add(names[one.ref])
        if one.case:
            matters.setdefault(one.case, set()).add(names[one.ref])
    people = {one.customer: crm.customer(one.customer) for one in found if one.customer}
    return {
        "interactions": {
            names[one.ref]: (
                *(one.at, one.author.id, one.parent, one.kind, one.direction, one.visibility, one.moderation),
                *(one.text, one.subject, one.deleted_at is not None),
            )
            for one in found
        },
        "threads": _sorted(threads.values()),
        "customers": sorted(sorted(f"{who.platform}:{who.id}" for who in one.identities) for one in people.values()),
        "cases": sorted((sorted(matters[one.ref]), str(one.state), one.contacts, one.channels) for one in _cases(crm, matters)),
        "replies": sorted((one.text, str(one.state), one.ids) for one in crm.outbox()),
    }


def _cases(crm: CRM, refs: Iterable[str]) -> list[Any]:
    return [crm.case(ref) for ref in refs]


def _sorted(groups: Iterable[set[str]]) -> list[list[str]]:
    return sorted(sorted(group) for group in groups)
