"""Forecast: its headline, its parts and its record are what was issued and what came; nobody sees more than his own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import made_forecasts
import pandas as pd
import psycopg
import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOW, TODAY, House, demo_house_of
from measuring import reader
from reading import as_read
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from insights import forecast_record
from insights.forecasting.organization import METHOD_VERSION
from ops import daily, forecast_replays
from ops.services import Services
from snapshots import forecast_calls, forecasts, job_runs, quotas
from snapshots.organizations import create_organization
from snapshots.slices import Role, Slice, Viewer
from snapshots.users import save_user
from workbench import (
    forecast_choice,
    forecast_data,
    forecast_dialogs,
    forecast_first,
    forecast_outlook,
    forecast_proof,
    forecast_report_card,
    forecast_table,
    installation,
)
from workbench.columns import for_export
from workbench.filters import Filters
from workbench.forecast_choice import ForecastChoice
from workbench.forecast_outlook import Loaded
from workbench.view import View

EARLY, LATE = date(2024, 4, 8), date(2024, 5, 13)
DAY = date(2024, 5, 15)
"""Two days after the later issue, in the middle of a quarter."""
QUARTER = (date(2024, 4, 1), date(2024, 6, 30))


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    """Bookings forecast twice, the first time with three weeks graded; new deals once, by month."""
    with demo_house_of(copy_of) as made:
        made_forecasts.grade(made, made_forecasts.issue(made, made_on=EARLY))
        made_forecasts.issue(made, made_on=LATE, factor=1.2)
        made_forecasts.issue(made, made_on=LATE, measure="new_deals", step="month")
        yield made


def view_of(house: House, viewer: Viewer | None = None, **filters: Any) -> View:
    asked = Filters(organization_id=house.organization_id, **{"as_of": DAY, **filters})
    who = viewer or Viewer(house.organization_id, Role.ADMIN)
    view, _ = installation.make_view({house.organization_id: who}, asked, now=NOW)
    return view


def loaded_of(house: House, choice: ForecastChoice = ForecastChoice(), viewer: Viewer | None = None,
              **filters: Any) -> Loaded:  # fmt: skip
    view = view_of(house, viewer, **filters)
    found = forecast_data.find(view, choice)
    assert found is not None
    return forecast_outlook.load(view, choice, found)


def said(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.get("html")]
    found = [str(getattr(part, "value", None) or getattr(part.proto, "body", "")) for part in parts]
    words = "\n".join([*found, *(f"{one.label} {one.value}" for one in at.metric)])
    return as_read(words).replace("\u00a0", " ")


def is_whole(at: AppTest) -> bool:
    return not at.exception and not any(one.label == "Try again" for one in at.button)


def won(house: House, first: date, last: date) -> int:
    """Of deals in euro, as the Overview counts them."""
    slice_ = Slice(first_day=first, last_day=last, as_of=DAY)
    events = reader(house).deal_events(slice_)
    mine = events[events["event"] == "won"]
    return int(mine.loc[mine["currency"] == "EUR", "amount_minor"].sum())


# --- what is said ----------------------------------------------------------------------------------------------------


def test_the_quarter_is_what_came_and_the_days_that_are_left(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    loaded = loaded_of(house)
    weekly = loaded.found.here["value"].iloc[-1]
    first = loaded.found.here.iloc[0]
    assert loaded.outlook.won == won(house, QUARTER[0], DAY)
    # Of the week that runs, four of the six days that were left when it was issued; then six weeks.
    coming = (first["value"] - first["won"]) * 4 / 6 + 6 * weekly
    assert loaded.outlook.value == pytest.approx(loaded.outlook.won + coming)
    assert loaded.outlook.won < loaded.outlook.low < loaded.outlook.value < loaded.outlook.high


@pytest.mark.parametrize("by", list(forecast_choice.KINDS))
def test_the_parts_add_up_to_the_whole(workbench: Workbench, house: House, by: str) -> None:
    workbench.use(house)
    loaded = loaded_of(house, ForecastChoice(by=by))
    assert loaded.by == by
    for column in ("won", "value", "n"):
        whole = forecast_table.whole(loaded)[column].iloc[0]
        assert loaded.parts[column].sum() == pytest.approx(whole), column


def test_a_team_is_divided_into_its_salespeople(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    team = next(node for node in loaded_of(house).found.names if node[0] == "team" and node[1])
    loaded = loaded_of(house, ForecastChoice(node=team))
    assert set(loaded.parts["node_kind"]) == {"owner"}
    assert loaded.parts["value"].sum() == pytest.approx(loaded.outlook.value)
    assert 0 < len(loaded.parts) < len([node for node in loaded.found.names if node[0] == "owner"])


def test_the_deals_behind_a_part_come_to_it(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    for by in ("team", "owner", "product", "source"):
        loaded = loaded_of(house, ForecastChoice(by=by))
        part = loaded.parts.iloc[0]
        view = forecast_data.of_node(loaded.view, loaded.found, (by, part["node_key"]), loaded.period.span)
        deals = rows_of(view)
        assert len(deals) == part["n"]
        assert deals["amount_minor"].sum() == part["won"]
        assert set(deals["currency"]) == {"EUR"}


def rows_of(view: View) -> pd.DataFrame:
    from workbench.rows import all_rows

    return all_rows(view, "won_amount")


def test_the_chart_goes_on_where_the_past_ends(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    drawn = loaded_of(house).drawn
    ahead = drawn[drawn["value"].notna()]
    assert len(ahead) == 13
    assert ahead["day"].iloc[0] == pd.Timestamp(LATE)
    assert (drawn["day"].diff().dropna() == pd.Timedelta(days=7)).all()
    assert drawn["actual"].dropna().iloc[-1] == won(house, LATE - timedelta(days=7), LATE - timedelta(days=1))
    sums = loaded_of(house, ForecastChoice(chart="period")).drawn
    assert sums["actual"].dropna().is_monotonic_increasing
    assert sums["value"].iloc[-1] == pytest.approx(loaded_of(house).outlook.value)


def test_the_ledger_says_what_was_said_and_what_came(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    found = loaded_of(house).ledger
    assert found["made_on"].tolist() == [pd.Timestamp(EARLY)]
    assert found["n"].tolist() == [3]
    assert found["error"].iloc[0] == pytest.approx(1 / 1.1 - 1)
    assert found["held"].tolist() == [3]


def test_on_a_past_day_the_forecast_of_then_is_shown(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    assert loaded_of(house).found.run.made_on == LATE
    earlier = loaded_of(house, as_of=LATE - timedelta(days=1))
    assert earlier.found.run.made_on == EARLY
    assert earlier.outlook.won == won(house, QUARTER[0], LATE - timedelta(days=1))
    assert loaded_of(house, as_of=date(2024, 4, 20)).ledger["n"].tolist() == [1], "one week was over by then"


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_a_rep_sees_the_own_forecast_and_a_manager_the_own_teams(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    everything = loaded_of(house)
    owner = next(key for kind, key in everything.found.names if kind == "owner" and everything.found.teams[key])
    rep = Viewer(house.organization_id, Role.REP, int(owner))
    own = loaded_of(house, viewer=rep)
    assert set(own.found.names) == {("owner", owner)}
    assert own.outlook == loaded_of(house, ForecastChoice(node=("owner", owner))).outlook
    team = everything.found.teams[owner]
    seen = loaded_of(house, viewer=Viewer(house.organization_id, Role.MANAGER, int(owner)))
    assert {key for kind, key in seen.found.names if kind == "team"} == {team}
    assert ("total", "") not in seen.found.names
    assert forecast_data.find(view_of(house, Viewer(house.organization_id, Role.REP)), ForecastChoice()) is None


def test_an_outsider_sees_nothing(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    other = create_organization(house.database, "Outsiders").organization_id
    run = loaded_of(house).found.run
    assert forecasts.rows(house.database, Viewer(other, Role.ADMIN), run.run_id).empty
    assert forecasts.latest(house.database, Viewer(other, Role.ADMIN), step="week", measure="bookings") is None


# --- quotas and calls ------------------------------------------------------------------------------------------------


def put(house: House, amounts: dict[tuple[str, str], float], viewer: Viewer | None = None) -> Loaded:
    loaded = loaded_of(house, as_of=None, viewer=viewer)
    held = forecast_dialogs.held_quotas(loaded.view, loaded.found, loaded.period)
    rows = forecast_dialogs.quota_rows(loaded.found, held)
    rows["quota"] = [amounts.get(node, old) for node, old in zip(rows["node"], rows["quota"], strict=True)]
    forecast_dialogs.save(loaded.view, loaded.found, loaded.period, rows, held)
    return loaded_of(house, as_of=None, viewer=viewer)


def test_quotas_are_set_changed_and_taken_away(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=LATE)
    owner = next(node for node in loaded_of(own_house).found.names if node[0] == "owner" and node[1])
    assert loaded_of(own_house, as_of=None).outlook.quota is None
    assert put(own_house, {("total", ""): 50_000.0, owner: 9000.0}).outlook.quota == 5_000_000
    assert put(own_house, {("total", ""): 60_000.0}).outlook.quota == 6_000_000
    assert put(own_house, {("total", ""): float("nan")}).outlook.quota is None
    left = quotas.list_quotas(own_house.database, Viewer(own_house.organization_id, Role.ADMIN))
    assert [(one.node, one.amount_minor, (one.first_day, one.last_day)) for one in left] == [(owner, 900_000, QUARTER)]


def test_a_team_has_the_quota_of_its_people_once_each_of_them_has_one(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=LATE)
    names, teams = loaded_of(own_house).found.names, loaded_of(own_house).found.teams
    team = next(node for node in names if node[0] == "team" and node[1])
    members = [("owner", one) for one, of in teams.items() if of == team[1]]
    assert len(members) > 1
    quota = {one: put(own_house, dict.fromkeys(members[:one], 1000.0)).parts.set_index("node_key")["quota"]
             for one in (len(members) - 1, len(members))}  # fmt: skip
    assert pd.isna(quota[len(members) - 1][team[1]])
    assert quota[len(members)][team[1]] == 100_000 * len(members)


def test_who_may_not_change_settings_sets_no_quota(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    with pytest.raises(PermissionError):
        put(house, {("total", ""): 1.0}, Viewer(house.organization_id, Role.ANALYST))


def test_a_call_stands_beside_the_model_and_is_kept(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=LATE)
    loaded = loaded_of(own_house, as_of=None)
    forecast_dialogs.put(loaded, 4_000_000, "Two big ones")
    forecast_dialogs.put(loaded, 4_200_000, "")
    at = workbench.open(own_house, "forecast")
    assert is_whole(at), said(at)
    assert "Manager’s call €42k" in said(at)
    assert len(loaded_of(own_house, as_of=None).calls) == 2, "the first one is kept, too"


def test_a_call_below_what_is_won_is_asked_about_first(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=LATE)
    assert loaded_of(own_house, as_of=None).outlook.won > 100
    at = workbench.open(own_house, "forecast")
    at.button("forecast_call_open").click().run()
    at.number_input("call_amount").set_value(1.0)
    at.button("call_save").click().run()
    assert any("are won already" in str(one.value) for one in at.warning)
    assert len(loaded_of(own_house, as_of=None).calls) == 0
    at.button("call_save").click().run()
    assert [one.amount_minor for one in loaded_of(own_house, as_of=None).calls] == [100]


def test_what_can_never_be_graded_is_said_and_not_shown_as_nothing(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=EARLY)
    owner = next(node for node in loaded_of(own_house).found.names if node[0] == "owner" and node[1])
    choice = ForecastChoice(node=owner)
    forecast_dialogs.put(loaded_of(own_house, choice, as_of=None), 1_000_000, "")
    with own_house.database.as_app(own_house.organization_id) as connection:
        for table in ("forecasts", "forecast_calls"):
            marked = f"UPDATE {table} SET not_gradable = 'merged' WHERE node_kind = 'owner' AND node_key = :key"
            connection.execute(text(marked), {"key": owner[1]})
    at = workbench.open(own_house, "forecast", of=":".join(owner))
    assert is_whole(at), said(at)
    assert "11 steps cannot be graded" in said(at)
    assert "Not gradable: merged" in said(at)


def test_a_month_makes_up_the_quota_of_a_quarter_only_with_the_others(house: House) -> None:
    span = forecast_data.Span(first=QUARTER[0], last=QUARTER[1], as_of=DAY)
    months = [quota(date(2024, month, 1), date(2024, month, last)) for month, last in ((4, 30), (5, 31), (6, 30))]
    assert forecast_outlook._own_quota(months, span) == 300
    assert forecast_outlook._own_quota(months[:2], span) is None
    assert forecast_outlook._own_quota([*months, quota(*QUARTER)], span) == 100, "what is set for the quarter itself"


def quota(first: date, last: date) -> quotas.Quota:
    return quotas.Quota(quota_id=1, owner_id=None, team_id=None, first_day=first, last_day=last, amount_minor=100,
                        currency="EUR", set_at=NOW, set_by="Ada")  # fmt: skip


def newcomer(house: House) -> tuple[str, str]:
    """An active salesperson of a team, who has no deal yet; his key and the team's."""
    with house.database.as_app(house.organization_id) as connection:
        team = connection.execute(text("SELECT min(team_id) FROM teams")).scalar_one()
        connection.execute(
            text(
                "INSERT INTO owners (organization_id, owner_id, name, is_active, team_id, content_hash, recorded_at) "
                "VALUES (:o, 990001, 'Nia New', true, :team, 1, :now)"
            ),
            {"o": house.organization_id, "team": team, "now": NOW - timedelta(days=90)},
        )
    return "990001", str(team)


