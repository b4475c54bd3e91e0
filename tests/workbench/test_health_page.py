"""Pipeline health: cards count what the list shows, the link says what is shown, and a snooze has a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOW, TODAY, House, _fill_with_demo, _house, _services, _services_on
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights.health import words as health_words
from insights.health.rules import RULES
from insights.health.track_record import HitRate, Share
from ops import health
from ops.first_run import SAMPLE_NAME
from ops.services import Services
from snapshots import deal_moves, health_facts, health_flags, rows
from snapshots.health_flags import HealthRun, Raised
from snapshots.slices import Role
from snapshots.users import save_user
from workbench import health_data, health_filters, health_past, installation
from workbench.filters import Filters
from workbench.health_filters import HealthChoice
from workbench.view import View

WEEKS = 4


def _fill(url: str) -> None:
    _fill_with_demo(url)
    with _services(url) as services:
        key = _house(services, SAMPLE_NAME).organization_id
        health.replay(services, key, until=TODAY, weeks=WEEKS)
        health.judge(services, key, TODAY)


@pytest.fixture
def judged(copy_of: CopyOf) -> Iterator[House]:
    """The sample organization, judged four weeks and today."""
    with _services_on(copy_of("demo judged", _fill)) as services:
        yield _house(services, SAMPLE_NAME)


@pytest.fixture
def followed(own_house: House) -> House:
    """The sample organization with flags that have had their days to come true, judged today."""
    key, days = own_house.organization_id, (TODAY - timedelta(days=160), TODAY - timedelta(days=150))
    end = datetime(days[1].year, days[1].month, days[1].day, tzinfo=UTC)
    ids = health_facts.open_between(own_house.database, key, end, end + timedelta(days=1), limit=40)
    for day, rule, flagged in ((days[0], "stale", []), (days[1], "stale", ids)):
        run = HealthRun(day=day, judged_at=NOW, is_replayed=True, rules_version="1", n_open=0, n_won=0, not_applied={},
                        record={})  # fmt: skip
        raised = [Raised(one, rule, {"value": 1}) for one in flagged]
        health_flags.keep(own_house.database, key, run, raised)
    health.judge(own_house.services, key, TODAY)
    return own_house


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error]
    return spaced("\n".join(str(part.value) for part in parts))


def spaced(text: str) -> str:
    """As it is read; spaces that do not break are spaces."""
    return as_read(text).replace("\u00a0", " ")


def view_of(house: House, **filters: object) -> View:
    asked = Filters(organization_id=house.organization_id, **filters)  # type: ignore[arg-type]
    view, _ = installation.make_view(installation.viewers(), asked, now=NOW)
    return view


def run_of(view: View) -> health_flags.HealthRun:
    held = health_data.standing(view, HealthChoice())
    assert held.run is not None
    return held.run


def counts(at: AppTest) -> dict[str, str]:
    return {str(one.label): str(one.value) for one in at.metric}


def test_each_card_counts_the_deals_that_its_list_shows_or_says_why_there_are_none(
    workbench: Workbench, judged: House
) -> None:
    at = workbench.open(judged, "health")
    assert not at.exception
    shown = counts(at)
    assert list(shown) == [rule.title for rule in RULES.values()]
    view = view_of(judged)
    run = run_of(view)
    for key, rule in RULES.items():
        found = health_data.everything(view, run, HealthChoice(rules=(key,)))
        assert shown[rule.title] in ({"–"} if key in run.not_applied and found.empty else {str(len(found))}), key
    assert sum(one.isdigit() and one != "0" for one in shown.values()) >= 4
    assert run.not_applied
    for why in run.not_applied.values():
        assert f"Not applied. {spaced(why)}" in words(at)


def test_a_card_narrows_the_list_and_the_link_says_so(workbench: Workbench, judged: House) -> None:
    at = workbench.open(judged, "health", org=str(judged.organization_id), rule="stale")
    assert "Flagged deals: stale" in words(at)
    at.button("open_flag_slow_stage").click().run()
    assert not at.exception
    assert at.query_params["rule"] == "slow_stage"
    assert "Flagged deals: slow stage" in words(at)


def test_the_past_flags_of_a_record_are_listed_with_what_became_of_them(workbench: Workbench, followed: House) -> None:
    at = workbench.open(followed, "health")
    view = view_of(followed)
    rate = health_data.standing(view, HealthChoice()).rates["stale"].flagged
    assert 0 < rate.n_true < rate.n
    rows = health_past.everything(view, run_of(view), HealthChoice(rules=("stale",), are_past=True))
    assert (len(rows), int(rows["is_true"].sum())) == (rate.n, rate.n_true)
    assert (
        rows.loc[rows["came"] == "Yes", "became"]
        .isin({"Lost", "Won after its close date", "Not won by its close date", "Still open after 90 days"})
        .all()
    )
    assert at.button("past_flag_stale").label == f"{rate.n} past flags"
    at.button("past_flag_stale").click().run()
    assert not at.exception
    assert (at.query_params["past"], at.query_params["rule"]) in (("1", "stale"), (["1"], ["stale"]))
    assert "Past flags: stale" in words(at)
    assert f"{rate.n_true} of {rate.n} past flags lost or slipped." in words(at)
    at.button("health_standing").click().run()
    assert "past" not in at.query_params
    assert "Flagged deals: stale" in words(at)


def test_past_flags_are_those_of_own_deals_beside_how_many_there_are(workbench: Workbench, followed: House) -> None:
    workbench.use(followed)
    view, choice = view_of(followed), HealthChoice(rules=("stale",), are_past=True)
    rows = health_past.everything(view, run_of(view), choice)
    who = rows["owner"].dropna().mode()[0]
    people = installation.reader(view.viewer).owners(view.as_of).set_index("name")["owner_id"]
    own, nobody = (
        replace(view, viewer=replace(view.viewer, role=Role.REP, owner_id=one)) for one in (int(people[who]), -5)
    )
    listed = health_past.everything(own, run_of(view), choice)
    assert 0 < len(listed) < len(rows)
    assert set(listed["owner"]) == {who}
    held = health_data.standing(own, choice)
    assert f"The record is of the {len(rows)} of the whole organization." in health_past.page(own, held, choice).note
    assert health_past.everything(nobody, run_of(view), choice).empty


def test_what_a_link_cannot_mean_is_left_out() -> None:
    params = {"rule": ["no such", "stale"], "stage": ["x", "7"], "snoozed": ["?"]}
    assert health_filters.from_url(params) == HealthChoice(rules=("stale",), stage_ids=(7,))
    full = HealthChoice(rules=("stale", "pushed"), stage_ids=(3, 9), are_snoozed=True, are_past=True)
    assert health_filters.from_url(health_filters.to_url(full)) == full
    assert health_filters.to_url(HealthChoice()) == {}


def test_a_past_day_shows_the_day_that_was_judged_by_then(workbench: Workbench, judged: House) -> None:
    at = workbench.open(judged, "health", org=str(judged.organization_id), asof=str(TODAY - timedelta(days=5)))
    assert not at.exception
    assert "This day was judged later" in words(at)
    held = health_data.standing(view_of(judged, as_of=TODAY - timedelta(days=90)), HealthChoice())
    assert (held.run, held.first_day) == (None, TODAY - timedelta(weeks=WEEKS))


def test_without_a_judged_day_somebody_may_ask_for_one(workbench: Workbench, own_house: House) -> None:
    at = workbench.open(own_house, "health")
    assert "The deals were not judged yet" in words(at)
    at.button("health_judge").click().run()
    assert not at.exception
    assert "The worker has been asked" in words(at)
    assert not health_data.judge(view_of(own_house)), "one waits already"


def a_flagged_deal(view: View, rule: str = "slow_stage") -> int:
    return int(health_data.everything(view, run_of(view), HealthChoice(rules=(rule,)))["deal_id"].iloc[0])


def n_slow(view: View) -> int:
    cards = {one.key: one for one in health_data.kpis(health_data.standing(view, HealthChoice()))}
    return int(cards["flag_slow_stage"].value)


def test_a_snooze_takes_a_flag_off_its_card_and_waking_it_brings_it_back(workbench: Workbench, judged: House) -> None:
    workbench.use(judged)
    view = view_of(judged)
    before, deal_id = n_slow(view), a_flagged_deal(view)
    with pytest.raises(ValueError, match="reason"):
        health_data.snooze(view, deal_id, "slow_stage", reason=" ", until=TODAY)
    health_data.snooze(view, deal_id, "slow_stage", reason="they are on leave", until=TODAY + timedelta(days=7))
    assert n_slow(view) == before - 1
    assert health_data.standing(view, HealthChoice()).n_snoozed == 1
    found = health_data.sheet(view, deal_id)
    assert found is not None
    assert [snooze.reason for flag, snooze in found.standing if snooze] == ["they are on leave"]
    health_data.wake(view, deal_id, "slow_stage")
    assert n_slow(view) == before


def sheet_of(workbench: Workbench, house: House, page: str, deal_id: int, **params: str) -> str:
    """What the dialog of a deal says."""
    at = workbench.open(house, page, **params)
    name, key = ("deal_flags", deal_id) if page == "health" else ("deal_score", str(deal_id))
    at.session_state["lead_dialog"] = (name, (key, "Some deal"))
    at.run()
    assert not at.exception
    assert not any(one.label == "Try again" for one in at.button)
    return words(at) + "\n".join(str(one.value) for one in at.html if "<style>" not in str(one.value))


@pytest.mark.parametrize(("rule", "said"), [("pushed", "How its close date moved"), ("stale", "What happened last")])
def test_a_flag_stands_with_the_rows_that_it_rests_on(
    workbench: Workbench, judged: House, rule: str, said: str
) -> None:
    workbench.use(judged)
    deal_id = a_flagged_deal(view_of(judged), rule)
    assert said in sheet_of(workbench, judged, "health", deal_id)


def flag_also(house: House, view: View, deal_id: int, rule: str, **evidence: object) -> None:
    health_flags.keep(house.database, house.organization_id, run_of(view), [Raised(deal_id, rule, evidence)])


def test_an_amount_that_drifted_stands_with_how_it_moved(workbench: Workbench, judged: House) -> None:
    workbench.use(judged)
    view = view_of(judged)
    reader = installation.reader(view.viewer)
    deals = rows.deal_rows(reader, view.slice(), rows.DealSet.OPEN).rows["deal_id"].tolist()
    moved = (one for one in deals if not deal_moves.amount_moves(reader, view.slice(), one, limit=1).empty)
    deal_id = next(moved)
    flag_also(judged, view, deal_id, "amount_drift", value=0.5, limit=0.1, n=40, group="pipeline", first_minor=100,
              amount_minor=150, currency="EUR")  # fmt: skip
    assert "How its amount moved" in sheet_of(workbench, judged, "health", deal_id)


def test_a_second_record_names_the_other_deal_to_who_may_see_it(workbench: Workbench, judged: House) -> None:
    workbench.use(judged)
    view = view_of(judged)
    reader = installation.reader(view.viewer)
    deals = rows.deal_rows(reader, view.slice(), rows.DealSet.OPEN).rows
    own = deals.iloc[0]
    email = reader.owners(view.as_of).set_index("owner_id")["email"][own["owner_id"]]
    other = deals[(deals["owner_id"] != own["owner_id"]) & deals["owner_id"].notna()].iloc[0]
    flag_also(judged, view, int(own["deal_id"]), "second_record", first_id=int(other["deal_id"]))
    said = sheet_of(workbench, judged, "health", int(own["deal_id"]))
    assert "The other deal:" in said
    assert other["name"] in said
    save_user(judged.database, judged.organization_id, "bo@example.com", role=Role.REP, owner_email=email)
    said = sheet_of(workbench, judged, "health", int(own["deal_id"]), email="bo@example.com")
    assert "The other deal is not shown to you" in said
    assert other["name"] not in said


def test_a_deal_on_the_page_pipeline_opens_its_flags_without_scores_and_on_a_past_day(
    workbench: Workbench, judged: House
) -> None:
    workbench.use(judged)
    past = TODAY - timedelta(days=5)
    for params, view in (({}, view_of(judged)), ({"asof": str(past)}, view_of(judged, as_of=past))):
        said = sheet_of(workbench, judged, "pipeline", a_flagged_deal(view), **params)
        assert " in its stage; " in said
    deals = rows.deal_rows(installation.reader(view.viewer), view.slice(), rows.DealSet.OPEN).rows["deal_id"]
    calm = set(deals) - set(health_data.everything(view, run_of(view), HealthChoice())["deal_id"])
    assert "No flag stands as of" in sheet_of(workbench, judged, "pipeline", min(calm), asof=str(past))


def test_an_analyst_snoozes_nothing_and_a_rep_own_deals_alone(workbench: Workbench, judged: House) -> None:
    workbench.use(judged)
    view = view_of(judged)
    one = health_data.everything(view, run_of(view), HealthChoice(rules=("slow_stage",))).iloc[0]
    people = installation.reader(view.viewer).owners(view.as_of).set_index("name")["owner_id"]
    deal_id, owner_id = int(one["deal_id"]), int(people[one["owner"]])
    analyst = replace(view, viewer=replace(view.viewer, role=Role.ANALYST))
    assert not health_data.may_snooze(analyst)
    colleague, owner = (
        replace(view, viewer=replace(view.viewer, role=Role.REP, owner_id=one)) for one in (-5, owner_id)
    )
    for other in (analyst, colleague):
        with pytest.raises(PermissionError):
            health_data.snooze(other, deal_id, "slow_stage", reason="mine now", until=TODAY)
    health_data.snooze(owner, deal_id, "slow_stage", reason="they are on leave", until=TODAY)
    for other in (analyst, colleague):
        with pytest.raises(PermissionError):
            health_data.wake(other, deal_id, "slow_stage")
    assert health_data.standing(view, HealthChoice()).n_snoozed == 1
    health_data.wake(owner, deal_id, "slow_stage")


def test_who_has_no_deals_sees_none_flagged(workbench: Workbench, judged: House) -> None:
    workbench.use(judged)
    view = view_of(judged)
    rep = replace(view, viewer=replace(view.viewer, role=Role.REP, owner_id=-5))
    assert health_data.page(rep, run_of(view), HealthChoice()).frame.empty
    outsider = save_user(judged.database, judged.organization_id, "lu@example.com", role=Role.REP)
    assert outsider is not None
    at = workbench.open(judged, "health", email="lu@example.com")
    assert not at.exception
    assert {one for one in counts(at).values() if one.isdigit()} <= {"0"}


def test_the_list_says_in_short_what_the_export_says_in_full(workbench: Workbench, judged: House) -> None:
    workbench.use(judged)
    view = view_of(judged)
    rows = health_data.everything(view, run_of(view), HealthChoice(rules=("slow_stage",)))
    assert not rows.empty
    for brief, full in zip(rows["in_short"], rows["why"], strict=True):
        assert full.startswith(brief)
        assert "won deals" in full
        assert "(n " in full


def test_a_record_says_how_often_and_beside_what() -> None:
    said = spaced(health_words.record("stale", HitRate(Share(27, 40), Share(30, 100))))
    assert said == "27 of 40 lost or slipped (52–80 %); of others 30 %"
    assert "no clear difference" in health_words.record("stale", HitRate(Share(27, 40), Share(70, 100)))
    assert "No record yet" in health_words.record("stale", HitRate(Share(0, 0), Share(0, 0)))


def test_nothing_is_judged_of_an_organization_without_deals(empty_services: Services, organization: int) -> None:
    assert health.judge_daily(empty_services, organization, date(2024, 6, 28)).startswith("0 new flags")
