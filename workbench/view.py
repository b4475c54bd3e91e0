"""What one viewer looks at in one run of a page: who, which organization, which days. A value, made once by `shell`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from insights.metrics import Period
from snapshots.slices import SEES_EVERYTHING, Slice, Viewer
from workbench import formats
from workbench.filter_bar import Choices
from workbench.filters import Filters


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The frame of a page.

    viewer: who looks; rows are held back by it where data are read, here it decides on buttons alone.
    period: the days looked at; compared: those they are compared with. as_of: the day whose end counts as now.
    data_version grows when the data change.
    """

    viewer: Viewer
    organization_name: str
    is_sample: bool
    time_zone: str
    default_currency: str | None
    reporting_currency: str | None
    data_version: int
    filters: Filters
    choices: Choices
    period: Period
    compared: Period | None
    as_of: date
    now: datetime

    @property
    def organization_id(self) -> int:
        return self.viewer.organization_id

    @property
    def looks_back(self) -> bool:
        return self.filters.as_of is not None

    @property
    def ends_early(self) -> bool:
        """The data end long before today, so that their last day counts as now."""
        return self.choices.latest < self.now.astimezone(self.zone).date()

    @property
    def may_change(self) -> bool:
        """May sync, import, change settings and remove sample data."""
        return self.viewer.may_change_settings

    @property
    def sees_everything(self) -> bool:
        """May see rows whoever owns them."""
        return self.viewer.role in SEES_EVERYTHING

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def first_day(self) -> date:
        """The first day looked at, as a day even where the period has no beginning."""
        return self.period.first or min(self.choices.earliest, self.period.last)

    @property
    def days(self) -> str:
        """The period in words."""
        return "all time" if self.period.first is None else formats.day_range(self.period.first, self.period.last)

    @property
    def days_compared(self) -> str:
        """The period in words, and what it is compared with."""
        if self.compared is None or self.compared.first is None:
            return self.days.capitalize()
        return f"{self.days}, compared with {formats.day_range(self.compared.first, self.compared.last)}"

    def slice(self, period: Period | None = None) -> Slice:
        """The part of the data that the filters ask for, in `period` (default: the one looked at)."""
        asked = period or self.period
        return Slice(
            first_day=asked.first,
            last_day=asked.last,
            as_of=self.as_of,
            team_ids=self.filters.team_ids,
            owner_ids=self.filters.owner_ids,
            sources=self.filters.sources,
            known_on=self.as_of if self.filters.knows_then else None,
        )
