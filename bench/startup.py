"""What an import costs: ``import socialcrm`` against ``import attrs``, each in a fresh interpreter, interleaved.

Prints the ratio of the medians, and which of the heavy libraries were loaded by the import and by ``open()`` on an existing
database.

    uv run python bench/startup.py [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TIMED = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
HEAVY = ("alembic", "cattrs", "httpx", "pluggy", "rich", "sqlalchemy", "tenacity")
LOADED = "import sys; {}; print([name for name in {!r} if name in sys.modules])"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {"attrs": [], "socialcrm": []}
    for _ in range(rounds):
        for name, spent in times.items():
            spent.append(float(run(TIMED.format(name))))
    attrs, ours = (statistics.median(times[name]) for name in ("attrs", "socialcrm"))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "old.db")
        run(f"import socialcrm; socialcrm.open({path!r}).close()")
        opened = run(LOADED.format(f"import socialcrm; socialcrm.open({path!r}).close()", HEAVY))
    print(
        json.dumps(
            {
                "import_ratio_to_attrs": round(ours / attrs, 2),
                "loaded_by_import": run(LOADED.format("import socialcrm", HEAVY)),
                "loaded_by_open_on_an_existing_database": opened,
            }
        )
    )


if __name__ == "__main__":
    main()
