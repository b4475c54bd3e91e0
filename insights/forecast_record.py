"""The report card of a forecast as people read it: what is shown beside what it is held against, and a verdict.

Cards are those of `insights.forecasting` (`organization`, `panel`, `bookings_record`); nothing is graded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

SHOWN: Final = "shown"
BOTH: Final = "mean of both"
MEASURES: Final = ("wape", "mase", "bias", "coverage80", "n")
REFERENCE: Final = "weighted pipeline"
"""What cards call what people read as WIN_RATE: elsewhere a weighted pipeline is amount × stage probability."""
WIN_RATE: Final = "open deals × win rate"
PAST_WEEKS: Final = "past weeks"
"""What is said of the near weeks where open deals did not help."""
HELD: Final = (0.7, 0.9)
"""An 80 % interval that held so often is taken for right: with few origins more cannot be told."""
STEADY_BIAS: Final = 0.05
LEAST_MOVED: Final = 0.01
"""From this share on it is said how far making parts and whole agree moved a forecast."""

DEFINITIONS: Final[Mapping[str, str]] = {
    "WAPE": "Sum of the absolute errors over the sum of what came, at past origins. 0 % is perfect.",
    "MASE": "Mean absolute error over that of carrying on the last value inside the past. Below 1 is better than that.",
    "Bias": "Sum of the errors over the sum of what came. Positive: it said too much.",
    "80 % held": "How often what came lay inside the 80 % interval. 70 to 90 % is as promised.",
    "Naive": "What the last step brought, carried on. Seasonal naive: what came 13 weeks, or 12 months, before. Where "
    "one of them was no worse than what would be shown, it is shown.",
    "Open deals × win rate": "Open deals, each worth what won deals of its product brought on average, times the share "
    "of closed deals that were won. It has no date: a reference, not a forecast. It is not the Weighted pipeline of "
    "other pages, which is amount × stage probability.",
    "Origin": "A day in the past on which the forecast is made again, seeing only what was known then.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """tone: "good" where it was better than naive and its interval held, "risk" where something is off, "none" where
    nothing can be told. words: of one sentence each."""

    tone: str
    words: tuple[str, ...]


def methods(card: Mapping[str, Any]) -> pd.DataFrame:
    """One row per method: `method` (its name), `role` ("shown", "baseline", "reference", "other") and MEASURES, missing
    where it was not graded. What is shown stands first, then naive ones, the weighted pipeline, and the others."""
    shown = _shown(card)
    rows = [_row(_name_of_shown(card), SHOWN, shown)] if shown else []
    held_against: Mapping[str, Mapping[str, Any]] = card.get("baselines") or {}
    rows += [_row(_full_name(name, grades), _role(name), grades) for name, grades in held_against.items()]
    if not any(row["role"] == "reference" for row in rows):
        rows += [_row(name, "reference", grades) for name, grades in _references(card).items()]
    told = {row["method"] for row in rows if row["role"] != SHOWN}
    held: Mapping[str, Mapping[str, Any]] = card.get("methods") or {}
    rows += [_row(name, _role(name), grades) for name, grades in held.items() if name not in {SHOWN, *told}]
    found = pd.DataFrame(rows, columns=["method", "role", *MEASURES])
    order = {SHOWN: 0, "baseline": 1, "reference": 2, "other": 3}
    found = found.assign(place=found["role"].map(order)).sort_values("place", kind="stable")
    return found.drop(columns="place").reset_index(drop=True).astype(dict.fromkeys(MEASURES, "float64"))


def _shown(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of an organization's node what is shown in the end; else what the method alone would have said."""
    if "baselines" in card:
        return {name: card.get(name) for name in MEASURES} if card.get("wape") is not None else {}
    found: Mapping[str, Any] = card.get(SHOWN) or (card.get("methods") or {}).get(SHOWN) or {}
    return found


def _full_name(name: str, grades: Mapping[str, Any]) -> str:
    """With its season in steps, as methods have it; the weighted pipeline with the weeks whose sums it is held
    against."""
    if grades.get("period"):
        return f"{name} ({grades['period']})"
    return f"{_called(name)}, {grades['weeks']} weeks" if grades.get("weeks") else _called(name)


def _called(name: str) -> str:
    return name.replace(REFERENCE, WIN_RATE, 1) if name.startswith(REFERENCE) else name


