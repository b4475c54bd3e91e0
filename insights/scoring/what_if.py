"""What would change a score: the same lead or deal, with something done that somebody can do.

The model is asked about what it saw in the past; that doing it now has the same effect is not proven, and pages say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import pandas as pd

from insights.scoring.score_model import POINTS, ScoreModel

LEAST_POINTS: Final = 1.0
Row = Mapping[str, Any]
Change = Callable[[Row], Mapping[str, Any] | None]


def _more(row: Row, name: str) -> float:
    value = row.get(name)
    return 1.0 if value is None or pd.isna(value) else float(value) + 1


def _contact(row: Row) -> Mapping[str, Any] | None:
    if row.get("contacted") != "no":
        return None
    age = row.get("age in days")
    hours = None if age is None or pd.isna(age) else float(age) * 24
    return {"contacted": "yes", "hours until contact": hours, "days since contact": 0.0,
            "calls and meetings": _more(row, "calls and meetings")}  # fmt: skip


def _call(row: Row) -> Mapping[str, Any] | None:
    if row.get("contacted") != "yes":
        return None
    return {"days since contact": 0.0, "calls and meetings": _more(row, "calls and meetings")}


def _phone(row: Row) -> Mapping[str, Any] | None:
    return {"phone number": "given"} if row.get("phone number") == "not given" else None


def _answer(row: Row) -> Mapping[str, Any] | None:
    if row.get("answers") is None or pd.isna(row["answers"]):
        return None
    return {"answers": _more(row, "answers"), "days since contact": 0.0}


def _meet(row: Row) -> Mapping[str, Any] | None:
    more = {name: _more(row, name) for name in ("activities", "activities of two weeks", "calls and meetings")}
    return more | {"days since activity": 0.0}


def _mail(row: Row) -> Mapping[str, Any] | None:
    more = {name: _more(row, name) for name in ("activities", "activities of two weeks")}
    return more | {"days since activity": 0.0}


CHANGES: Final[Mapping[str, Mapping[str, Change]]] = {
    "lead": {
        "Contact the lead now": _contact, "Call again": _call, "Get an answer": _answer,
        "Ask for a phone number": _phone,
    },
    "deal": {"Hold a call or meeting": _meet, "Write or do something else on it": _mail},
}  # fmt: skip


def what_if(model: ScoreModel, rows: pd.DataFrame, *, subject: str) -> list[list[dict[str, Any]]]:
    """For each row the things that somebody can do: `action`, `points` more (or fewer), the best first."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(len(rows))]
    before = model.log_odds(rows)
    records = cast("list[Row]", rows.to_dict("records"))
    for action, change in CHANGES[subject].items():
        changed = [(place, made) for place, row in enumerate(records) if (made := change(row)) is not None]
        if not changed:
            continue
        after = model.log_odds(_altered(rows, changed))
        for number, (place, _) in enumerate(changed):
            found[place].append({"action": action, "points": float(POINTS * (after[number] - before[place]))})
    return [sorted(one, key=lambda item: -item["points"]) for one in found]


def next_action(options: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one that adds most; None where none adds a whole point."""
    best = options[0] if options else None
    return best if best is not None and best["points"] >= LEAST_POINTS else None


def _altered(rows: pd.DataFrame, changed: list[tuple[int, Mapping[str, Any]]]) -> pd.DataFrame:
    made = rows.iloc[[place for place, _ in changed]].reset_index(drop=True)
    for name in sorted({name for _, change in changed for name in change} & set(map(str, rows.columns))):
        values = made[name].astype(object).tolist()
        for number, (_, change) in enumerate(changed):
            if name in change:
                values[number] = change[name]
        made[name] = pd.Series(values, dtype=made[name].dtype if made[name].dtype != object else object)
    return made
