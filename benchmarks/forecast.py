"""How well series and bookings are forecast on tables that anybody can have, and what it costs.

The tables stand beside the project; without them the benchmark says so and measures nothing. Times are of the
processor, so that others' work beside it does not count. All weekly series that are there are used; Prophet, which is
slow, runs on every sixth of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from distributed import LocalCluster

from benchmarks.report import Report, peak_mb
from insights.forecasting.coherent import coherent
from insights.forecasting.deal_facts import DealFacts
from insights.forecasting.grading import naive_scale, owa, smape
from insights.forecasting.hierarchy import Hierarchy
from insights.forecasting.members import ExponentialSmoothing, Floats, Naive, Past
from insights.forecasting.organization import organization_forecast, try_here
from insights.forecasting.panel import Asked, Forecast, Tried, assembled, forecast, tried
from insights.forecasting.pipeline import FIRST_WEEKS, TOTAL, Bookings, Replay, replays, until_bands, won_by_week
from insights.forecasting.prophet_member import ProphetMember
from ops.compute import executor, here
from ops.settings import Settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
WEEKS = 13
CUT = 104
PROPHET_EVERY = 6
LEVELS = ("region", "manager", "product")
SINCE, WEEKS_THERE = pd.Timestamp("2017-03-01"), 44


def run() -> bool:
    report = Report("forecast", packages=("statsforecast", "prophet", "numpy", "pandas"))
    if not DATA.is_dir():
        print(f"{DATA} is missing: nothing was measured.")
        return False
    _weekly(report)
    _cut(report)
    _replayed(report)
    _as_issued(report)
    _adding_up(report)
    _examples(report)
    _many(report)
    report.add("peak MB of this process", peak_mb())
    report.write()
    return report.holds


def processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


# --- weekly series of the M4 competition -----------------------------------------------------------------------------


def _series(cut: int | None) -> tuple[dict[str, Past], dict[str, Floats]]:
    folder = DATA / "m4_weekly"
    train = pd.read_csv(folder / "Weekly-train.csv", index_col=0)
    test = pd.read_csv(folder / "Weekly-test.csv", index_col=0)
    values = {str(name): row.dropna().to_numpy(np.float64)[-(cut or 0) :] for name, row in train.iterrows()}
    days = {name: pd.date_range("1970-01-05", periods=len(one), freq="7D") for name, one in values.items()}
    return (
        {name: Past(one, days[name]) for name, one in values.items()},
        {str(name): row.to_numpy(np.float64) for name, row in test.iterrows()},
    )


def _owa(pasts: Mapping[str, Past], tests: Mapping[str, Floats], said: Mapping[str, Floats]) -> float:
    def errors(of: Mapping[str, Floats]) -> Floats:
        each = [(smape(tests[name], one), _mase(pasts[name], tests[name], one)) for name, one in of.items()]
        return np.asarray(np.array(each).mean(axis=0))

    naive = errors({name: np.repeat(pasts[name].values[-1], WEEKS) for name in said})
    found = errors(said)
    return float(owa(found[0], found[1], naive_smape=naive[0], naive_mase=naive[1]))


def _mase(past: Past, actual: Floats, mean: Floats) -> float:
    return float(np.abs(mean - actual).mean()) / naive_scale(past.values)


def _coverage(found: Forecast, tests: Mapping[str, Floats]) -> float:
    rows = found.rows
    actual = np.concatenate([tests[name] for name in rows["series"].unique()])
    return float(((rows["low"] <= actual) & (actual <= rows["high"])).mean())


def _means(found: Forecast, method: str | None = None) -> dict[str, Floats]:
    return {one.series: one.trial.ahead[method or one.choice.name].mean for one in found.tried}


def _panel(pasts: Mapping[str, Past], asked: Asked) -> tuple[Forecast, float]:
    began = time.process_time()
    found = assembled([tried(name, past, asked) for name, past in pasts.items()], asked)
    return found, time.process_time() - began


def _graded(report: Report, what: str, found: Forecast, pasts: Mapping[str, Past], tests: Mapping[str, Floats]) -> None:
    said = _means(found)
    report.add(f"{what}: sMAPE", float(np.mean([smape(tests[name], one) for name, one in said.items()])))
    report.add(f"{what}: MASE", float(np.mean([_mase(pasts[name], tests[name], one) for name, one in said.items()])))
    usual = _means(found, "mean of AutoETS and Theta")
    report.add(f"{what}: OWA of the mean of AutoETS and Theta alone", _owa(pasts, tests, usual))
    report.add(f"{what}: share of series that show a naive forecast", _share(found, "naive", "seasonal naive"))
    report.add(f"{what}: share of series with a season", _share(found, "seasonal", "MSTL", "mean of AutoETS, Theta"))


def _share(found: Forecast, *begins: str) -> float:
    return float(np.mean([one.choice.name.startswith(begins) for one in found.tried]))


def _weekly(report: Report) -> None:
    pasts, tests = _series(None)
    asked = Asked(horizon=WEEKS)
    smoothing = ExponentialSmoothing()
    smoothing.ahead(next(iter(pasts.values())), WEEKS)
    alone = processor_seconds(lambda: [smoothing.ahead(past, WEEKS) for past in pasts.values()])
    found, spent = _panel(pasts, asked)
    what = f"M4 weekly, {len(pasts)} series, whole past"
    report.at_most(f"{what}: OWA", _owa(pasts, tests, _means(found)), 0.937)
    report.at_most(f"{what}: time with backtest, AutoETS once = 1", spent / alone, 4.5)
    report.add(f"{what}: coverage of 80 % intervals", _coverage(found, tests))
    _graded(report, what, found, pasts, tests)


def _cut(report: Report) -> None:
    pasts, tests = _series(CUT)
    found, spent = _panel(pasts, Asked(horizon=WEEKS))
    what = f"M4 weekly, cut to {CUT} weeks"
    report.at_most(f"{what}: OWA", _owa(pasts, tests, _means(found)), 0.98)
    covered = _coverage(found, tests)
    report.add(f"{what}: coverage of 80 % intervals", covered, "0.77 to 0.85", bool(0.77 <= covered <= 0.85))
    report.add(f"{what}: processor ms per series, with backtest", 1000 * spent / len(pasts))
    _graded(report, what, found, pasts, tests)
    some = list(pasts)[::PROPHET_EVERY]
    few = {name: pasts[name] for name in some}
    member = ProphetMember()
    took, said = 0.0, {}
    for name, past in few.items():
        began = time.process_time()
        said[name] = member.ahead(past, WEEKS)
        took += time.process_time() - began
    report.add(
        f"Prophet, every {PROPHET_EVERY}th of them: OWA", _owa(few, tests, {n: one.mean for n, one in said.items()})
    )
    chosen = {name: one for name, one in _means(found).items() if name in few}
    report.add("chosen method, the same series: OWA", _owa(few, tests, chosen))
    inside = [((one.low <= tests[name]) & (tests[name] <= one.high)).mean() for name, one in said.items()]
    report.add("Prophet, the same series: coverage of 80 % intervals", float(np.mean(inside)))
    report.add("Prophet, the same series: processor ms per series, once", 1000 * took / len(few))


# --- replay of a pipeline --------------------------------------------------------------------------------------------


def _deals() -> pd.DataFrame:
    folder = DATA / "crm_opportunities"
    table = pd.read_csv(folder / "sales_pipeline.csv").merge(pd.read_csv(folder / "sales_teams.csv"), on="sales_agent")
    is_won = table["deal_stage"] == "Won"
    deals = pd.DataFrame(
        {
            "opened_on": pd.to_datetime(table["engage_date"]),
            "closed_on": pd.to_datetime(table["close_date"]),
            "is_won": is_won,
            "value": table["close_value"].where(is_won),
            "product": table["product"].replace({"GTXPro": "GTX Pro"}),
            "region": table["regional_office"],
            "manager": table["manager"],
            "agent": table["sales_agent"],
        }
    )
    return deals[deals["opened_on"].notna()].reset_index(drop=True)


class _Past:
    """Replays of every week, and what came afterwards."""

    def __init__(self) -> None:
        asked = Bookings(deals=_deals(), since=SINCE, value_by="product", levels=LEVELS)
        end = SINCE + pd.Timedelta(weeks=WEEKS_THERE)
        self.said: Sequence[Replay] = replays(asked, end)
        days = pd.date_range(SINCE, end, freq="7D")
        self.came = {level: won_by_week(asked.deals, level, days) for level in (TOTAL, *LEVELS)}

    def sums(self, level: str, part: str, weeks: int, first: int) -> tuple[Floats, Floats]:
        """What `part` of a replay said of the coming weeks together, and what came; from week `first` on."""
        at = range(first, WEEKS_THERE - weeks + 1)
        tables = [getattr(self.said[week - FIRST_WEEKS], part)[level] for week in at]
        said = [table.to_numpy()[:, :weeks].sum(axis=1) if table.ndim == 2 else table.to_numpy() for table in tables]
        came = [self.came[level].to_numpy()[:, week : week + weeks].sum(axis=1) for week in at]
        return np.concatenate(said), np.concatenate(came)

    def coverage(self, level: str, weeks: int, first: int) -> float:
        inside = []
        for week in range(first, WEEKS_THERE - weeks + 1):
            came = self.came[level]
            low, high = until_bands(self.said[: week - FIRST_WEEKS + 1], level, came.iloc[:, :week])
            actual = came.to_numpy()[:, week : week + weeks].sum(axis=1)
            inside.append((low.iloc[:, weeks - 1] <= actual) & (actual <= high.iloc[:, weeks - 1]))
        return float(np.concatenate(inside).mean())


def _wape(said: Floats, came: Floats) -> float:
    return float(np.abs(said - came).sum() / came.sum())


def _replayed(report: Report) -> None:
    past = _Past()
    what = "pipeline replay"
    said, came = past.sums(TOTAL, "blend", 4, 14)
    report.at_most(f"{what}, total, 4 weeks, from week 14 on: WAPE", _wape(said, came), 0.08)
    report.at_most(
        f"{what}, total, 4 weeks, from week 14 on: bias, either way", abs(float(said.sum() / came.sum() - 1)), 0.05
    )
    report.at_most(f"{what}, total, 13 weeks, from week 27 on: WAPE", _wape(*past.sums(TOTAL, "blend", 13, 27)), 0.07)
    report.at_most(
        f"{what}, per manager, 4 weeks, from week 14 on: WAPE", _wape(*past.sums("manager", "blend", 4, 14)), 0.18
    )
    for level in ("manager", "region"):
        covered = past.coverage(level, 4, 14)
        report.add(
            f"{what}, per {level}, 4 weeks: coverage of 80 % intervals",
            covered,
            "0.75 to 0.92",
            0.75 <= covered <= 0.92,
        )
    for part, name in {"raw": "open deals alone, uncorrected", "pipeline": "open deals alone, corrected",
                       "series": "history alone", "weighted": "weighted pipeline, for reference"}.items():  # fmt: skip
        said, came = past.sums(TOTAL, part, 4, 14)
        report.add(f"{what}, total, 4 weeks, {name}: WAPE", _wape(said, came))
        report.add(f"{what}, total, 4 weeks, {name}: bias", float(said.sum() / came.sum() - 1))


def _facts(deals: pd.DataFrame, day: pd.Timestamp) -> DealFacts:
    """What was known when the day began: no deal that came later, and open what was closed later."""
    known = deals[deals["opened_on"] < day]
    is_closed = known["closed_on"] < day
    status = np.where(is_closed, np.where(known["is_won"], "won", "lost"), "open")
    teams = dict(zip(deals["agent"], deals["manager"], strict=True))
    return DealFacts(
        day=day.date(),
        deals=pd.DataFrame(
            {
                "deal_id": known.index, "opened_on": known["opened_on"],
                "closed_on": known["closed_on"].where(is_closed), "status": status, "owner": known["agent"],
                "product": known["product"], "source": "", "amount": (known["value"] * 100).where(is_closed),
                "currency": "USD",
            }
        ),
        teams=teams, names={}, active=frozenset(teams),
    )  # fmt: skip


def _as_issued(report: Report) -> None:
    """The whole forecast as the page shows it (best method of each node, near weeks with open deals, made to add up,
    floors, intervals) on every Monday: what it is worth after all that is done to it."""
    deals = _deals()
    days = pd.date_range(SINCE - pd.Timedelta(days=SINCE.weekday()), periods=WEEKS_THERE + 2, freq="7D")
    came = {"total": won_by_week(deals, TOTAL, days) * 100, "team": won_by_week(deals, "manager", days) * 100}
    made = {
        week: organization_forecast(_facts(deals, days[week]), "week", "bookings").rows
        for week in range(14, WEEKS_THERE - 3)
    }
    for kind, weeks, first, most in (("total", 4, 14, 0.08), ("total", 13, 27, 0.07), ("team", 4, 14, None)):
        said, actual, inside = _as_it_came(made, came[kind], kind, weeks, first)
        what = f"as issued, {'per manager' if kind == 'team' else kind}, {weeks} weeks, from week {first} on"
        off = _wape(said, actual)
        report.add(f"{what}: WAPE", off) if most is None else report.at_most(f"{what}: WAPE", off, most)
        report.add(f"{what}: share of single weeks inside the 80 % interval", inside)
        bias = abs(float(said.sum() / actual.sum() - 1))
        if (kind, weeks) == ("total", 4):
            report.at_most(f"{what}: bias, either way", bias, 0.05)
        else:
            report.add(f"{what}: bias, either way", bias)


def _as_it_came(
    made: Mapping[int, pd.DataFrame], came: pd.DataFrame, kind: str, weeks: int, first: int
) -> tuple[Floats, Floats, float]:
    """Sums that were said and that came, by Monday and node; and how many of the single weeks came inside."""
    said, actual, inside = [], [], []
    for week, rows in made.items():
        if week < first or week + weeks > WEEKS_THERE:
            continue
        near = rows[(rows["step_no"] <= weeks) & (rows["node_kind"] == kind)]
        for key, own in near.groupby("node_key"):
            found = came.loc[str(key) or TOTAL].to_numpy()[week : week + weeks]
            said.append(own["value"].sum())
            actual.append(found.sum())
            inside.append((own["low"].to_numpy() <= found) & (found <= own["high"].to_numpy()))
    return np.array(said), np.array(actual), float(np.concatenate(inside).mean())


def _adding_up(report: Report) -> None:
    """Weekly bookings of total, managers, agents and products, four weeks ahead, before and after they are made to
    agree."""
    deals = _deals()
    tree = Hierarchy.of(
        [
            (TOTAL, sorted(deals["manager"].unique())),
            *((str(name), sorted(rows["agent"].unique())) for name, rows in deals.groupby("manager")),
            (TOTAL, sorted(deals["product"].unique())),
        ]
    )
    days = pd.date_range(SINCE, periods=WEEKS_THERE + 1, freq="7D")
    weekly = pd.concat([won_by_week(deals, level, days) for level in (TOTAL, "manager", "agent", "product")]) * 100
    table = weekly.rename_axis("series").reset_index().melt(id_vars="series", var_name="week", value_name="value")
    table["day"] = days.take(table["week"].to_numpy(np.int64))
    off: list[tuple[Floats, Floats, Floats]] = []
    exact = True
    for week in (27, 33, 39):
        asked = Asked(horizon=4)
        made = coherent(forecast(table, days[week], asked), tree)
        value = made.pivot_table(index="series", columns="step", values="value", aggfunc="sum").loc[list(tree.nodes)]
        exact = exact and bool((tree.constraints @ value.to_numpy() == 0).all()) and bool((value.to_numpy() >= 0).all())
        came = weekly.loc[list(tree.nodes)].to_numpy()[:, week : week + 4].sum(axis=1)
        base = made.groupby("series")["base"].sum().loc[list(tree.nodes)].to_numpy()
        off.append((base, value.to_numpy().sum(axis=1), came))
    report.add("total, managers, agents and products add up to the cent", str(exact), "True", exact)
    before, after, actual = (np.array([one[i] for one in off]) for i in range(3))
    for name, part in {"total": slice(0, 1), "parts": slice(1, None)}.items():
        report.add(f"weekly bookings, {name}, 4 weeks: WAPE before they agree", _wape(before[:, part], actual[:, part]))
        report.add(f"weekly bookings, {name}, 4 weeks: WAPE after", _wape(after[:, part], actual[:, part]))


# --- two thousand series at once ------------------------------------------------------------------------------------

MANY = 2_000
MANY_MINUTES = 5.0
TOGETHER = 20
"""Series that are handed to a process at once."""


def _many(report: Report) -> None:
    """Weekly series of two years, a third with a season of a quarter or a year, a third with a trend, a third mostly
    zero; with backtest, in processes of this machine, and on a Dask cluster of two workers."""
    pasts = _made_series()
    asked = Asked(horizon=WEEKS)
    with here() as pool:
        began = time.perf_counter()
        found = assembled(_spread(pool, pasts, asked), asked)
        seconds = time.perf_counter() - began
    report.at_most(f"{MANY:,} weekly series of {CUT} weeks with backtest: minutes", seconds / 60, MANY_MINUTES)
    report.add("of these, share with a season", _share(found, "seasonal", "MSTL", "mean of AutoETS, Theta"))
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        settings = Settings(_env_file=None, dask_scheduler=cluster.scheduler_address)
        with executor(settings) as pool:
            began = time.perf_counter()
            again = assembled(_spread(pool, pasts, asked), asked)
            report.add("the same by Dask: minutes", (time.perf_counter() - began) / 60)
    same = bool(found.rows.equals(again.rows)) and found.cards == again.cards
    report.add("the same by Dask: the same numbers", str(same), "True", same)


def _spread(pool: Executor, pasts: Mapping[str, Past], asked: Asked) -> list[Tried]:
    names = list(pasts)
    parts = [names[i : i + TOGETHER] for i in range(0, len(names), TOGETHER)]
    waiting = [pool.submit(try_here, [(name, pasts[name]) for name in part], asked) for part in parts]
    return [one for done in waiting for one in done.result()]


def _made_series() -> dict[str, Past]:
    rng = np.random.default_rng(2)
    t = np.arange(CUT)
    days = pd.date_range("2024-01-01", periods=CUT, freq="7D")
    found: dict[str, Past] = {}
    for number in range(MANY):
        level = rng.lognormal(4, 1)
        if number % 3 == 0:
            wave = 1 + rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * t / rng.choice([13, 52]) + rng.uniform(0, 6))
            values = level * wave + rng.normal(0, 0.15 * level, CUT)
        elif number % 3 == 1:
            values = level * (1 + rng.normal(0, 0.01) * t) + rng.normal(0, 0.1 * level, CUT).cumsum() * 0.3
        else:
            values = rng.poisson(0.4, CUT) * level
        found[f"s{number:04}"] = Past(np.maximum(values, 0.0), days)
    return found


# --- the examples that Prophet ships ---------------------------------------------------------------------------------

EXAMPLES = {
    "example_air_passengers": ("MS", 18), "example_retail_sales": ("MS", 18),
    "example_wp_log_peyton_manning": ("D", 30), "example_wp_log_R": ("D", 30), "example_pedestrians_covid": ("D", 30),
}  # fmt: skip


def _examples(report: Report) -> None:
    """The last steps held back. Days that are missing get the value of the day before."""
    for name, (step, horizon) in EXAMPLES.items():
        table = pd.read_csv(DATA / "prophet_examples" / f"{name}.csv", parse_dates=["ds"]).set_index("ds")["y"]
        whole = table[~table.index.duplicated()].asfreq(step).ffill()
        values, days = whole.to_numpy(np.float64), pd.DatetimeIndex(whole.index)
        past, actual = Past(values[:-horizon], days[:-horizon]), values[-horizon:]
        one = tried(name, past, Asked(horizon=horizon, more=(ProphetMember(),) if step == "MS" else ()))
        prophet = one.trial.ahead["Prophet"] if step == "MS" else ProphetMember().ahead(past, horizon)
        report.add(f"{name}: chosen", one.choice.name)
        report.add(f"{name}: MASE", _mase(past, actual, one.trial.ahead[one.choice.name].mean))
        report.add(f"{name}: MASE of Prophet", _mase(past, actual, prophet.mean))
        report.add(f"{name}: MASE of naive", _mase(past, actual, Naive().ahead(past, horizon).mean))
