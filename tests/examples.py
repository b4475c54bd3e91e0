"""How many examples of an invariant a run makes up."""

from __future__ import annotations

import os


def examples(usual: int, *, full: int | None = None) -> int:
    """usual: in `make test`, on the first database server; on the second one it is a quarter, for what may differ there
    is what SQL means, and a statement that means something else does so soon. full: with SLMS_TEST_FULL=1."""
    if os.environ.get("SLMS_TEST_FULL") == "1":
        return full or usual
    return max(2, usual // 4) if os.environ.get("SLMS_TEST_AGAIN") == "1" else usual