def test_who_has_no_deal_yet_can_have_a_quota_that_counts_in_the_team(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=LATE)
    key, team = newcomer(own_house)
    found = loaded_of(own_house).found
    members = [("owner", one) for one, of in found.teams.items() if of == team and one]
    assert ("owner", key) not in found.names
    asked = ForecastChoice(by="owner")
    assert "Nia New" not in set(loaded_of(own_house, asked).parts["name"]), "without a quota nobody asks for him"
    put(own_house, {**dict.fromkeys(members, 1000.0), ("owner", key): 500.0})
    parts = loaded_of(own_house, asked, as_of=None).parts.set_index("name")
    assert parts.loc["Nia New", ["won", "quota", "won_gap", "gap"]].tolist() == [0.0, 50_000.0, -50_000.0, -50_000.0]
    teams = loaded_of(own_house, as_of=None).parts.set_index("node_key")
    assert teams.loc[team, "quota"] == 100_000 * len(members) + 50_000
    for by in ("owner", "team"):
        loaded = loaded_of(own_house, ForecastChoice(by=by), as_of=None)
        assert loaded.parts["value"].sum() == pytest.approx(forecast_table.whole(loaded)["value"].iloc[0])


def test_a_rep_is_told_of_no_newcomer(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=LATE)
    newcomer(own_house)
    everything = loaded_of(own_house)
    assert everything.found.newcomers["990001"].name == "Nia New"
    owner = next(key for kind, key in everything.found.names if kind == "owner" and everything.found.teams[key])
    assert not loaded_of(own_house, viewer=Viewer(own_house.organization_id, Role.REP, int(owner))).found.newcomers


