"""Why a score is what it is, in words: what columns add, put together into the things that people talk about.

Points of all reasons, the average of 50 included, add up to the score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np
import pandas as pd

from insights import formats
from insights.scoring.columns import MISSING
from insights.scoring.lead_features import FIELD
from insights.scoring.score_model import AVERAGE, CALIBRATION, POINTS, SHARED, ScoreModel

MOST: Final = 5
"""Reasons that are told apart; the rest is one."""
OTHERS: Final = "others"
DRIFT: Final = "drift"
NEW: Final = ", seldom or never seen before"
LEAST_POINTS: Final = 0.5
"""What adds less is not told apart."""

Row = Mapping[str, Any]


def explain(
    model: ScoreModel, rows: pd.DataFrame, *, most: int = MOST, drift: float = 0.0
) -> list[list[dict[str, Any]]]:
    """For each row: the average, then the largest reasons, then the others; each `group`, `words`, `points`.

    rows: as `ScoreModel.contributions` takes them. drift: log-odds added to all, a reason of its own."""
    parts = model.contributions(rows)
    names = [group_of(name) for name in parts.columns]
    order = [*sorted(set(names) - {OTHERS}), OTHERS]
    points = np.zeros((len(parts), len(order)))
    for place, name in enumerate(names):
        points[:, order.index(name)] += parts.iloc[:, place].to_numpy(dtype=float) * POINTS
    records = cast("list[Row]", rows.to_dict("records"))
    lately = [{"group": DRIFT, "words": "what converts lately", "points": drift * POINTS}] if drift else []
    levels = model.levels()
    return [_told(order, points[number], row, most, lately, _unseen(row, levels)) for number, row in enumerate(records)]


def _unseen(row: Row, levels: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Groups whose value the model has never learnt of."""
    return frozenset(
        group_of(name) for name, known in levels.items()
        if not _is_gone(row.get(name)) and str(row.get(name)).strip() not in known
    )  # fmt: skip


def _told(
    order: list[str], points: Any, row: Row, most: int, lately: list[dict[str, Any]], unseen: frozenset[str]
) -> list[dict[str, Any]]:
    told = [place for place in np.argsort(-np.abs(points[:-1]), kind="stable")[:most]
            if abs(points[place]) >= LEAST_POINTS]  # fmt: skip
    rest = float(points.sum() - points[told].sum())
    return [
        {"group": "base", "words": "the average", "points": AVERAGE},
        *({"group": order[place], "words": words_of(order[place], row) + (NEW * (order[place] in unseen)),
           "points": float(points[place])}
          for place in told),
        *lately,
        {"group": OTHERS, "words": "everything else", "points": rest},
    ]  # fmt: skip


def group_of(part: str) -> str:
    """What a column of the model is talked about as."""
    if part in {SHARED, CALIBRATION}:
        return OTHERS
    if part.startswith(FIELD):
        return _without_part(part)
    return _GROUPS.get(part, part)


def _without_part(part: str) -> str:
    for end in (" (month)", " (weekday)", " (hour)", " (length)"):
        if part.endswith(end):
            return part.removesuffix(end)
    return part


_GROUPS: Final[Mapping[str, str]] = {
    "hour of arrival": "time of arrival", "weekday of arrival": "time of arrival",
    "contacted": "speed", "working days until contact": "speed", "hours until contact": "speed",
    "days since contact": "recency", "days since activity": "recency", "activities of two weeks": "recency",
    "calls and meetings": "work", "e-mails sent": "work", "activities": "work", "answers": "answers",
    "days until first activity": "speed",
    "owner: leads of a week": "desk", "owner: open leads": "desk", "owner: deals of a week": "desk",
    "owner: open deals": "desk", "owner: share won before": "record",
    "stage": "stage", "stage position": "stage", "days in stage": "days in stage", "age in days": "age",
    "amount": "amount", "currency": "amount", "amount against the first": "amount",
    "days until close date": "close date", "times put off": "close date",
    "steps forward": "moves", "steps back": "moves", "owners before": "moves",
}  # fmt: skip


def words_of(group: str, row: Row) -> str:
    """row: the features by name."""
    if group.startswith(FIELD):
        return _field(group.removeprefix(FIELD), row.get(group))
    if group in _WORDS:
        return _WORDS[group](row)
    if group.startswith("company: "):
        return _firm(group.removeprefix("company: "), row.get(group))
    return f"{group}: {_plain(row.get(group))}"


def _field(name: str, value: object) -> str:
    return f"{name} not filled in" if _is_gone(value) else f"{name}: {_plain(value)}"


def _firm(name: str, value: object) -> str:
    if _is_gone(value):
        return {"employees": "size of the company not known"}.get(name, f"{name} of the company not known")
    return {"employees": f"company of {_plain(value)} people", "country": f"company in {_plain(value)}"}.get(
        name, f"{name}: {_plain(value)}"
    )


