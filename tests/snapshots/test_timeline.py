"""A deal record, whatever its history, becomes states that follow one another without gap or overlap."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_crm import CLOSED, Clock, MadeCrm, connect, sync
from sqlalchemy import text

from adapters.records import Deal, DealChange, DealField, DealStatus
from snapshots.database import Database
from snapshots.organizations import create_organization
from snapshots.reads import Reader
from snapshots.rows import DealSet, deal_rows
from snapshots.slices import Role, Slice, Viewer
from snapshots.timeline import BEGINNING, states_of

STATUS = {"s1": DealStatus.OPEN, "s2": DealStatus.OPEN, **CLOSED}
START = datetime(2026, 3, 2, tzinfo=UTC)
moments = st.integers(0, 24 * 40).map(lambda hours: START + timedelta(hours=hours))
stages = st.sampled_from([*STATUS, "never seen"])
amounts = st.one_of(st.none(), st.integers(0, 10**12))


@st.composite
def changes(draw: st.DrawFn) -> DealChange:
    field = draw(st.sampled_from(DealField))
    values = {
        DealField.STAGE: stages,
        DealField.AMOUNT: amounts,
        DealField.OWNER: st.sampled_from(["o1", "o2", None]),
        DealField.CLOSE_DATE: st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2026, 12, 31))),
    }
    return DealChange(field, draw(moments), draw(values[field]))


@st.composite
def deals(draw: st.DrawFn, key: str = "d") -> Deal:
    """Any record that a CRM may hand over, contradictions between its fields and its history included."""
    stage = draw(st.one_of(st.none(), stages))
    status = draw(st.sampled_from(DealStatus))
    amount_minor = draw(amounts)
    return Deal(
        external_id=key,
        pipeline_id="p",
        stage_id=stage,
        status=status,
        amount_minor=amount_minor,
        currency="EUR" if amount_minor is not None else None,
        owner_id=draw(st.sampled_from(["o1", "o2", None])),
        created_at=draw(st.one_of(st.none(), moments)),
        closed_at=draw(st.one_of(st.none(), moments)) if status is not DealStatus.OPEN else None,
        close_on=draw(st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2026, 12, 31)))),
        modified_at=draw(st.one_of(st.none(), moments)),
        history=tuple(draw(st.lists(changes(), max_size=6))),
        amount_known_at_close=draw(st.booleans()),
    )


@given(deals())
def test_states_follow_one_another_from_the_beginning_on(deal: Deal) -> None:
    states = states_of(deal, STATUS)
    assert states
    assert all(earlier.since < later.since for earlier, later in pairwise(states))


@given(deals())
def test_the_last_state_is_what_the_record_says_now(deal: Deal) -> None:
    last = states_of(deal, STATUS)[-1]
    assert (last.status, last.stage_id, last.owner_id) == (deal.status.value, deal.stage_id, deal.owner_id)
    assert (last.amount_minor, last.close_on) == (deal.amount_minor, deal.close_on)
    assert last.closed_at == (deal.closed_at if deal.status is not DealStatus.OPEN else None)


@given(deals())
def test_a_deal_begins_with_its_creation_or_with_the_data(deal: Deal) -> None:
    first = states_of(deal, STATUS)[0]
    if deal.created_at is not None:
        assert first.since <= deal.created_at
    elif deal.status is DealStatus.OPEN:
        assert first.since == BEGINNING


@given(deals())
def test_an_open_state_is_not_closed_and_nothing_has_a_currency_but_an_amount(deal: Deal) -> None:
    states = states_of(deal, STATUS)
    for state in states[:-1]:
        was_closed_before_all = states[0].since == BEGINNING and states[0].status != "open"
        assert (state.closed_at is None) == (state.status == "open") or was_closed_before_all
        assert state.currency is None or state.amount_minor is not None


@given(deals())
def test_a_recorded_stage_holds_from_its_moment_on(deal: Deal) -> None:
    """Except at the very end, where the record itself has the last word."""
    states = states_of(deal, STATUS)
    recorded = sorted((c for c in deal.history if c.field is DealField.STAGE), key=lambda change: change.at)
    for change, following in pairwise(recorded):
        if change.at < following.at and states[0].since <= change.at < states[-1].since:
            held = [state for state in states if state.since <= change.at][-1]
            assert held.stage_id == change.value


def test_an_amount_written_at_closing_is_not_known_before_it() -> None:
    closed_at = START + timedelta(days=9)
    deal = Deal(
        external_id="d",
        status=DealStatus.WON,
        amount_minor=100_00,
        currency="EUR",
        created_at=START,
        closed_at=closed_at,
        amount_known_at_close=True,
    )
    before, after = states_of(deal, STATUS)
    assert (before.since, before.status, before.amount_minor, before.currency) == (START, "open", None, None)
    assert (after.since, after.status, after.amount_minor) == (closed_at, "won", 100_00)


def test_a_closed_deal_without_a_creation_date_is_known_from_its_closing_on() -> None:
    deal = Deal(external_id="d", status=DealStatus.LOST, closed_at=START)
    (only,) = states_of(deal, STATUS)
    assert (only.since, only.status) == (START, "lost")


def test_a_closed_deal_whose_history_tells_of_other_fields_alone_was_open_until_it_closed() -> None:
    """A CRM may keep the history of amounts and not that of stages."""
    amounts = [(0, 100), (3, 200), (9, 300)]
    deal = Deal(
        external_id="d",
        stage_id="won",
        status=DealStatus.WON,
        amount_minor=300,
        currency="EUR",
        created_at=START,
        closed_at=START + timedelta(days=5),
        history=tuple(DealChange(DealField.AMOUNT, START + timedelta(days=day), value) for day, value in amounts),
    )
    told = [(s.since, s.status, s.stage_id, s.amount_minor, s.closed_at) for s in states_of(deal, STATUS)]
    closed_at = START + timedelta(days=5)
    assert told == [
        (START, "open", None, 100, None),
        (START + timedelta(days=3), "open", None, 200, None),
        (closed_at, "won", "won", 200, closed_at),
        (START + timedelta(days=9), "won", "won", 300, closed_at),
    ]


def test_of_what_was_closed_before_the_data_begin_it_is_not_known_when() -> None:
    moved = (DealChange(DealField.OWNER, START, "o1"), DealChange(DealField.OWNER, START + timedelta(days=2), "o2"))
    states = states_of(Deal(external_id="d", stage_id="lost", owner_id="o2", history=moved), STATUS)
    assert [(state.since, state.status, state.closed_at) for state in states] == [
        (BEGINNING, "lost", None),
        (START, "lost", None),
        (START + timedelta(days=2), "open", None),
    ]


def test_a_reopened_deal_was_closed_in_between() -> None:
    story = [("s1", 0), ("won", 5), ("s2", 8)]
    deal = Deal(
        external_id="d",
        stage_id="s2",
        created_at=START,
        modified_at=START + timedelta(days=8),
        history=tuple(DealChange(DealField.STAGE, START + timedelta(days=day), stage) for stage, day in story),
    )
    states = states_of(deal, STATUS)
    assert [(state.status, state.since) for state in states] == [
        ("open", START),
        ("won", START + timedelta(days=5)),
        ("open", START + timedelta(days=8)),
    ]
    assert [state.closed_at for state in states] == [None, START + timedelta(days=5), None]


VERSIONS = text(
    "SELECT deal_id, nullif(valid_from, '-infinity') AS valid_from, nullif(valid_to, 'infinity') AS valid_to, "
    "recorded_at, nullif(superseded_at, 'infinity') AS superseded_at, is_observed FROM deal_versions "
    "WHERE organization_id = :id ORDER BY deal_id, valid_from, recorded_at"
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(told=st.lists(st.lists(deals(), min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_stored_of_any_records_has_one_row_for_any_moment(database: Database, told: list[list[Deal]]) -> None:
    """told: what the CRM says of some deals, several times one after the other, whether or not it fits together."""
    with database.as_worker() as connection:
        number = connection.execute(text("SELECT count(*) FROM organizations")).scalar_one()
    organization = create_organization(database, f"Any {number}", time_zone="Europe/Berlin", default_currency="EUR")
    organization_id = organization.organization_id
    crm, clock = MadeCrm(), Clock(START + timedelta(days=50))
    connection_id = connect(database, organization_id)
    for records in told:
        for place, deal in enumerate(records):
            key = f"d{place}"
            crm.say(replace(deal, external_id=key))
        clock.forward(days=1)
        assert sync(database, organization_id, connection_id, crm, clock).status == "succeeded"
    with database.as_app(organization_id) as connection:
        versions = connection.execute(VERSIONS, {"id": organization_id}).all()
    _check_intervals(versions)
    reader = Reader(database, Viewer(organization_id, Role.ADMIN))
    for ahead in range(0, 56, 5):
        day = (START + timedelta(days=ahead)).date()
        found = deal_rows(reader, Slice(first_day=None, last_day=day, as_of=day), DealSet.OPEN).rows
        assert found.deal_id.is_unique
    last = deal_rows(reader, Slice(first_day=None, last_day=day, as_of=day), DealSet.OPEN).rows
    assert len(last) == sum(deal.status is DealStatus.OPEN for deal in crm.deals.values())


def _check_intervals(versions: object) -> None:
    beginning, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    by_deal: dict[int, list[tuple[datetime, datetime]]] = {}
    beliefs: dict[int, list[tuple[datetime, datetime]]] = {}
    for row in versions:  # type: ignore[attr-defined]
        begins, ends = row.valid_from or beginning, row.valid_to or end
        assert begins <= ends, "ended before it began"
        if row.is_observed:
            assert row.recorded_at < (row.superseded_at or end), "believed for no time"
            beliefs.setdefault(row.deal_id, []).append((row.recorded_at, row.superseded_at or end))
        if begins < ends:
            by_deal.setdefault(row.deal_id, []).append((begins, ends))
    for spans in by_deal.values():
        assert all(one[1] == following[0] for one, following in pairwise(sorted(spans))), "gap or overlap"
    for spans in beliefs.values():
        assert all(one[1] == following[0] for one, following in pairwise(sorted(spans))), "two beliefs at once"
