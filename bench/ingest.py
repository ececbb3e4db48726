"""The inbound corridor against plain sqlite3: 100,000 interactions as JSON lines, with full-text search.

The floor parses the same lines and inserts the same values into tables with the same indexes, with nothing but ``json`` and
``sqlite3``; its full-text index is filled the same way. Both run in this process, interleaved; the ratio of their medians is
what counts (absolute times are noise). ``--rows 1000000 --memory`` shows that memory stays flat.

A batch is as large as those of `crm.load`.

    uv run python bench/ingest.py [--rows N] [--rounds N] [--batch N] [--memory]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from socialcrm.cases import DEFAULT
from socialcrm.connectors import Batch, Connector, ConnectorInfo, Raw
from socialcrm.crm._accounts import find_channel
from socialcrm.crm._gather import AT_ONCE
from socialcrm.crm._open import add_channel_row
from socialcrm.crm.inbound import absorb
from socialcrm.store import Store, catch_up
from socialcrm.types import Identity, Interaction, Item, Kind

WORDS = "line router bill roaming number outage invoice contract modem signal phone help slow since yesterday please again"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Lines(Connector[object]):
    """Reads one JSON object a line, as an exporter writes them."""

    info = ConnectorInfo(platform="lines")

    def parse(self, raw: Raw) -> Iterable[Item]:
        body = json.loads(raw.body)
        yield Interaction(
            id=body["id"],
            at=datetime.fromisoformat(body["at"]),
            author=Identity(id=body["author"], name=body["name"]),
            conversation=body["thread"],
            parent=body["parent"],
            kind=Kind.REPLY if body["parent"] else Kind.POST,
            text=body["text"],
        )


def lines(count: int, seed: int = 7) -> Iterator[str]:
    """Threads of one customer and us, interleaved in time; every third message is ours."""
    draw = random.Random(seed)
    words = WORDS.split()
    threads: list[tuple[str, str, str | None]] = []
    for index in range(count):
        if len(threads) < 50 or draw.random() < 0.2:
            threads.append((f"t{index}", f"u{draw.randrange(max(count // 12, 1))}", None))
        place = draw.randrange(max(0, len(threads) - 400), len(threads))
        thread, customer, parent = threads[place]
        author = "us" if parent and index % 3 == 0 else customer
        row = {
            "id": f"m{index}",
            "at": (START + timedelta(seconds=index * 7)).isoformat(),
            "author": author,
            "name": f"Customer {author}",
            "thread": thread,
            "parent": parent,
            "text": " ".join(draw.choices(words, k=draw.randrange(8, 30))),
        }
        threads[place] = (thread, customer, row["id"])
        yield json.dumps(row)


def through_corridor(path: Path, folder: Path, size: int) -> float:
    store = Store.open(str(folder / "crm.db"))
    add_channel_row(store, "bench", "lines", accounts=("us",))
    with store.read() as tx:
        channel = find_channel(tx, "bench")
    assert channel is not None
    connector = Lines(object())
    started = time.perf_counter()
    raws: list[Raw] = []
    done = 0

    def flush() -> None:
        absorb(store, channel, connector, Batch(raws, {"line": str(done)}), stream="lines", playbook=DEFAULT, now=done)
        raws.clear()

    with path.open() as file:
        for line in file:
            raws.append(Raw("line", line))
            done += 1
            if len(raws) == size:
                flush()
    if raws:
        flush()
    with store.write() as tx:
        catch_up(tx)
    spent = time.perf_counter() - started
    store.close()
    return spent


def through_floor(path: Path, folder: Path, size: int) -> float:
    schema = (Path(__file__).parents[1] / "src/socialcrm/store/migrations/versions/0001_sqlite.sql").read_text()
    wanted = ("interactions", "identities", "conversations", "search")
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "wal_autocheckpoint=8000"):
        connection.execute(f"PRAGMA {pragma}")
    for statement in schema.split(";\n"):
        if any(f" {name}" in statement.split("(")[0] for name in wanted):
            connection.execute(statement)
    people: dict[str, int] = {}
    threads: dict[str, int] = {}
    started = time.perf_counter()
    rows, new_people, new_threads = [], [], []
    last = key = 0

    def flush() -> None:
        nonlocal last
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO identities VALUES (?,?,?,?,?,?,?,?,?,?,?)", new_people)
        connection.executemany("INSERT INTO conversations VALUES (?,?,?,?,?,?,?,?)", new_threads)
        connection.executemany(f"INSERT INTO interactions VALUES ({','.join('?' * 27)})", rows)
        if key - last > 5000:
            index(last, key)
            last = key
        connection.execute("COMMIT")
        rows.clear(), new_people.clear(), new_threads.clear()

    def index(low: int, high: int) -> None:
        connection.execute(
            "INSERT INTO search(rowid, subject, text) SELECT id, subject, text FROM interactions WHERE id > ? AND id <= ?",
            (low, high),
        )

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    with path.open() as file:
        for key, line in enumerate(file, 1):
            body = json.loads(line)
            at = int((datetime.fromisoformat(body["at"]) - epoch).total_seconds() * 1e6)
            person = people.get(body["author"])
            if person is None:
                person = people[body["author"]] = len(people) + 1
                new_people.append((1, person, "lines", body["author"], body["name"], "", "", "", at, person, person))
            thread = threads.get(body["thread"])
            if thread is None:
                thread = threads[body["thread"]] = len(threads) + 1
                new_threads.append((1, thread, 1, body["thread"], None, at, body["id"], person))
            ours = body["author"] == "us"
            rows.append(
                (1, key, 1, body["id"], "", thread, body["parent"], person, person, person, None,
                 "reply" if body["parent"] else "post", "outbound" if ours else "inbound", "public", "approved", at, at,
                 None, None, None, body["text"], "", "", "", "", None, 0)
            )  # fmt: skip
            if len(rows) == size:
                flush()
    flush()
    connection.execute("BEGIN")
    index(last, key)
    connection.execute("COMMIT")
    spent = time.perf_counter() - started
    connection.close()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=AT_ONCE, help="elements made durable at once")
    parser.add_argument("--memory", action="store_true", help="one run through the corridor, and its peak memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.jsonl"
        with path.open("w") as file:
            file.writelines(f"{line}\n" for line in lines(options.rows))
        times: dict[str, list[float]] = {"floor": [], "corridor": []}
        for round_number in range(1 if options.memory else options.rounds):
            for name, run in (("corridor", through_corridor), ("floor", through_floor)):
                if options.memory and name == "floor":
                    continue
                place = Path(folder) / f"{name}{round_number}"
                place.mkdir()
                times[name].append(run(path, place, options.batch))
                for old in place.iterdir():
                    old.unlink()
    corridor = statistics.median(times["corridor"])
    result = {"rows": options.rows, "batch": options.batch, "corridor_rows_per_second": round(options.rows / corridor)}
    if options.memory:
        result["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    else:
        floor = statistics.median(times["floor"])
        result |= {"floor_rows_per_second": round(options.rows / floor), "ratio": round(floor / corridor, 3)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