def _is_gone(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() in MISSING
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA or value is pd.NaT


def _plain(value: object) -> str:
    if _is_gone(value):
        return "not known"
    if isinstance(value, float | np.floating | int | np.integer) and not isinstance(value, bool):
        return f"{float(value):,.0f}" if abs(float(value)) >= 10 or float(value).is_integer() else f"{float(value):.1f}"
    return str(value)


def _n(row: Row, name: str) -> float | None:
    value = row.get(name)
    return None if _is_gone(value) else float(value)  # type: ignore[arg-type]


def _plural(n: float, one: str, many: str | None = None) -> str:
    whole = round(n)
    return f"{whole:,} {one if whole == 1 else many or one + 's'}"


def _came_by(row: Row) -> str:
    source = row.get("source")
    return "source not known" if _is_gone(source) else f"came by {source}"


def _arrived(row: Row) -> str:
    hour, weekday = _n(row, "hour of arrival"), _n(row, "weekday of arrival")
    if hour is None or weekday is None:
        return "time of arrival not known"
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return f"came on a {days[int(weekday)]} at {int(hour)} o'clock"


def _speed(row: Row) -> str:
    first = _n(row, "days until first activity")
    if first is not None:
        has = (_n(row, "activities") or 0) > 0
        return f"first activity after {_plural(first, 'day')}" if has else f"no activity for {_plural(first, 'day')}"
    waited, hours = _n(row, "working days until contact"), _n(row, "hours until contact")
    if row.get("contacted") == "yes":
        if hours is not None and hours < 24:
            return f"contacted within {_plural(max(hours, 1), 'hour')}"
        return f"contacted after {_plural(waited or 0, 'working day')}"
    return "not contacted yet" if not waited else f"not contacted for {_plural(waited, 'working day')}"


def _recency(row: Row) -> str:
    last = _n(row, "days since contact")
    last = _n(row, "days since activity") if last is None else last
    return "no contact yet" if last is None else f"last contact {_plural(last, 'day')} ago"


def _work(row: Row) -> str:
    if _n(row, "activities") is not None:
        return _plural(_n(row, "activities") or 0, "activity", "activities")
    calls, mails = _n(row, "calls and meetings") or 0, _n(row, "e-mails sent") or 0
    return f"{_plural(calls, 'call or meeting', 'calls and meetings')}, {_plural(mails, 'e-mail')} sent"


def _desk(row: Row) -> str:
    for name, word in (("owner: open leads", "open lead"), ("owner: open deals", "open deal")):
        n = _n(row, name)
        if n is not None:
            return f"the owner has {_plural(n, word)}"
    return "no owner"


def _age(row: Row) -> str:
    days = _n(row, "age in days")
    if days is None:
        return "age not known"
    return "came within the last day" if days < 1 else f"{_plural(days, 'day')} old"


def _close_date(row: Row) -> str:
    days, pushes = _n(row, "days until close date"), _n(row, "times put off") or 0
    said = "no close date"
    if days is not None:
        said = f"close date in {_plural(days, 'day')}" if days >= 0 else f"close date {_plural(-days, 'day')} ago"
    return f"{said}, put off {_plural(pushes, 'time')}" if pushes else said


def _moves(row: Row) -> str:
    forward, back = _n(row, "steps forward") or 0, _n(row, "steps back") or 0
    said = f"{_plural(forward, 'step')} forward"
    return f"{said}, {_plural(back, 'step')} back" if back else said


def _said(known: str, gone: str, column: str) -> Callable[[Row], str]:
    return lambda row: gone if _is_gone(row.get(column)) else known.format(_plain(row.get(column)))


_MAILS: Final = {"company": "writes from a company's address", "free": "writes from a free address"}
_WORDS: Final[Mapping[str, Callable[[Row], str]]] = {
    "source": _came_by, "time of arrival": _arrived, "speed": _speed, "recency": _recency, "work": _work,
    "desk": _desk, "close date": _close_date, "moves": _moves,
    "campaign": _said("campaign {}", "no campaign", "campaign"),
    "mail address": lambda row: _MAILS.get(str(row.get("mail address")), "no e-mail address"),
    "phone number": lambda row: f"phone number {row.get('phone number')}",
    "company": lambda row: f"company {row.get('company')}",
    "answers": lambda row: _plural(_n(row, "answers") or 0, "answer"),
    "record": lambda row: "no owner" if _n(row, "owner: share won before") is None
    else f"the owner won {formats.share(_n(row, 'owner: share won before') or 0)} before",
    "stage": _said("in {}", "stage not known", "stage"),
    "days in stage": _said("{} days in this stage", "not known how long in this stage", "days in stage"),
    "age": _age,
    "amount": _said("amount of {}", "no amount", "amount"),
    "pipeline": _said("pipeline {}", "no pipeline", "pipeline"),
    "product": _said("product {}", "no product", "product"),
}  # fmt: skip