def _references(card: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The weighted pipeline, where sums of some weeks were held against it."""
    sums: Mapping[str, Any] = card.get("sums") or {}
    return {f"{WIN_RATE}, {sums['weeks']} weeks": grades for name, grades in (sums.get("methods") or {}).items()
            if name.startswith(REFERENCE) and grades.get("n")}  # fmt: skip


def _name_of_shown(card: Mapping[str, Any]) -> str:
    near: Mapping[str, Any] = card.get("near") or {}
    if near and near.get("used") != PAST_WEEKS:
        return "mean of open deals and past weeks" if near["used"] == BOTH else str(near["used"])
    return str(card.get("chosen") or "open deals and history")


def reasons(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Why this is shown, and why it was not tried more often: sentences."""
    near: Mapping[str, Any] = card.get("near") or {}
    told = (near.get("why"), card.get("why"), card.get("why_few_origins"), _moved(card))
    return tuple(str(one) for one in told if one)


def _moved(card: Mapping[str, Any]) -> str | None:
    moved = card.get("moved")
    if moved is None or abs(moved) < LEAST_MOVED:
        return None
    return f"That parts and whole agree moved it {'up' if moved > 0 else 'down'} by {_percent(abs(moved))}."


def _role(name: str) -> str:
    if name.startswith(REFERENCE):
        return "reference"
    return "baseline" if name.startswith(("naive", "seasonal naive")) else "other"


def _row(name: str, role: str, grades: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": _called(name), "role": role, **{one: grades.get(one) for one in MEASURES}}


def n_origins(card: Mapping[str, Any]) -> int:
    """At how many days in the past the forecast was made again; 0: its past is too short."""
    return int(card["n_origins"]) if "n_origins" in card else len(card.get("origins") or ())


ORIGINS: Final = ("first_day", "last_day", "said", "came", "error", "naive", "seasonal_naive")


def origins(card: Mapping[str, Any]) -> pd.DataFrame:
    """ORIGINS, a row per past origin, the newest first: first and last day of what was forecast there, the sum that
    would have been said, what came, the error as a share of that (missing where nothing came), and what naive methods
    would have said; in the unit of the forecast. Empty where the card keeps none, as those of methods before version 4.
    """
    found = pd.DataFrame(list(card.get("at_origins") or ()), columns=[name for name in ORIGINS if name != "error"])
    for name in ("first_day", "last_day"):
        found[name] = pd.to_datetime(found[name])
    sums = [name for name in found.columns if name not in {"first_day", "last_day"}]
    found = found.astype(dict.fromkeys(sums, "float64"))
    found["error"] = ((found["said"] - found["came"]) / found["came"]).where(found["came"] > 0)
    return found.iloc[::-1].reset_index(drop=True)[list(ORIGINS)]


def verdict(card: Mapping[str, Any]) -> Verdict:
    """What the record says, in plain words."""
    if _is_unseen(card):
        return Verdict(tone="none", words=(
            "Open deals count in it, and cannot be looked back on at enough past origins yet: the figures are mostly "
            "of what past weeks alone would have said.",
        ))  # fmt: skip
    found = methods(card)
    shown = found[found["role"] == SHOWN]
    if shown.empty or pd.isna(shown["wape"].iloc[0]):
        return Verdict(tone="none", words=("Its past is too short to tell how good it was.",))
    one = shown.iloc[0]
    parts = (_against_naive(found, one, _over(card)), _held(one), _leaning(one))
    told = [part for part in parts if part is not None]
    is_off = any(is_bad for is_bad, _ in told)
    return Verdict(tone="risk" if is_off else "good", words=tuple(words for _, words in told))


def _is_unseen(card: Mapping[str, Any]) -> bool:
    near: Mapping[str, Any] = card.get("near") or {}
    return bool(near) and near["used"] != PAST_WEEKS and not near.get("errors")


def _percent(share: float) -> str:
    return f"{share * 100:,.0f}\u00a0%"


def _over(card: Mapping[str, Any]) -> str:
    """What one error is of: a single step, or a sum of several weeks."""
    if card.get("over"):
        return f"Over {card['over']}"
    weeks = card.get("weeks")
    return f"Over {weeks} weeks" if weeks else "Step by step"


def _against_naive(found: pd.DataFrame, one: pd.Series, over: str) -> tuple[bool, str] | None:
    """From version 4 of the methods on a naive one is shown where it is no worse; cards of before stay as they are."""
    plain = found[(found["role"] == "baseline") & found["wape"].notna()]
    if plain.empty:
        return None
    best = plain.loc[plain["wape"].idxmin()]
    wape, error = round(float(one["wape"]), 4), round(float(best["wape"]), 4)
    name, shown = str(best["method"]), str(one["method"])
    if wape <= error and shown in set(plain["method"]):
        return False, (f"{shown[:1].upper()}{shown[1:]} is shown, for what would replace it was no better: "
                       f"{over.lower()} its error was {_percent(wape)} of what came.")  # fmt: skip
    if wape <= error:
        return False, f"{over} its error was {_percent(wape)} of what came, that of {name} {_percent(error)}."
    return True, f"{over} {name} had the smaller error: {_percent(error)} of what came against {_percent(wape)}."


def _held(one: pd.Series) -> tuple[bool, str] | None:
    if pd.isna(one["coverage80"]):
        return None
    held = float(one["coverage80"])
    words = f"Its 80\u00a0% interval held {_percent(held)} of the time"
    if held < HELD[0]:
        return True, f"{words}: it is too narrow."
    return False, f"{words}." if held <= HELD[1] else f"{words}: it is wide."


def _leaning(one: pd.Series) -> tuple[bool, str] | None:
    if pd.isna(one["bias"]) or abs(float(one["bias"])) < STEADY_BIAS:
        return None
    bias = float(one["bias"])
    return abs(
        bias
    ) >= 2 * STEADY_BIAS, f"It said {_percent(abs(bias))} too {'much' if bias > 0 else 'little'} on the whole."
