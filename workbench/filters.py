"""What a page is filtered by, as a value: read from a URL, written to a URL, turned into days. No screen, no clock.

The URL holds ids and day stamps, never labels; owner 0 is nobody, an empty source is an unknown one:
`?org=1&range=90d&cmp=prev&team=12&owner=34&source=Partner&asof=2026-10-14&known=then`.
`org` always stands in it, so a URL without it comes from the navigation and not from a colleague.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from insights.metrics import Period, comparison_period
from workbench.url_choice import an_id, ids

RANGES: Final[Mapping[str, str]] = {
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "wtd": "Week to date",
    "mtd": "Month to date",
    "qtd": "Quarter to date",
    "ytd": "Year to date",
    "365d": "Last 12 months",
    "all": "All time",
    "custom": "Custom",
}
COMPARISONS: Final[Mapping[str, str]] = {
    "prev": "previous period",
    "year": "a year earlier",
    "none": "no comparison",
}
DEFAULT_RANGE: Final = "90d"
DEFAULT_COMPARISON: Final = "prev"
EARLIEST_DAY: Final = date(1900, 1, 1)
"""No CRM knows of earlier ones; before them are the days from which no comparison can be counted back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The choices of the filter bar. Empty tuples mean "all"; `as_of` None means the latest day there is.

    knows_then: deals as they were known at the end of the as-of day, without what was learnt later.
    """

    organization_id: int
    range: str = DEFAULT_RANGE
    first: date | None = None
    last: date | None = None
    comparison: str = DEFAULT_COMPARISON
    team_ids: tuple[int, ...] = ()
    owner_ids: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    as_of: date | None = None
    knows_then: bool = False

    @property
    def is_narrowed(self) -> bool:
        return bool(self.team_ids or self.owner_ids or self.sources or self.as_of or self.knows_then)

    def unused(self, *names: str) -> str:
        """Which of these filters ("team", "owner", "source") are set, for a page that they change nothing on: the
        beginning of a sentence; "": none of them."""
        held = {"team": self.team_ids, "owner": self.owner_ids, "source": self.sources}
        told = [name for name in names if held[name]]
        if not told:
            return ""
        return f"The {' and '.join(told)} filter{'s change' if len(told) > 1 else ' changes'} nothing here: "

    def cleared(self) -> Filters:
        """Without team, owner, source and as-of day, and as known now; the period stays."""
        return replace(self, team_ids=(), owner_ids=(), sources=(), as_of=None, knows_then=False)

    def period(self, *, latest: date, year_begins: int = 1) -> Period:
        """The days to look at. latest: the last day there is, where no as-of day is chosen. year_begins: the month in
        which a year begins, and every third from there a quarter."""
        last = self.as_of or latest
        if self.range == "all":
            return Period(None, last)
        if self.range == "custom" and self.first and self.last:
            end = min(max(self.first, self.last), last)
            return Period(min(self.first, self.last, end), end)
        return Period(_first_day(self.range, last, year_begins), last)

    def compared(self, period: Period) -> Period | None:
        """What `period` is compared with; None where nothing is, or where the period has no beginning."""
        if self.comparison == "none":
            return None
        return comparison_period(period, "year" if self.comparison == "year" else "previous")


def _first_day(range_name: str, last: date, year_begins: int) -> date:
    months = (last.month - year_begins) % 12
    match range_name:
        case "wtd":
            return last - timedelta(days=last.weekday())
        case "mtd":
            return last.replace(day=1)
        case "qtd":
            return _months_before(last, months % 3)
        case "ytd":
            return _months_before(last, months)
        case _:
            return last - timedelta(days=int(range_name.removesuffix("d")) - 1)


def _months_before(day: date, months: int) -> date:
    """The first of the month so many months earlier."""
    years, month = divmod(day.month - 1 - months, 12)
    return date(day.year + years, month + 1, 1)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day >= EARLIEST_DAY else None


def _days(texts: Sequence[str]) -> date | None:
    return _day(texts[-1]) if texts else None


def from_url(params: Mapping[str, Sequence[str]], *, organization_id: int) -> Filters:
    """The filters that a URL asks for. What cannot be read falls back to its default, never to an error.

    organization_id: where the URL names none. Whether the viewer may see what is named is decided where data is read.
    """
    organization = ids(params.get("org", ()))
    range_name = (params.get("range") or [DEFAULT_RANGE])[-1]
    comparison = (params.get("cmp") or [DEFAULT_COMPARISON])[-1]
    first, last = _days(params.get("from", ())), _days(params.get("to", ()))
    if range_name not in RANGES or (range_name == "custom" and not (first and last)):
        range_name = DEFAULT_RANGE
    is_custom = range_name == "custom"
    return Filters(
        organization_id=organization[-1] if organization else organization_id,
        range=range_name,
        first=first if is_custom else None,
        last=last if is_custom else None,
        comparison=comparison if comparison in COMPARISONS else DEFAULT_COMPARISON,
        team_ids=ids(params.get("team", ())),
        owner_ids=ids(params.get("owner", ())),
        sources=tuple(sorted(set(params.get("source", ())))),
        as_of=_days(params.get("asof", ())),
        knows_then="then" in params.get("known", ())[-1:],
    )


def unreadable(params: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The parameters of a URL with a value that `from_url` had to leave out."""
    wrong = {name for name, reads in _READERS.items() if not all(reads(text) for text in params.get(name, ()))}
    is_custom = "custom" in params.get("range", ())[-1:]
    has_days = _days(params.get("from", ())) and _days(params.get("to", ()))
    return frozenset(wrong | ({"range"} if is_custom and not has_days else set()))


_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "range": RANGES.__contains__,
    "cmp": COMPARISONS.__contains__,
    "known": ("then", "now").__contains__,
    **dict.fromkeys(("org", "team", "owner"), lambda text: an_id(text) is not None),
    **dict.fromkeys(("from", "to", "asof"), _day),
}


def to_url(filters: Filters) -> dict[str, list[str]]:
    """The query parameters that bring these filters back; defaults are left out, the organization never is."""
    params = {"org": [str(filters.organization_id)]}
    if filters.range != DEFAULT_RANGE:
        params["range"] = [filters.range]
    if filters.range == "custom" and filters.first and filters.last:
        params |= {"from": [filters.first.isoformat()], "to": [filters.last.isoformat()]}
    if filters.comparison != DEFAULT_COMPARISON:
        params["cmp"] = [filters.comparison]
    lists = {"team": filters.team_ids, "owner": filters.owner_ids, "source": filters.sources}
    params |= {name: [str(value) for value in values] for name, values in lists.items() if values}
    if filters.as_of:
        params["asof"] = [filters.as_of.isoformat()]
    if filters.knows_then:
        params["known"] = ["then"]
    return params


PARAMETERS: Final = frozenset({"org", "range", "from", "to", "cmp", "team", "owner", "source", "asof", "known"})
