"""What every parser of cells says when a cell does not fit."""

from __future__ import annotations

from collections.abc import Callable


class BadValue(ValueError):
    """A cell that is not what its column should hold. The text says what was expected."""


def fits(parse: Callable[..., object], text: str, style: str) -> bool:
    try:
        parse(text, style)
    except BadValue:
        return False
    return True
