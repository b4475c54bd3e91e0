"""Half a minute of the soak in each run of the tests; `make soak` takes ten."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from soak import Plan, soaking

SECONDS = 600 if os.environ.get("SLMS_TEST_FULL") == "1" else 30


@pytest.mark.timeout(SECONDS + 600)
def test_leads_survive_whatever_is_killed_for_half_a_minute() -> None:
    # Not inside pytest's own folder, which is closed to the account that the server runs as.
    with tempfile.TemporaryDirectory(prefix="slms-soak-") as folder, soaking(Path(folder), Plan(SECONDS)) as soak:
        outcome = soak.run()
    print("\n".join(f"{name}: {value}" for name, value in outcome.lines()))
    outcome.ledger.require()
    assert outcome.ledger.counts["lost"] == 0
    assert outcome.ledger.counts["duplicated"] == 0
    assert outcome.ledger.counts["accepted"] >= SECONDS * 4
    assert outcome.counts["kills"] >= SECONDS // 5
    assert outcome.counts["database crashes"] >= 1
