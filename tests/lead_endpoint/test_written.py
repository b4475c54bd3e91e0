"""docs/lead_endpoint.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from lead_endpoint import submission
from lead_endpoint.front import BODY_S
from lead_endpoint.integrations import LIVE_AT_ONCE
from lead_endpoint.reception import MOST_BYTES
from snapshots import schema
from snapshots.api_keys import SCOPES
from snapshots.backlog import STATES
from snapshots.delivery_rules import LONGEST_WAIT_S, OPENS_AFTER, PATIENCE, RETRY_AFTER, UNUSABLE_S, Parked

TEXT = (Path(__file__).resolve().parents[2] / "docs/lead_endpoint.md").read_text(encoding="utf-8")
ONE_LINE = " ".join(TEXT.split())


def first_column(title: str) -> list[str]:
    """The names in the first column of the table whose heading begins so."""
    _, _, rest = TEXT.partition(f"| {title} |")
    return re.findall(r"^\| `(\w+)` ", rest.partition("\n\n")[0], re.MULTILINE)


def test_states_and_reasons_are_those_of_the_code() -> None:
    assert first_column("state") == list(STATES)
    assert sorted(first_column("parked as")) == sorted(reason.value for reason in Parked)
    allowed = next(str(one.sqltext) for one in schema.received_leads.constraints if str(one.name).endswith("_state"))
    assert set(re.findall(r"'(\w+)'", allowed)) == set(STATES)


def test_the_schedule_is_that_of_the_code() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    told = re.search(r"After a failure: (.+?), each", ONE_LINE)
    assert told
    waits = [int(one.split()[0]) * units[one.split()[1]] for one in told[1].split(", ")]
    assert waits == [wait.total_seconds() for wait in RETRY_AFTER]
    assert f"({LONGEST_WAIT_S / 60:.0f} minutes at most)" in ONE_LINE
    assert OPENS_AFTER == 5 and "After five failures in a row" in ONE_LINE  # noqa: PT018
    assert f"for {min(UNUSABLE_S) / 60:.0f} to {max(UNUSABLE_S) / 60:.0f} minutes" in ONE_LINE
    assert f"after {PATIENCE.total_seconds() / 3600:.0f} hours its leads are parked" in ONE_LINE


def test_scopes_and_limits_are_those_of_the_code() -> None:
    assert first_column("scope") == list(SCOPES)
    assert f"up to {MOST_BYTES // 1024} KiB and {submission.MOST_FIELDS} fields" in ONE_LINE
    assert (BODY_S, LIVE_AT_ONCE) == (10.0, 2)
    assert {"_next", "_idempotency_key", "_gotcha", "form"} <= set(first_column("field"))
