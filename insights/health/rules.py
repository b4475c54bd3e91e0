"""The rules: what makes an open deal worth a look, by which limit, and what counts as having been right.

A rule raises flags for facts of an evening against what is usual by then. Where its limit rests on too little, or the
organization's CRM does not tell what it needs, it is not applied and says why: nothing is raised by a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pandas as pd

from insights.health.history import NONE, Evening
from insights.health.won import LEAST, Norm, Usual

QUIET_FALLBACK_DAYS: Final = 30.0
STAY_FALLBACK_DAYS: Final = 45.0
PUSHES_FALLBACK: Final = 2.0
"""Limits where fewer than LEAST won deals tell better: flags say that they rest on these."""
LEAST_PUSHES: Final = 2
"""A date that moved once is a correction, whatever is usual."""
MATERIAL_CHANGE: Final = 0.10
"""An amount that changed by less is no drift, whatever is usual."""
MOST_WON_HAVE: Final = 2 / 3
"""What so many won deals have is expected of an open one."""
ANSWERS_COME: Final = 0.95
"""In stages where so many won deals had had an answer, silence is a sign."""
LEAST_CALLS: Final = 3
"""So often somebody must have tried before silence counts."""
PLANNING_HABIT: Final = 0.25
"""Where fewer of the open deals have anything planned, nobody plans in the CRM, and a missing plan says nothing."""
VERSION: Final = "1"


class Outcome(StrEnum):
    """What counts as having come true, within 90 days of the day on which a flag was raised."""

    SLIPPED = "slipped"
    NOT_WON = "not_won"
    HELD_BACK = "held_back"


OUTCOMES: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.SLIPPED: (
        "lost or slipped",
        "It was lost, or not won by the close date that it had when it was flagged; where that had passed or was "
        "missing, not won within 90 days. A date later than that slips only by losing.",
    ),
    Outcome.NOT_WON: ("not won", "It was not won within 90 days."),
    Outcome.HELD_BACK: (
        "won early or for more",
        "It was won within 90 days, two weeks or more before the close date that it had, or for a tenth more.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """definition: what is flagged, in a sentence. outcome: when it was right. is_replayable: the past can be judged by
    what is known of it later."""

    key: str
    title: str
    definition: str
    outcome: Outcome = Outcome.SLIPPED
    is_replayable: bool = True


RULES: Final[Mapping[str, Rule]] = {
    one.key: one
    for one in (
        Rule(
            key="stale",
            title="Stale",
            definition="No activity and no change of stage for longer than 99 of 100 won deals of the pipeline ever "
            f"went without. With fewer than {LEAST} won deals: for more than {QUIET_FALLBACK_DAYS:.0f} days. Second "
            "records are left out: what happens stands on the first one.",
        ),
        Rule(
            key="slow_stage",
            title="Slow stage",
            definition="In its stage for longer than nine of ten won deals stayed there; times in which the stage "
            f"itself was stuck set no standard. With fewer than {LEAST} won deals: for more than "
            f"{STAY_FALLBACK_DAYS:.0f} days.",
        ),
        Rule(
            key="pushed",
            title="Pushed",
            definition="Its close date was put off more often than those of 95 of 100 won deals of the pipeline, and "
            f"at least twice. With fewer than {LEAST} won deals: more than {PUSHES_FALLBACK:.0f} times.",
        ),
        Rule(
            key="no_next_step",
            title="No next step",
            definition="Nothing is planned, and the last activity is longer ago than the pauses that nine of ten won "
            "deals of the pipeline usually made. Applied where at least a quarter of the open deals have something "
            "planned.",
            is_replayable=False,
        ),
        Rule(
            key="single_threaded",
            title="Single-threaded",
            definition="One contact alone, or none, beyond the deal's first stage, where at least two of three won "
            "deals of the pipeline had two or more.",
            is_replayable=False,
        ),
        Rule(
            key="amount_drift",
            title="Amount drift",
            definition="Its amount moved further from the first one than is ordinary for won deals of the pipeline "
            "(beyond 1.5 quartile distances), and by at least a tenth.",
        ),
        Rule(
            key="sandbag",
            title="Sandbagged?",
            definition="Beyond its first stage, but with an amount in the lowest third of what was won with its "
            "product, and a close date further off than is ordinary for won deals on entering its stage (beyond 1.5 "
            "quartile distances).",
            outcome=Outcome.HELD_BACK,
        ),
        Rule(
            key="happy_ears",
            title="Happy ears?",
            definition="Nothing ever came in from the customer, after three activities or more, in a stage that 19 of "
            "20 won deals left with an answer.",
            outcome=Outcome.NOT_WON,
        ),
        Rule(
            key="second_record",
            title="Second record?",
            definition="Another deal of the same company, product, pipeline and amount was created up to ten days "
            "before: the same business may be counted twice.",
            outcome=Outcome.NOT_WON,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Judged:
    """raised: `deal_id`, `rule`, `evidence` (value, limit, n, group and whatever else there is to say; JSON-ready), by
    deal. not_applied: why, by rule."""

    raised: pd.DataFrame
    not_applied: Mapping[str, str]


def judge(facts: pd.DataFrame, usual: Usual, evening: Evening, *, is_past: bool) -> Judged:
    """facts: FACTS of that evening, with `compared_minor` and `compared_currency`: the amount in the currency in which
    `usual` compares. is_past: the evening is judged by what is known of it later, so that rules which need more are
    left out."""
    rows: list[tuple[int, str, dict[str, Any]]] = []
    not_applied: dict[str, str] = {}
    for key, rule in RULES.items():
        if is_past and not rule.is_replayable:
            not_applied[key] = "What was known then is not recorded for days before this was switched on."
            continue
        found = _RULES[key](facts, usual, evening)
        if isinstance(found, str):
            not_applied[key] = found
        else:
            rows += [(deal_id, key, evidence) for deal_id, evidence in found]
    raised = pd.DataFrame(rows, columns=["deal_id", "rule", "evidence"])
    return Judged(raised.sort_values("deal_id", kind="stable", ignore_index=True), not_applied)


Found = list[tuple[int, dict[str, Any]]]
_FEW: Final = f"Fewer than {LEAST} won deals tell what is usual."
_SILENT: Final = "No source tells of activities on deals."


def _stale(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    if not _tells_activities(facts, usual):
        return _SILENT
    limit = _limits(facts["pipeline_id"], usual.quiet, QUIET_FALLBACK_DAYS)
    return _over(facts[facts["first_id"] == NONE], "quiet_days", limit)


def _slow_stage(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    if not facts["stage_days"].notna().any():
        return "No source tells when a stage was entered."
    return _over(facts, "stage_days", _limits(facts["stage_id"], usual.stay, STAY_FALLBACK_DAYS))


def _pushed(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    if not facts["close_day"].notna().any():
        return "No open deal has a close date."
    limit = _limits(facts["pipeline_id"], usual.pushes, PUSHES_FALLBACK)
    told = facts[facts["n_pushes"] >= LEAST_PUSHES]
    return _over(told, "n_pushes", limit.loc[told.index], pushed_days="pushed_days")


def _no_next_step(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    if not _tells_activities(facts, usual):
        return _SILENT
    share = float(facts["has_plan"].mean()) if len(facts) else 0.0
    if share < PLANNING_HABIT:
        return (
            f"{_percent(share)} of the open deals have something planned; below {_percent(PLANNING_HABIT)} nobody "
            "plans in the CRM, and a missing plan says nothing."
        )
    limit = _limits(facts["pipeline_id"], usual.pause, None)
    return _over(facts[~facts["has_plan"]], "quiet_days", limit) if limit["limit"].notna().any() else _FEW


def _single_threaded(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    limit = _limits(facts["pipeline_id"], usual.with_two_contacts, None)
    if limit["limit"].isna().all():
        return _FEW
    usual_share = float(limit["limit"].max())
    if usual_share < MOST_WON_HAVE:
        return (
            f"{_percent(usual_share)} of won deals had two contacts or more; below {_percent(MOST_WON_HAVE)} a single "
            "one is nothing unusual."
        )
    told = (facts["n_contacts"] <= 1) & (facts["n_stages"] > 1) & (limit["limit"] >= MOST_WON_HAVE)
    return _told(facts[told], "n_contacts", limit)


def _amount_drift(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    low = _limits(facts["pipeline_id"], usual.least_change, None)
    high = _limits(facts["pipeline_id"], usual.most_change, None)
    if low["limit"].isna().all():
        return _FEW
    change = facts["amount_minor"] / facts["first_minor"].where(facts["first_minor"] > 0) - 1.0
    shrank = (change < low["limit"]) & (change <= -MATERIAL_CHANGE)
    grew = (change > high["limit"]) & (change >= MATERIAL_CHANGE)
    told = facts.assign(change=change, **{name: high[name].where(grew, low[name]) for name in _NORM})[shrank | grew]
    return [
        (
            int(row["deal_id"]),
            {
                "value": round(float(row["change"]), 4),
                **_norm(row),
                "first_minor": int(row["first_minor"]),
                "amount_minor": int(row["amount_minor"]),
                "currency": row["currency"],
            },
        )
        for row in _records(told)
    ]


def _sandbag(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    ahead = _limits(facts["stage_id"], usual.ahead, None)
    if ahead["limit"].isna().all():
        return _FEW
    days = facts["close_day"] - evening.day
    far = (days > ahead["limit"]) & (facts["n_stages"] > 1) & facts["compared_minor"].notna()
    found: Found = []
    for row in _records(facts.assign(days=days, **{name: ahead[name] for name in _NORM})[far]):
        small = usual.small_amount(int(row["product_id"]), row["compared_currency"])
        if small.is_known and float(row["compared_minor"]) < small.value:
            amounts = {
                "amount_minor": int(row["compared_minor"]),
                "usual_minor": round(small.value),
                "currency": row["compared_currency"],
                "n_amounts": small.n,
            }
            found.append((int(row["deal_id"]), {"value": int(row["days"]), **_norm(row), **amounts}))
    return found


def _happy_ears(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    if not _tells_activities(facts, usual):
        return _SILENT
    limit = _limits(facts["stage_id"], usual.answered, None)
    if limit["limit"].isna().all():
        return _FEW
    if float(limit["limit"].max()) < ANSWERS_COME:
        return (
            f"At most {_percent(float(limit['limit'].max()))} of won deals had an answer on record in any stage; below "
            f"{_percent(ANSWERS_COME)} silence says nothing."
        )
    told = (facts["n_answers"] == 0) & (facts["n_touches"] >= LEAST_CALLS) & (limit["limit"] >= ANSWERS_COME)
    return _told(facts[told], "n_touches", limit)


def _second_record(facts: pd.DataFrame, usual: Usual, evening: Evening) -> Found | str:
    told = facts[facts["first_id"] != NONE]
    return [
        (int(deal_id), {"first_id": int(first_id)})
        for deal_id, first_id in zip(told["deal_id"], told["first_id"], strict=True)
    ]


_RULES: Final[Mapping[str, Callable[[pd.DataFrame, Usual, Evening], Found | str]]] = {
    "stale": _stale,
    "slow_stage": _slow_stage,
    "pushed": _pushed,
    "no_next_step": _no_next_step,
    "single_threaded": _single_threaded,
    "amount_drift": _amount_drift,
    "sandbag": _sandbag,
    "happy_ears": _happy_ears,
    "second_record": _second_record,
}

# --- how --------------------------------------------------------------------------------------------------------------


def _percent(share: float) -> str:
    return f"{share * 100:.0f}\u00a0%"


def _tells_activities(facts: pd.DataFrame, usual: Usual) -> bool:
    return usual.has_activities or bool((facts["n_touches"] > 0).any())


def _limits(keys: pd.Series, norm: Callable[[int], Norm], fallback: float | None) -> pd.DataFrame:
    """`limit`, `n`, `group` for each row. fallback: the limit where there is none; None leaves it missing."""
    known = {int(key): norm(int(key)) for key in keys.unique()}
    other = np.nan if fallback is None else fallback
    limits = {key: one.value if one.is_known else other for key, one in known.items()}
    return pd.DataFrame(
        {
            "limit": keys.map(limits).astype("float64"),
            "n": keys.map({key: one.n for key, one in known.items()}).astype("int64"),
            "group": keys.map({key: one.group for key, one in known.items()}).astype("object"),
        },
        index=keys.index,
    )


def _over(facts: pd.DataFrame, column: str, limits: pd.DataFrame, **further: str) -> Found:
    """Where the value is above its limit. further: columns that are told, too."""
    is_over = facts[column].to_numpy(dtype=np.float64) > limits.loc[facts.index, "limit"].to_numpy()
    return _told(facts[is_over], column, limits, **further)


def _told(facts: pd.DataFrame, column: str, limits: pd.DataFrame, **further: str) -> Found:
    """All of these, with their value and limit."""
    # By place: a column of another index would give rows to a frame that has none.
    own = limits.loc[facts.index]
    rows = facts.assign(**{name: own[name].to_numpy() for name in _NORM})
    return [
        (
            int(row["deal_id"]),
            {"value": int(row[column]), **_norm(row), **{name: int(row[one]) for name, one in further.items()}},
        )
        for row in _records(rows)
    ]


_NORM: Final = ("limit", "n", "group")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _norm(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"limit": round(float(row["limit"]), 4), "n": int(row["n"]), "group": str(row["group"])}
