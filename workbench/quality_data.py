"""The quality of activity of one salesperson or of all, from the weeks that are counted once a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pandas as pd

from insights import activity_quality
from insights.activity_quality import WINDOW_WEEKS, Quality, Share
from snapshots import activity_weeks
from snapshots.slices import Viewer
from workbench import formats, installation
from workbench.columns import Column, ColumnKind
from workbench.data import cached
from workbench.view import View

TOO_FEW: Final = "too few"
SHARE_COLUMNS: Final = (
    Column(field="label", title="Part", width=1.2),
    Column(field="own", title="Own", kind=ColumnKind.RATE),
    Column(field="of", title="Of", is_right=True),
    Column(field="usual", title="Usual here", kind=ColumnKind.RATE),
    Column(field="index", title="Index", is_right=True),
    Column(field="between", title="80 % interval", is_right=True),
    Column(field="change", title="What would change it", width=2.4),
)
TREND_COLUMNS: Final = (
    Column(field="day", title="13 weeks to the one from", kind=ColumnKind.DATE, width=1.4),
    Column(field="value", title="Quality", kind=ColumnKind.NUMBER),
    Column(field="low", title="From", kind=ColumnKind.NUMBER),
    Column(field="high", title="To", kind=ColumnKind.NUMBER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonQuality:
    """first, last: the days looked at. trend: of `insights.activity_quality.trend`. is_counted: the organization's
    weeks were counted, and of enough people."""

    quality: Quality
    trend: pd.DataFrame
    first: date
    last: date
    is_counted: bool


@cached
def _weeks(viewer: Viewer, data_version: int, counted: date, first: date, last: date, owner_id: int | None
           ) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """counted: the day of today, for the weeks are counted anew each day."""
    reader = installation.reader(viewer)
    ids = () if owner_id is None else (owner_id,)
    return (
        activity_weeks.weeks(reader, first=first, last=last, owner_ids=ids),
        activity_weeks.sums_of_all(reader, first=first, last=last),
    )


def _last_monday(view: View) -> date:
    """Of the last week that was over at the end of the as-of day."""
    until = view.as_of
    return until - timedelta(days=(until.weekday() + 1) % 7 + 6)


def of_person(view: View, owner_id: int) -> PersonQuality:
    """Of the WINDOW_WEEKS whole weeks until the as-of day, whatever period the page shows."""
    last = _last_monday(view)
    first = last - timedelta(weeks=2 * WINDOW_WEEKS - 2)
    own, usual = _weeks(view.viewer, view.data_version, view.now.date(), first, last, owner_id)
    begins = last - timedelta(weeks=WINDOW_WEEKS - 1)
    window = [frame[frame["week"] >= pd.Timestamp(begins)] for frame in (own, usual)]
    return PersonQuality(
        quality=activity_quality.quality(*window), trend=activity_quality.trend(own, usual), first=begins,
        last=last + timedelta(days=6), is_counted=not window[1].empty,
    )  # fmt: skip


def of_all(view: View) -> Mapping[int, Quality]:
    """Of every salesperson whom the viewer sees; empty where no week was counted."""
    last = _last_monday(view)
    first = last - timedelta(weeks=WINDOW_WEEKS - 1)
    weeks, usual = _weeks(view.viewer, view.data_version, view.now.date(), first, last, None)
    return activity_quality.by_owner(weeks, usual) if len(usual) else {}


def text(found: Quality | None) -> str:
    """ "104 (93–115)"."""
    if found is None or found.index is None or found.low is None or found.high is None:
        return TOO_FEW
    return f"{found.index:.0f} ({found.low:.0f}–{found.high:.0f})"


def rows(found: Quality) -> pd.DataFrame:
    """SHARE_COLUMNS, one row per part."""
    return pd.DataFrame([_row(share) for share in found.shares])


def _row(share: Share) -> dict[str, object]:
    is_in = share.index is not None and share.low is not None and share.high is not None
    return {
        "label": share.component.label, "own": share.own, "of": formats.count(share.n) if share.n else formats.MISSING,
        "usual": share.usual, "index": f"{share.index:.0f}" if is_in else formats.MISSING,
        "between": f"{share.low:.0f}–{share.high:.0f}" if is_in else _why_out(share), "change": _change(share),
    }  # fmt: skip


def _why_out(share: Share) -> str:
    return "no source tells" if share.usual is None else TOO_FEW


def _change(share: Share) -> str:
    if share.one_more is None:
        return ""
    return f"{share.component.one.capitalize()}: +{share.one_more:.1f}"


def lever_words(found: Quality) -> str:
    """What most would change, in a sentence; nothing where nothing is missing to what is usual."""
    share = found.lever
    if share is None or share.one_more is None:
        return "Every part is as high as is usual here, or higher."
    points = share.one_more * share.missing
    return (
        f"{share.component.label} would change most: {formats.count(share.missing)} more of "
        f"{formats.count(share.n)} would be what is usual here, and bring {points:.1f} points."
    )
