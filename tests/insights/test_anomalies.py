"""Alarms about weeks: the budget is kept, lost weeks and long drops are found, holidays and leave are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from insights.anomalies.detection import band_of, detect, held_out_rate
from insights.anomalies.detectors import Scores, run, score
from insights.anomalies.expected import WARM_UP, expect
from insights.anomalies.explaining import why_of
from insights.anomalies.thresholds import (
    QUARTER,
    alarms_of,
    begins,
    history_of,
    n_alarms,
    quarters,
    thresholds_for,
)
from insights.anomalies.weeks import NO_TEAM, CannotDetect, Weeks, weeks_of
from insights.anomalies.worked import Away, UnknownCountry, last_whole_week, public_holidays, worked_shares

MONDAY = pd.Timestamp("2024-01-01")


def team(n: int = 24, weeks: int = 65, mean: float = 12.0, seed: int = 1, spread: float = 0.1) -> Weeks:
    random = np.random.default_rng(seed)
    level = mean * np.exp(0.3 * random.standard_normal((n, 1)))
    counts = random.negative_binomial(1 / spread, 1 / (1 + spread * np.tile(level, weeks))).astype(float)
    return of(counts)


def of(counts: np.ndarray) -> Weeks:
    days = pd.date_range(MONDAY, periods=counts.shape[1], freq="7D")
    return Weeks([f"rep {i}" for i in range(len(counts))], days, counts, np.ones_like(counts))


def test_an_ordinary_team_keeps_the_budget_and_what_is_held_out_nearly_does() -> None:
    found = detect(team(), budget=0.25)
    assert 0.15 <= found.card["alarms_per_series_quarter"] <= 0.25 * 1.1
    assert found.card["held_out_per_series_quarter"] <= 0.35
    assert found.card["n_alarms"] == len(found.alarms)


def test_a_small_team_of_irregular_people_has_at_most_a_fifth_above_the_budget() -> None:
    weeks = team(n=10, weeks=60, mean=13, seed=6)
    weeks.counts[np.random.default_rng(1).random(weeks.counts.shape) < 0.08] = 0
    assert detect(weeks).card["alarms_per_series_quarter"] <= 0.25 * 1.2


@pytest.mark.parametrize("n", [3, 8])
def test_weeks_to_come_of_a_small_team_keep_the_budget(n: int) -> None:
    """Thresholds of a year and a quarter, held against the three quarters after them; some weeks are lost for reasons
    that nobody entered."""
    came, there = 0, 0.0
    for seed in range(6):
        weeks = team(n=n, weeks=104, mean=13, seed=100 + seed, spread=0.15)
        weeks.counts[np.random.default_rng(seed).random(weeks.counts.shape) < 0.04] = 0
        taught = of(weeks.counts[:, :65])
        known = thresholds_for(history_of(taught, expect(taught), seed=0), 0.25)
        every = score(weeks, expect(weeks))
        later = Scores({name: values[:, 65:] for name, values in every.of.items()})
        came, there = came + n_alarms(later, known), there + quarters(later)
    assert came / there <= 0.25 * 1.1


def test_weeks_that_are_all_alike_are_no_alarm() -> None:
    """Where nothing ever moves, a budget alone would allow that everything counts."""
    weeks = team(n=30, weeks=60, mean=96)
    weeks.counts[:] = 96 + np.arange(60) % 2
    found = detect(weeks, budget=1.0)
    assert found.alarms.empty
    assert min(value for value in found.card["thresholds"].values() if value is not None) > 1


def test_few_series_aim_at_less_and_say_so() -> None:
    aimed = {n: detect(team(n=n, weeks=40)).card["aimed_at"] for n in (1, 6, 12, 24)}
    assert aimed == pytest.approx({1: 0.1354, 6: 0.1875, 12: 0.25, 24: 0.25})


def test_the_held_out_rate_of_few_series_leaves_each_one_out() -> None:
    """Thresholds of half a small team say little of those that are in use."""
    weeks = team(n=6, weeks=80)
    history = history_of(weeks, expect(weeks), seed=0)
    came = 0
    for row in range(6):
        out = np.arange(6) == row
        came += n_alarms(history.only(out).scores, thresholds_for(history.only(~out), 0.25))
    assert held_out_rate(history, 0.25, seed=0) == pytest.approx(came / quarters(history.scores))
    assert detect(team(n=3, weeks=60)).card["held_out_per_series_quarter"] is None


def test_a_larger_budget_gives_more_alarms_and_a_smaller_one_fewer() -> None:
    few, many = (len(detect(team(), budget=budget).alarms) for budget in (0.05, 1.0))
    assert few * 4 < many


def test_a_lost_week_is_told_with_its_week_and_what_was_expected() -> None:
    weeks = team()
    weeks.counts[3, 40] = 0
    alarms = detect(weeks).alarms
    own = alarms[(alarms["series"] == "rep 3") & (alarms["day"] == weeks.days[40])]
    assert own["kind"].tolist() == ["lost week"]
    assert own["direction"].tolist() == ["drop"]
    assert own["value"].item() == 0
    assert own["expected"].item() == pytest.approx(weeks.counts[3, 28:40].mean(), rel=0.4)
    assert own["score"].item() >= 1


def test_a_drop_that_no_single_week_shows_is_told_as_one_alarm_with_all_its_weeks() -> None:
    weeks = team()
    weeks.counts[5, 40:46] = np.floor(weeks.counts[5, 20:40].mean() * 0.4)
    alarms = detect(weeks).alarms
    own = alarms[
        (alarms["series"] == "rep 5") & (alarms["last_day"] >= weeks.days[40]) & (alarms["day"] <= weeks.days[46])
    ]
    assert own["direction"].tolist() == ["drop"]
    assert own["kind"].tolist() == ["sustained"]
    assert own["since"].item() >= weeks.days[34]
    assert own["n"].item() >= 2


def test_a_spike_is_told_as_a_rise() -> None:
    weeks = team()
    weeks.counts[7, 50] = 80
    alarms = detect(weeks).alarms
    own = alarms[(alarms["series"] == "rep 7") & (alarms["day"] == weeks.days[50])]
    assert own[["direction", "kind"]].to_numpy().tolist() == [["rise", "spike"]]


def of_teams(weeks: Weeks, *, size: int = 8) -> Weeks:
    """In teams of that size, the last series in none."""
    teams = np.arange(len(weeks.series)) // size
    teams[-1] = NO_TEAM
    return Weeks(weeks.series, weeks.days, weeks.counts, weeks.worked, teams)


def n_drops(weeks: Weeks, rows: slice, at: list[int]) -> int:
    """Alarms of these series in these weeks."""
    expected = expect(weeks)
    known = thresholds_for(history_of(weeks, expected, seed=0), 0.25)
    return int(alarms_of(score(weeks, expected), known, "drop")[rows][:, at].sum())


def test_a_holiday_of_one_team_raises_no_more_alarms_for_its_members_than_other_weeks() -> None:
    weeks, members = [30, 45, 60], slice(8, 16)
    others = [week for week in range(WARM_UP, 70) if week not in weeks]
    away, usual, alone = 0, 0.0, 0
    for seed in range(4):
        plain = team(n=33, weeks=70, seed=seed)
        plain.counts[members, weeks] = np.random.default_rng(seed).binomial(
            plain.counts[members, weeks].astype(int), 0.2
        )
        away += n_drops(of_teams(plain), members, weeks)
        usual += n_drops(of_teams(plain), members, others) * len(weeks) / len(others)
        alone += n_drops(plain, members, weeks)
    assert away <= 1.5 * usual
    assert alone > 4 * usual, "without teams each of them had an alarm"


def test_a_team_of_few_is_judged_by_all_others() -> None:
    plain = team(n=33)
    assert expect(of_teams(plain, size=5)).mean == pytest.approx(expect(plain).mean, nan_ok=True)
    assert expect(of_teams(plain)).mean[:32] != pytest.approx(expect(plain).mean[:32], nan_ok=True)
    # What others taught of the spread of counts is all that differs.
    assert expect(of_teams(plain)).mean[32] == pytest.approx(expect(plain).mean[32], rel=0.01, nan_ok=True)


def test_members_without_an_expectation_do_not_make_a_team_large_enough() -> None:
    plain = team(n=33)
    plain.counts[8:11, 50] = np.nan
    with_teams, without = expect(of_teams(plain)).team, expect(plain).team
    assert with_teams[11:16, 50] == pytest.approx(without[11:16, 50], rel=0.02)
    assert with_teams[11:16, 49] != pytest.approx(without[11:16, 49], rel=0.02)


def test_some_series_and_some_weeks_keep_their_teams() -> None:
    made = of_teams(team(n=33))
    for part in (made.until(20), made.only(np.array([0, 8, 32]))):
        assert part.teams is not None
        assert part.teams.tolist()[-3:] == ([3, 3, NO_TEAM] if len(part.series) == 33 else [0, 1, NO_TEAM])


def test_a_drop_of_one_member_of_a_team_is_found_as_before() -> None:
    found = {}
    for name, made in (("with", of_teams(team(n=33))), ("without", team(n=33))):
        made.counts[[3, 12, 20], 50] = 0
        raised = detect(made).alarms
        found[name] = set(raised.loc[raised["day"] == made.days[50], "series"])
    assert {"rep 3", "rep 12", "rep 20"} <= found["without"]
    assert found["with"] >= {"rep 3", "rep 12", "rep 20"}


def test_a_holiday_of_the_whole_team_raises_no_more_alarms_than_other_weeks() -> None:
    weeks = team()
    weeks.counts[:, 45] = np.floor(weeks.counts[:, 45] * 0.3)
    alarms = detect(weeks).alarms
    assert (alarms["day"] == weeks.days[45]).sum() <= 3


def test_a_week_on_leave_is_neither_judged_nor_learnt_from() -> None:
    plain, away = team(), team()
    away.counts[2, 30:33] = np.nan
    expected = expect(away)
    assert np.isnan(expected.mean[2, 30:33]).all()
    alarms = detect(away).alarms
    assert not ((alarms["series"] == "rep 2") & alarms["day"].between(away.days[30], away.days[32])).any()
    assert expected.mean[2, 33] == pytest.approx(expect(plain).mean[2, 30], rel=0.25)


def test_half_a_week_that_was_worked_is_expected_to_bring_half() -> None:
    weeks = team()
    weeks.worked[4, 50] = 0.5
    assert expect(weeks).mean[4, 50] == pytest.approx(expect(team()).mean[4, 50] / 2, rel=1e-3)


def test_nothing_is_said_before_a_series_has_weeks_of_its_own() -> None:
    weeks = team()
    weeks.counts[0, :30] = np.nan
    mean = expect(weeks).mean
    assert np.isnan(mean[0, : 30 + WARM_UP]).all()
    assert not np.isnan(mean[0, 30 + WARM_UP :]).any()


def test_the_past_is_not_moved_by_what_comes_later() -> None:
    whole = team()
    part = whole.until(50)
    assert np.array_equal(expect_without_spread(whole)[:, :50], expect_without_spread(part), equal_nan=True)


def expect_without_spread(weeks: Weeks) -> np.ndarray:
    """What is expected where nothing is far outside: the spread of a series is that of all its weeks."""
    calm = Weeks(weeks.series, weeks.days, np.round(weeks.counts * 0 + 10), weeks.worked)
    calm.counts[:, 20] = 11
    calm.counts[:, 50:] = 12
    return expect(calm).mean


def test_a_run_that_was_just_an_alarm_is_not_a_new_one() -> None:
    alarms = np.zeros((1, 20), np.bool_)
    alarms[0, [4, 5, 8, 13]] = True
    assert np.flatnonzero(begins(alarms)).tolist() == [4, 13]


def test_the_evidence_of_a_run_grows_with_each_low_week_and_is_never_below_zero() -> None:
    counts = np.array([[10.0, 30, 4, 4, np.nan, 4]])
    level = run(counts, np.full((1, 6), 10.0), np.array([[10.0]]), 0.5)
    assert level[0, 0] >= 0
    assert level[0, 1] == 0
    assert level[0, 2] < level[0, 3] < level[0, 5]
    assert np.isnan(level[0, 4])


def test_four_ordinary_weeks_of_five_lie_in_the_band() -> None:
    weeks = team(n=60, weeks=120)
    expected = expect(weeks)
    low, high = band_of(expected.mean, expected.spread[:, None])
    is_said = ~np.isnan(expected.mean)
    inside = ((weeks.counts >= low) & (weeks.counts <= high))[is_said].mean()
    assert 0.76 <= inside <= 0.9


def test_series_that_start_stop_and_pause_are_looked_at_for_as_long_as_they_are_there() -> None:
    weeks = team()
    weeks.counts[0, :20] = weeks.counts[1, 40:] = np.nan
    found = detect(weeks)
    gone = found.alarms[found.alarms["series"] == "rep 1"]
    assert (gone["day"] < weeks.days[40]).all()
    n_weeks = 65 * 24 - 20 - 25 - 24 * WARM_UP
    assert found.card["series_quarters"] == pytest.approx(n_weeks / QUARTER, abs=0.1)


def test_one_series_alone_and_a_handful_of_weeks_are_looked_at_too() -> None:
    assert detect(team(n=1, weeks=60)).card["held_out_per_series_quarter"] is None
    assert detect(team(n=3, weeks=WARM_UP + 2)).card["series"] == 3


def test_counts_that_are_nearly_always_zero_break_nothing() -> None:
    random = np.random.default_rng(0)
    found = detect(of((random.random((20, 60)) < 0.03).astype(float)))
    assert found.card["alarms_per_series_quarter"] <= 0.3
    assert len(detect(of(np.zeros((4, 40)))).alarms) == 0


@pytest.mark.parametrize("budget", [0, -1, 14, float("nan")])
def test_a_budget_that_means_nothing_is_refused(budget: float) -> None:
    with pytest.raises(CannotDetect, match="more than 0"):
        detect(team(n=2, weeks=20), budget=budget)


def test_too_short_a_past_says_how_much_there_is() -> None:
    with pytest.raises(CannotDetect, match="the longest has 10"):
        detect(team(weeks=10))
    with pytest.raises(CannotDetect, match="no counts"):
        detect(weeks_of(pd.DataFrame(columns=["series", "day", "value"])))


@pytest.mark.parametrize(
    ("values", "said"),
    [([1.5, 2.0], "whole numbers"), ([-1.0, 2.0], "whole numbers"), ([np.inf, 2.0], "whole numbers")],
)
def test_what_is_no_count_is_refused(values: list[float], said: str) -> None:
    table = pd.DataFrame({"series": "a", "day": [MONDAY, MONDAY + pd.Timedelta(days=7)], "value": values})
    with pytest.raises(CannotDetect, match=said):
        weeks_of(table)


def test_a_week_without_a_row_is_unknown_and_weeks_begin_on_one_weekday() -> None:
    table = pd.DataFrame({"series": "a", "day": [MONDAY, MONDAY + pd.Timedelta(days=14)], "value": [3, 4]})
    assert np.isnan(weeks_of(table).counts[0, 1])
    with pytest.raises(CannotDetect, match="same weekday"):
        weeks_of(table.assign(day=[MONDAY, MONDAY + pd.Timedelta(days=8)]))


def test_why_says_what_came_what_was_expected_and_what_the_team_did() -> None:
    weeks = team(mean=40)
    weeks.counts[:, 45] = np.floor(weeks.counts[:, 45] * 0.5)
    weeks.counts[3, 45] = 0
    alarms = detect(weeks).alarms
    row = next(alarms[(alarms["series"] == "rep 3") & (alarms["day"] == weeks.days[45])].itertuples())
    said = why_of(row)
    assert said.startswith("0 this week")
    assert "By what the others did, " in said
    assert "less than usual" in said


def test_days_off_lessen_a_week_and_weekends_do_not() -> None:
    weeks = pd.date_range(MONDAY, periods=3, freq="7D")
    everybody = Away(None, pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-01-01").date())
    ann = Away("ann", pd.Timestamp("2024-01-12").date(), pd.Timestamp("2024-01-16").date())
    found = worked_shares(["ann", "bob"], weeks, [everybody, ann, Away("eve", ann.first, ann.last)])
    share = {(row.series, row.day.day): row.share for row in found.itertuples()}
    assert share == pytest.approx({("ann", 1): 0.8, ("bob", 1): 0.8, ("ann", 8): 0.8, ("ann", 15): 0.6})


def test_public_holidays_are_those_of_the_country_and_its_part() -> None:
    first, last = pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-12-31").date()
    germany, bavaria = (public_holidays("DE", part, first, last) for part in (None, "BY"))
    assert pd.Timestamp("2024-10-03").date() in germany
    assert set(germany) < set(bavaria)
    with pytest.raises(UnknownCountry, match="XX"):
        public_holidays("XX", None, first, last)


def test_the_last_whole_week_is_over_when_the_day_begins() -> None:
    assert last_whole_week(pd.Timestamp("2024-01-15").date()) == pd.Timestamp("2024-01-08").date()
    assert last_whole_week(pd.Timestamp("2024-01-21").date()) == pd.Timestamp("2024-01-08").date()