def test_both_gaps_stand_beside_a_quota(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=LATE)
    loaded = put(own_house, {("total", ""): 900_000.0})
    row = forecast_table.whole(loaded).iloc[0]
    assert row["won_gap"] == loaded.outlook.won - 90_000_000 < row["gap"] == loaded.outlook.value - 90_000_000
    at = workbench.open(own_house, "forecast")
    assert is_whole(at), said(at)
    assert "to go" in " ".join(str(one.proto.delta_description) for one in at.metric)


def test_all_calls_are_exported_not_only_those_that_are_shown(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=EARLY)
    loaded = loaded_of(own_house)
    n = forecast_outlook.MOST_CALLS + 3
    over = [call(number) for number in range(n)]
    loaded = replace(loaded, past_calls=over)
    assert len(forecast_outlook.graded_calls(loaded)) == forecast_outlook.MOST_CALLS
    assert len(forecast_outlook.graded_calls(loaded, most=None)) == n


def call(number: int) -> forecast_calls.Call:
    return forecast_calls.Call(
        call_id=number, node_kind="total", node_key="", first_day=QUARTER[0], last_day=QUARTER[1], amount_minor=100,
        currency="EUR", note="", made_at=NOW, made_by="Ada", actual_minor=120, graded_at=NOW, not_gradable=None,
    )  # fmt: skip


