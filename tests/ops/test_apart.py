"""Work in a process of its own: its result, its error and its end come back; nobody has to wait for it."""

from __future__ import annotations

import operator
import os
import signal
from typing import Never

import pytest

from ops import apart
from ops.apart import Died, run_apart


class Enough(Exception):
    pass


def not_wanted() -> Never:
    raise Enough


def test_what_it_finds_comes_back() -> None:
    assert run_apart(operator.add, 40, 2, on_wait=lambda: None) == 42


def test_what_it_raises_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        run_apart(operator.floordiv, 1, 0, on_wait=lambda: None)


def test_it_is_ended_when_it_is_not_wanted_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "SIGN_EVERY_S", 0.01)
    with pytest.raises(Enough):
        run_apart(signal.pause, on_wait=not_wanted)  # which would never come back


def test_a_process_that_the_system_kills_is_an_error_and_no_endless_wait() -> None:
    with pytest.raises(Died, match="too little memory"):
        run_apart(os._exit, 9, on_wait=lambda: None)
