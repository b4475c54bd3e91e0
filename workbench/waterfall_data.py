"""What the page Pipeline changes loads: the change between two days, its bars, and the deals of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from insights import waterfall_chart
from insights.waterfall import Cause, MoveFrames, Waterfall, waterfall
from snapshots import lanes, pipeline_moves
from snapshots.pipeline_moves import OpenDeals
from snapshots.rows import PAGE_ROWS
from snapshots.slices import NOBODY, Slice, Viewer
from workbench import formats, installation, rows_data
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.data import cached
from workbench.row_sets import CLOSE_ON, CREATED, DEAL, OWNER, STAGE
from workbench.view import View
from workbench.waterfall_filters import ENDS, Known, WaterfallChoice

STEP_COLUMNS: Final = (
    Column(field="step", title="Part", width=1.1),
    Column(field="n", title="Deals", kind=ColumnKind.COUNT, missing=""),
    Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY),
    Column(field="meaning", title="What it is", width=3),
)
CHANGE_COLUMNS: Final = (
    DEAL,
    OWNER,
    Column(field="day", title="On", kind=ColumnKind.DATE),
    Column(field="amount_minor", title="Change", kind=ColumnKind.MONEY),
)
STOCK_COLUMNS: Final = (
    DEAL,
    OWNER,
    STAGE,
    Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY, missing="No amount"),
    CREATED,
    CLOSE_ON,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """start, end: the two days whose evenings are compared. opened, closed: the open deals on them."""

    view: View
    choice: WaterfallChoice
    start: date
    end: date
    found: Waterfall
    opened: OpenDeals
    closed: OpenDeals

    @property
    def is_nothing(self) -> bool:
        return self.found.n_start == 0 and self.found.n_end == 0 and self.found.parts.empty

    def steps(self, currency: str | None) -> pd.DataFrame:
        """The bars in one currency, with `label` and `currency`."""
        frame = waterfall_chart.steps(self.found, currency)
        return frame.assign(
            currency=currency,
            n=frame["n"]
            .mask(frame["key"] == "start", self.found.n_start)
            .mask(frame["key"] == "end", self.found.n_end),
            label=[_label(row, currency) for row in frame.itertuples()],
        )


def _label(row: Any, currency: str | None) -> str:
    amount = formats.money_short(row.amount_minor, currency)
    if row.key in ENDS:
        return amount
    sign = "+" if row.amount_minor > 0 else ""
    return f"{sign}{amount} · {formats.plural(int(row.n), 'deal')}"


@cached
def known(viewer: Viewer, data_version: int) -> Known:
    """The pipelines and products there are."""
    reader = installation.reader(viewer)
    products = _called(pipeline_moves.product_names(reader), "Unnamed product")
    return Known(
        pipelines=_called(pipeline_moves.pipeline_names(reader), "Unnamed pipeline"),
        products=products | {NOBODY: "No product"} if products else {},
    )


def _called(names: Mapping[int, str | None], missing: str) -> dict[int, str]:
    return {key: name or missing for key, name in names.items()}


@cached
def _found(  # all of them are the cache's key
    viewer: Viewer, data_version: int, slice_: Slice, start: date, currency: str | None, has_swings: bool
) -> tuple[Waterfall, OpenDeals, OpenDeals]:
    reader = installation.reader(viewer)
    opened = lanes.begin(lambda: pipeline_moves.open_deals(reader, _on(slice_, start)))
    closed = lanes.begin(lambda: pipeline_moves.open_deals(reader, slice_))
    moves = pipeline_moves.pipeline_moves(reader, slice_, start=start)
    frames = MoveFrames(
        start=moves.start, end=moves.end, spans=moves.spans, steady=moves.steady, then=moves.then,
        learnt=moves.learnt, rates=reader.rates(),
    )  # fmt: skip
    found = waterfall(frames if has_swings else frames.without_swings(), reporting_currency=currency)
    return found, opened.result(), closed.result()


def _on(slice_: Slice, day: date) -> Slice:
    """The same at the end of another day."""
    return replace(slice_, last_day=day, as_of=day, known_on=None if slice_.known_on is None else day)


def changes(view: View, choice: WaterfallChoice) -> Changes:
    """From the evening before the first day of the period to that of its last day."""
    end = min(view.period.last, view.as_of)
    start = min(view.first_day, end) - timedelta(days=1)
    asked = _slice(view, choice, end)
    found, opened, closed = _found(
        view.viewer, view.data_version, asked, start, view.reporting_currency, choice.has_swings
    )
    return Changes(view=view, choice=choice, start=start, end=end, opened=opened, closed=closed, found=found)


def _slice(view: View, choice: WaterfallChoice, end: date) -> Slice:
    return replace(
        view.slice(), first_day=None, last_day=end, as_of=end, pipeline_ids=choice.pipeline_ids,
        product_ids=choice.product_ids, closes=choice.window(view), known_on=end if view.filters.knows_then else None,
    )  # fmt: skip


# --- the deals of a bar -----------------------------------------------------------------------------------------------


def deals(loaded: Changes, part: str, currency: str | None, *, after: Any = None) -> RowsPage:
    """A page of the deals of a bar, the largest change first."""
    return _stock(loaded, part, after) if part in ENDS else _changed(loaded, Cause(part), currency, after)


def _stock(loaded: Changes, part: str, after: Any) -> RowsPage:
    view, day = loaded.view, loaded.start if part == "start" else loaded.end
    slice_ = _on(_slice(view, loaded.choice, loaded.end), day)
    page = rows_data.rows_of(view.viewer, view.data_version, slice_, "open_pipeline", after, None)
    n, without = (loaded.opened.n, loaded.opened.n_unvalued) if part == "start" else (
        loaded.closed.n, loaded.closed.n_unvalued
    )  # fmt: skip
    note = f"{formats.plural(n, 'open deal')} at the end of {formats.day(day)}"
    note += f", {formats.count(without)} without an amount." if without else "."
    return RowsPage(title="", note=note, columns=STOCK_COLUMNS, frame=rows_data.local(page.rows, view), total=n,
                    next_after=page.after)  # fmt: skip


def _changed(loaded: Changes, cause: Cause, currency: str | None, after: Any) -> RowsPage:
    parts = loaded.found.parts
    own = parts[(parts["cause"] == cause) & (parts["currency"].fillna("") == (currency or ""))]
    each = own.groupby("deal_id", dropna=False, as_index=False).agg(
        amount_minor=("amount_minor", "sum"), day=("day", "max"), owner_id=("owner_id", "last"), n=("n", "sum")
    )
    each = each.sort_values(["amount_minor", "deal_id"], key=lambda one: -one.abs() if one.name != "deal_id" else one)
    place = int(after or 0)
    shown = each.iloc[place : place + PAGE_ROWS]
    names = pipeline_moves.deal_names(installation.reader(loaded.view.viewer), shown["deal_id"].dropna().tolist())
    owners = loaded.view.choices.owners
    called = [
        f"{formats.plural(int(n), 'deal')} that changed in nothing else" if pd.isna(key) else names.get(int(key))
        for key, n in zip(shown["deal_id"], shown["n"], strict=True)
    ]
    whose = [None if pd.isna(one) else owners.get(int(one)) for one in shown["owner_id"]]
    words = {"name": pd.Series(called, index=shown.index), "owner": pd.Series(whose, index=shown.index)}
    frame = shown.assign(currency=currency, **words)
    total = int(own["amount_minor"].sum())
    when = f"between the evenings of {formats.day(loaded.start)} and {formats.day(loaded.end)}"
    note = f"{formats.plural(len(each), 'deal')} {when} · {formats.money_full(total, currency)}."
    more = place + PAGE_ROWS < len(each)
    return RowsPage(title="", note=note, columns=CHANGE_COLUMNS, frame=frame.reset_index(drop=True), total=len(each),
                    next_after=place + PAGE_ROWS if more else None)  # fmt: skip