# --- proof -----------------------------------------------------------------------------------------------------------


def here(house: House) -> dict[str, str]:
    return {"org": str(house.organization_id), "asof": DAY.isoformat()}


def test_a_forecast_of_older_methods_says_why_it_is_not_replayed(workbench: Workbench, house: House) -> None:
    at = workbench.open(house, "forecast", **here(house))
    assert is_whole(at), said(at)
    words = said(at)
    assert "methods version 1 · facts bookings" in words
    assert "Issued 13 May 2024, 10:00" in words
    assert f"It was made by version 1 of the methods. This program has version {METHOD_VERSION}" in words
    assert [one.value for one in at.code] == [f"bookingsweek{LATE}"], "the whole of the fingerprint, to copy"
    assert "forecast_replay" not in {str(one.key) for one in at.button}


def test_the_worker_is_asked_to_replay_and_the_page_says_what_it_showed(workbench: Workbench, own_house: House) -> None:
    run_id, key = made_forecasts.issue(own_house, made_on=LATE, version=METHOD_VERSION), own_house.organization_id
    at = workbench.open(own_house, "forecast")
    at.button("forecast_replay").click().run()
    assert is_whole(at), said(at)
    assert "It is being made again by the worker" in said(at)
    with psycopg.connect(own_house.database.url) as link:
        told = link.execute("SELECT task_name, args->>'run_id', args->>'by' FROM procrastinate_jobs").fetchall()
        assert told == [("replay_forecast", str(run_id), "Local administrator")]
        link.execute("DELETE FROM procrastinate_jobs")
    for n, words in ((0, "The same number: all 52 came out as they were issued."), (3, "3 of 52 numbers differ.")):
        again = job_runs.begin(own_house.database, key, forecast_replays.job_of(run_id), LATE, trigger="person",
                               by="ann@example.com", again=True, now=NOW + timedelta(hours=n))  # fmt: skip
        assert again is not None
        job_runs.end(own_house.database, key, again, job_runs.Ending(outcome="done", said=words, n_rows=n),
                     now=NOW + timedelta(hours=n))  # fmt: skip
        at.run()
        assert words in said(at)
    save_user(own_house.database, key, email="ann@example.com", role=Role.ANALYST)
    watching = workbench.open(own_house, "forecast", email="ann@example.com")
    assert words in said(watching)
    assert "forecast_replay" not in {str(one.key) for one in watching.button}


