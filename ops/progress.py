"""Progress of a sync: one line that rewrites itself in a terminal; in a file, how each kind began and how it ended."""

from __future__ import annotations

from typing import TextIO

from adapters.records import Kind
from snapshots.sync import Progress


class ProgressLine:
    """Shows a sync's progress on `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._is_terminal, self._kind = stream, stream.isatty(), None
        self._width, self._unwritten = 0, ""

    _kind: Kind | None

    def show(self, progress: Progress) -> None:
        text = _text(progress)
        if self._is_terminal:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        elif progress.kind is not self._kind:
            self._stream.write(self._unwritten + text + "\n")
            self._unwritten = ""
        else:
            self._unwritten = text + "\n"
        self._kind = progress.kind
        self._stream.flush()

    def end(self) -> None:
        if self._kind is not None:
            self._stream.write("\n" if self._is_terminal else self._unwritten)
            self._unwritten = ""
            self._stream.flush()


def _text(progress: Progress) -> str:
    done = f"{progress.tally.fetched:,}"
    # What came since the CRM counted would be told as more than all.
    if progress.total and progress.tally.fetched <= progress.total:
        done += f" of {progress.total:,} ({progress.tally.fetched / progress.total:.0%})"
    return f"  step {progress.step + 1} of {progress.steps}: {progress.kind.value} {done}"
