"""A model's report card as tables: what it was measured by, beside what, and how much rests on how many.

One lead or deal is looked at several times while it is open, so rows are more than leads; intervals go by the latter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import pandas as pd

from insights.funnel import wilson

Card = Mapping[str, Any]
Part = Literal["cv", "newest"]
PARTS: Final[Mapping[Part, str]] = {"cv": "Cross-validated", "newest": "Newest fifth"}

DEFINITIONS: Final[Mapping[str, str]] = {
    "Score": "50 is the base rate, and ten points double the odds; shown from 0 to 100. Reasons are points too, and "
    "add up to it.",
    "Chance": "Probability that a lead converts within the horizon, or that a deal which is decided within it is won. "
    "Shown only where the gate is open; points by rule have none.",
    "Band": "Hot: a chance of at least twice the base rate, or of four in five. Warm: at least the base rate. Cool: at "
    "least half of it. Cold: less.",
    "Base rate": "Share of the looks at past leads or deals that ended in a conversion or a win.",
    "Horizon": "Days after creation within which 95 % of past conversions or wins had happened.",
    "n": "Looks: one at each age of a past lead or deal at which it was still open.",
    "Cross-validated": "Each of five parts is predicted by a model that learned from the other four; looks at one lead "
    "or deal stay in one part.",
    "Newest fifth": "The oldest 80 % predict the newest 20 %.",
    "AUC": "Chance that one that converted stands above one that did not; 0.5 is a coin. With its 95 % interval.",
    "Log loss": "Mean of −ln(the probability that was given to what happened). Less is better.",
    "Brier score": "Mean squared distance of probability and outcome. Less is better.",
    "ECE": "Expected calibration error: mean distance of what was said and what happened, over ten groups of equal "
    "size. Less is better.",
    "Lift at 10 %": "Rate among the best tenth by score, over the base rate. Likewise at 20 %.",
    "Expected conversions": "Sum of the chances of open leads.",
    "Track record": "Scores as they were issued, whose outcome is known by now: the mean chance beside the share that "
    "happened, by month of issue.",
}  # fmt: skip
"""What the words on pages of scores mean; docs/metrics.md says the same."""

NAMES: Final[Mapping[str, str]] = {
    "trees": "Decision trees", "linear": "Logistic regression", "blend": "Trees and regression, averaged",
    "base rate": "Base rate for all", "points by rule": "Points by rule",
}  # fmt: skip


def name_of(model: str) -> str:
    """What a model of the card is called: "only source" is "Source alone"."""
    if model.startswith("only "):
        return f"{model.removeprefix('only ').capitalize()} alone"
    return NAMES.get(model, model.capitalize())


def models(card: Card, part: Part) -> pd.DataFrame:
    """A row per model that was tried: the one that would be used, what it is held against, then the other candidates.

    Columns `model` (name), `is_chosen`, and the grades of the card: n, auc, auc_low, auc_high, log_loss, brier, ece,
    lift10, lift20; None where not defined. Empty where there is nothing of this part.
    """
    graded: Mapping[str, Mapping[str, Any]] = card.get("cv" if part == "cv" else "time_split") or {}
    chosen, baselines = card.get("chosen"), list(card.get("baselines", ()))
    order = [name for name in [chosen, *baselines] if name in graded]
    order += [name for name in graded if name not in order]
    rows = [{"model": name_of(str(name)), "is_chosen": name == chosen, **graded[str(name)]} for name in order]
    return pd.DataFrame(rows, columns=["model", "is_chosen", *GRADES])


GRADES: Final = ("n", "auc", "auc_low", "auc_high", "log_loss", "brier", "ece", "lift10", "lift20")


def reliability(card: Card, part: Part) -> pd.DataFrame:
    """What was said beside what happened, the lowest chance first: `predicted`, `happened`, `n` (looks), `low`, `high`
    (95 % interval, by leads or deals), `tenth` (1: the highest)."""
    bins = (card.get("reliability") or {}).get(part) or []
    per_look = int(card["n_entities"]) / max(int(card["n"]), 1) if bins else 1.0
    rows = [_bin(one, per_look) | {"tenth": len(bins) - place} for place, one in enumerate(bins)]
    return pd.DataFrame(rows, columns=["predicted", "happened", "n", "low", "high", "tenth"])


def _bin(one: Mapping[str, Any], per_look: float) -> dict[str, Any]:
    n = max(1, round(int(one["n"]) * per_look))
    low, high = wilson(min(n, round(float(one["happened"]) * n)), n)
    return {"predicted": float(one["predicted"]), "happened": float(one["happened"]), "n": int(one["n"]),
            "low": min(low, float(one["happened"])), "high": max(high, float(one["happened"]))}  # fmt: skip


def importance(card: Card, *, most: int = 10) -> pd.DataFrame:
    """What scores differ by, the largest first: `group`, `points` (mean distance from nothing). Less than a tenth of a
    point is left out."""
    found = [(shown(str(one["group"])), float(one["points"])) for one in card.get("importance", ())]
    return pd.DataFrame([one for one in found if one[1] >= 0.1][:most], columns=["group", "points"])


def shown(column: str) -> str:
    """A column's or group's name as people read it: "field: company_size" is "Company size"."""
    name = column.removeprefix("field: ").removeprefix("company: ").replace("_", " ")
    told = f"{name} of the company" if column.startswith("company: ") else name
    return told[:1].upper() + told[1:]


def columns(card: Card) -> list[str]:
    """What a training may be told to leave out: the columns that were used or left out, by their own names."""
    parts = (" (month)", " (weekday)", " (hour)", " (length)")
    used = [next((str(one).removesuffix(part) for part in parts if str(one).endswith(part)), str(one))
            for one in card.get("used", ())]  # fmt: skip
    return sorted({*used, *map(str, card.get("left_out") or {}), *map(str, card.get("drop") or ())}, key=shown)


def segments(card: Card) -> pd.DataFrame:
    """The share that converted or was won by source: `segment`, `n`, `n_positive`, `rate`, `low`, `high` (95 %
    interval). Empty where nothing was learned from."""
    rows = [(str(one["segment"]), int(one["n"]), int(one["n_positive"])) for one in card.get("segments") or ()]
    made = [(name, n, yes, yes / n, *wilson(yes, n)) for name, n, yes in rows]
    return pd.DataFrame(made, columns=["segment", "n", "n_positive", "rate", "low", "high"])


def probed(card: Card) -> pd.DataFrame:
    """What the leak probe said: `column`, `verdict` ("Left out" or "Kept, worth a question"), `why`, `auc` (alone;
    None where it was left out for another reason than that it knows the outcome)."""
    suspects = {str(one["column"]): one for one in card.get("suspects", ())}
    rows: list[dict[str, Any]] = []
    for column, one in suspects.items():
        verdict = "Left out" if one["verdict"] == "leak" else "Kept, worth a question"
        rows.append({"column": shown(column), "verdict": verdict, "why": one["why"], "auc": float(one["auc"])})
    for column, why in (card.get("left_out") or {}).items():
        if column not in suspects:
            said = str(why)
            rows.append({"column": shown(column), "verdict": "Left out", "why": said[:1].upper() + said[1:] + ".",
                         "auc": None})  # fmt: skip
    return pd.DataFrame(rows, columns=["column", "verdict", "why", "auc"])
