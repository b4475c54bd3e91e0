"""Any table on trial: read as it is written, its outcome found, its leaks named, a score graded against the past."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.csv_export.tables import NotATable, find_layout, rows, table_files
from adapters.errors import FatalError

if TYPE_CHECKING:
    import pandas as pd

    from insights.scoring.evaluation import Evaluation

SHOWN = 8
"""Values of a column that a message lists."""


class NotScorable(FatalError):
    """The table cannot be evaluated as asked; the message names the column or option and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """target, positive: the column of the outcome and its value where a row converted. in_order: the rows stand in the
    order in which they came. The rest as in `insights.scoring.evaluation.Trial`."""

    file: Path
    target: str
    positive: str
    time: str | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()
    keep_leaks: bool = False
    in_order: bool = False


def read_table(file: Path) -> pd.DataFrame:
    """A table of text, whatever its encoding and separator; a row that cannot be told apart is left out. Raises
    NotScorable."""
    import pandas as pd

    found = table_files(file)
    if len(found) != 1:
        raise NotScorable(f"{file} holds {len(found)} files; name one table.")
    try:
        layout = find_layout(found[0])
    except NotATable as why:
        raise NotScorable(f"{file} is not read as a table: {why}.") from why
    width = len(layout.columns)
    cells = [(row + [""] * width)[:width] for _, row in rows(found[0], layout) if row is not None]
    return pd.DataFrame(cells, columns=list(layout.columns), dtype=object)


def evaluate(question: Question) -> Evaluation:
    """Raises NotScorable."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on two busy cores are ten times slower than one
    _demand_library()
    import numpy as np

    from insights.scoring.evaluation import CannotScore, Trial

    table = read_table(question.file)
    target = _column(table, question.target, "--target")
    outcome = table[target].str.strip()
    known = outcome != ""
    positive = _positive(outcome[known], question)
    table = table[known].drop(columns=[target]).reset_index(drop=True)
    if question.in_order:
        table[ROW] = np.arange(len(table), dtype=float)
    names = {name: _column(table, name, "--drop") for name in question.drop}
    try:
        return Trial(
            frame=table,
            outcomes=(outcome[known] == positive).to_numpy().astype(np.int64),
            time=ROW if question.in_order else question.time and _column(table, question.time, "--time"),
            group=question.group and _column(table, question.group, "--group"),
            drop=(*names.values(), *([ROW] if question.in_order else ())),
            keep_leaks=question.keep_leaks,
        ).run()
    except CannotScore as why:
        raise NotScorable(str(why)) from why


ROW = "row in the table"


def _demand_library() -> None:
    """LightGBM's wheel leans on a library of the system, which slim images leave out."""
    try:
        import lightgbm  # noqa: F401
    except OSError as error:
        raise NotScorable(
            f"A library of this system is missing ({error}). Debian, Ubuntu: apt install libgomp1"
        ) from error


def _column(table: pd.DataFrame, wanted: str, option: str) -> str:
    """The column's name as the table writes it; case and space around it do not matter."""
    plain = {str(name).strip().casefold(): str(name) for name in table.columns}
    if wanted in table.columns:
        return wanted
    if wanted.strip().casefold() in plain:
        return plain[wanted.strip().casefold()]
    raise NotScorable(f"{option}: there is no column {wanted!r}. There are: {', '.join(map(str, table.columns))}.")


def _positive(outcome: pd.Series, question: Question) -> str:
    values = [str(value) for value in outcome.value_counts().index]
    matches = [value for value in values if value == question.positive.strip()]
    matches = matches or [value for value in values if value.casefold() == question.positive.strip().casefold()]
    matches = matches or [value for value in values if _is_same_number(value, question.positive)]
    if matches and len(values) > 1:
        return matches[0]
    listed = ", ".join(map(repr, values[:SHOWN])) + (" …" if len(values) > SHOWN else "")
    if matches:
        raise NotScorable(
            f"--target: all rows of {question.target!r} are {matches[0]!r}; there is nothing to tell apart."
        )
    raise NotScorable(f"--positive: {question.target!r} is never {question.positive!r}. It is: {listed or 'empty'}.")


def _is_same_number(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def as_json(found: Evaluation) -> dict[str, Any]:
    """The evaluation as `--json` prints it; `cv` and `time_split` are the chosen model's."""
    cv, split = found.cv[found.chosen], found.time_split.get(found.chosen)
    return {
        "n": found.n,
        "conversions": found.conversions,
        "chosen": found.chosen,
        "calibration": found.calibration,
        "cv": cv.rounded(),
        "time_split": split.rounded() if split is not None else None,
        "gate": {"open": found.gate.is_open, "why": found.gate.why},
        "leaks": [one.column for one in found.suspects if one.verdict == "leak"],
        "questions": [one.column for one in found.suspects if one.verdict == "ask"],
        "reasons": {one.column: one.why for one in found.suspects},
        "drift": None
        if found.drift is None
        else {"found": found.drift.has_drifted, "before": found.drift.before, "after": found.drift.after},
        "models": _compared(found, lambda name: name in MODELS),
        "baselines": _compared(found, lambda name: name not in MODELS),
        "used": list(found.used),
        "left_out": dict(found.left_out),
    }


MODELS = ("trees", "linear", "blend")


def _compared(found: Evaluation, is_wanted: Any) -> dict[str, Any]:
    return {
        name: {
            "cv": one.rounded(),
            "time_split": found.time_split[name].rounded() if name in found.time_split else None,
        }
        for name, one in found.cv.items()
        if is_wanted(name)
    }


def lines_of(found: Evaluation) -> Iterator[str]:
    """The evaluation for a person to read."""
    yield f"{found.n:,} rows, {found.conversions:,} converted ({found.conversions / found.n:.1%})."
    yield ""
    yield from _suspects(found)
    yield f"{'5 folds':24}    AUC  log loss   Brier     ECE  lift 10 %"
    for name, one in found.cv.items():
        yield _line(name, one, is_chosen=name == found.chosen)
    if found.time_split:
        yield ""
        yield f"{'oldest 80 % → newest':24}    AUC  log loss   Brier     ECE  lift 10 %"
        for name, one in found.time_split.items():
            yield _line(name, one, is_chosen=name == found.chosen)
    if found.drift is not None and found.drift.has_drifted:
        yield ""
        yield (
            f"Drift: {found.drift.before:.1%} of the oldest rows converted, {found.drift.after:.1%} of the newest. "
            "Probabilities learnt before do not hold now; train again on newer rows."
        )
    yield ""
    yield f"Score {'shown' if found.gate.is_open else 'not shown'}. {found.gate.why}"


def _suspects(found: Evaluation) -> Iterator[str]:
    for one in found.suspects:
        word = "Left out" if one.column in found.left_out else "Kept" if one.verdict == "leak" else "Look at"
        yield f"{word}: {one.column}. {one.why}"
    if found.suspects:
        yield ""


def _line(name: str, one: Any, *, is_chosen: bool) -> str:
    numbers = [one.auc, one.log_loss, one.brier, one.ece, one.lift10]
    said = "  ".join(f"{'–':>7}" if number is None else f"{number:7.4f}" for number in numbers)
    return f"{name[:22]:22}{' *' if is_chosen else '  '} {said}"
