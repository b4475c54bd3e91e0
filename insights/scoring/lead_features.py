"""What a score may know of a lead at an instant: what was recorded before it, and nothing that came after.

Leads without a time of creation (exports often lack it) have what they bring along, and nothing that needs a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from insights.scoring.known import (
    NEVER,
    Companies,
    Ints,
    days_between,
    instants,
    kept_where,
    load_at,
    local_parts,
    mail_kind,
    met_before,
    state_at,
    working_days,
)

FIELD: Final = "field: "
"""Before the name of a column that comes from a lead's own fields."""
_CONVERSATION: Final = frozenset({"call", "meeting", "appointment"})
_RECORD: Final = frozenset({"note", "task"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFacts:
    """The frames of `snapshots.score_facts`, of these leads: leads, versions (as they stood before), touches; and of
    all: spans (who had which when), companies."""

    leads: pd.DataFrame
    versions: pd.DataFrame
    touches: pd.DataFrame
    spans: pd.DataFrame
    companies: Companies
    zone: ZoneInfo


def lead_features(facts: LeadFacts, asked: pd.DataFrame) -> pd.DataFrame:
    """One row per row of asked, in its order. asked: lead_id, at (instants; NEVER for leads without time)."""
    asked = asked.reset_index(drop=True)
    rows = state_at(asked, facts.leads, facts.versions, key="lead_id")
    at: Ints = asked["at"].to_numpy(dtype=np.int64)
    made: dict[str, Any] = {
        "source": rows["source"].astype(object), "campaign": rows["campaign"].astype(object),
        "mail address": mail_kind(rows["email"]),
        "phone number": _given(rows["phone"]), "company": _given(rows["company_name"]),
    }  # fmt: skip
    firms = facts.companies.of_people(rows["email"], rows["company_name"], at)
    made |= {f"company: {name}": firms[name] for name in firms.columns}
    created = instants(rows["created_at"])
    made["hour of arrival"], made["weekday of arrival"] = local_parts(created, facts.zone)
    made["age in days"] = days_between(created, np.where(at == NEVER, NEVER, at))
    made |= _touched(facts, asked, created, at)
    recent, still_open = load_at(rows["owner_id"], at, facts.spans)
    has_time = at != NEVER
    made["owner: leads of a week"] = np.where(has_time, recent, np.nan)
    made["owner: open leads"] = np.where(has_time, still_open, np.nan)
    return pd.DataFrame(made).join(_fields(rows["fields"]))


def _given(values: pd.Series) -> pd.Series:
    is_given = values.notna() & (values.astype(object).astype(str).str.strip() != "")
    return pd.Series(np.where(is_given, "given", "not given"), index=values.index, dtype=object)


def _touched(facts: LeadFacts, asked: pd.DataFrame, created: Ints, at: Ints) -> dict[str, Any]:
    """How the lead was worked until then: by whom is not asked, how fast and how much is."""
    n = len(asked)
    met = met_before(asked, facts.touches, key="lead_id", time="occurred_at")
    is_ours = (met["direction"] != "in") & ~met["kind"].isin(_RECORD)
    ours, theirs = met[is_ours], met[met["direction"] == "in"]
    first = np.full(n, NEVER, dtype=np.int64)
    by_place = ours.groupby("place")["when"]
    first[by_place.min().index.to_numpy(dtype=np.int64)] = by_place.min().to_numpy()
    last = np.full(n, NEVER, dtype=np.int64)
    last[by_place.max().index.to_numpy(dtype=np.int64)] = by_place.max().to_numpy()
    has_time = at != NEVER
    waited = np.where(first == NEVER, at, first)
    return {
        "contacted": kept_where(pd.Series(np.where(first != NEVER, "yes", "no"), dtype=object), has_time),
        "working days until contact": np.where(has_time, working_days(created, waited, facts.zone), np.nan),
        "hours until contact": np.where(first != NEVER, days_between(created, first) * 24, np.nan),
        "days since contact": days_between(last, at),
        "calls and meetings": _counted(ours[ours["kind"].isin(_CONVERSATION)], n, has_time),
        "e-mails sent": _counted(ours[ours["kind"] == "email"], n, has_time),
        "answers": _counted(theirs, n, has_time),
    }


def _counted(met: pd.DataFrame, n: int, has_time: Any) -> Any:
    return np.where(has_time, np.bincount(met["place"].to_numpy(dtype=np.int64), minlength=n).astype(float), np.nan)


def _fields(values: pd.Series) -> pd.DataFrame:
    """A column per own field of the leads; lists as joined words, what is nested is left out."""
    rows = [_plain(one) for one in values]
    names = sorted({name for row in rows for name in row})
    return pd.DataFrame(
        {f"{FIELD}{name}": pd.Series([row.get(name) for row in rows], dtype=object) for name in names},
        index=range(len(rows)),
    )


def _plain(fields: object) -> Mapping[str, Any]:
    if not isinstance(fields, Mapping):
        return {}
    made: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            made[str(name)] = ", ".join(sorted(str(one) for one in value if not isinstance(one, Mapping)))
        elif value is not None and not isinstance(value, Mapping):
            made[str(name)] = value
    return made
