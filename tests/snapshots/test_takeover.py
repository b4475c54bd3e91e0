"""What a CRM that took over says of a deal, cut to the time since it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.records import Deal, DealChange, DealField, DealStatus
from snapshots.deal_rows import Content, Facts, Present
from snapshots.takeover import EARLIER, at_first_sight, of_known
from snapshots.timeline import State, states_of

SINCE = datetime(2026, 6, 1, 12, tzinfo=UTC)
BEFORE, AFTER = SINCE - timedelta(days=30), SINCE + timedelta(days=5)


def deal(status: DealStatus = DealStatus.OPEN, **values: object) -> Deal:
    return Deal(external_id="d", name="Deal", stage_id="s1", status=status, **values)  # type: ignore[arg-type]


def first(record: Deal) -> tuple[Deal, list[State]]:
    return at_first_sight(record, states_of(record, {}), SINCE)


def present(status: str, *, closed_at: datetime | None = None, valid_from: datetime = BEFORE) -> Present:
    content = Content(status, 7, 1, BEFORE, 5, 100_00, "EUR", None, closed_at)
    return Present(valid_from, BEFORE, content, Facts(None, None, "Web", None, BEFORE, BEFORE.date()))


def known(record: Deal, held: Present) -> tuple[Deal, list[State]] | None:
    return of_known(record, states_of(record, {}), held, SINCE, {"s1": 1, "s2": 2, None: None}.get)


def test_a_deal_that_it_alone_knows_begins_on_the_moment() -> None:
    record, [state] = first(deal(created_at=BEFORE))
    assert (record.created_at, state.since, state.status) == (SINCE, SINCE, "open")


def test_a_deal_of_later_is_what_it_is() -> None:
    record, [state] = first(deal(created_at=AFTER))
    assert (record.created_at, state.since) == (AFTER, AFTER)


@pytest.mark.parametrize("closed_at", [BEFORE, None])
def test_a_deal_that_it_closed_before_counts_nowhere(closed_at: datetime | None) -> None:
    _, [state] = first(deal(DealStatus.WON, created_at=BEFORE, closed_at=closed_at))
    assert (state.status, state.since) == (EARLIER, SINCE)


def test_a_deal_of_later_that_was_closed_on_an_unknown_day_counts() -> None:
    _, states = first(deal(DealStatus.WON, created_at=AFTER))
    assert states[-1].status == "won"


def test_what_was_closed_before_stays_as_it_was_closed() -> None:
    held = present("won", closed_at=BEFORE)
    assert known(deal(DealStatus.LOST, created_at=BEFORE, closed_at=BEFORE), held) is None
    assert known(deal(DealStatus.WON, created_at=BEFORE), held) is None


def test_what_is_opened_again_afterwards_is_open_from_then_on() -> None:
    history = (DealChange(DealField.STAGE, BEFORE, "s1"), DealChange(DealField.STAGE, AFTER, "s2"))
    record = deal(created_at=BEFORE, history=history, modified_at=AFTER)
    found = known(record, present("won", closed_at=BEFORE))
    assert found is not None
    assert [(state.since, state.status) for state in found[1]] == [(AFTER, "open")]


def test_a_stage_that_goes_on_was_entered_when_it_was_known_to_be() -> None:
    found = known(deal(created_at=SINCE - timedelta(days=1)), present("open"))
    assert found is not None
    [state] = found[1]
    assert (state.since, state.stage_entered_at) == (SINCE, BEFORE)


def test_creation_and_source_stay_as_they_were_known() -> None:
    found = known(deal(created_at=SINCE, source="Import"), present("open"))
    assert found is not None
    assert (found[0].created_at, found[0].source) == (BEFORE, "Web")
