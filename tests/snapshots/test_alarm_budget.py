"""How many false alarms are borne: the usual number until somebody sets another, within limits, and noted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from snapshots import alarm_budget, audit
from snapshots.alarm_budget import USUAL, budget_of, set_budget
from snapshots.database import Database

NOW = datetime(2026, 11, 28, 20, tzinfo=UTC)


def noted(database: Database, organization: int) -> list[tuple[object, ...]]:
    entries = audit.list_entries(database, organization, subject="alarm budget")
    return [(one.by, one.before, one.after) for one in entries]


def test_an_organization_bears_the_usual_number_until_another_is_set(
    database: Database, organization: int, other_organization: int
) -> None:
    assert budget_of(database, organization) == USUAL
    for wanted in (0.1, 0.5):
        set_budget(database, organization, wanted, by="ann", now=NOW)
        assert budget_of(database, organization) == wanted
    assert budget_of(database, other_organization) == USUAL


def test_what_was_set_is_noted_once_with_who_did_it(database: Database, organization: int) -> None:
    set_budget(database, organization, USUAL, by="ann", now=NOW)
    for _ in range(2):
        set_budget(database, organization, 0.5, by="ann", now=NOW)
    assert noted(database, organization) == [("ann", {"budget": USUAL}, {"budget": 0.5})]


@pytest.mark.parametrize("wanted", [0.0, alarm_budget.LEAST - 0.01, alarm_budget.MOST + 0.01, float("nan")])
def test_a_budget_beyond_its_limits_is_refused(database: Database, organization: int, wanted: float) -> None:
    with pytest.raises(ValueError, match="between"):
        set_budget(database, organization, wanted, by="ann", now=NOW)
    assert budget_of(database, organization) == USUAL
