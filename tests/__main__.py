"""All tests, on every database server they must pass on: `python -m tests [--full] [arguments of pytest]`.

First everything on the embedded server, then what speaks to the database again on Debian's PostgreSQL 15, then the
notebooks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OTHER_SERVER = Path("/usr/lib/postgresql/15/bin")
IN_CI = os.environ.get("CI") == "true"
SPEAKS_SQL = ("tests/snapshots", "tests/lead_endpoint")
"""Tests of the code that speaks to the database, and of what breaks when it does. All else only calls it."""
ONCE_IS_ENOUGH = (
    "test_integrations.py",
    "test_api_access.py",
    "test_openapi.py",
    "test_plain_form.py",
    "test_hosted.py",
)
"""Of the endpoint: answers over functions whose SQL others test on both servers."""
PROCESSES = min(2 * (os.cpu_count() or 1), 8)
"""Twice the cores: half of the time a test waits, for a browser, a database, or a process that is to die."""
NOTHING_COLLECTED = 5


def main(arguments: list[str]) -> int:
    is_full = "--full" in arguments
    given = [argument for argument in arguments if argument != "--full"]
    environment = {"SLMS_TEST_FULL": "1"} if is_full else {}
    results = {"on the embedded server": pytest(given, environment)}
    results["on PostgreSQL 15"] = on_other_server(given, environment)
    results["notebooks"] = notebooks()
    for name, code in results.items():
        sys.stderr.write(f"{'passed' if code == 0 else 'FAILED'}  {name}\n")
    return max(results.values())


def pytest(arguments: list[str], environment: dict[str, str], *, parallel: bool = True) -> int:
    started = time.monotonic()
    spread = ["-n", str(PROCESSES), "--dist", "worksteal"] if parallel else []
    command = [sys.executable, "-m", "pytest", *spread, *arguments]
    # Dozens of processes start: what one has compiled, the next need not compile.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    sys.stderr.write(f"{time.monotonic() - started:.0f} s: pytest {' '.join(arguments)}\n\n")
    return 0 if done.returncode == NOTHING_COLLECTED else done.returncode


def on_other_server(given: list[str], environment: dict[str, str]) -> int:
    if not OTHER_SERVER.is_dir():
        sys.stderr.write(f"!!! {OTHER_SERVER} is missing: database tests on PostgreSQL 15 did not run.\n")
        return 1 if IN_CI else 0
    return pytest(
        [
            "-m",
            "postgres and not browser and not once",
            *(given or SPEAKS_SQL),
            *(f"--ignore=tests/lead_endpoint/{name}" for name in ONCE_IS_ENOUGH if not given),
        ],
        {**environment, "SLMS_TEST_POSTGRES_BIN": str(OTHER_SERVER), "SLMS_TEST_AGAIN": "1"},
    )


def notebooks() -> int:
    if not list((ROOT / "notebooks").glob("*.ipynb")):
        return 0
    # One after the other, for they are CPU-bound, on a database of their own.
    with tempfile.TemporaryDirectory(prefix="slms-notebooks-") as home:
        return pytest(["-p", "nbmake", "--nbmake", "notebooks"], {"SLMS_HOME": home}, parallel=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
