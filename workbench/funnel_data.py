"""What the pages on forms load: visits, leads with what became of them, the deals behind them. Nothing is cached, for
visits and leads come in all the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, cast

import pandas as pd

from insights import attribution, funnel
from insights.metrics import TREND_WEEKS
from snapshots import form_versions, visits
from snapshots.form_versions import FormSummary
from snapshots.lead_funnel import FunnelReader, VisitFilter
from snapshots.marketing import Marketing
from snapshots.origins import Origin, Rules, resolve
from snapshots.reads import Reader
from snapshots.slices import Slice
from workbench import formats, funnel_filters, installation
from workbench.funnel_filters import FunnelChoice
from workbench.view import View

PATH_DAYS: Final = 365
"""Touches of so many days before the period count for what was won in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """visits: VISIT_COUNTS of every kind; None: the viewer sees leads of people alone. leads: JOURNEYS of every kind.
    is_untouched: no visit and no lead ever."""

    view: View
    slice: Slice
    choice: FunnelChoice
    forms: Mapping[int, FormSummary]
    visits: pd.DataFrame | None
    leads: pd.DataFrame
    is_untouched: bool

    @property
    def counts(self) -> dict[str, int]:
        return funnel.step_counts(self.visits, self.leads)

    def form_name(self, form_id: int) -> str:
        """As its owner named it."""
        return self.forms[form_id].name if form_id in self.forms else "Removed form"

    def version_name(self, form_id: int, version: int) -> str:
        """ "Contact, version 2"."""
        return f"{self.form_name(form_id)}, {f'version {version}' if version else 'version not said'}"


def reader(view: View) -> FunnelReader:
    return FunnelReader(Reader(installation.database(), view.viewer))


def forms_of(view: View) -> dict[int, FormSummary]:
    """All of the organization, archived ones included, the default form first."""
    found = form_versions.list_forms(installation.database(), view.organization_id, archived=True)
    return {one.form_id: one for one in found}


def load(view: View, choice: FunnelChoice, forms: Mapping[int, FormSummary]) -> Loaded:
    """Leads that came in a moment ago have joined their visits by then."""
    visits.fold_leads(installation.database(), view.organization_id, most_batches=1)
    slice_, reads = funnel_filters.slice_of(view), reader(view)
    is_whole = view.sees_everything and not (slice_.team_ids or slice_.owner_ids)
    seen = reads.visit_counts(slice_, choice.of_visits()) if is_whole else None
    leads = reads.journeys(slice_, choice.of_visits())
    has_any = len(leads) > 0 or (seen is not None and len(seen) > 0) or _was_touched(view)
    return Loaded(view=view, slice=slice_, choice=choice, forms=forms, visits=seen, leads=leads,
                  is_untouched=not has_any)  # fmt: skip


def _was_touched(view: View) -> bool:
    return visits.were_there(installation.database(), view.organization_id)


def newest_versions(forms: Mapping[int, FormSummary]) -> dict[int, int]:
    """Per form its newest published version; 0: never published."""
    return {one.form_id: one.published_version or 0 for one in forms.values()}


def names(view: View, choice: FunnelChoice, forms: Mapping[int, FormSummary]) -> dict[str, dict[Any, str]]:
    """What the chips offer: versions of the chosen forms, and sources and campaigns of the days that are looked at."""
    found: dict[str, dict[Any, str]] = {"form_ids": {one.form_id: one.name for one in forms.values()}}
    chosen = [one for one in forms.values() if one.form_id in choice.form_ids or not choice.form_ids]
    found["versions"] = {
        (one.form_id, version): f"{version or 'not said'}{f' of {one.name}' if len(chosen) > 1 else ''}"
        for one in chosen
        for version in range(one.published_version or 0, -1, -1)
    }
    slice_ = funnel_filters.slice_of(view)
    for field, column, nothing in (("sources", "source", ""), ("campaigns", "campaign", funnel_filters.NO_CAMPAIGN)):
        words = visits.words(installation.database(), view.organization_id, column, slice_.first_day, slice_.last_day)
        found[field] = {word: word or nothing for word in words}
    return found


