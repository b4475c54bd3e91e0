"""How well leads are scored on tables that anybody can have, what it costs, and that leaks and noise get no score.

The tables stand beside the project; without them the benchmark says so and measures nothing.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from benchmarks import demo_scores
from benchmarks.report import Report, median_seconds, peak_mb
from insights.scoring.choosing import choose_by_time
from insights.scoring.columns import frame_of, read_columns
from insights.scoring.evaluation import Evaluation, Trial
from insights.scoring.grading import auc
from insights.scoring.models import CANDIDATES, Blend, Linear, ShallowTrees, probability
from ops.evaluating import read_table

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
AFTERWARDS = (
    "Tags", "Lead Quality", "Lead Profile", "Asymmetrique Activity Index", "Asymmetrique Profile Index",
    "Asymmetrique Activity Score", "Asymmetrique Profile Score", "Last Notable Activity",
)  # fmt: skip
LEADS, CHUNK = 1_000_000, 50_000
BLOCK = 1_000


def run() -> bool:
    report = Report("scoring", packages=("lightgbm", "scikit-learn", "numpy", "pandas"))
    if not DATA.is_dir():
        print(f"{DATA} is missing: nothing was measured.")
        return False
    _education(report)
    _bank(report)
    _deals(report)
    _cost(report)
    _million(report)
    demo_scores.measure(report)
    report.write()
    return report.holds


def _table(path: str, target: str, positive: str) -> tuple[pd.DataFrame, Any]:
    table = read_table(DATA / path)
    return table.drop(columns=[target]), (table[target] == positive).to_numpy().astype(np.int64)


def _best(found: Evaluation) -> Any:
    return found.cv[found.chosen]


def _education(report: Report) -> None:
    frame, outcomes = _table("xeducation/Leads.csv", "Converted", "1")
    honest = Trial(frame=frame, outcomes=outcomes, drop=AFTERWARDS).run()
    best = _best(honest)
    report.at_least("X Education, 5 folds: AUC", best.auc, 0.900)
    report.at_most("X Education, 5 folds: AUC that would be a leak", best.auc, 0.93)
    report.at_most("X Education, 5 folds: Brier score", best.brier, 0.122)
    report.at_most("X Education, 5 folds: ECE", best.ece, 0.015)
    report.at_least("X Education, 5 folds: lift of the best tenth", best.lift10, 2.45)
    timed = Trial(frame=frame, outcomes=outcomes, drop=AFTERWARDS, time="Lead Number").run()
    newest = timed.time_split[timed.chosen]
    report.at_least("X Education, newest fifth: AUC", newest.auc or 0.0, 0.888)
    report.at_most("X Education, newest fifth: ECE", newest.ece, 0.035)
    order = np.random.default_rng(0).permutation(len(outcomes))
    moved = Trial(frame=frame.iloc[order], outcomes=outcomes[order], drop=AFTERWARDS).run()
    report.at_most("X Education, rows in another order: AUC moves by", abs(_best(moved).auc - best.auc), 0.01)
    named = _named(Trial(frame=frame, outcomes=outcomes).run())
    report.add(
        "X Education, leaks named", ", ".join(named), "Tags, Lead Quality", {"Tags", "Lead Quality"} <= set(named)
    )
    report.at_most("X Education without them, columns named", len(_named(honest)), 1)


def _named(found: Evaluation) -> list[str]:
    return [one.column for one in found.suspects if one.verdict == "leak"]


def _bank(report: Report) -> None:
    frame, outcomes = _table("bank_marketing/bank-additional-full.csv", "y", "yes")
    whole = Trial(frame=frame, outcomes=outcomes).run()
    report.add("bank, leaks named", ", ".join(_named(whole)), "duration", _named(whole) == ["duration"])
    frame = frame.drop(columns=["duration"])
    found = Trial(frame=frame, outcomes=outcomes).run()
    best = _best(found)
    report.at_least("bank without duration, 5 folds: AUC", best.auc, 0.80)
    report.at_least("bank without duration, 5 folds: lift of the best tenth", best.lift10, 4.5)
    report.at_most("bank without duration, 5 folds: ECE", best.ece, 0.006)
    report.at_most("bank without duration, columns named", len(_named(found)), 1)
    ordered = frame.assign(row=np.arange(len(frame), dtype=float))
    timed = Trial(frame=ordered, outcomes=outcomes, time="row", drop=("row",)).run()
    drift = timed.drift
    has_drifted = drift is not None and drift.has_drifted
    report.add("bank, drift of the newest fifth told", str(has_drifted), "True", has_drifted)
    report.add("bank, newest fifth: AUC", timed.time_split[timed.chosen].auc or 0.0)
    area = _rolling(frame, outcomes)
    report.at_least(f"bank, trained again each {BLOCK:,} contacts: AUC of the second half", area, 0.745)


def _rolling(frame: pd.DataFrame, outcomes: Any) -> float:
    """AUC over the second half: before each block a model is chosen and trained on all that came until then, as a
    training whose time is known chooses."""
    half = len(frame) // 2
    features = frame_of(read_columns(frame))
    found = np.zeros(len(frame) - half)
    for begin in range(half, len(frame), BLOCK):
        end = min(begin + BLOCK, len(frame))
        known = features.iloc[:begin]
        chosen = choose_by_time(known, outcomes[:begin], np.arange(begin, dtype=np.int64))
        model = CANDIDATES[chosen or "blend"]().fit(features.iloc[:begin], outcomes[:begin])
        found[begin - half : end - half] = model.log_odds(features.iloc[begin:end])
    return auc(outcomes[half:], found) or 0.0


def _deals(report: Report) -> None:
    table = read_table(DATA / "crm_opportunities" / "sales_pipeline.csv")
    closed = table[table["deal_stage"].isin(["Won", "Lost"])].reset_index(drop=True)
    outcomes = (closed["deal_stage"] == "Won").to_numpy().astype(np.int64)
    found = Trial(frame=closed.drop(columns=["deal_stage"]), outcomes=outcomes).run()
    report.at_most("won and lost deals, 5 folds: AUC that would be a leak", _best(found).auc, 0.60)
    report.add("won and lost deals, gate", "open" if found.gate.is_open else "shut", "shut", not found.gate.is_open)
    report.add(
        "won and lost deals, leaks named", ", ".join(_named(found)), "close_value", "close_value" in _named(found)
    )


def _cost(report: Report) -> None:
    frame, outcomes = _table("xeducation/Leads.csv", "Converted", "1")
    features = frame_of(read_columns(frame.drop(columns=list(AFTERWARDS))))
    linear = median_seconds(lambda: Linear().fit(features, outcomes), times=5)
    trees = median_seconds(lambda: ShallowTrees().fit(features, outcomes), times=5)
    report.at_most("fit of the trees relative to the linear model (median of 5)", trees / linear, 3.0)
    model, few = Blend().fit(features, outcomes), features.head(50)
    parts, shared = model.contributions(few)
    off = float(np.abs(parts.sum(axis=1).to_numpy() + shared - model.log_odds(few)).max())
    report.at_most("reasons: distance of their sum from the score", off, 1e-9)
    reasons = median_seconds(lambda: model.contributions(few), times=25)
    ratio = reasons / median_seconds(lambda: model.log_odds(few), times=25)
    report.at_most("reasons of 50 leads relative to their prediction (median of 25)", ratio, 15.0)


def _million(report: Report) -> None:
    frame, outcomes = _table("xeducation/Leads.csv", "Converted", "1")
    features = frame_of(read_columns(frame.drop(columns=list(AFTERWARDS))))
    model = Blend().fit(features, outcomes)
    places = np.random.default_rng(0).integers(0, len(features), LEADS)
    began, total = time.perf_counter(), 0.0
    for begin in range(0, LEADS, CHUNK):
        total += float(probability(model.log_odds(features.iloc[places[begin : begin + CHUNK]])).sum())
    report.add("share that is expected to convert, of a million leads", total / LEADS)
    report.at_most("seconds to score a million leads, in chunks", time.perf_counter() - began, 60.0)
    report.at_most("peak MB of this process", peak_mb(), 1536.0)
