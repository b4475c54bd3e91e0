"""From a view of a form to a won deal: how many come how far, with intervals; capture, cohorts and speed to lead.

Frames are those of `snapshots/lead_funnel.py`; of their visits only those that count (kind 0) do. A later step implies
the earlier ones, so that no step is larger than the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from typing import Final

import numpy as np
import pandas as pd

ENOUGH: Final = 30
"""Of fewer no rate is told, but the words "too few to judge"."""
Z: Final = 1.96
"""Of the intervals: 19 of 20 hold the true rate."""
COUNTED: Final = 0
KINDS: Final[Mapping[int, str]] = {
    1: "Bots and machines", 2: "Own staff", 3: "Repeats",
}  # fmt: skip
"""What is kept apart from the visits that count."""


@dataclass(frozen=True, slots=True)
class StepOf:
    """A step of the funnel. definition: what is counted."""

    key: str
    label: str
    definition: str


STEPS: Final[tuple[StepOf, ...]] = (
    StepOf("views", "Views", "Visits that saw the form: a visit is one visitor's session on one form and one day."),
    StepOf("starts", "Starts", "Visits in which something was entered."),
    StepOf("submits", "Submits", "Visits in which the form was sent."),
    StepOf("valid", "Valid", "Visits of which a lead was accepted and is not in quarantine."),
    StepOf(
        "contacts",
        "Contacts",
        "Visits of which a lead is a contact in the CRM, created or updated; updated is one that was there already, "
        "whether or not something had to be changed.",
    ),
    StepOf("deals", "Deals", "Visits whose contact got a deal after the lead was received."),
    StepOf("won", "Won", "Visits of whose deals one was won."),
)
VISIT_STEPS: Final = ("views", "starts", "submits")
LEAD_STEPS: Final = ("valid", "contacts", "deals", "won")
CONTACT_PARTS: Final = ("created", "updated")
"""What the contacts are made of: new ones, and those that were there already."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its n and its 95 % interval (Wilson 1927); value None: of nothing."""

    part: int
    n: int

    @property
    def value(self) -> float | None:
        return self.part / self.n if self.n else None

    @property
    def is_few(self) -> bool:
        return self.n < ENOUGH

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.part, self.n) if self.n else None


def rates(parts: pd.Series, wholes: pd.Series) -> list[Rate]:
    """Row by row, of counts."""
    return [Rate(int(part), int(n)) for part, n in zip(parts.tolist(), wholes.tolist(), strict=True)]


