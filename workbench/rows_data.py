"""The rows behind numbers, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from snapshots import rows
from snapshots.rows import DealSet
from snapshots.slices import Slice, Viewer
from workbench import formats, installation, row_sets
from workbench.content import RowsPage
from workbench.data import cached
from workbench.row_sets import ROW_SETS
from workbench.view import View

PAGE_SIZE: Final = rows.PAGE_ROWS


def row_titles() -> Mapping[str, str]:
    return {key: one.title for key, one in ROW_SETS.items()}


@cached
def rows_of(  # all of them are the cache's key
    viewer: Viewer, data_version: int, slice_: Slice, key: str, after: Any, stage_id: int | None
) -> rows.RowsPage:
    reader, row_set = installation.reader(viewer), ROW_SETS[key]
    if row_set.kind == "lead":
        return rows.lead_rows(reader, slice_, after=after)
    if row_set.kind == "activity":
        return rows.activity_rows(reader, slice_, kinds=row_sets.COUNTED, after=after)
    assert row_set.deals is not None
    return rows.deal_rows(reader, slice_, row_set.deals, stage_id=stage_id, after=after)


@cached
def summary_of(
    viewer: Viewer, data_version: int, slice_: Slice, which: DealSet, stage_id: int | None
) -> rows.RowsSummary:
    return rows.deal_summary(installation.reader(viewer), slice_, which, stage_id=stage_id)


def rows_page(view: View, key: str, *, after: Any = None, stage_id: int | None = None) -> RowsPage:
    """A page of the rows behind `key`; their count and sums are those of the number."""
    row_set = ROW_SETS[key]
    page = rows_of(view.viewer, view.data_version, view.slice(), key, after, stage_id)
    total, sums = None, ""
    if row_set.deals is not None:
        summary = summary_of(view.viewer, view.data_version, view.slice(), row_set.deals, stage_id)
        total, sums = summary.n, _sums(summary)
    when = f"in {view.days}" if row_set.in_period else f"at the end of {formats.day(view.as_of)}"
    what = row_set.many.capitalize() if total is None else formats.plural(total, row_set.one, row_set.many)
    return RowsPage(
        title=row_set.title, note=f"{what} {when}{sums}.", columns=row_sets.columns(row_set),
        frame=local(page.rows, view), total=total, next_after=page.after,
    )  # fmt: skip


def _sums(summary: rows.RowsSummary) -> str:
    parts = sorted(summary.amount_minor.items(), key=lambda item: -item[1])
    text = " + ".join(formats.money_full(minor, currency) for currency, minor in parts)
    without = summary.n - summary.n_valued
    left_out = f", {formats.count(without)} without an amount" if without and parts else ""
    return f" · {text}{left_out}" if text else ""


def _in_words(code: object) -> object:
    """A code of ours as people read it: "no_answer" is "No answer"."""
    if not isinstance(code, str):
        return code
    return "E-mail" if code == "email" else code.replace("_", " ").capitalize()


def local(frame: pd.DataFrame, view: View) -> pd.DataFrame:
    """For people's eyes: words with a capital, instants in the organization's zone."""
    words = {name: frame[name].map(_in_words) for name in ("status", "kind", "outcome") if name in frame}
    if "occurred_at" in frame:
        words["occurred_at"] = frame["occurred_at"].dt.tz_convert(view.zone)
    return frame.assign(**words)
