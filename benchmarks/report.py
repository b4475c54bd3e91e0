"""How a benchmark reports: ratios from one run, with medians, printed and written to benchmarks/results/NAME.json."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(slots=True)
class Report:
    """metrics: (name, value, target in words or None, whether it holds or None where there is no target)."""

    name: str
    packages: tuple[str, ...] = ()
    metrics: list[tuple[str, float | str, str | None, bool | None]] = field(default_factory=list)

    def add(self, metric: str, value: float | str, target: str | None = None, holds: bool | None = None) -> None:
        rounded = round(float(value), 4) if isinstance(value, float) else value
        self.metrics.append((metric, rounded, target, None if holds is None else bool(holds)))
        verdict = "" if holds is None else "  ok" if holds else "  MISSED"
        print(
            f"{self.name}: {metric} = {self.metrics[-1][1]}{f'  (target {target})' if target else ''}{verdict}",
            flush=True,
        )

    def at_least(self, metric: str, value: float, target: float) -> None:
        self.add(metric, value, f">= {target:g}", value >= target)

    def at_most(self, metric: str, value: float, target: float) -> None:
        self.add(metric, value, f"<= {target:g}", value <= target)

    def write(self) -> None:
        RESULTS.mkdir(exist_ok=True)
        content = {
            "name": self.name,
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}",
            "versions": {package: version(package) for package in self.packages},
            "metrics": [
                {"metric": metric, "value": value, "target": target, "holds": holds}
                for metric, value, target, holds in self.metrics
            ],
        }
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        print(f"{self.name}: written to {path}")

    @property
    def holds(self) -> bool:
        return all(holds is not False for *_, holds in self.metrics)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_seconds(work: Callable[[], object], *, times: int, warm: int = 1) -> float:
    for _ in range(warm):
        work()
    return statistics.median(seconds(work) for _ in range(times))


def peak_mb() -> float:
    """The most memory this process has held so far, in MB."""
    # What getrusage says begins, on Linux, with what the process held that started this one.
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024  # type: ignore[union-attr]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
