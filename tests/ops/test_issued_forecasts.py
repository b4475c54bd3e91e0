"""Forecasts of an organization: issued from what is known, adding up, made again to the same number, and graded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from databases import CopyOf
from made_daily import work_off
from made_installation import NOW, TODAY, House, demo_house_of
from sqlalchemy import text

from insights import forecast_record
from insights.forecasting.deal_facts import pack, unpack
from insights.forecasting.nodes import TooLittlePast
from ops import daily, forecast_replays, forecasting
from ops.services import Services
from ops.settings import Settings
from snapshots import forecast_calls, forecasts, leave
from snapshots.database import Database
from snapshots.slices import Role, Viewer

MONTHS: dict[str, Any] = {"steps": ("month",), "measures": ("bookings",)}


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        _learnt_by_now(made)
        forecasting.issue(made.services, made.organization_id, TODAY, by="ann@example.com")
        yield made


@pytest.fixture(scope="module")
def own_house(copy_of: CopyOf) -> Iterator[House]:
    """For tests that change what is there, each in its own week."""
    with demo_house_of(copy_of) as made:
        _learnt_by_now(made)
        yield made


def _learnt_by_now(house: House) -> None:
    """The sample was loaded when the test ran; here it was some hours before."""
    with house.database.as_worker() as connection:
        newest = connection.execute(text("SELECT max(recorded_at) FROM deal_versions")).scalar_one()
        connection.execute(
            text(
                "UPDATE deal_versions SET recorded_at = recorded_at - :ago, "
                "superseded_at = CASE WHEN superseded_at = 'infinity' THEN superseded_at ELSE superseded_at - :ago END"
            ),
            {"ago": newest - NOW + timedelta(hours=1)},
        )


def admin(house: House) -> Viewer:
    return Viewer(house.organization_id, Role.ADMIN)


def later(services: Services, **span: float) -> Services:
    return replace(services, now=lambda: services.now() + timedelta(**span))


def newest(house: House, step: str = "week", measure: str = "bookings") -> forecasts.ForecastRun:
    run = forecasts.latest(house.database, admin(house), step=step, measure=measure)  # type: ignore[arg-type]
    assert run is not None
    return run


def test_a_forecast_is_issued_per_step_and_measure_and_once_per_day(house: House) -> None:
    runs = forecasts.runs(house.database, admin(house))
    assert {(one.step, one.measure) for one in runs} == {
        ("week", "bookings"), ("week", "new_deals"), ("month", "bookings"), ("month", "new_deals"),
    }  # fmt: skip
    assert {(one.made_on, one.issued_at, one.issued_by) for one in runs} == {(TODAY, NOW, "ann@example.com")}
    assert forecasting.issue(house.services, house.organization_id, TODAY, by="bo@example.com") == []


@pytest.mark.parametrize(("step", "measure", "n"), [("week", "bookings", 13), ("month", "new_deals", 6)])
def test_nodes_of_every_kind_add_up_to_the_total(house: House, step: str, measure: str, n: int) -> None:
    rows = forecasts.rows(house.database, admin(house), newest(house, step, measure).run_id)
    sums = rows.pivot_table(index=["currency", "step_no"], columns="node_kind", values=["value", "won"], aggfunc="sum")
    assert len(sums) == n * rows["currency"].nunique()
    for column in ("value", "won"):
        for kind in ("team", "owner", "product", "source"):
            np.testing.assert_allclose(sums[column][kind], sums[column]["total"], atol=1e-6)
    owners = rows[rows["node_kind"] == "owner"]
    by_team = owners.groupby([owners["parent_key"].fillna(""), "currency", "step_no"])["value"].sum()
    teams = rows[rows["node_kind"] == "team"].set_index(["node_key", "currency", "step_no"])["value"]
    np.testing.assert_allclose(by_team.sort_index(), teams.sort_index(), atol=1e-6)


def test_the_first_step_holds_the_day_and_is_not_below_what_is_won_in_it(house: House) -> None:
    rows = forecasts.rows(house.database, admin(house), newest(house).run_id, node_kind="total")
    first = rows[rows["step_no"] == 1]
    assert (first["first_day"] <= pd.Timestamp(TODAY)).all()
    assert (pd.Timestamp(TODAY) <= first["last_day"]).all()
    with house.database.as_app(house.organization_id) as connection:
        won = connection.execute(
            text(
                "SELECT currency, sum(amount_minor)::float8 FROM deal_daily WHERE event = 'won' AND known_day <= :day "
                "AND day BETWEEN :monday AND :day GROUP BY 1"
            ),
            {"day": TODAY, "monday": TODAY - timedelta(days=TODAY.weekday())},
        )
        by_currency = {currency: amount for currency, amount in won if amount}
    kept = {row.currency: row.won for row in first.itertuples() if row.won}
    assert kept == {currency: by_currency[currency] for currency in kept}
    assert kept
    assert (rows["value"] >= rows["won"]).all()
    assert (rows["low"] >= rows["won"]).all()


def test_beside_a_forecast_stands_what_it_was_worth_at_past_origins(house: House) -> None:
    card = forecasts.card(house.database, admin(house), newest(house).run_id, "total", "", currency="EUR")
    assert card is not None
    assert card.card["n_origins"] == 6
    assert {"wape", "mase", "bias", "coverage80"} <= card.card.keys()
    assert {"naive", "seasonal naive"} <= card.card["baselines"].keys()
    assert card.card["near"]["used"] in {"past weeks", "open deals and past weeks", "mean of both"}
    assert card.card["sums"]["methods"]["weighted pipeline, for reference"]["n"] > 6
    rows = forecasts.rows(house.database, admin(house), newest(house).run_id, node_kind="total")
    first = pd.Timestamp(card.past["first_day"])
    assert first + pd.Timedelta(weeks=len(card.past["values"])) == rows["first_day"].min()


@pytest.mark.parametrize("measure", ["bookings", "new_deals"])
def test_no_card_of_any_node_says_that_naive_was_better_than_what_is_shown(house: House, measure: str) -> None:
    cards = forecasts.cards(house.database, admin(house), newest(house, "week", measure).run_id)
    assert {one.node_kind for one in cards} == {"total", "team", "owner", "product", "source"}
    for one in cards:
        assert one.card["methods"].keys() >= {"naive", "seasonal naive (13)"}, "both are candidates"
        told = [grades["wape"] for name, grades in one.card["baselines"].items() if name != "weighted pipeline"]
        for wape in told:
            assert wape is None or one.card["wape"] <= wape + 1e-4, (one.node_kind, one.node_key)
        assert "had the smaller error" not in " ".join(forecast_record.verdict(one.card).words)
        sums = one.card["at_origins"]
        assert len(sums) == one.card["n_origins"] == 6
        last = one.past["values"][-13:]
        assert sums[-1]["came"] == pytest.approx(sum(last)), "the newest origin has the last thirteen weeks behind it"


def test_a_replay_gives_the_same_number_whatever_was_corrected_later(own_house: House) -> None:
    day = TODAY - timedelta(weeks=1)
    run_id = forecasting.issue(own_house.services, own_house.organization_id, day, by="ann", **MONTHS)[0]
    before = forecasting.read_facts(own_house.services, own_house.organization_id, day, NOW).deals
    with own_house.database.as_app(own_house.organization_id) as connection:
        corrected = connection.execute(
            text(
                "WITH old AS (UPDATE deal_versions SET superseded_at = :at, valid_to = valid_from "
                "WHERE organization_id = :o AND status = 'won' AND valid_to = 'infinity' RETURNING *) "
                "INSERT INTO deal_versions (organization_id, deal_id, valid_from, recorded_at, is_observed, status, "
                "owner_id, amount_minor, currency, created_at, created_day, closed_at, closed_day, source, product_id) "
                "SELECT organization_id, deal_id, valid_from, :at, true, status, owner_id, amount_minor * 3, currency, "
                "created_at, created_day, closed_at, closed_day, source, product_id FROM old"
            ),
            {"o": own_house.organization_id, "at": NOW + timedelta(hours=1)},
        )
        assert corrected.rowcount > 50
    again = forecasting.replay(later(own_house.services, days=1), own_house.organization_id, run_id)
    assert (again.differences, again.facts_read_the_same) == ([], True)
    after = forecasting.read_facts(own_house.services, own_house.organization_id, day, NOW + timedelta(days=1)).deals
    is_won = after["status"] == "won"
    assert after.loc[is_won, "amount"].sum() == 3 * before.loc[before["status"] == "won", "amount"].sum()


def test_weeks_with_open_deals_are_made_again_to_the_same_number_too(house: House) -> None:
    run = newest(house)
    assert forecasting.replay(house.services, house.organization_id, run.run_id).is_same


def test_prophet_is_tried_on_totals_where_it_is_asked_for_and_replayed_with_its_holidays(own_house: House) -> None:
    organization_id = own_house.organization_id
    leave.set_calendar(own_house.database, organization_id, leave.Calendar(country="DE", subdivision="BE"), by="ann",
                       now=NOW)  # fmt: skip
    settings = own_house.services.settings.model_copy(update={"forecast_prophet": True})
    services = replace(own_house.services, settings=settings)
    day = TODAY - timedelta(weeks=2)
    (run_id,) = forecasting.issue(services, organization_id, day, by="ann", steps=("week",), measures=("new_deals",))
    cards = forecasts.cards(own_house.database, admin(own_house), run_id)
    assert {one.node_kind for one in cards if "Prophet" in one.card["methods"]} == {"total"}
    assert {one.node_kind for one in cards} > {"total", "owner"}
    run = forecasts.get_run(own_house.database, admin(own_house), run_id)
    assert run is not None
    assert ["Women's Day", "2024-03-08"] in run.inputs["prophet"]["holidays"]
    leave.set_calendar(own_house.database, organization_id, None, by="ann", now=NOW)
    assert forecasting.replay(own_house.services, organization_id, run_id).is_same


def test_a_replay_says_where_it_differs(house: House) -> None:
    run = newest(house, "month", "new_deals")
    rows = forecasts.rows(house.database, admin(house), run.run_id)
    made = rows.drop(columns=["actual", "graded_at", "not_gradable"])
    changed = made.assign(value=made["value"].where(made.index != 0, made["value"] + 1))
    (found,) = forecasting._differences(rows, changed)
    assert (found.column, found.step_no) == ("value", 1)
    with pytest.raises(LookupError):
        forecasting.replay(house.services, house.organization_id, 10**9)


def test_the_worker_replays_what_a_person_asks_for_and_the_book_keeps_what_it_showed(house: House) -> None:
    run, key = newest(house, "month"), house.organization_id
    assert forecast_replays.newest(house.database, key, run.run_id) is None
    with house.database.as_app(key) as transaction:
        assert forecast_replays.defer(transaction, key, run.run_id, run.made_on, by="ann@example.com")
        assert not forecast_replays.defer(transaction, key, run.run_id, run.made_on, by="bo@example.com")
    assert forecast_replays.is_waiting(house.database, key, run.run_id)
    assert not forecast_replays.is_waiting(house.database, key, run.run_id + 1)
    work_off(house.services, forecast_replays.QUEUE)
    assert not forecast_replays.is_waiting(house.database, key, run.run_id)
    kept = forecast_replays.newest(house.database, key, run.run_id)
    assert kept is not None
    n = 4 * len(forecasts.rows(house.database, admin(house), run.run_id))
    assert (kept.outcome, kept.n_rows, kept.asked_by) == ("done", 0, "ann@example.com")
    assert kept.said == f"The same number: all {n:,} came out as they were issued."


def test_a_replay_that_cannot_be_says_why(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run = newest(house, "month", "new_deals")
    monkeypatch.setattr(forecasting, "METHOD_VERSION", "next")
    said = forecast_replays.run(house.services, house.organization_id, run.run_id, TODAY, by="ann")
    assert said == f"It was made by version {run.method_version} of the methods; this is next."
    kept = forecast_replays.newest(house.database, house.organization_id, run.run_id)
    assert kept is not None
    assert (kept.outcome, kept.n_rows) == ("done", None)
    assert forecast_replays.run(house.services, 10**9, run.run_id, TODAY, by="ann") == "gone"


def test_what_a_replay_showed_is_said_without_amounts(house: House) -> None:
    different = forecasting.Difference("owner", "7", "EUR", 3, "low", 123456.0, 654321.0)
    found = forecasting.Replayed(run=newest(house), n_numbers=900, differences=[different], facts_read_the_same=False)
    assert forecast_replays.in_words(found) == (
        "1 of 900 numbers differ (low of owner). Read today, the facts of then are joined or called otherwise: "
        "something was merged or renamed since."
    )


def test_facts_are_packed_and_unpacked_the_same(house: House) -> None:
    facts = forecasting.read_facts(house.services, house.organization_id, TODAY, NOW)
    packed, fingerprint = pack(facts)
    again = unpack(packed)
    pd.testing.assert_frame_equal(again.deals, facts.deals, check_dtype=False)
    assert (again.teams, again.names, again.active, again.day) == (facts.teams, facts.names, facts.active, facts.day)
    assert pack(again)[1] == fingerprint


def test_what_came_is_filled_in_three_days_after_a_step_is_over(own_house: House) -> None:
    day = TODAY - timedelta(weeks=14)
    run_id = forecasting.issue(own_house.services, own_house.organization_id, day, by="ann", **MONTHS)[0]
    call_id = forecast_calls.put_call(
        own_house.database, admin(own_house), node_kind="total", node_key="", first_day=day,
        last_day=day + timedelta(days=13), amount_minor=10**6, currency="EUR", by="Ann", now=NOW, today=day,
    )  # fmt: skip
    services = later(own_house.services, hours=2)
    forecasting.grade_due(services, own_house.organization_id)
    rows = forecasts.rows(own_house.database, admin(own_house), run_id)
    graded = rows[rows["actual"].notna()]
    over = pd.Timestamp(TODAY - timedelta(days=3))
    assert set(graded["step_no"]) == set(rows.loc[rows["last_day"] < over, "step_no"]) == {1, 2, 3}
    sums = graded.pivot_table(index=["currency", "step_no"], columns="node_kind", values="actual", aggfunc="sum")
    assert (sums["team"] <= sums["total"]).all()  # somebody who was no node then may have won something since
    np.testing.assert_allclose(sums.loc["EUR", "team"], sums.loc["EUR", "total"])
    with own_house.database.as_app(own_house.organization_id) as connection:
        came = connection.execute(
            text(
                "SELECT closed_day, amount_minor FROM deal_versions WHERE status = 'won' AND valid_to = 'infinity' "
                "AND valid_from < valid_to AND currency = 'EUR' AND amount_minor IS NOT NULL"
            )
        ).all()
    total = rows[(rows["node_kind"] == "total") & (rows["currency"] == "EUR")].set_index("step_no")
    for step in (1, 3):
        first, last = total.loc[step, "first_day"].date(), total.loc[step, "last_day"].date()
        assert total.loc[step, "actual"] == sum(amount for on, amount in came if first <= on <= last)
    (call,) = [one for one in forecast_calls.calls(own_house.database, admin(own_house)) if one.call_id == call_id]
    assert call.actual_minor == sum(amount for on, amount in came if call.first_day <= on <= call.last_day)
    assert forecasting.grade_due(services, own_house.organization_id) == 0


def test_the_daily_work_issues_once_per_week_and_month(house: House) -> None:
    assert daily.WORKS["forecasts"] == "ops.forecasting:work"
    assert forecasting.work(house.services, house.organization_id, TODAY) == "0 forecast steps graded"
    sunday, monday = date(2024, 6, 30), date(2024, 7, 1)
    due = {
        (day, step): forecasting._is_due(house.services, house.organization_id, day, step, "bookings")
        for day in (sunday, monday)
        for step in forecasting.STEPS
    }
    assert due == {(sunday, "week"): False, (sunday, "month"): False, (monday, "week"): True, (monday, "month"): True}


def test_the_daily_work_says_what_is_missing_for_a_forecast(database: Database, organization: int) -> None:
    services = Services(settings=Settings(_env_file=None), database_url="", database=database, now=lambda: NOW)
    done = forecasting.work(services, organization, TODAY)
    assert (
        done == "0 forecast steps graded; no forecast: 0 deals with an amount were won in one currency; 10 are needed."
    )


def test_nothing_is_known_of_the_days_after_the_data_end(house: House) -> None:
    long_after = later(house.services, days=200)
    assert forecasting.last_known_day(long_after, house.organization_id) == TODAY
    assert forecasting.grade_due(long_after, house.organization_id) == 0


def test_an_organization_without_a_past_says_how_much_is_missing(own_house: House) -> None:
    early = date(2023, 7, 20)
    with pytest.raises(TooLittlePast, match="are needed"):
        forecasting.issue(own_house.services, own_house.organization_id, early, by="ann")
