from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.processes import Program, Together

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
PARENT = f"""
import sys
from pathlib import Path
from ops.processes import Program, Together
programs = [Program(name=name, command=[sys.executable, "-c", {SLEEPER!r}]) for name in ("one", "two")]
sys.exit(Together(programs, lambda line: print(line, flush=True), Path.cwd()).run(each_moment=lambda: None))
"""


def program(name: str, code: str) -> Program:
    return Program(name=name, command=[sys.executable, "-c", code])


def together(tmp_path: Path, *programs: Program, grace_s: float = 20) -> tuple[Together, list[str]]:
    lines: list[str] = []
    return Together(programs, lines.append, tmp_path, grace_s), lines


def end_when_ready(lines: list[str], count: int, number: signal.Signals) -> None:
    if sum("ready" in line for line in lines) == count:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_them_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    both, lines = together(tmp_path, program("web", SLEEPER), program("worker", SLEEPER))
    assert both.run(each_moment=lambda: end_when_ready(lines, 2, number)) == 0
    assert all(process.poll() is not None for process in both._running.values())


def test_each_line_has_its_program_before_it(tmp_path: Path) -> None:
    one, lines = together(tmp_path, program("web", "print('hello')"))
    one.run()
    assert "web | hello" in lines


def test_one_that_ends_by_itself_is_named_with_its_last_words_and_ends_the_others(tmp_path: Path) -> None:
    both, lines = together(tmp_path, program("web", SLEEPER), program("worker", "raise SystemExit('no database')"))
    assert both.run() == 1
    assert "The worker ended with exit code 1 (no database). Stopping the rest." in lines
    assert both._running["web"].poll() is not None


def test_one_that_does_not_listen_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    one, lines = together(tmp_path, program("worker", STUBBORN), grace_s=0.2)
    assert one.run(each_moment=lambda: end_when_ready(lines, 1, signal.SIGTERM)) == 0
    assert one._running["worker"].returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_no_orphan_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    for _ in range(2):
        parent.stdout.readline()
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    parent.kill()
    parent.wait()
    assert len(children) == 2
    deadline = time.monotonic() + 20
    while any(is_alive(pid) for pid in children) and time.monotonic() < deadline:
        os.sched_yield()
    assert not any(is_alive(pid) for pid in children)


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