def test_who_may_not_change_settings_has_nothing_replayed(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    view = view_of(house, Viewer(house.organization_id, Role.ANALYST))
    with pytest.raises(PermissionError):
        forecast_proof.ask(view, loaded_of(house).found.run)


def test_past_origins_stand_behind_the_report_card(workbench: Workbench, house: House) -> None:
    at = workbench.open(house, "forecast", **here(house))
    at.button("forecast_origins_open").click().run()
    assert is_whole(at), said(at)
    assert "On each of these days the forecast was made again" in said(at)
    workbench.use(house)
    loaded = loaded_of(house)
    out = for_export(forecast_report_card.origin_rows(loaded), forecast_report_card.origin_columns(loaded))
    assert out["Would have said"].astype(float).tolist() == [110_000.0, 90_000.0]
    assert out["Came"].astype(float).tolist() == [100_000.0, 100_000.0]
    assert out["Off by"].tolist() == [0.1, -0.1]
    assert loaded.card is not None
    card = for_export(forecast_record.methods(loaded.card), forecast_report_card.GRADE_EXPORT)
    assert card["WAPE"].tolist()[:2] == [0.12, 0.17]


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theme", "asked"),
    [("light", {}), ("dark", {"measure": "new_deals", "step": "month", "by": "source", "chart": "period"})],
)
def test_the_page_says_one_sentence_and_what_proves_it(
    workbench: Workbench, house: House, theme: str, asked: dict[str, str]
) -> None:
    at = workbench.open(house, "forecast", theme=theme, asof=DAY.isoformat(), org=str(house.organization_id), **asked)
    assert is_whole(at), said(at)
    words = said(at)
    loaded = loaded_of(house, forecast_choice.from_url({name: [value] for name, value in asked.items()}))
    what = "New deals" if asked else "Bookings"
    assert f"{what} this quarter:" in words
    assert f"<b>{loaded.unit.short(loaded.outlook.value)}</b>" in words
    assert f"80 % between {loaded.unit.short(loaded.outlook.low)} and" in words
    assert "its error was 12 % of what came, that of naive 17 %" in words
    assert {name: at.query_params[name] for name in asked} == asked


def test_a_link_to_whom_the_forecast_does_not_know_says_whose_is_shown(workbench: Workbench, house: House) -> None:
    for of, is_said in (("owner:999999", True), ("total", False)):
        at = workbench.open(house, "forecast", asof=DAY.isoformat(), org=str(house.organization_id), of=of)
        assert is_whole(at), said(at)
        assert ("is not in this forecast. This is the one of: Total" in said(at)) is is_said