def wilson(part: int, n: int, *, z: float = Z) -> tuple[float, float]:
    """The score interval of a share; always within [0, 1], and never of no width where n is small.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    if n <= 0 or not 0 <= part <= n:
        raise ValueError(f"{part} of {n} is no share")
    share, widened = part / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / widened
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / widened
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if part == 0 else low), (1.0 if part == n else high)


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """rate: of the step before; whole: of the first step. Both None at the first one."""

    step: StepOf
    n: int
    rate: Rate | None
    whole: Rate | None


def reached(leads: pd.DataFrame) -> pd.DataFrame:
    """JOURNEYS with whether each came as far as `valid`, `contacts`, `deals` and `won`; a later one implies the
    earlier. A contact was either `created` or `updated`."""
    won = leads["n_won"] > 0
    deals = won | (leads["n_deals"] > 0)
    contacts = deals | (leads["state"] == "delivered")
    valid = contacts | (leads["state"] != "quarantined")
    created = contacts & (leads["outcome"] == "created")
    return leads.assign(
        valid=valid, contacts=contacts, created=created, updated=contacts & ~created, deals=deals, won=won
    )


def counted(frame: pd.DataFrame) -> pd.DataFrame:
    """Without bots, machines, own staff and repeats."""
    return frame[frame["kind"] == COUNTED]


def step_counts(visits: pd.DataFrame | None, leads: pd.DataFrame) -> dict[str, int]:
    """How many came to each step. visits: VISIT_COUNTS; None: begin with the leads, of which all are valid, or not."""
    went = reached(counted(leads))
    found = {key: int(went[key].sum()) for key in LEAD_STEPS}
    if visits is None:
        return {"submits": len(went), **found}
    held = counted(visits)
    return {key: int(held[f"n_{key}"].sum()) for key in VISIT_STEPS} | found


def contact_parts(leads: pd.DataFrame) -> dict[str, int]:
    """How many of the contacts were created, and how many updated."""
    went = reached(counted(leads))
    return {key: int(went[key].sum()) for key in CONTACT_PARTS}


def funnel(counts: Mapping[str, int]) -> list[FunnelStep]:
    """The steps that `counts` has, in their order."""
    steps = [step for step in STEPS if step.key in counts]
    made: list[FunnelStep] = []
    for number, step in enumerate(steps):
        n = counts[step.key]
        if number == 0:
            made.append(FunnelStep(step, n, None, None))
        else:
            made.append(FunnelStep(step, n, Rate(n, made[-1].n), Rate(n, made[0].n)))
    return made


def by_group(visits: pd.DataFrame, leads: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The counts of all steps, and of the parts of contacts, per group of `columns`, the most viewed first. Empty in,
    empty out."""
    keys = list(columns)
    seen = counted(visits).groupby(keys)[[f"n_{key}" for key in VISIT_STEPS]].sum()
    seen.columns = pd.Index(VISIT_STEPS)
    went = reached(counted(leads)).groupby(keys)[[*LEAD_STEPS, *CONTACT_PARTS]].sum()
    found = seen.join(went, how="outer").fillna(0).astype("int64").reset_index()
    return found.sort_values(["views", *keys], ascending=[False] + [True] * len(keys), ignore_index=True)


