"""What was known at an instant: the pieces that features of leads and deals share. Instants are int64 nanoseconds UTC.

Nothing here looks past the instant that it is asked about; `NEVER` stands for an instant that did not come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NEVER: Final = np.iinfo(np.int64).max
HOUR: Final = 3_600_000_000_000
DAY: Final = 24 * HOUR
FREE_MAIL: Final = frozenset({
    "aol", "fastmail", "freenet", "gmail", "gmx", "googlemail", "hotmail", "icloud", "laposte", "libero", "live",
    "mac", "mail", "mailbox", "me", "msn", "naver", "orange", "outlook", "posteo", "proton", "protonmail", "qq",
    "rambler", "rediffmail", "seznam", "tiscali", "t-online", "web", "wp", "yahoo", "yandex", "zoho",
})  # fmt: skip
"""First label of the domains of providers that anybody has an address at."""


def instants(values: pd.Series) -> Ints:
    """values: aware or UTC-naive timestamps; NaT becomes NEVER."""
    if values.dtype == object:
        values = pd.to_datetime(values, utc=True)
    if getattr(values.dt, "tz", None) is not None:
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    found = values.astype("datetime64[ns]").astype("int64").to_numpy()
    return cast("Ints", np.where(values.isna(), NEVER, found))


def days_between(since: Ints, until: Ints) -> Floats:
    """NaN where one of both never came."""
    is_known = (since != NEVER) & (until != NEVER)
    return np.where(is_known, (until - np.where(is_known, since, until)) / DAY, np.nan)


def local_parts(at: Ints, zone: ZoneInfo) -> tuple[Floats, Floats]:
    """Hour and weekday (Monday 0) there; NaN for NEVER."""
    gone = at == NEVER
    stamps = pd.to_datetime(np.where(gone, 0, at), utc=True).tz_convert(zone)
    hour, weekday = stamps.hour.to_numpy(dtype=float), stamps.weekday.to_numpy(dtype=float)
    return np.where(gone, np.nan, hour), np.where(gone, np.nan, weekday)


def working_days(since: Ints, until: Ints, zone: ZoneInfo) -> Floats:
    """Mondays to Fridays that began after `since` and up to `until`, as days are there; NaN where one never came."""
    is_known = (since != NEVER) & (until != NEVER)
    first, last = (_local_days(np.where(is_known, one, 0), zone) for one in (since, until))
    found = np.busday_count(first + np.timedelta64(1, "D"), last + np.timedelta64(1, "D"))
    return np.where(is_known, found, np.nan)


def _local_days(at: Ints, zone: ZoneInfo) -> npt.NDArray[np.datetime64]:
    stamps = pd.to_datetime(at, utc=True).tz_convert(zone).tz_localize(None)
    return stamps.to_numpy().astype("datetime64[D]")


def state_at(asked: pd.DataFrame, now: pd.DataFrame, before: pd.DataFrame, *, key: str) -> pd.DataFrame:
    """The row of each asked (key, at) as it stood then: of `before` the one that was superseded next, else that of now.

    asked: key, at (instants). now: one row per key. before: key, superseded_at and the columns of now that may change.
    Returns the columns of now, in the order of asked.
    """
    found = asked[[key]].merge(now, on=key, how="left", validate="many_to_one")
    if before.empty:
        return found
    old = before.assign(_at=instants(before["superseded_at"]), _row=np.arange(len(before)))
    left = asked[[key, "at"]].assign(_place=np.arange(len(asked))).sort_values("at")
    met = pd.merge_asof(
        left, old[[key, "_at", "_row"]].sort_values("_at"), left_on="at", right_on="_at", by=key,
        direction="forward", allow_exact_matches=False,
    )  # fmt: skip
    met = met.dropna(subset=["_row"])
    places, rows = met["_place"].to_numpy(), met["_row"].astype(int).to_numpy()
    for name in (one for one in before.columns if one not in {key, "superseded_at"} and one in found.columns):
        values = found[name].astype(object).to_numpy().copy()
        values[places] = before[name].astype(object).to_numpy()[rows]
        found[name] = pd.Series(values, dtype=now[name].dtype)
    return found


def met_before(asked: pd.DataFrame, events: pd.DataFrame, *, key: str, time: str) -> pd.DataFrame:
    """The events of each asked (key, at) that happened by then: the columns of events, `place` of the question in
    `asked`, `at`, and `when` (instants)."""
    dated = events.assign(when=instants(events[time]))
    dated = dated[dated["when"] != NEVER]
    numbered = asked[[key, "at"]].assign(place=np.arange(len(asked)))
    joined = numbered.merge(dated, on=key, how="inner")
    return joined[joined["when"] <= joined["at"]]


def load_at(asked_owner: pd.Series, at: Ints, spans: pd.DataFrame) -> tuple[Floats, Floats]:
    """What the owner had on the desk: what came to him in the seven days before, and what he had then.

    spans: owner_id, began_at (NaT: since before the data begin), ended_at (NaT: not yet), is_first (it came then).
    NaN where there is no owner.
    """
    recent, had = np.full(len(at), np.nan), np.full(len(at), np.nan)
    began, ended = instants(spans["began_at"]), instants(spans["ended_at"])
    came = np.where(spans["is_first"].to_numpy(dtype=bool), began, NEVER)
    began = np.where(began == NEVER, 0, began)
    owners = spans["owner_id"].fillna(-1).to_numpy(dtype=np.int64)
    asked = asked_owner.fillna(-1).to_numpy(dtype=np.int64)
    order = np.argsort(owners, kind="stable")
    sorted_owners = owners[order]
    for owner in np.unique(asked[asked >= 0]):
        begin, stop = np.searchsorted(sorted_owners, [owner, owner + 1])
        mine, who = order[begin:stop], np.flatnonzero(asked == owner)
        recent[who] = _until(came[mine], at[who]) - _until(came[mine], at[who] - 7 * DAY)
        had[who] = _until(began[mine], at[who]) - _until(ended[mine], at[who])
    return recent, had


def _until(when: Ints, at: Ints) -> Ints:
    """How many of these were by then."""
    return np.asarray(np.searchsorted(np.sort(when), at, side="right"), dtype=np.int64)


def mail_kind(emails: pd.Series) -> pd.Series:
    """ "company", "free" (a provider's) or None where there is no address."""
    domains = emails.astype(object).where(emails.notna(), "").astype(str).str.casefold().str.split("@").str[-1]
    first = domains.str.split(".").str[0]
    kind = pd.Series(np.where(first.isin(FREE_MAIL), "free", "company"), index=emails.index, dtype=object)
    return kept_where(kind, domains.str.contains(".", regex=False).to_numpy(dtype=bool))


def kept_where(values: pd.Series, is_kept: npt.NDArray[np.bool_]) -> pd.Series:
    """values as objects, None elsewhere."""
    found = np.full(len(values), None, dtype=object)
    found[is_kept] = values.astype(object).to_numpy()[is_kept]
    return pd.Series(found, index=values.index, dtype=object)


class Companies:
    """Look-up of companies by the domain of an e-mail address, by name, or by id, as far as they were known by then."""

    COLUMNS: Final = ("employees", "industry", "country")

    def __init__(self, companies: pd.DataFrame) -> None:
        known = companies.assign(since=np.where(instants(companies["created_at"]) == NEVER, 0,
                                                instants(companies["created_at"])))  # fmt: skip
        known = known.sort_values(["since", "company_id"])
        self._rows = known.reset_index(drop=True)
        self._by_domain = self._places(known["domain"])
        self._by_name = self._places(known["name"])
        self._by_id = {int(one): place for place, one in enumerate(self._rows["company_id"])}

    @staticmethod
    def _places(words: pd.Series) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for place, word in enumerate(words):
            if isinstance(word, str) and word.strip():
                found.setdefault(word.strip().casefold(), place)
        return found

    def of_people(self, emails: pd.Series, names: pd.Series, at: Ints) -> pd.DataFrame:
        """By the address where its company was known by then, else by the name."""
        by_domain = np.array([self._by_domain.get(_domain(one), -1) for one in emails], dtype=np.int64)
        by_name = np.array([self._by_name.get(_plain(one), -1) for one in names], dtype=np.int64)
        return self._at(np.where(self._is_known(by_domain, at), by_domain, by_name), at)

    def of_ids(self, ids: pd.Series, at: Ints) -> pd.DataFrame:
        places = [-1 if pd.isna(one) else self._by_id.get(int(one), -1) for one in ids]
        return self._at(np.array(places, dtype=np.int64), at)

    def _is_known(self, places: Ints, at: Ints) -> npt.NDArray[np.bool_]:
        if self._rows.empty:
            return np.zeros(len(places), dtype=np.bool_)
        return np.asarray((places >= 0) & (self._rows["since"].to_numpy()[places] <= at), dtype=np.bool_)

    def _at(self, places: Ints, at: Ints) -> pd.DataFrame:
        if self._rows.empty:
            return pd.DataFrame({name: _blank(name, len(places)) for name in self.COLUMNS})
        is_known = self._is_known(places, at)
        made = {name: kept_where(self._rows[name].iloc[places], is_known) for name in self.COLUMNS}
        found = pd.DataFrame({name: values.to_numpy() for name, values in made.items()})
        employees = pd.to_numeric(found["employees"]).astype(float)
        return found.assign(employees=employees)


def _blank(name: str, n: int) -> pd.Series:
    return pd.Series(np.full(n, np.nan)) if name == "employees" else pd.Series(np.full(n, None, dtype=object))


def _domain(email: object) -> str:
    return email.rpartition("@")[2].strip().casefold() if isinstance(email, str) else ""


def _plain(name: object) -> str:
    return name.strip().casefold() if isinstance(name, str) else ""
