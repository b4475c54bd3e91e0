"""`python -m benchmarks [NAME …]`: runs the benchmarks named, or all."""

from __future__ import annotations

import importlib
import sys

ALL = (
    "sync", "crm_sync", "pages", "accept", "beacons", "slow", "drain", "arrivals", "widget", "scoring", "forecast",
    "anomalies", "notes", "weekly",
)  # fmt: skip


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}.")
        return 2
    held = [importlib.import_module(f"benchmarks.{name}").run() for name in names or ALL]
    return 0 if all(held) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