def lead_groups(leads: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The same without visits: `submits` counts the leads. Groups with a missing key are kept."""
    keys = list(columns)
    went = reached(counted(leads)).assign(submits=1)
    sums = went.groupby(keys, dropna=False)[["submits", *LEAD_STEPS, *CONTACT_PARTS]].sum()
    found = sums.astype("int64").reset_index()
    return found.sort_values(["submits", *keys], ascending=[False] + [True] * len(keys), ignore_index=True)


def apart(visits: pd.DataFrame) -> dict[str, int]:
    """How many visits are not counted, by why, in words."""
    by_kind = visits.groupby("kind")["n_views"].sum()
    return {name: int(by_kind.get(kind, 0)) for kind, name in KINDS.items()}


def capture_weeks(visits: pd.DataFrame, leads: pd.DataFrame, *, until: date, weeks: int) -> pd.DataFrame:
    """The capture rate, valid leads per view, in each of the last `weeks` weeks of seven days, the last ending with
    `until`: `day` (its first), `views`, `valid`, `value` (NaN: no views), `low`, `high`."""
    firsts = [until - timedelta(days=7 * back + 6) for back in range(weeks - 1, -1, -1)]
    edges = np.array([*firsts, until + timedelta(days=1)], dtype="datetime64[ns]")
    seen = _per_bin(counted(visits), "n_views", edges)
    went = reached(counted(leads))
    valid = _per_bin(went.assign(valid=went["valid"].astype("int64")), "valid", edges)
    rates = [Rate(min(part, n), n) for part, n in zip(valid, seen, strict=True)]
    return pd.DataFrame(
        {
            "day": pd.DatetimeIndex(firsts),
            "views": seen,
            "valid": valid,
            "value": [np.nan if one.value is None else one.value for one in rates],
            "low": [np.nan if one.interval is None else one.interval[0] for one in rates],
            "high": [np.nan if one.interval is None else one.interval[1] for one in rates],
            "is_few": [one.is_few for one in rates],
        }
    )


def _per_bin(frame: pd.DataFrame, column: str, edges: np.ndarray) -> list[int]:
    place = np.searchsorted(edges, frame["day"].to_numpy(dtype="datetime64[ns]"), side="right") - 1
    inside = (place >= 0) & (place < len(edges) - 1)
    weights = frame[column].to_numpy(dtype="float64")
    return [int(n) for n in np.bincount(place[inside], weights=weights[inside], minlength=len(edges) - 1)]


# --- time between steps -----------------------------------------------------------------------------------------------

GAPS: Final[Mapping[str, tuple[str, str, str]]] = {
    "to_contact": ("Lead to contact", "received_at", "delivered_at"),
    "to_touch": ("Lead to first activity", "received_at", "touched_at"),
    "to_deal": ("Lead to deal", "received_at", "deal_at"),
    "to_won": ("Deal to won", "deal_at", "won_at"),
}
"""What is measured between two times of a journey: its name, from, to."""


def median_gaps(leads: pd.DataFrame) -> pd.DataFrame:
    """Per gap: `key`, `gap`, `n` (journeys that have both times), `seconds` (median, NaN without any), `low` and
    `high` (the middle half lies between)."""
    went = counted(leads)
    return pd.DataFrame(
        [{"key": key, **_gap(name, went[last] - went[first])} for key, (name, first, last) in GAPS.items()]
    )


def _gap(name: str, took: pd.Series) -> dict[str, object]:
    seconds = took.dt.total_seconds().dropna()
    low, middle, high = (float(seconds.quantile(share)) if len(seconds) else np.nan for share in (0.25, 0.5, 0.75))
    return {"gap": name, "n": len(seconds), "seconds": middle, "low": low, "high": high}


def stage_funnel(stages: pd.DataFrame, deal_ids: Sequence[int]) -> pd.DataFrame:
    """How far the deals of leads came, per stage of the pipeline that most of them are in.

    stages: DEAL_STAGES of these deals. A later stage implies the earlier ones. Returns `pipeline`, `stage_id`, `stage`,
    `n` (reached it or a later one) and `of` (deals in that pipeline), in the pipeline's order. Empty in, empty out.
    """
    columns = ["pipeline", "stage_id", "stage", "n", "of"]
    mine = _in_one_pipeline(stages, deal_ids)
    if mine.empty:
        return pd.DataFrame(columns=columns)
    furthest = mine.groupby("deal_id")["position"].max()
    steps = mine.drop_duplicates("stage_id").sort_values(["position", "stage_id"])
    return pd.DataFrame(
        {
            "pipeline": steps["pipeline"].to_numpy(),
            "stage_id": steps["stage_id"].to_numpy(),
            "stage": steps["stage"].to_numpy(),
            "n": [int((furthest >= position).sum()) for position in steps["position"]],
            "of": len(furthest),
        }
    )[columns]


def stage_gaps(stages: pd.DataFrame, deal_ids: Sequence[int]) -> pd.DataFrame:
    """How long these deals took from one stage of that pipeline to the next, as of `median_gaps`, without `key`.

    Of deals that entered both, the earlier one first: what was moved back, or skipped a stage, says nothing of it.
    """
    columns = ["gap", "n", "seconds", "low", "high"]
    mine = _in_one_pipeline(stages, deal_ids)
    if mine.empty:
        return pd.DataFrame(columns=columns)
    order = mine.drop_duplicates("stage_id").sort_values(["position", "stage_id"])
    entered = mine.pivot_table(index="deal_id", columns="stage_id", values="entered_at", aggfunc="min")
    rows = []
    for before, after in pairwise(order.itertuples()):
        took = entered[after.stage_id] - entered[before.stage_id]
        names = " to ".join(str(one.stage or UNNAMED_STAGE) for one in (before, after))
        rows.append(_gap(names, took[took >= pd.Timedelta(0)]))
    return pd.DataFrame(rows, columns=columns)


UNNAMED_STAGE: Final = "Unnamed stage"


def _in_one_pipeline(stages: pd.DataFrame, deal_ids: Sequence[int]) -> pd.DataFrame:
    """The rows of the pipeline that most of these deals are in."""
    held = stages[stages["deal_id"].isin(list(deal_ids))]
    if held.empty:
        return held
    pipeline = held.groupby("pipeline_id")["deal_id"].nunique().idxmax()
    return held[held["pipeline_id"] == pipeline]


# --- cohorts ----------------------------------------------------------------------------------------------------------

COHORT_DAYS: Final = (7, 14, 30, 60, 90)


def cohorts(leads: pd.DataFrame, *, until: date, weeks: int = 13) -> pd.DataFrame:
    """Contacts by the ISO week of their first lead, and the share that had a deal so many days after it.

    Returns `week` (its Monday), `n`, and per entry of COHORT_DAYS `d7` …: the number with a deal by then, <NA> where
    the week's last lead is not that old at the end of `until`. Leads without a contact are their own.
    """
    first = first_leads(leads)
    newest = pd.Timestamp(until - timedelta(days=until.weekday()))
    first = first[first["week"] > newest - pd.Timedelta(weeks=weeks)]
    took = (first["deal_at"] - first["received_at"]).dt.total_seconds() / 86_400
    made = {"n": first.groupby("week").size()}
    for days in COHORT_DAYS:
        in_time = (took <= days).groupby(first["week"]).sum().astype("Int64")
        is_over = pd.Series(in_time.index + pd.Timedelta(days=7 + days) <= pd.Timestamp(until) + pd.Timedelta(days=1))
        made[f"d{days}"] = in_time.mask(~is_over.to_numpy())
    return pd.DataFrame(made).reset_index(names="week")


def first_leads(leads: pd.DataFrame) -> pd.DataFrame:
    """The first journey that counts of each contact, with `week`, the Monday of its ISO week, and as `deal_at` the
    contact's first deal."""
    went = counted(leads).sort_values(["received_at", "lead_id"])
    who = went["contact_id"].astype("string").fillna("lead " + went["lead_id"].astype("string"))
    week = went["day"] - pd.to_timedelta(went["day"].dt.weekday, unit="D")
    with_deal = went.assign(week=week, deal_at=went.groupby(who)["deal_at"].transform("min"))
    return with_deal[~who.duplicated()]


# --- speed to lead ----------------------------------------------------------------------------------------------------

SPEEDS: Final[tuple[tuple[str, float], ...]] = (
    ("Within 5 minutes", 300),
    ("Within an hour", 3_600),
    ("Within 4 hours", 4 * 3_600),
    ("Within a day", 86_400),
    ("Within 3 days", 3 * 86_400),
    ("Later", float("inf")),
)
NEVER: Final = "Not yet"


def speeds(leads: pd.DataFrame) -> pd.DataFrame:
    """Contacts by how soon a salesperson first turned to them, and how many got a deal.

    Of the journeys that are a contact. A deal that was there before the first activity does not count as its effect:
    the journey stands among those who were not turned to before. Returns `speed`, `n`, `deals` in the order of SPEEDS,
    then NEVER.
    """
    went = reached(counted(leads))
    went = went[went["contacts"]]
    speed = speed_of(went)
    rows = [(name, int((speed == name).sum()), int(went.loc[speed == name, "deals"].sum())) for name in SPEED_NAMES]
    return pd.DataFrame(rows, columns=["speed", "n", "deals"])


SPEED_NAMES: Final = (*(name for name, _ in SPEEDS), NEVER)


def speed_of(leads: pd.DataFrame) -> pd.Series:
    """The name of the speed of each journey."""
    touched = leads["touched_at"].where(~(leads["deal_at"] < leads["touched_at"]))
    seconds = (touched - leads["received_at"]).dt.total_seconds()
    limits = [limit for _, limit in SPEEDS]
    place = np.searchsorted(limits, seconds.fillna(0).to_numpy(), side="left")
    names = np.array([name for name, _ in SPEEDS], dtype=object)[place]
    return pd.Series(np.where(seconds.isna(), NEVER, names), index=leads.index, dtype="object")
