"""Any table of series on trial: forecast from its past, graded on what was held back, beside the usual methods."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from insights.forecasting.even_steps import PLACE, Step, find_step, on_steps, past_from, places, without_gaps
from insights.forecasting.held_out import CHOSEN, NAIVE2, Comparison, Held, Judged, compared, judged
from insights.forecasting.members import CannotForecast
from insights.forecasting.panel import Asked
from ops.series_tables import Named, NotSeries, Observed, SeriesTable, read_series

LEAST_PAST: Final = 3
"""Steps before what is held back; with fewer there is nothing to forecast from."""
FEW: Final = 12
"""So many series are forecast here: other processes would take longer to start."""
TOGETHER: Final = 4
"""Series that are handed to another process at once."""
NAMED: Final = 5
"""Series that a message names."""
Figures = Mapping[str, float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """horizon: steps. season: steps of one season, for MASE, Naive2 and the seasonal naive, and looked for beside the
    usual ones; None: by the step. test: what came after the table's end; None: its last `horizon` steps are held back.
    gaps: what a missing step means, "zero" or "carry"; None: a few are carried on."""

    file: Path
    named: Named
    horizon: int
    season: int | None = None
    test: Path | None = None
    gaps: str | None = None
    with_prophet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """season: over which MASE looks back. filled: steps without a value that were filled in. left_out: why, by series.
    seconds: of the clock, for everything, while those of methods are of the processor and per series."""

    comparison: Comparison
    step: str
    season: int
    horizon: int
    filled: int
    left_out: Mapping[str, str]
    seconds: float


def backtest(question: Question, *, pool: Callable[[], Any] | None = None) -> Answer:
    """pool: gives an executor for many series, as a context; None: everything is done here. Raises NotSeries."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    began = time.perf_counter()
    held, step, filled, left_out = _held(question)
    if not held:
        why = next(iter(left_out.items()))
        raise NotSeries(f"No series can be forecast. {why[0]!r}: {why[1]}.")
    season = question.season or (1 if step in (PLACE,) or step.usual in (52, 7, 5) else step.usual)
    asked = _asked(question, step)
    all_judged = _judged(held, asked, pool)
    found = compared(all_judged, asked, season=season, usual=question.season or step.usual)
    return Answer(comparison=found, step=step.name, season=season, horizon=question.horizon, filled=filled,
                  left_out=left_out, seconds=time.perf_counter() - began)  # fmt: skip


def _asked(question: Question, step: Step) -> Asked:
    told = [question.season] if question.season and question.season > 1 else []
    seasons = dict.fromkeys(told if told and step.name == PLACE.name else [*step.seasons, *told])
    more: tuple[Any, ...] = ()
    if question.with_prophet:
        from insights.forecasting.prophet_member import ProphetMember

        more = (ProphetMember(),)
    return Asked(horizon=question.horizon, periods=tuple(seasons), more=more, lowest=None, clock=time.process_time)


# --- what is held back ------------------------------------------------------------------------------------------------


def _held(question: Question) -> tuple[list[Held], Step, int, dict[str, str]]:
    table = read_series(question.file, question.named)
    test = None if question.test is None else read_series(question.test, _named_alike(question.named, table))
    if test is not None and not set(test.series) & set(table.series):
        raise NotSeries(
            f"{question.test} and {question.file} have no series in common: {_some(test.series)}; "
            f"{_some(table.series)}."
        )
    step = _step(table)
    held, filled, left_out = [], 0, {}
    for name, observed in table.series.items():
        try:
            one, n = _one(name, observed, table, step, question, test)
        except CannotForecast as why:
            left_out[name] = str(why).rstrip(".")
            continue
        held.append(one)
        filled += n
    return held, step, filled, left_out


def _named_alike(named: Named, table: SeriesTable) -> Named:
    """A test table is read as the table itself was, by the names it has."""
    return Named() if table.is_wide else named


def _some(names: Mapping[str, Observed]) -> str:
    return ", ".join(map(repr, list(names)[:NAMED])) + (" …" if len(names) > NAMED else "")


def _step(table: SeriesTable) -> Step:
    if table.is_wide:
        return PLACE
    times = [one.times for one in table.series.values()]
    if not table.is_counted:
        try:
            return find_step(times)
        except CannotForecast as why:
            raise NotSeries(str(why)) from why
    gaps = np.concatenate([np.diff(np.unique(one)) for one in times])
    return replace(PLACE, size=max(1, int(np.median(gaps)))) if len(gaps) else PLACE


def _one(
    name: str, observed: Observed, table: SeriesTable, step: Step, question: Question, test: SeriesTable | None
) -> tuple[Held, int]:
    horizon = question.horizon
    if not len(observed.values):
        raise CannotForecast("it has no values")
    start = observed.times.min()
    values = on_steps(_at(observed.times, start, table, step), observed.values)
    if test is None:
        if len(values) < horizon + LEAST_PAST:
            needed = f"{LEAST_PAST} are needed before the {_steps(horizon)} to forecast"
            raise CannotForecast(f"it has {_steps(len(values))}; {needed}")
        known, actual = values[:-horizon], values[-horizon:]
    else:
        known, actual = values, _came(name, test, table, step, start, len(values), horizon)
    if len(known) < LEAST_PAST:
        raise CannotForecast(f"it has {_steps(len(known))}; {LEAST_PAST} are needed")
    whole, n = without_gaps(known, gaps=question.gaps)
    if question.gaps == "zero":
        actual = np.where(np.isfinite(actual), actual, 0.0)
    if not np.isfinite(actual).any():
        raise CannotForecast("nobody knows what came after its past")
    ends_early = len(known) - len(whole)  # a hole before what is held back: the last value still holds
    whole = np.concatenate([whole, np.repeat(whole[-1] if question.gaps != "zero" else 0.0, ends_early)])
    return Held(name, past_from(step, None if table.is_counted else start, whole), actual), n + ends_early


