"""How many examples of an invariant a run makes up."""

from __future__ import annotations

import os


def examples(usual: int, *, full: int | None = None) -> int:
    """usual: with SLMS_TEST_FULL=1, where `full` does not say more. `make test` makes three fifths of it on the first
    database server, and a quarter on the second, for what may differ there is what SQL means, and a statement that
    means something else does so soon."""
    if os.environ.get("SLMS_TEST_FULL") == "1":
        return full or usual
    return max(2, usual // 4 if os.environ.get("SLMS_TEST_AGAIN") == "1" else usual * 3 // 5)
