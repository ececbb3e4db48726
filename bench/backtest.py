"""A backtest of 50 rules over recorded interactions, against a loop that only reads the same rows.

The history is folded into a store first (not timed), with its cases and its event log. Then, interleaved: a loop over the same
query that counts the rows, and the backtest. The ratio of their medians is what counts; ``peak_memory_mb`` is the process's.

    uv run python bench/backtest.py [--rows N] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import tempfile
import time
from pathlib import Path

from socialcrm import cases
from socialcrm.cases import DEFAULT, Playbook
from socialcrm.cases._backtest import BLOCK, facts_in_blocks
from socialcrm.crm._open import add_channel_row
from socialcrm.store import InteractionRow, Store, interaction_values, tables

WORDS = "line router bill roaming number outage invoice contract modem signal phone help slow since yesterday please again"
START = 1_767_225_600_000_000
SECOND = 1_000_000


def rules(count: int) -> str:
    """Return a playbook of so many rules, of which few hold for one fact."""
    words = [*WORDS.split(), *(f"word{place}" for place in range(count))]
    told = ['name = "fifty"', 'zone = "Europe/Rome"']
    for place in range(count):
        when = (
            f"'{words[place]}' in words and kind == 'post'",
            f"channel in ['shop', 'square'] and contacts > {place % 7 + 2}",
            f"'{words[place]} {words[place + 1]}' in text.as_lower",
            f"case_severity == 'high' and case_hours > {place} and visibility != 'public'",
            f"language in ['it', 'de'] and not ('{words[place]}' in subject)",
        )[place % 5]
        effect = ('severity = "high"', 'queue = "second"', 'tags = ["seen"]')[place % 3]
        told.append(f'[[rule]]\nname = "rule {place}"\nwhen = "{when}"\n{effect}')
    return "\n".join(told)


def fill(store: Store, count: int, seed: int = 7) -> None:
    """Fold an invented history into a store: every customer writes now and then, two thirds are answered."""
    draw, words = random.Random(seed), WORDS.split()
    people, key, begun = max(count // 12, 1), 0, set[int]()
    waiting: list[tuple[int, int]] = []
    while key < count:
        rows, fresh = [], set()
        for _ in range(min(5000, count - key)):
            key += 1
            at = START + key * 31 * SECOND
            if len(waiting) > 400 and draw.random() < 0.4:
                customer, talk = waiting.pop(draw.randrange(len(waiting)))
                direction, text = "outbound", "we look into it"
            else:
                customer = talk = draw.randrange(1, people + 1)
                direction, text = "inbound", " ".join(draw.choices(words, k=draw.randrange(8, 30)))
                waiting.append((customer, talk))
                if customer not in begun:
                    fresh.add(customer)
                    begun.add(customer)
            rows.append(
                InteractionRow(
                    1,
                    key,
                    1,
                    f"m{key}",
                    "",
                    talk,
                    None,
                    customer,
                    customer,
                    customer,
                    None,
                    "post",
                    direction,
                    "public",
                    "approved",
                    at,
                    at,
                    None,
                    None,
                    None,
                    text,
                    "",
                    "",
                    "en",
                    "",
                    None,
                    0,
                )
            )
        with store.write() as tx:
            tx.insert_new(tables.customers, [(1, one, "", None, None) for one in fresh])
            cases.fold(tx, cases.Work(new=rows, fresh=fresh), DEFAULT)
            tx.insert(tables.interactions, [interaction_values(row) for row in rows])


def read(store: Store, count: int) -> float:
    started = time.perf_counter()
    seen = 0
    with store.read() as tx:
        for low in range(1, count + 1, BLOCK):
            for _, rows in facts_in_blocks(tx, low, low + BLOCK - 1):
                seen += len(rows)
    if seen < count * 0.9:
        raise RuntimeError(f"only {seen} rows were read")
    return time.perf_counter() - started


def tried(store: Store, playbook: Playbook) -> tuple[float, cases.Backtest]:
    started = time.perf_counter()
    with store.read() as tx:
        report = cases.backtest(tx, playbook, DEFAULT)
    return time.perf_counter() - started, report


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rules", type=int, default=50)
    options = parser.parse_args()
    playbook = cases.read_playbook(rules(options.rules))
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(str(Path(folder) / "crm.db"))
        add_channel_row(store, "square", "words", accounts=("us",))
        fill(store, options.rows)
        filled = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        floor, times = [], []
        for _ in range(options.rounds):
            floor.append(read(store, options.rows))
            spent, report = tried(store, playbook)
            times.append(spent)
        started = time.perf_counter()
        with store.read() as tx:
            wrong = cases.differences(tx)
        rebuilt = time.perf_counter() - started
        with store.read() as tx:
            logged = tx.connection.exec_driver_sql("SELECT count(*) FROM events").scalar() or 0
        store.close()
    reading, folding = statistics.median(floor), statistics.median(times)
    print(
        json.dumps(
            {
                "rows": options.rows,
                "rules": options.rules,
                "read_rows_per_second": round(options.rows / reading),
                "backtest_rows_per_second": round(options.rows / folding),
                "ratio": round(reading / folding, 3),
                "differences": sum(report.counts.values()),
                "log_events": logged,
                "rebuilt_events_per_second": round(logged / rebuilt),
                "rebuilt_differs": len(wrong),
                "memory_after_filling_mb": filled,
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