def test_without_a_forecast_the_first_one_is_asked_for(workbench: Workbench, own_house: House) -> None:
    at = workbench.open(own_house, "forecast")
    assert is_whole(at), said(at)
    assert "No forecast yet" in said(at)
    at.button("forecast_first").click().run()
    assert "The first forecast is being made" in " ".join(str(one.proto.text) for one in at.get("progress"))
    with psycopg.connect(own_house.database.url) as link:
        asked = "SELECT args->>'name', args->>'day', args->>'trigger', args->>'again' FROM procrastinate_jobs"
        told = link.execute(asked).fetchall()
    assert told == [("forecasts", TODAY.isoformat(), "person", "true")]
    assert forecast_first.WORK in daily.WORKS


def test_while_a_worker_makes_the_first_one_the_page_says_so(workbench: Workbench, own_house: House) -> None:
    with own_house.database.as_app(own_house.organization_id) as transaction:
        daily.defer_work(transaction, own_house.organization_id, forecast_first.WORK, TODAY)
    at = workbench.open(own_house, "forecast")
    assert "The first forecast is being made" in said(at)
    with psycopg.connect(own_house.database.url) as link:
        link.execute("UPDATE procrastinate_jobs SET attempts = 1, scheduled_at = '2100-01-01'")
    at.run()
    assert "No forecast yet" in said(at), "it failed, and rests"


def test_who_may_not_change_settings_is_only_told_when_it_comes(workbench: Workbench, own_house: House) -> None:
    save_user(own_house.database, own_house.organization_id, email="ann@example.com", role=Role.ANALYST)
    at = workbench.open(own_house, "forecast", email="ann@example.com")
    assert "No forecast yet" in said(at)
    assert "forecast_first" not in {str(one.key) for one in at.button}


def test_too_little_past_says_how_much_is_missing(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    early = view_of(house).choices.earliest + timedelta(days=20)
    at = workbench.open(house, "forecast", asof=early.isoformat(), org=str(house.organization_id), measure="new_deals")
    assert is_whole(at), said(at)
    assert "8 are needed" in said(at)


def test_before_the_first_issue_nothing_is_made_up(workbench: Workbench, house: House) -> None:
    here = {"org": str(house.organization_id), "asof": (EARLY - timedelta(days=1)).isoformat()}
    at = workbench.open(house, "forecast", **here)
    assert is_whole(at), said(at)
    assert "Nothing had been issued by then" in said(at)
    assert "8 Apr 2024" in said(at)


def test_an_organization_without_data_is_told_how_to_begin(workbench: Workbench, empty_services: Services) -> None:
    create_organization(empty_services.database, "New", default_currency="EUR")
    assert is_whole(workbench.open(empty_services, "forecast"))


def test_the_link_says_what_is_shown_and_what_it_cannot_mean_is_left_out() -> None:
    full = ForecastChoice(measure="new_deals", step="month", node=("team", ""), by="product", period="next",
                          chart="period", currency="USD")  # fmt: skip
    assert forecast_choice.from_url(forecast_choice.to_url(full)) == full
    assert forecast_choice.to_url(ForecastChoice()) == {}
    assert (
        forecast_choice.from_url({"measure": ["x"], "of": ["nobody:1"], "by": ["total"], "in": [""]})
        == ForecastChoice()
    )
    whole = replace(ForecastChoice(), node=("total", ""))
    assert forecast_choice.from_url({"of": ["total"]}) == whole


def test_what_other_pages_are_narrowed_to_is_looked_at_first() -> None:
    known = [("total", ""), ("team", "3"), ("owner", "7"), ("source", "Partner")]
    filters = Filters(organization_id=1)
    assert forecast_choice.suggested(filters, known) == ("total", "")
    assert forecast_choice.suggested(replace(filters, owner_ids=(7,)), known) == ("owner", "7")
    assert forecast_choice.suggested(replace(filters, team_ids=(3, 4)), known) == ("total", ""), "two are no one"
    assert forecast_choice.suggested(replace(filters, sources=("Gone",)), known) == ("total", "")
    assert forecast_choice.suggested(filters, known[2:]) == ("owner", "7")


def test_the_export_is_the_table_with_its_total(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    loaded = loaded_of(house)
    out = for_export(*forecast_table.for_export(loaded))
    forecast = pd.Series(out["Forecast"], dtype="float64")
    assert out["Team"].iloc[-1] == "Total"
    assert forecast.iloc[:-1].sum() == pytest.approx(forecast.iloc[-1])
    assert {"At least (80 %)", "At most (80 %)", "Currency"} <= set(out)
