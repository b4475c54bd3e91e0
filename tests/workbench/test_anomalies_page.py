"""The page Anomalies: alarms as they were raised, with their weeks, rows and what people say of them; who may see
what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest
from conftest import Workbench, functions_of
from made_installation import NOW, TODAY, House
from reading import as_read
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from snapshots import alarm_budget, alarms, leave
from snapshots.alarms import Raised
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from snapshots.users import save_user
from workbench import anomaly_choice, anomaly_data, installation
from workbench.anomaly_choice import AnomalyChoice
from workbench.columns import for_export
from workbench.filters import Filters

EVER = Slice(first_day=None, last_day=TODAY, as_of=TODAY)
LOST = date(2024, 6, 17)


@pytest.fixture
def looked(own_house: House) -> House:
    """The sample, looked at: an alarm of a week in which there are activities, one that was found afterwards."""
    reader = Reader(own_house.database, Viewer(own_house.organization_id, Role.ADMIN))
    week = Slice(first_day=LOST, last_day=LOST + timedelta(days=6), as_of=TODAY)
    who = int(reader.activity_weeks(week).query("owner_id > 0").sort_values("n")["owner_id"].iloc[-1])
    name = reader.owners(TODAY).set_index("owner_id").loc[who, "name"]
    one = Raised(
        subject_key=str(who), owner_id=who, name=name, day=LOST, since=LOST, direction="drop", kind="lost week",
        score=1.42, value=0, expected=9.1, low=5, high=14, team=0.9, n_weeks=1, value_n=0, expected_n=9.1,
        why="0 this week, 9.1 expected (5 to 14 in four weeks of five). Score 1.42; an alarm begins at 1.",
    )  # fmt: skip
    earlier = replace(one, day=LOST - timedelta(weeks=8), since=LOST - timedelta(weeks=9), kind="sustained", n_weeks=2,
                      is_replayed=True, direction="rise")  # fmt: skip
    card = {"budget": 0.25, "held_out_per_series_quarter": 0.27}
    for measure, raised in (("activities", [one, earlier]), ("leads", []), ("conversion", [])):
        alarms.issue(
            own_house.database, own_house.organization_id, measure, raised, made_on=TODAY, budget=0.25, now=NOW,
            card=card if measure != "conversion" else {"why": "There are no counts."},
        )  # fmt: skip
    return own_house


def words(at: AppTest) -> str:
    return as_read(
        " ".join(str(one.value) for kind in ("markdown", "title", "header", "caption") for one in at.get(kind))
    )


def exports(at: AppTest) -> set[str]:
    """Keys of the buttons that download something."""
    return {str(one.proto.id).rpartition("-")[2] for one in at.get("download_button")}


def stored(house: House) -> pd.DataFrame:
    reader = Reader(house.database, Viewer(house.organization_id, Role.ADMIN))
    return alarms.list_alarms(reader, "activities", EVER)


def lost(house: House) -> pd.Series:
    found = stored(house)
    return found[(found["day"] == pd.Timestamp(LOST)) & (found["direction"] == "drop")].iloc[0]


def test_a_lost_week_stands_with_its_reason_and_what_the_budget_is_worth(workbench: Workbench, looked: House) -> None:
    at = workbench.open(looked, "anomalies", alarm=str(lost(looked)["alarm_id"]))
    assert not at.exception
    said = words(at)
    assert f"{lost(looked)['name']}: lost week" in said
    assert "0 this week" in said
    assert "Raised on 28 Jun 2024" in said
    assert [one.label for one in at.metric] == [
        "Alarms", "Rate a quarter", "Held-out rate", "Something happened"
    ]  # fmt: skip
    assert not any(one.label == "Try again" for one in at.button)
    assert {"anomaly_rows_csv", "anomaly_rows_xlsx"} <= exports(at)


@pytest.mark.parametrize(
    ("measure", "theme", "said"),
    [("leads", "dark", "No alarm in"), ("conversion", "light", "Nothing can be said yet")],
)
def test_sources_and_forms_have_their_own_lists(
    workbench: Workbench, looked: House, measure: str, theme: str, said: str
) -> None:
    at = workbench.open(looked, "anomalies", theme=theme, measure=measure)
    assert not at.exception
    assert not any(one.label == "Try again" for one in at.button)
    assert said in words(at)
    assert at.query_params["measure"] in (measure, [measure])


@pytest.mark.parametrize(
    ("measure", "said"),
    [("activities", "The source filter changes nothing here"), ("leads", "The owner filter changes nothing here")],
)
def test_a_filter_that_changes_nothing_is_named(workbench: Workbench, looked: House, measure: str, said: str) -> None:
    found = stored(looked)
    asked = {"source": "Referral", "owner": str(found["owner_id"].iloc[0])}
    at = workbench.open(looked, "anomalies", measure=measure, **asked)
    assert not at.exception
    assert said in words(at)
    assert "changes nothing here" not in words(workbench.open(looked, "anomalies", measure=measure))


def test_as_known_then_changes_nothing_and_the_page_says_so(workbench: Workbench, looked: House) -> None:
    said = words(workbench.open(looked, "anomalies", known="then", asof=str(TODAY)))
    assert "“As known then” changes nothing here" in said
    past = words(workbench.open(looked, "anomalies", known="then", asof="2024-06-27"))
    assert "Alarms that had been raised by then" in past
    assert "Deals as they were known" not in past
    assert "As known then” changes nothing" not in words(workbench.open(looked, "anomalies"))


def test_a_cards_number_lists_its_alarms_and_the_link_says_so(workbench: Workbench, looked: House) -> None:
    workbench.use(looked)
    view, _ = installation.make_view(
        installation.viewers(), Filters(organization_id=looked.organization_id, range="7d"), now=NOW
    )
    days, year, said = (
        anomaly_data.load(view, AnomalyChoice(shown=shown)).listed for shown in ("", "year", "said")
    )  # fmt: skip
    assert (len(days), len(year), len(said)) == (0, 2, 0)
    at = workbench.open(looked, "anomalies", range="7d")
    assert at.button("open_rate").label == "2 alarms"
    at.button("open_rate").click().run()
    assert not at.exception
    assert at.query_params["shown"] in ("year", ["year"])
    assert "Of the last 52 weeks, the newest first." in words(at)
    assert f"{lost(looked)['name']}: lost week" in words(at)
    at.button("anomaly_these_days").click().run()
    assert "shown" not in at.query_params


def test_what_an_alarm_was_is_said_by_whoever_knows_and_taken_back(workbench: Workbench, looked: House) -> None:
    one = lost(looked)
    at = workbench.open(looked, "anomalies", alarm=str(one["alarm_id"]))
    at.pills(f"anomaly_said_{one['alarm_id']}").set_value("leave").run()
    assert not at.exception
    assert lost(looked)["verdict"] == "leave"
    at.pills(f"anomaly_said_{one['alarm_id']}").set_value(None).run()
    assert pd.isna(lost(looked)["verdict"])


def test_leave_that_was_said_of_an_alarm_is_entered_with_a_click(workbench: Workbench, looked: House) -> None:
    one = lost(looked)
    at = workbench.open(looked, "anomalies", alarm=str(one["alarm_id"]))
    assert "anomaly_leave" not in {button.key for button in at.button}
    at.pills(f"anomaly_said_{one['alarm_id']}").set_value("leave").run()
    at.button("anomaly_leave").click().run()
    assert not at.exception
    [entry] = leave.list_absences(Reader(looked.database, Viewer(looked.organization_id, Role.ADMIN)))
    assert (entry.owner_id, entry.first_day, entry.last_day) == (one["owner_id"], LOST, LOST + timedelta(days=6))
    assert "anomaly_leave" not in {button.key for button in at.button}, "it is entered"


def test_nothing_looked_at_yet_offers_to_look_and_a_day_before_says_so(workbench: Workbench, own_house: House) -> None:
    past = workbench.open(own_house, "anomalies", asof="2024-06-20")
    assert "No week had been looked at by then" in words(past)
    at = workbench.open(own_house, "anomalies")
    assert "No week was looked at yet" in words(at)
    at.button("anomalies_now").click().run()
    assert not at.exception
    with own_house.database.as_owner() as connection:
        waiting = connection.execute(
            text("SELECT args->>'name' FROM procrastinate_jobs WHERE task_name = 'daily_work'")
        )
        assert waiting.scalars().all() == ["anomalies"]


def test_a_salesperson_sees_own_weeks_alone(workbench: Workbench, looked: House) -> None:
    people = Reader(looked.database, Viewer(looked.organization_id, Role.ADMIN)).owners(TODAY)
    who = people[people["owner_id"] == lost(looked)["owner_id"]].iloc[0]
    other = people[people["owner_id"] != who["owner_id"]].iloc[0]
    for one, sees in ((who, True), (other, False)):
        viewer = Viewer(looked.organization_id, Role.REP, int(one["owner_id"]))
        workbench.use(looked)
        view, _ = installation.make_view(
            {looked.organization_id: viewer}, Filters(organization_id=looked.organization_id), now=NOW
        )
        loaded = anomaly_data.load(view, AnomalyChoice(measure="activities"))
        assert set(loaded.names) == {str(one["owner_id"])}
        assert (lost(looked)["alarm_id"] in set(loaded.alarms["alarm_id"])) == sees
        assert anomaly_data.load(view, AnomalyChoice(measure="leads")).names == {}


def test_the_rows_behind_an_alarm_are_its_persons_activities_of_its_weeks(workbench: Workbench, looked: House) -> None:
    workbench.use(looked)
    view, _ = installation.make_view(installation.viewers(), Filters(organization_id=looked.organization_id), now=NOW)
    loaded = anomaly_data.load(view, AnomalyChoice(alarm=int(lost(looked)["alarm_id"])))
    page = anomaly_data.rows_behind(loaded)
    assert page is not None
    assert set(page.frame["owner"]) == {lost(looked)["name"]}
    assert page.frame["occurred_at"].dt.date.between(LOST, LOST + timedelta(days=6)).all()
    week = loaded.weeks[loaded.weeks["day"] == pd.Timestamp(LOST)]
    assert len(page.frame) == len(anomaly_data.all_rows(loaded)) == week["value"].item()
    assert len(for_export(anomaly_data.all_rows(loaded), page.columns)) == len(page.frame)


def test_an_alarm_of_a_form_leads_to_its_visits_of_that_week(workbench: Workbench, looked: House) -> None:
    one = Raised(
        subject_key="7", owner_id=None, name="Default form", day=LOST, since=LOST - timedelta(weeks=1),
        direction="drop", kind="sustained", score=1.1, value=0, expected=9.1, low=5, high=14, team=1.0, n_weeks=2,
        value_n=3, expected_n=18.0, why="3 in 2 weeks.",
    )  # fmt: skip
    alarms.issue(looked.database, looked.organization_id, "conversion", [one], made_on=TODAY, budget=0.25, now=NOW,
                 card={"budget": 0.25})  # fmt: skip
    workbench.use(looked)
    view, _ = installation.make_view(
        installation.viewers(), Filters(organization_id=looked.organization_id, owner_ids=(5,)), now=NOW
    )
    loaded = anomaly_data.load(view, AnomalyChoice(measure="conversion"))
    assert loaded.picked is not None
    link = functions_of("anomalies")._of_form(loaded, loaded.picked)
    assert {name: link[name] for name in ("form", "range", "from", "to")} == {
        "form": ["7"], "range": ["custom"], "from": [str(LOST - timedelta(weeks=1))],
        "to": [str(LOST + timedelta(days=6))],
    }  # fmt: skip
    assert "owner" not in link


def test_the_salespersons_page_tells_of_own_weeks(workbench: Workbench, looked: House) -> None:
    at = workbench.open(looked, "salesperson", person=str(lost(looked)["owner_id"]))
    assert not at.exception
    assert "2 alarms in 52 weeks" in words(at)
    assert "▼ Lost week" in " ".join(str(one.proto.body) for one in at.get("html"))
    assert {"person_alarms_csv", "person_alarms_xlsx"} <= exports(at)


def test_an_alarm_of_who_has_no_weeks_any_more_stands_under_its_own_name(workbench: Workbench, looked: House) -> None:
    with looked.database.as_owner() as connection:
        connection.execute(
            text("UPDATE alarms SET subject_key = '999999', name = 'Gone Long' WHERE day = :day"), {"day": LOST}
        )
    at = workbench.open(looked, "anomalies")
    assert not at.exception
    assert at.selectbox("anomaly_series").value == "999999"
    assert "Gone Long" in at.selectbox("anomaly_series").options


def test_leave_is_entered_on_the_page_and_taken_back(workbench: Workbench, looked: House) -> None:
    at = workbench.open(looked, "anomalies")
    at.selectbox("leave_who").set_value(0)
    at.date_input("leave_first").set_value(date(2024, 7, 1))
    at.date_input("leave_last").set_value(date(2024, 7, 5))
    at.button("leave_send").click().run()
    assert not at.exception
    reader = Reader(looked.database, Viewer(looked.organization_id, Role.ADMIN))
    (one,) = leave.list_absences(reader)
    assert (one.owner_id, one.first_day, one.last_day) == (None, date(2024, 7, 1), date(2024, 7, 5))
    at.selectbox("leave_remove").set_value(one.leave_id).run()
    at.button("leave_remove_now").click().run()
    assert leave.list_absences(reader) == []


def test_how_many_false_alarms_are_borne_is_set_on_the_page_and_noted(workbench: Workbench, looked: House) -> None:
    at = workbench.open(looked, "anomalies")
    assert at.button("alarm_budget_save").disabled
    at.number_input("alarm_budget").set_value(0.5).run()
    at.button("alarm_budget_save").click().run()
    assert not at.exception
    assert alarm_budget.budget_of(looked.database, looked.organization_id) == 0.5
    log = workbench.open(looked, "admin", section="Audit log")
    assert "budget: 0.25 → 0.5" in " ".join(str(one.proto.body) for one in log.get("html"))


def test_who_only_reads_is_offered_nothing_to_change(workbench: Workbench, looked: House) -> None:
    save_user(looked.database, looked.organization_id, "ana@example.com", role=Role.ANALYST)
    at = workbench.open(looked, "anomalies", email="ana@example.com")
    assert not at.exception
    assert not [one for one in at.button if one.label in {"Add", "Save", "Take back", "Look now"}]
    assert "alarm_budget" not in {one.key for one in at.number_input}


def test_what_a_link_cannot_mean_is_left_out() -> None:
    assert anomaly_choice.from_url({"measure": ["x"], "alarm": ["-1"], "shown": ["?"]}) == AnomalyChoice()
    full = AnomalyChoice(measure="leads", series="Website", alarm=7, shown="said")
    assert anomaly_choice.from_url(anomaly_choice.to_url(full)) == full
    assert anomaly_choice.to_url(AnomalyChoice()) == {}
