"""Breaks the program on purpose: a piece of a module's source is replaced for the time of a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def source_patched(monkeypatch: pytest.MonkeyPatch, place: str, *changes: tuple[str, str]) -> None:
    """place: `module:name` or `module:Class.method` of what is taken from the changed source. Each change must hit."""
    module_name, _, path = place.partition(":")
    module = import_module(module_name)
    assert module.__file__ is not None
    source = Path(module.__file__).read_text()
    for old, new in changes:
        assert old in source, f"{module_name} does not say {old!r} any more: this breakage breaks nothing"
        source = source.replace(old, new)
    changed = ModuleType(module_name)
    changed.__file__ = module.__file__
    sys.modules[f"broken {module_name}"] = changed
    exec(compile(source, module.__file__, "exec"), _namespace(changed, module_name))
    *owners, name = path.split(".")
    monkeypatch.setattr(_owner(module, owners), name, getattr(_owner(changed, owners), name))


def _namespace(changed: ModuleType, name: str) -> dict[str, Any]:
    changed.__dict__["__name__"] = f"broken {name}"  # dataclasses look their module up
    return changed.__dict__


def _owner(start: Any, names: list[str]) -> Any:
    for name in names:
        start = getattr(start, name)
    return start


@contextmanager
def caught() -> Iterator[None]:
    """The suite notices: an assertion of a scenario or of the ledger fails."""
    try:
        yield
    except AssertionError:
        return
    pytest.fail("nothing noticed that the program was broken")
