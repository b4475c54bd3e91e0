"""Where the open pipeline stands: one row per stage, with what has no stage, no amount or no date shown as such."""

from __future__ import annotations

from typing import Final

import pandas as pd

from insights.metrics import METRICS, Kpi
from insights.money import Money, converted, totals

NO_STAGE: Final = 0


def by_stage(
    stages: pd.DataFrame, ages: pd.DataFrame, *, rates: pd.DataFrame, day: pd.Timestamp, reporting_currency: str | None
) -> pd.DataFrame:
    """One row per pipeline and stage, in the CRM's order.

    stages: STAGES, ages: STAGE_AGES, both of one day; rates: RATES, of which those of `day` count. Returns pipeline_id
    and stage_id (0 where there is none), pipeline, stage, probability, n, n_valued, n_without_amount, n_undated,
    n_without_close_date, n_overdue, money and weighted (tuples of Money per currency; weighted is empty where the stage
    has no probability), p25_days, median_days, p75_days, max_days (NaN: not known when the stage was entered), n_aged.
    Empty in, empty out.
    """
    held = converted(stages, rates, reporting_currency, days=day.date()).assign(
        stage_id=stages["stage_id"].fillna(NO_STAGE), pipeline_id=stages["pipeline_id"].fillna(NO_STAGE)
    )
    rows = [_row(group) for _, group in held.groupby(["pipeline_id", "stage_id"], sort=False)]
    found = pd.DataFrame(rows, columns=_COLUMNS)
    aged = ages.rename(columns={"n": "n_aged"}).assign(
        stage_id=ages["stage_id"].fillna(NO_STAGE), pipeline_id=ages["pipeline_id"].fillna(NO_STAGE)
    )
    keys = {"pipeline_id": "int64", "stage_id": "int64"}
    return found.astype(keys).merge(aged.astype(keys), on=list(keys), how="left")


_COUNTS: Final = ("n", "n_valued", "n_undated", "n_without_close_date", "n_overdue")
_COLUMNS: Final = [
    "pipeline_id", "stage_id", "pipeline", "stage", "probability", "money", "weighted", "n_without_amount", *_COUNTS
]  # fmt: skip


def _row(group: pd.DataFrame) -> dict[str, object]:
    first = group.iloc[0]
    counts = {name: int(group[name].sum()) for name in _COUNTS}
    return {
        **{name: first[name] for name in ("pipeline_id", "stage_id", "pipeline", "stage", "probability")},
        **counts,
        "n_without_amount": counts["n"] - counts["n_valued"],
        "money": totals(group[group["n_valued"] > 0]),
        "weighted": _weighted(group),
    }


def _weighted(group: pd.DataFrame) -> tuple[Money, ...]:
    known = group[group["probability"].notna() & (group["n_valued"] > 0)]
    minor = (known["amount_minor"] * known["probability"]).round().astype("int64")
    return totals(known.assign(amount_minor=minor))


def main_currency(stages: pd.DataFrame) -> str | None:
    """The currency of most open deals, in which bars can be compared; None where no amount is known. stages: STAGES."""
    deals = stages.groupby("currency")["n_valued"].sum()
    return str(deals.idxmax()) if len(deals) and deals.max() > 0 else None


def open_pipeline(
    stages: pd.DataFrame, *, rates: pd.DataFrame, day: pd.Timestamp, reporting_currency: str | None
) -> Kpi:
    """The amount of all open deals, per currency; n is the number of open deals. stages: STAGES."""
    held = converted(stages, rates, reporting_currency, days=day.date())
    n, n_valued = int(held["n"].sum()), int(held["n_valued"].sum())
    money = totals(held[held["n_valued"] > 0])
    why = None
    if n == 0:
        why = "No deal is open."
    elif n_valued < n:
        why = f"None of the {n:,} has an amount." if n_valued == 0 else f"{n - n_valued:,} of {n:,} have no amount."
    return Kpi(METRICS["open_pipeline"], money[0].major if len(money) == 1 else None, n, money=money, why=why)


def expected_by_model(
    bands: pd.DataFrame, *, rates: pd.DataFrame, day: pd.Timestamp, reporting_currency: str | None
) -> Kpi:
    """Amount times chance of winning of all scored open deals; n is how many have both.

    bands: `n`, `n_expected`, `expected_minor` and `currency` of disjoint groups of scored deals."""
    n, scored = int(bands["n_expected"].sum()), int(bands["n"].sum())
    valued = bands.loc[bands["n_expected"] > 0, ["currency", "expected_minor"]]
    amounts = valued.rename(columns={"expected_minor": "amount_minor"})
    money = totals(converted(amounts, rates, reporting_currency, days=day.date()))
    why = "No open deal has a score." if scored == 0 else "None with a score has an amount." if n == 0 else None
    if why is None and n < scored:
        why = f"{scored - n:,} of {scored:,} have no amount."
    value = money[0].major if len(money) == 1 else None
    return Kpi(METRICS["expected_by_model"], value, n, money=money, why=why)
