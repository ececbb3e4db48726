"""Joins an archive's batches, so that thousands of elements share what one transaction costs.

A reader of archives yields what it holds at a time, often a few hundred elements. What a transaction costs whatever it holds
(some 26 statements, one wait for the disk) would then be most of the time. Nothing waits for these batches: an archive that
was interrupted is read again from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from socialcrm.connectors import Batch, Raw

__all__ = ["AT_ONCE", "gathered", "weight_of"]

AT_ONCE = 5000
"""How many elements of an archive become durable at once."""

_BYTES = 8 * 2**20


def gathered(batches: Iterable[Batch], *, most: int = AT_ONCE, heaviest: int = _BYTES) -> Iterator[tuple[Batch, int]]:
    """Yield the same elements and cursor patches in the same order, in fewer batches, each with its weight in bytes.

    What a reader yielded before it failed comes before its error does.

    Args:
        batches: What a reader of archives yields.
        most: No batch is joined with another to more elements than this.
        heaviest: Nor to more bytes.
    """
    held: Batch | None = None
    raws: list[Raw] = []
    weight = 0
    try:
        for batch in batches:
            more = sum(map(weight_of, batch.raws))
            if held is not None:
                if len(raws) + len(batch.raws) <= most and weight + more <= heaviest and _belong(held, batch):
                    raws += batch.raws
                    weight += more
                    held = evolve(held, cursor={**held.cursor, **batch.cursor})
                    continue
                done, held = evolve(held, raws=raws), None
                yield done, weight
            held, raws, weight = batch, [*batch.raws], more
    except Exception:
        if held is not None:
            yield evolve(held, raws=raws), weight
        raise
    if held is not None:
        yield evolve(held, raws=raws), weight


def weight_of(raw: Raw) -> int:
    """Return about how many bytes an element takes in its archive."""
    body = raw.body
    return len(body) if isinstance(body, str | bytes) else len(repr(body))


def _belong(a: Batch, b: Batch) -> bool:
    return a.stream == b.stream and a.account == b.account
