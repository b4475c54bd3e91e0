"""Runs several programs together as one: their output with their names before it, an end for all when one ends.

They get signals from here alone: each lives in a session of its own, so that Ctrl-C in a terminal reaches them once
and in order. On Linux they also end when this process is killed outright.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
GRACE_S = 20.0
"""A worker may be in the middle of a page; after this it is killed, and goes on there at the next start."""
_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Together:
    """Programs that run side by side.

    write: where lines go. grace_s: how long they have to end after the first signal.
    """

    programs: Sequence[Program]
    write: Callable[[str], None]
    folder: Path
    grace_s: float = GRACE_S
    _running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    _last_lines: dict[str, deque[str]] = field(default_factory=dict)
    _signals: int = 0
    _readers: list[threading.Thread] = field(default_factory=list)

    def run(self, *, each_moment: Callable[[], None] = lambda: None) -> int:
        """Start all, wait, stop all. Returns 0 where a signal ended it, 1 where a program ended by itself.

        each_moment: called a few times per second while they run.
        """
        with self._handling_signals():
            try:
                self._start()
                ended = self._wait(each_moment)
                if ended is not None:
                    self.write(self._obituary(ended))
            finally:
                self._stop()
        return 0 if ended is None else 1

    def _start(self) -> None:
        width = max(len(program.name) for program in self.programs)
        for program in self.programs:
            process = subprocess.Popen(  # noqa: S603
                list(program.command),
                cwd=self.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
            self._running[program.name] = process
            self._last_lines[program.name] = deque(maxlen=5)
            prefix = f"{program.name.ljust(width)} | "
            reader = threading.Thread(target=self._relay, args=(program.name, process, prefix), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _relay(self, name: str, process: subprocess.Popen[str], prefix: str) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if text := line.rstrip():
                self._last_lines[name].append(text)
                self.write(prefix + text)

    def _wait(self, each_moment: Callable[[], None]) -> str | None:
        """The name of the program that ended by itself; None after a signal."""
        while not self._signals:
            for name, process in self._running.items():
                if process.poll() is not None:
                    return None if self._signals else name
            each_moment()
            time.sleep(0.1)
        return None

    def _stop(self) -> None:
        for process in self._running.values():
            _send(process, signal.SIGTERM)
        deadline = time.monotonic() + self.grace_s
        while any(process.poll() is None for process in self._running.values()):
            if time.monotonic() > deadline or self._signals > 1:
                for process in self._running.values():
                    _send(process, signal.SIGKILL)
            time.sleep(0.05)
        for process in self._running.values():
            _send(process, signal.SIGKILL)  # what it may have left behind in its session
        for reader in self._readers:
            reader.join(timeout=2)

    def _obituary(self, name: str) -> str:
        code = self._running[name].returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        last = self._last_lines[name][-1] if self._last_lines[name] else "it said nothing"
        return f"The {name} {how} ({last}). Stopping the rest."

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        def note(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1

        before = {number: signal.signal(number, note) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _send(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGTERM)
