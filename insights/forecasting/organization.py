"""The forecast of an organization, from the facts alone: every node by its best method, the near weeks of bookings with
open deals, made to add up, not below what is won; and a report card for each.

The same facts give the same forecast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from insights.forecasting.bookings_record import bookings_cards
from insights.forecasting.coherent import coherent
from insights.forecasting.deal_facts import DealFacts
from insights.forecasting.grading import Grades, grade, naive_scale
from insights.forecasting.hierarchy import Whole
from insights.forecasting.intervals import moved_low
from insights.forecasting.members import CannotForecast, Floats, Member, Past, SeasonalNaive
from insights.forecasting.naive_wins import where_naive_wins
from insights.forecasting.near_weeks import PAST, Verdict, judged, mean_at_origins, replays_of, with_open_deals
from insights.forecasting.nodes import (
    HORIZON,
    Grid,
    History,
    Measure,
    Step,
    TooLittlePast,
    events_of,
    grid_of,
    history_of,
    node,
)
from insights.forecasting.panel import Asked, Forecast, Tried, assembled, shown_at_origins, tried
from insights.forecasting.pipeline import FIRST_WEEKS, QUARTER, Replay
from insights.forecasting.sparse import grade_sums, is_sparse

METHOD_VERSION: Final = "4"
"""Raised where the same facts would give another forecast."""
FINE: Final = 1_000
"""Counts are reconciled in thousandths, for half a deal a week is a forecast too."""
SEASON: Final[Mapping[Step, int]] = {"week": QUARTER, "month": 12}
"""Of the seasonal naive forecast, which is tried whether or not a season is there."""
LEAST_WON: Final = 10
"""Won deals on record for which a currency is forecast."""
RECORD_WEEKS: Final = 4
"""Over how many weeks sums of bookings are held against what came, beside the weighted pipeline."""
RECORDED: Final = ("total", "team")
"""Kinds of nodes of which sums are held against what came; an owner's few deals say little."""
MOST_CORRELATED: Final = 0.9
COUNTS: Final = ""
COLUMNS: Final = (
    "node_kind", "node_key", "node_name", "parent_key", "currency", "step_no", "first_day", "last_day", "value", "low",
    "high", "won", "method",
)  # fmt: skip
TryAll = Callable[[Sequence[tuple[str, Past]], Asked], Sequence[Tried]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCard:
    """parent_key: of an owner in a team, the team. past: `first_day` and `values` of the past steps."""

    node_kind: str
    node_key: str
    parent_key: str | None
    currency: str
    card: Mapping[str, Any]
    past: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """rows: COLUMNS. left_out: why, by currency."""

    rows: pd.DataFrame
    cards: Sequence[NodeCard]
    left_out: Mapping[str, str]


def try_here(series: Sequence[tuple[str, Past]], asked: Asked) -> Sequence[Tried]:
    """One after the other, in this process."""
    return [tried(name, past, asked) for name, past in series]


def organization_forecast(
    facts: DealFacts, step: Step, measure: Measure, *, try_all: TryAll = try_here, more: Sequence[Member] = ()
) -> Made:
    """try_all: where trials are run. more: members that are tried on totals, too. Raises TooLittlePast, and
    CannotForecast where nothing can be forecast."""
    parts, cards, left_out = [], [], {}
    for currency in _currencies(facts) if measure == "bookings" else [COUNTS]:
        try:
            rows, made = _of_currency(facts, step, measure, currency, _Trials(try_all, more))
        except CannotForecast as why:
            left_out[currency] = str(why)
            if isinstance(why, TooLittlePast) and measure == "new_deals":
                raise
            continue
        parts.append(rows)
        cards += made
    if not parts:
        raise TooLittlePast(next(iter(left_out.values())))
    return Made(rows=pd.concat(parts, ignore_index=True), cards=cards, left_out=left_out)


def _currencies(facts: DealFacts) -> list[str]:
    """Those with enough won deals, the most frequent first. Raises TooLittlePast where there is none."""
    deals = facts.deals
    won = deals[(deals["status"] == "won") & deals["amount"].notna() & (deals["currency"] != "")]
    counts = won["currency"].value_counts()
    found = [str(name) for name in counts.index[counts >= LEAST_WON]]
    if not found:
        most = int(counts.max()) if len(counts) else 0
        raise TooLittlePast(f"{most} deals with an amount were won in one currency; {LEAST_WON} are needed.")
    return found


def _of_currency(
    facts: DealFacts, step: Step, measure: Measure, currency: str, trials: _Trials
) -> tuple[pd.DataFrame, list[NodeCard]]:
    events = events_of(facts, measure, currency)
    grid = grid_of(events["day"], facts.day, step)
    history = history_of(facts, events, grid)
    asked = Asked(horizon=HORIZON[step], by_sums=True, more=(SeasonalNaive(SEASON[step]),))
    series = [(name, Past(history.past.loc[name].to_numpy(np.float64), grid.past)) for name in history.hierarchy.nodes]
    own = trials.of(series, asked)
    said, by_kind = _near(facts, grid, currency, own) if (step, measure) == ("week", "bookings") else ([], {})
    given, verdicts = where_naive_wins(own, said, by_kind)
    found = assembled(given, asked)
    shown = with_open_deals(found, said, verdicts) if verdicts else found
    made = _agreeing(shown, history, fine=FINE if measure == "new_deals" else 1)
    names = _Names(facts, history)
    rows = _rows(made, history, grid, names, currency)
    moved = _moved(made)
    record = _Record(facts, said, verdicts, currency, moved)
    return rows, _cards(found, asked, history, grid, record, names, currency)


@dataclass(frozen=True, slots=True)
class _Trials:
    """Slow members are tried where they matter most."""

    try_all: TryAll
    more: Sequence[Member]

    def of(self, series: Sequence[tuple[str, Past]], asked: Asked) -> Sequence[Tried]:
        if not self.more:
            return self.try_all(series, asked)
        totals = [one for one in series if node(one[0])[0] == "total"]
        others = [one for one in series if node(one[0])[0] != "total"]
        found = [*self.try_all(totals, replace(asked, more=(*asked.more, *self.more))), *self.try_all(others, asked)]
        by_name = {one.series: one for one in found}
        return [by_name[name] for name, _ in series]


def _near(
    facts: DealFacts, grid: Grid, currency: str, own: Sequence[Tried]
) -> tuple[Sequence[Replay], Mapping[str, Verdict]]:
    """Replays, and verdicts by kind of node; where open deals cannot be looked at, no replay and why not."""
    try:
        said = replays_of(facts, grid, currency)
    except CannotForecast as why:
        return [], {node(one.series)[0]: Verdict(PAST, str(why), {}) for one in own}
    return said, judged(own, said)


def _agreeing(found: Forecast, history: History, *, fine: int) -> pd.DataFrame:
    scaled = found
    if fine > 1:
        rows = found.rows.assign(**{name: found.rows[name] * fine for name in ("value", "low", "high")})
        scaled = replace(found, rows=rows, tried=[_finer(one, fine) for one in found.tried])
    won: dict[str, Whole] = {
        name: np.rint(history.won.loc[name].to_numpy(np.float64) * fine).astype(np.int64)
        for name in history.hierarchy.nodes
    }
    made = coherent(scaled, history.hierarchy, won=won)
    return made.assign(**{name: made[name] / fine for name in ("base", "value", "low", "high")})


def _moved(made: pd.DataFrame) -> dict[str, float | None]:
    """By series, how far the horizon's sum was moved for parts and total to agree, and for what is won already, as a
    share of the node's own forecast; None where that is nothing."""
    sums = made.groupby("series")[["base", "value"]].sum()
    return {
        str(name): round(float(value / base) - 1, 4) if base > 0 else None
        for name, base, value in zip(sums.index, sums["base"], sums["value"], strict=True)
    }


def _finer(one: Tried, fine: int) -> Tried:
    track = one.trial.tracks.get(one.choice.name)
    if track is None:
        return one
    tracks = {one.choice.name: replace(track, mean=track.mean * fine)}
    return replace(one, trial=replace(one.trial, tracks=tracks, actual=one.trial.actual * fine))


@dataclass(frozen=True, slots=True)
class _Names:
    facts: DealFacts
    history: History

    def of(self, name: str) -> tuple[str, str, str | None, str | None]:
        """Kind, key, name and parent of a node."""
        kind, key = node(name)
        parent = self.history.parents.get(name) or None
        if kind == "source":
            return kind, key, key or None, None
        return kind, key, self.facts.names.get(kind, {}).get(key), parent


def _rows(made: pd.DataFrame, history: History, grid: Grid, names: _Names, currency: str) -> pd.DataFrame:
    kinds, keys, called, parents = zip(*(names.of(str(one)) for one in made["series"]), strict=True)
    last = grid.last_days()
    steps = made["step"].to_numpy(np.int64)
    won = np.concatenate([history.won.loc[str(name)].to_numpy(np.float64) for name in made["series"].unique()])
    return pd.DataFrame(
        {
            "node_kind": kinds, "node_key": keys, "node_name": pd.Series(called, dtype=object),
            "parent_key": pd.Series(parents, dtype=object), "currency": currency, "step_no": steps,
            "first_day": grid.coming[steps - 1], "last_day": last[steps - 1],
            "value": made["value"].to_numpy(np.float64), "low": made["low"].to_numpy(np.float64),
            "high": made["high"].to_numpy(np.float64), "won": won, "method": made["method"].to_numpy(object),
        }
    )[list(COLUMNS)]  # fmt: skip


# --- report cards -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """What bookings from open deals showed. verdicts, moved: by series."""

    facts: DealFacts
    said: Sequence[Replay]
    verdicts: Mapping[str, Verdict]
    currency: str
    moved: Mapping[str, float | None]

    def sums(self, history: History) -> Mapping[str, Mapping[str, Any]]:
        """By node, the card of sums over RECORD_WEEKS."""
        if not self.said:
            return {}
        found: dict[str, Mapping[str, Any]] = {}
        for kind in RECORDED:
            names = [name for name in history.hierarchy.nodes if node(name)[0] == kind]
            level = "total" if kind == "total" else kind
            known = self.said[-1].blend[level].index
            keys = {("total" if kind == "total" else node(name)[1]): name for name in names}
            kept = [key for key in known if key in keys]
            came = history.past.loc[[keys[key] for key in kept]].set_axis(kept)
            weeks = len(self.said) - 1 + FIRST_WEEKS
            came = came.iloc[:, -weeks:].set_axis(range(min(weeks, came.shape[1])), axis=1)
            if came.shape[1] < weeks or came.empty:
                continue
            made = bookings_cards([_only(one, level, kept) for one in self.said], level, came, RECORD_WEEKS)
            found |= {keys[key]: card for key, card in made.items()}
        return found


def _only(one: Replay, level: str, kept: Sequence[str]) -> Replay:
    """Of one level, the nodes alone."""
    parts = {
        part: {level: getattr(one, part)[level].reindex(kept, fill_value=0.0)}
        for part in ("raw", "pipeline", "series", "blend", "spread", "weighted")
    }
    return Replay(one.day, **parts)


def _cards(
    found: Forecast, asked: Asked, history: History, grid: Grid, record: _Record, names: _Names, currency: str
) -> list[NodeCard]:
    then = shown_at_origins(found.tried, asked)
    sums = record.sums(history)
    errors = {one.series: _final_errors(one, record) for one in found.tried if one.trial.tracks}
    correlation = {kind: _correlation([e for name, e in errors.items() if node(name)[0] == kind])
                   for kind in {node(one.series)[0] for one in found.tried}}  # fmt: skip
    made = []
    for one, shown in zip(found.tried, then, strict=True):
        kind, key, _, parent = names.of(one.series)
        card = dict(found.cards[one.series]) | _summary(one, shown, record, grid.step)
        card["at_origins"] = _at_origins(one, record, grid)
        card["near"] = _near_words(record.verdicts.get(one.series))
        card["sums"] = sums.get(one.series)
        if card["sums"] is not None:
            weighted = card["sums"]["methods"]["weighted pipeline, for reference"]
            card["baselines"] = {**card["baselines"], "weighted pipeline": weighted | {"weeks": RECORD_WEEKS}}
        card["correlation"] = correlation[kind]
        card["moved"] = record.moved[one.series]
        past = {
            "first_day": grid.past[0].date().isoformat(),
            "values": history.past.loc[one.series].to_numpy(np.float64).tolist(),
        }
        made.append(NodeCard(node_kind=kind, node_key=key, parent_key=parent, currency=currency, card=card, past=past))
    return made


def _final_errors(one: Tried, record: _Record) -> Floats:
    return mean_at_origins(one, record.said, record.verdicts.get(one.series)) - one.trial.actual


def _at_origins(one: Tried, record: _Record, grid: Grid) -> list[dict[str, Any]]:
    """At each past origin the days of its horizon, and their sums: what would have been said by what is used now, by
    both naive methods, and what came."""
    trial = one.trial
    if not trial.tracks:
        return []
    steps = trial.actual.shape[1]
    mean = np.maximum(mean_at_origins(one, record.said, record.verdicts.get(one.series)), 0.0)
    told = {"said": mean, "naive": trial.tracks["naive"].mean, "came": trial.actual,
            "seasonal_naive": trial.tracks[SeasonalNaive(SEASON[grid.step]).name].mean}  # fmt: skip
    return [
        {
            "first_day": grid.days[cutoff].date().isoformat(),
            "last_day": (grid.days[cutoff + steps] - pd.Timedelta(days=1)).date().isoformat(),
            **{name: round(float(each[place].sum()), 3) for name, each in told.items()},
        }
        for place, cutoff in enumerate(trial.cutoffs)
    ]


def _summary(one: Tried, shown: Sequence[Any], record: _Record, step: Step) -> dict[str, Any]:
    """The figures that stand beside a forecast, of what is shown and of what it has to beat; None: no origin."""
    trial = one.trial
    if not trial.tracks or not shown:
        return {"n_origins": 0, "wape": None, "mase": None, "bias": None, "coverage80": None, "baselines": {}}
    mean = mean_at_origins(one, record.said, record.verdicts.get(one.series))
    before, low, high = (np.array([getattr(each, end) for each in shown]) for end in ("mean", "low", "high"))
    past, by_sums = one.past.values[: trial.cutoffs[0]], is_sparse(trial)

    def graded(mean: Floats, low: Floats, high: Floats) -> dict[str, Any]:
        if by_sums:
            return _four(grade_sums(trial.actual, mean, low, high, past=past))
        return _four(grade(trial.actual, mean, low, high, scale=naive_scale(past)))

    low = np.clip(moved_low(low, mean - before), 0.0, np.maximum(mean, 0.0))
    high = np.maximum(high + mean - before, mean)
    naive, seasonal = trial.tracks["naive"], trial.tracks[SeasonalNaive(SEASON[step]).name]
    return {
        "n_origins": len(trial.cutoffs),
        "over": f"{HORIZON[step]} {step}s" if by_sums else None,
        **graded(np.maximum(mean, 0.0), low, high),
        "baselines": {
            "naive": graded(naive.mean, naive.low, naive.high),
            "seasonal naive": graded(seasonal.mean, seasonal.low, seasonal.high) | {"period": SEASON[step]},
        },
    }


def _four(made: Grades) -> dict[str, Any]:
    rounded = made.rounded()
    return {name: rounded[name] for name in ("wape", "mase", "bias", "coverage80")}


def _near_words(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {"used": verdict.used, "why": verdict.why, "errors": dict(verdict.errors)}


def _correlation(errors: Sequence[Floats]) -> float | None:
    """How errors of different steps of one origin go together, pooled over nodes; None: too few origins to say."""
    found = []
    for each in errors:
        if each.ndim != 2 or len(each) < 3 or each.shape[1] < 2:
            continue
        rms = np.sqrt((each**2).mean(axis=0))
        if (rms > 0).all():
            unit, steps = each / rms, each.shape[1]
            found.append((float((unit.sum(axis=1) ** 2).mean()) - steps) / (steps * (steps - 1)))
    return round(float(np.clip(np.mean(found), 0.0, MOST_CORRELATED)), 4) if found else None