def _at(times: Any, start: Any, table: SeriesTable, step: Step) -> Any:
    if table.is_counted:
        return np.rint((times - start) / step.size).astype(np.int64)
    return places(times, step, start)


def _came(name: str, test: SeriesTable, table: SeriesTable, step: Step, start: Any, n: int, horizon: int) -> Any:
    """The steps after the past, NaN where the test table says nothing."""
    if name not in test.series:
        raise CannotForecast("the test table does not have it")
    came = test.series[name]
    at = came.times if test.is_wide else _at(came.times, start, table, step) - n
    if test.is_counted and not test.is_wide and len(at) and at.min() < 0:
        at = at - at.min()  # numbered from the beginning again
    if len(at) and at.min() < 0:
        raise CannotForecast("the test table begins before the table ends")
    found = np.full(horizon, np.nan)
    inside = at < horizon
    found[at[inside]] = came.values[inside]
    return found


# --- where it is done -------------------------------------------------------------------------------------------------


def _judged(held: Sequence[Held], asked: Asked, pool: Callable[[], Any] | None) -> list[Judged]:
    if pool is None or len(held) <= FEW:
        return judge_some(held, asked)
    with pool() as executor:
        return _in_pool(executor, held, asked)


def _in_pool(executor: Executor, held: Sequence[Held], asked: Asked) -> list[Judged]:
    """The longest series first, so that none is left over at the end; answers in the order of the series."""
    order = sorted(range(len(held)), key=lambda i: -len(held[i].past.values))
    parts = [order[i : i + TOGETHER] for i in range(0, len(order), TOGETHER)]
    waiting = [executor.submit(judge_some, [held[i] for i in part], asked) for part in parts]
    found: dict[int, Judged] = {}
    for part, done in zip(parts, waiting, strict=True):
        found.update(zip(part, done.result(), strict=True))
    return [found[i] for i in range(len(held))]


def judge_some(held: Sequence[Held], asked: Asked) -> list[Judged]:
    """A few series, in the process that is asked. Libraries are loaded before the first is timed."""
    _warm()
    return [judged(one, asked) for one in held]


def _warm() -> None:
    from statsforecast.models import MSTL, AutoETS, DynamicOptimizedTheta

    values = np.arange(24.0) + np.tile([0.0, 3.0, 1.0, 2.0], 6)
    for model in (AutoETS(season_length=1), DynamicOptimizedTheta(season_length=1), MSTL(season_length=4)):
        model.forecast(y=values, h=1, level=[80])


# --- how it is told ---------------------------------------------------------------------------------------------------


def as_json(answer: Answer) -> dict[str, Any]:
    """What `--json` prints: `chosen`, `methods`, and what was done with the table."""
    methods = {name: _rounded(one) for name, one in answer.comparison.methods.items()}
    return {
        "chosen": methods.pop(CHOSEN),
        "methods": methods,
        "choices": dict(answer.comparison.choices),
        "series": answer.comparison.n,
        "horizon": answer.horizon,
        "step": answer.step,
        "season": answer.season,
        "filled": answer.filled,
        "left_out": dict(answer.left_out),
        "seconds": round(answer.seconds, 3),
    }


def _rounded(one: Figures) -> dict[str, float | int | None]:
    digits = {"seconds": 6}  # a method takes some milliseconds
    return {
        name: round(value, digits.get(name, 4)) if isinstance(value, float) else value for name, value in one.items()
    }


def lines_of(answer: Answer) -> Iterator[str]:
    """The answer for a person to read."""
    found = answer.comparison
    yield (
        f"{found.n:,} series by {answer.step}, {_steps(answer.horizon)} ahead; MASE looks back {answer.season}. "
        f"{answer.seconds:.0f} s."
    )
    if answer.filled:
        yield f"{_steps(answer.filled)} had no value and were filled in."
    yield from _left_out(answer.left_out)
    yield ""
    yield f"{'':44} sMAPE %    MASE     OWA  cover 80 %  Winkler  s/series"
    ordered = sorted(found.methods.items(), key=lambda pair: (pair[0] != CHOSEN, -(pair[1]["n"] or 0)))
    for name, one in ordered:
        only = "" if one["n"] == found.n else f" ({one['n']} series)"
        yield _line(f"{name}{only}", one)
    yield ""
    yield "Chosen: " + ", ".join(f"{name} ({n} series)" for name, n in found.choices.items()) + "."
    yield f"OWA compares with {NAIVE2}."


def _steps(n: int) -> str:
    return f"{n:,} step" if n == 1 else f"{n:,} steps"


def _left_out(why: Mapping[str, str]) -> Iterator[str]:
    if why:
        yield f"{len(why):,} series left out:"
    for name, reason in list(why.items())[:NAMED]:
        yield f"    {name}: {reason}."
    if len(why) > NAMED:
        yield f"    and {len(why) - NAMED:,} more."


def _line(name: str, one: Figures) -> str:
    def said(key: str, width: int, digits: int) -> str:
        value = one[key]
        return f"{'–':>{width}}" if value is None else f"{value:{width}.{digits}f}"

    return (
        f"{name[:44]:44} {said('smape', 7, 3)} {said('mase', 7, 3)} {said('owa', 7, 3)} {said('coverage80', 11, 3)} "
        f"{said('winkler80', 8, 2)} {said('seconds', 9, 3)}"
    )
