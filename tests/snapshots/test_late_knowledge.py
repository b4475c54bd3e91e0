"""What is learnt late, or said differently later: past days show what we know now; what we said then is kept."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_crm import FIRST, Stored, day, noon, until

from adapters.records import Kind, Pipeline, Stage
from insights.money import converted, totals
from snapshots import tables
from snapshots.database import Database
from snapshots.organizations import create_organization
from snapshots.rows import DealSet, deal_rows, deal_summary
from snapshots.slices import Slice
from snapshots.status import save_rates


@pytest.fixture
def stored(database: Database, organization: int) -> Stored:
    return Stored(database, organization)


def _believed(stored: Stored, n: int) -> list[tuple[str, int | None]]:
    """What we took for the present at the end of day `n`."""
    end = until(n).end_of(stored.reader().organization.zone)
    return stored.ask(
        "SELECT status, amount_minor FROM deal_versions WHERE recorded_at < :end AND superseded_at >= :end "
        "ORDER BY 1, 2",
        end=end,
    )


def _won(stored: Stored, as_of: int) -> dict[str | None, int]:
    frame = stored.reader().deal_events(until(as_of))
    won = frame[frame.event == "won"]
    rollup = {one.currency: one.minor for one in totals(won)}
    assert dict(deal_summary(stored.reader(), until(as_of), DealSet.WON).amount_minor) == rollup
    return rollup


def test_a_win_that_we_learn_of_late_counts_on_its_day_and_was_not_known_then(stored: Stored) -> None:
    stored.crm.create("a", noon(0), amount_minor=500)
    stored.sync(1)
    stored.crm.move("a", noon(10), "won")
    stored.sync(20)
    assert [_won(stored, n) for n in (9, 10, 30)] == [{}, {"EUR": 500}, {"EUR": 500}]
    assert [_believed(stored, n) for n in (15, 20)] == [[("open", 500)], [("won", 500)]]


def test_an_amount_that_is_corrected_later_leaves_the_days_before_as_they_were(stored: Stored) -> None:
    stored.crm.create("a", noon(0), amount_minor=500)
    stored.crm.move("a", noon(5), "won")
    stored.sync(6)
    stored.crm.change("a", noon(12), amount_minor=800)
    stored.sync(20)
    assert [_won(stored, n) for n in (11, 12, 30)] == [{"EUR": 500}, {"EUR": 800}, {"EUR": 800}]
    assert [_believed(stored, n) for n in (15, 20)] == [[("won", 500)], [("won", 800)]]


def test_a_deal_that_is_reopened_was_won_until_then(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    stored.crm.move("a", noon(5), "won")
    stored.sync(6)
    stored.crm.move("a", noon(9), "s2")
    stored.sync(10)
    assert [stored.events(until(n)) for n in (4, 8, 9)] == [{"created": 1}, {"created": 1, "won": 1}, {"created": 1}]
    assert [stored.n_open(until(n)) for n in (4, 8, 9)] == [1, 0, 1]


def test_a_deal_that_is_won_again_counts_once_and_on_the_later_day(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    for n, stage in ((5, "won"), (9, "s2"), (14, "won")):
        stored.crm.move("a", noon(n), stage)
        stored.sync(n + 1)
    assert stored.events(until(30)) == {"created": 1, "won": 1}
    frame = stored.reader().deal_events(until(30))
    assert list(frame[frame.event == "won"]["day"].dt.date) == [day(14)]


def test_a_deal_that_changes_hands_is_the_new_owners_from_then_on(stored: Stored) -> None:
    stored.crm.create("a", noon(0), owner="o1")
    stored.sync(1)
    stored.crm.change("a", noon(8), owner_id="o2")
    stored.sync(9)
    for n, owner in ((7, "o1"), (8, "o2")):
        frame = stored.reader().deal_events(until(n), by_owner=True)
        assert list(frame["owner_id"]) == [stored.id_of(Kind.OWNER, owner)]


def test_a_deal_that_moves_to_another_pipeline_is_counted_there_from_then_on(stored: Stored) -> None:
    """A stage names its pipeline; the sync itself is checked against a recount."""
    stored.crm.add(Pipeline(external_id="q", name="Renewals"), Stage(external_id="q1", pipeline_id="q", name="Q1"))
    stored.crm.create("seen twice", noon(0))
    stored.sync(1)
    stored.crm.page_size = 9
    for key in ("seen twice", "seen once"):
        if key == "seen once":
            stored.crm.create(key, noon(0))
        stored.crm.move(key, noon(5), "q1")
        stored.crm.move(key, noon(8), "won")
    stored.sync(9)
    found = stored.ask(
        "SELECT known_day, p.name, sum(n)::int FROM deal_daily JOIN pipelines p USING (organization_id, pipeline_id) "
        "WHERE event = 'created' GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, 2"
    )
    assert found == [
        (day(0), "Sales", 2),
        (day(5), "Renewals", 2),
        (day(5), "Sales", -2),
        (day(8), "Renewals", -2),
        (day(8), "Sales", 2),
    ]


def test_a_deal_created_long_before_its_first_sync_counts_on_its_day(stored: Stored) -> None:
    stored.crm.create("a", noon(3))
    stored.sync(40)
    assert [stored.n_open(until(n)) for n in (2, 3)] == [0, 1]
    assert stored.events(until(3)) == {"created": 1}


def test_the_currency_may_change_with_the_amount(stored: Stored) -> None:
    stored.crm.create("a", noon(0), amount_minor=500)
    stored.crm.move("a", noon(5), "won")
    stored.sync(6)
    stored.crm.change("a", noon(8), amount_minor=600, currency="USD")
    stored.sync(9)
    assert [_won(stored, n) for n in (7, 8)] == [{"EUR": 500}, {"USD": 600}]


# --- rates ---------------------------------------------------------------------------------------------------------


def test_rates_are_read_as_they_were_entered_and_replaced_as_a_whole(stored: Stored) -> None:
    save = [("USD", "EUR", day(0), Decimal("0.9137")), ("JPY", "EUR", day(5), Decimal("0.0061"))]
    save_rates(stored.database, stored.organization_id, save, entered_by="ann@made.example")
    found = stored.reader().rates()
    assert found.values.tolist() == [
        ["JPY", "EUR", found["day"].iloc[0], 0.0061],
        ["USD", "EUR", found["day"].iloc[1], 0.9137],
    ]
    assert list(found["day"].dt.date) == [day(5), day(0)]
    save_rates(stored.database, stored.organization_id, save[:1], entered_by="ann@made.example")
    assert list(stored.reader().rates()["currency"]) == ["USD"]


def test_without_a_rate_an_amount_stands_apart(stored: Stored) -> None:
    for n, currency in enumerate(("USD", "GBP", "EUR")):
        stored.crm.create(f"d{n}", noon(0))
        stored.crm.change(f"d{n}", noon(0), amount_minor=1000, currency=currency)
        stored.crm.move(f"d{n}", noon(5), "won")
    stored.sync(9)
    save_rates(
        stored.database, stored.organization_id, [("USD", "EUR", day(0), Decimal("0.5"))], entered_by="ann@made.example"
    )
    reader = stored.reader()
    events = reader.deal_events(until(9))
    won = converted(events, reader.rates(), "EUR", days=events["day"])
    assert {one.currency: one.minor for one in totals(won[won.event == "won"])} == {"EUR": 1500, "GBP": 1000}


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["EUR", "USD", "JPY"]), st.integers(1, 10**7)), max_size=8),
    st.dictionaries(st.tuples(st.sampled_from(["USD", "JPY"]), st.integers(-5, 65)), st.integers(1, 9), max_size=5),
    st.one_of(st.none(), st.integers(0, 60)),
)
def test_per_owner_amounts_convert_as_the_single_days_do(
    database: Database,
    wins: list[tuple[int, str, int]],
    entered: dict[tuple[str, int], int],
    first: int | None,
) -> None:
    """A person's sums are taken between two dates of rates, so that each amount meets the rate of its day."""
    with database.as_worker() as connection:
        number = connection.exec_driver_sql("SELECT count(*) FROM organizations").scalar_one()
    made = create_organization(database, f"Rates {number}", time_zone="Asia/Tokyo", default_currency="EUR")
    stored = Stored(database, made.organization_id)
    for n, (won_on, currency, amount) in enumerate(wins):
        stored.crm.create(f"d{n}", noon(won_on), owner=f"o{1 + n % 2}")
        stored.crm.change(f"d{n}", noon(won_on), amount_minor=amount, currency=currency)
        stored.crm.move(f"d{n}", noon(won_on) + timedelta(hours=1), "won")
    stored.sync(70)
    # Whole rates, and amounts that stay whole: what is left to differ is which rate was taken.
    rates = [(currency, "EUR", day(n), Decimal(rate)) for (currency, n), rate in entered.items()]
    save_rates(database, stored.organization_id, rates, entered_by="ann@made.example")
    reader, shown = stored.reader(), Slice(first_day=_day(first), last_day=day(70), as_of=day(70))
    known = reader.rates()
    per_day, per_owner = reader.deal_events(shown), reader.deal_events(shown, by_owner=True)
    expected = totals(converted(per_day, known, "EUR", days=per_day["day"]))
    assert totals(converted(per_owner, known, "EUR", days=per_owner["day"])) == expected
    assert set(per_owner.columns) == set(tables.DEAL_EVENTS)
    rows = deal_rows(reader, shown, DealSet.WON).rows
    assert totals(converted(rows.astype({"amount_minor": "int64"}), known, "EUR", days=rows["closed_day"])) == expected


def _day(n: int | None) -> date | None:
    return None if n is None else FIRST + timedelta(days=n)
