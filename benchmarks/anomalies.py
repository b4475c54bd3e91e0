"""What alarms about salespeople's weeks are worth: false alarms of those who were left alone, and how many drops and
rises that were put into others' weeks are found.

Thresholds are learnt from one half of the series and tried on the other, in turn. A drop thins the counts of some weeks
at random; each of the series of the other half gets one, anywhere after its warm-up where at least LEAST_EXPECTED a
week were to be expected: where next to nothing is, nothing can be missed. It is found where its series is in alarm, in
its direction, in one of its weeks. False alarms are those of the series as they came, drops of their own included. The
first table stands beside the project; the others are drawn at random.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.report import Report, peak_mb
from insights.anomalies.detection import BUDGET, detect
from insights.anomalies.detectors import Detector, Direction, score
from insights.anomalies.expected import WARM_UP, expect
from insights.anomalies.thresholds import (
    alarms_of,
    begins,
    history_of,
    n_alarms,
    quarters,
    thresholds_for,
)
from insights.anomalies.weeks import Floats, Weeks, weeks_of

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
ROUNDS: Final = 8
ROUNDS_OF_AGENTS: Final = 48
Places = npt.NDArray[np.int64]
LEAST_EXPECTED: Final = 3.0
HELD_OUT: Final = 0.35
"""At a budget of 0.25: chance and other people move it."""


@dataclass(frozen=True, slots=True)
class Case:
    """left: share of a count that is left, over `weeks` weeks."""

    name: str
    left: float
    weeks: int

    @property
    def direction(self) -> Direction:
        return "drop" if self.left < 1 else "rise"


CASES: Final = (
    Case("a lost week", 0.0, 1), Case("two lost weeks", 0.0, 2), Case("half of two weeks", 0.5, 2),
    Case("half of four weeks", 0.5, 4), Case("30 % of four weeks", 0.3, 4), Case("three times one week", 3.0, 1),
    Case("twice four weeks", 2.0, 4),
)  # fmt: skip


def run() -> bool:
    report = Report("anomalies", packages=("numpy", "pandas", "scipy"))
    if not DATA.is_dir():
        print(f"{DATA} is missing: nothing was measured.")
        return False
    agents = of_agents()
    found = tried(agents, rounds=ROUNDS_OF_AGENTS)
    tell(report, "agents", found)
    report.at_most("agents: false alarms per rep and quarter, held out", found.false_rate, HELD_OUT)
    report.at_least("agents: a lost week found", found.recall["a lost week"], 0.80)
    report.at_least("agents: a drop by 70 % over four weeks found", found.recall["30 % of four weeks"], 0.85)
    anywhere = tried(agents, rounds=ROUNDS_OF_AGENTS, cases=(CASES[0], CASES[4]), least=0.0)
    for case, share in anywhere.recall.items():
        report.add(f"agents: {case}, found, anywhere after the warm-up", share)
    _holidays(report, agents, found.false_rate)
    _regions(report, agents)
    _team_holidays(report)
    for name, weeks in made().items():
        one = tried(weeks)
        tell(report, name, one)
        report.at_most(f"{name}: false alarms, held out", one.false_rate, HELD_OUT)
    _textbook(report, agents)
    began = time.process_time()
    detect(drawn(22, n=500, weeks=104))
    report.add("500 series of 104 weeks, with the held-out rate: processor seconds", time.process_time() - began)
    report.add("peak MB of this process", peak_mb())
    report.write()
    return report.holds


def _holidays(report: Report, weeks: Weeks, before: float) -> None:
    """Three weeks of everybody at 40 %, in no calendar."""
    random = np.random.default_rng(0)
    counts = weeks.counts.copy()
    at = WARM_UP + random.choice(counts.shape[1] - WARM_UP, 3, replace=False)
    counts[:, at] = random.binomial(counts[:, at].astype(np.int64), 0.4)
    after = tried(Weeks(weeks.series, weeks.days, counts, weeks.worked), rounds=ROUNDS_OF_AGENTS, cases=()).false_rate
    report.add("agents, three holidays of the team: false alarms, held out", after)
    report.at_most("agents, three holidays of the team: false alarms over those without", after / before, 2.0)


def _regions(report: Report, agents: Weeks) -> None:
    """The same agents as teams, by the office they belong to."""
    offices = pd.read_csv(DATA / "crm_opportunities" / "sales_teams.csv").set_index("sales_agent")["regional_office"]
    codes = offices.reindex(list(agents.series)).astype("category").cat.codes.to_numpy().astype(np.int64)
    found = tried(Weeks(agents.series, agents.days, agents.counts, agents.worked, codes), rounds=ROUNDS_OF_AGENTS)
    tell(report, "agents by office", found)
    report.at_most("agents by office: false alarms per rep and quarter, held out", found.false_rate, HELD_OUT)
    report.at_least("agents by office: a lost week found", found.recall["a lost week"], 0.80)
    report.at_least("agents by office: a drop by 70 % over four weeks found", found.recall["30 % of four weeks"], 0.85)


def _team_holidays(report: Report) -> None:
    """Three weeks of one team of eight at 20 %, in no calendar: how often its members are in alarm in these weeks, over
    how often they are in others."""
    at, others = [30, 45, 60], [week for week in range(WARM_UP, 78) if week not in {30, 45, 60}]
    for has_teams in (True, False):
        away = usual = 0.0
        for seed in range(ROUNDS):
            weeks, random = drawn(30 + seed, n=48, holidays=0), np.random.default_rng(seed)
            weeks.counts[8:16, at] = random.binomial(weeks.counts[8:16, at].astype(np.int64), 0.2)
            codes = np.arange(48) // 8 if has_teams else None
            own = Weeks(weeks.series, weeks.days, weeks.counts, weeks.worked, codes)
            expected = expect(own)
            known = thresholds_for(history_of(own, expected, seed=0), BUDGET)
            raised = alarms_of(score(own, expected), known, "drop")[8:16]
            away, usual = away + float(raised[:, at].mean()), usual + float(raised[:, others].mean())
        if has_teams:
            report.at_most("a holiday of one of six teams: its members in alarm over other weeks", away / usual, 1.5)
        else:
            report.add("the same without teams", away / usual)


def _textbook(report: Report, weeks: Weeks) -> None:
    """What robust z (distance from the median of the twelve weeks before, over their median absolute deviation) finds
    at the same rate of false alarms, in the series its threshold is from."""
    random, there = np.random.default_rng(0), quarters(score(weeks, expect(weeks)))
    usual = expect(weeks).mean
    usual[usual < LEAST_EXPECTED] = np.nan
    level = np.sort(_robust_z(weeks)[~np.isnan(_robust_z(weeks))])[::-1]
    threshold = next(one for one in level[::-1] if begins(_robust_z(weeks) >= one).sum() <= BUDGET * there)
    for case in (CASES[0], CASES[4]):
        found = []
        for _ in range(ROUNDS):
            changed, where = with_case(weeks, usual, np.arange(len(weeks.series)), case, random)
            raised = _robust_z(changed) >= threshold
            found += [raised[row, at : at + case.weeks].any() for row, at in where]
        report.add(f"agents, robust z at the same rate: {case.name}", float(np.mean(found)))


def _robust_z(weeks: Weeks) -> Floats:
    """By how many deviations a week is below; NaN in the warm-up."""
    found = np.full_like(weeks.counts, np.nan)
    for week in range(WARM_UP, weeks.counts.shape[1]):
        past = weeks.counts[:, week - 12 : week]
        middle = np.median(past, axis=1)
        off = 1.4826 * np.median(np.abs(past - middle[:, None]), axis=1)
        found[:, week] = (middle - weeks.counts[:, week]) / np.maximum(off, 1e-9)
    return found


# --- tables ----------------------------------------------------------------------------------------------------------


def of_agents() -> Weeks:
    """Deals that each agent began, by week; the first and the last week, which are not whole, are left out."""
    table = pd.read_csv(DATA / "crm_opportunities" / "sales_pipeline.csv", parse_dates=["engage_date"])
    table = table[table["engage_date"].notna()]
    day = table["engage_date"].dt.to_period("W").dt.start_time
    counts = table.groupby(["sales_agent", day]).size().unstack(fill_value=0)
    counts = counts.loc[:, (counts.columns > day.min()) & (counts.columns < day.max())]
    return weeks_of(
        counts.rename_axis("series").melt(ignore_index=False, var_name="day", value_name="value").reset_index()
    )


def drawn(
    seed: int, *, n: int = 60, weeks: int = 78, mean: float = 13.0, spread: float = 0.15, holidays: int = 4,
    zeros: float = 0.0, drift: float = 0.0, uneven: float = 0.4,
) -> Weeks:  # fmt: skip
    """uneven: how much series differ, as standard deviation of the logarithm. drift: the same of a year's wandering.
    zeros: share of weeks that are 0 whatever. holidays: weeks of the team at 40 %."""
    random = np.random.default_rng(seed)
    level = mean * np.exp(uneven * random.standard_normal((n, 1)) - uneven**2 / 2)
    level = level * np.exp(drift / np.sqrt(52) * random.standard_normal((n, weeks)).cumsum(axis=1))
    level[:, random.choice(np.arange(WARM_UP, weeks), holidays, replace=False)] *= 0.4
    counts = random.negative_binomial(1 / spread, 1 / (1 + spread * level)).astype(np.float64)
    counts[random.random((n, weeks)) < zeros] = 0
    return Weeks([f"rep {i}" for i in range(n)], pd.date_range("2024-01-01", periods=weeks, freq="7D"), counts,
                 np.ones((n, weeks)))  # fmt: skip


def made() -> Mapping[str, Weeks]:
    return {
        "synthetic reps with holidays": drawn(1),
        "synthetic, over-dispersed": drawn(2, spread=0.6),
        "synthetic, intermittent": drawn(3, mean=1.2, spread=0.5),
        "synthetic, zeros among them": drawn(4, zeros=0.06),
        "synthetic, wandering": drawn(5, drift=0.5),
        "synthetic, eight reps": drawn(6, n=8),
        "synthetic, ten reps with zeros": drawn(6, n=10, zeros=0.08, weeks=60),
    }


# --- trial -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tried:
    false_rate: float
    recall: Mapping[str, float]


def tried(
    weeks: Weeks,
    *,
    budget: float = BUDGET,
    rounds: int = ROUNDS,
    seed: int = 0,
    cases: Sequence[Case] = CASES,
    least: float = LEAST_EXPECTED,
) -> Tried:
    random = np.random.default_rng(seed)
    expected = expect(weeks)
    history = history_of(weeks, expected, seed=seed)
    usual = np.where(np.nan_to_num(expected.mean) >= least, expected.mean, np.nan)
    hits: dict[str, list[float]] = {case.name: [] for case in cases}
    came, there = 0, 0.0
    n = len(weeks.series)
    for _ in range(rounds // 2):
        half = np.zeros(n, np.bool_)
        half[random.permutation(n)[: n // 2]] = True
        for taught in (half, ~half):
            thresholds = thresholds_for(history.only(taught), budget)
            others = history.only(~taught).scores
            came, there = came + n_alarms(others, thresholds), there + quarters(others)
            for case in cases:
                hits[case.name].append(_recall(weeks, usual, np.flatnonzero(~taught), case, thresholds, random))
    return Tried(came / there, {name: float(np.nanmean(one)) for name, one in hits.items()})


def _recall(
    weeks: Weeks, usual: Floats, rows: Places, case: Case, thresholds: Mapping[Detector, float],
    random: np.random.Generator,
) -> float:  # fmt: skip
    changed, where = with_case(weeks, usual, rows, case, random)
    scores = score(changed, expect(changed))
    raised = alarms_of(scores, thresholds, case.direction)
    return float(np.mean([raised[row, at : at + case.weeks].any() for row, at in where])) if where else float("nan")


def with_case(
    weeks: Weeks, usual: Floats, rows: Places, case: Case, random: np.random.Generator
) -> tuple[Weeks, Sequence[tuple[int, int]]]:
    """The same with one case in each of these rows that has room for it; rows, and the weeks in which it begins. usual:
    NaN where there is to be none."""
    counts, where = weeks.counts.copy(), []
    for row in rows:
        is_said = ~np.isnan(usual[row])
        room = [at for at in range(len(is_said) - case.weeks + 1) if is_said[at : at + case.weeks].all()]
        if room:
            at = int(random.choice(room))
            span = counts[row, at : at + case.weeks]
            more = random.poisson(span * max(case.left - 1, 0))
            span[:] = random.binomial(span.astype(np.int64), min(case.left, 1)) + more
            where.append((int(row), at))
    return Weeks(weeks.series, weeks.days, counts, weeks.worked, weeks.teams), where


def tell(report: Report, name: str, found: Tried) -> None:
    for case, share in found.recall.items():
        report.add(f"{name}: {case}, found", share)
