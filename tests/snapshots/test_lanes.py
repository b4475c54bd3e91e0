"""Reads go on side by side, and what one raises reaches whoever waits for it."""

from __future__ import annotations

import threading

import pytest

from snapshots import lanes


def test_two_reads_go_on_at_once() -> None:
    meeting = threading.Barrier(2, timeout=30)
    first, second = lanes.begin(meeting.wait), lanes.begin(meeting.wait)
    assert {first.result(), second.result()} == {0, 1}


def test_what_a_read_raises_reaches_whoever_waits() -> None:
    def fails() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        lanes.begin(fails).result()