def capture(loaded: Loaded, *, column: str = "", value: object = None, weeks: int = TREND_WEEKS) -> pd.DataFrame:
    """`insights.funnel.capture_weeks` up to the last day, whatever the period; of one group where a column is named."""
    until = loaded.slice.last_day
    span = Slice(first_day=until - timedelta(days=7 * weeks - 1), last_day=until, as_of=loaded.slice.as_of)
    reads, wanted = reader(loaded.view), loaded.choice.of_visits(kind=funnel.COUNTED)
    seen, leads = reads.visit_counts(span, wanted), reads.journeys(span, wanted)
    if column:
        seen, leads = seen[seen[column] == value], leads[leads[column] == value]
    return funnel.capture_weeks(seen, leads, until=until, weeks=weeks)


def sparklines(loaded: Loaded) -> dict[tuple[int, int], list[float]]:
    """The capture rate of each form's version over 13 weeks, of those weeks that have enough views to tell one."""
    until = loaded.slice.last_day
    span = Slice(first_day=until - timedelta(days=7 * TREND_WEEKS - 1), last_day=until, as_of=loaded.slice.as_of)
    wanted = VisitFilter(form_ids=loaded.choice.form_ids, form_versions=loaded.choice.versions)
    reads = reader(loaded.view)
    seen, leads = reads.visit_counts(span, wanted), reads.journeys(span, wanted)
    found = {}
    for key, mine in seen.groupby(["form_id", "version"]):
        form_id, version = cast(tuple[int, int], key)
        own = leads[(leads["form_id"] == form_id) & (leads["version"] == version)]
        weeks = funnel.capture_weeks(mine, own, until=until, weeks=TREND_WEEKS)
        found[int(form_id), int(version)] = weeks.loc[~weeks["is_few"], "value"].round(4).tolist()
    return found


# --- attribution and cost ---------------------------------------------------------------------------------------------


def rules(view: View) -> Rules:
    """How touches become sources and campaigns."""
    marketing = Marketing(installation.database(), view.organization_id)
    known = [(kind, one) for kind in ("source", "campaign") for one in marketing.names(kind)]
    aliases = {(kind, word): one.name for kind, one in known for word in (*one.aliases, one.name.lower())}
    return Rules(marketing.rules(), aliases)


def conversions(loaded: Loaded, *, by: str) -> list[attribution.Conversion]:
    """Deals won in the period that came of leads, with what led to them. by: source or campaign. The last touch of a
    lead is its own source and campaign, as everywhere: what the page's owner wrote at the form counts for it."""
    slice_ = loaded.slice
    earlier = None if slice_.first_day is None else slice_.first_day - timedelta(days=PATH_DAYS)
    span = Slice(first_day=earlier, last_day=slice_.last_day, as_of=slice_.as_of,
                 team_ids=slice_.team_ids, owner_ids=slice_.owner_ids)  # fmt: skip
    reads = reader(loaded.view)
    leads = reads.journeys(span, loaded.choice.of_visits(kind=funnel.COUNTED))
    known, made = rules(loaded.view), []
    for row in leads.to_dict("records"):
        path = [(touch.get("at"), *resolve(Origin.read(touch), known)) for touch in row["touches"] or ()]
        last_at = path[-1][0] if path else None
        made.append((*path[:-1], (last_at, row["source"], row["campaign"])))
    leads = leads.assign(path=pd.Series(made, index=leads.index, dtype="object"))
    deals = reads.deals(slice_, [int(one) for one in leads["contact_id"].dropna().unique()])
    return attribution.conversions(
        leads, deals, first=slice_.first_day, last=slice_.last_day, by=1 if by == "source" else 2
    )


def period_note(loaded: Loaded) -> str:
    """The days in words."""
    first: date | None = loaded.slice.first_day
    return "all time" if first is None else formats.day_range(first, loaded.slice.last_day)
