"""The newest rows that a flag on one deal rests on: how its close date, amount or stage moved, what happened on it
last, the other deal of a second record. Each is shown to who may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from snapshots import deal_moves, health_rows, rows
from snapshots.health_flags import Flag
from snapshots.slices import Slice
from workbench import formats, installation, rights, rows_data, tables
from workbench.columns import Column, ColumnKind
from workbench.row_sets import AMOUNT, CREATED, DEAL, OWNER, STAGE
from workbench.view import View

SHOWN: Final = 5
_ON: Final = Column(field="day", title="On", kind=ColumnKind.DATE, width=0.9)
_DATE_COLUMNS: Final = (
    _ON,
    Column(field="was_on", title="Close date", kind=ColumnKind.DATE, width=0.9),
    Column(field="close_on", title="put to", kind=ColumnKind.DATE, width=0.9),
    Column(field="days", title="By", text_field="by", is_right=True, width=0.8),
    OWNER,
)
_AMOUNT_COLUMNS: Final = (
    _ON,
    Column(field="was_minor", title="From", kind=ColumnKind.MONEY, currency_field="was_currency"),
    Column(field="amount_minor", title="to", kind=ColumnKind.MONEY),
    OWNER,
)
_STAGE_COLUMNS: Final = (
    _ON,
    Column(field="stage", title="Into", missing="No stage"),
    Column(field="was", title="From"),
    OWNER,
)
_ACTIVITY_COLUMNS: Final = (
    Column(field="occurred_at", title="When", kind=ColumnKind.TIME, width=1.2, missing="No date"),
    Column(field="kind", title="Kind", width=0.8),
    Column(field="way", title="Way", width=0.6),
    Column(field="subject", title="Subject", width=1.3),
    OWNER,
)
_WAYS: Final = {"in": "In", "out": "Out"}


def draw(view: View, flag: Flag, slice_: Slice) -> None:
    """slice_: every deal that the viewer may see, at the end of the day that is looked at."""
    show = _ROWS.get(flag.rule)
    if show is not None:
        show(view, flag, slice_)


def _dates(view: View, flag: Flag, slice_: Slice) -> None:
    reader = installation.reader(rights.viewer(view))
    found = deal_moves.date_moves(reader, slice_, flag.deal_id, limit=SHOWN + 1)
    signs = ["+" if one > 0 else formats.MINUS for one in found["days"]]
    by = [f"{sign}{formats.plural(abs(one), 'day')}" for sign, one in zip(signs, found["days"], strict=True)]
    _table(found.assign(by=by), _DATE_COLUMNS, "How its close date moved", "No move of its close date is known.")


def _amounts(view: View, flag: Flag, slice_: Slice) -> None:
    reader = installation.reader(rights.viewer(view))
    found = deal_moves.amount_moves(reader, slice_, flag.deal_id, limit=SHOWN + 1)
    _table(found, _AMOUNT_COLUMNS, "How its amount moved", "No move of its amount is known.")


def _stages(view: View, flag: Flag, slice_: Slice) -> None:
    reader = installation.reader(rights.viewer(view))
    found = deal_moves.stage_moves(reader, slice_, flag.deal_id, limit=SHOWN + 1)
    _table(found, _STAGE_COLUMNS, "How it went through its stages", "No entry into a stage is known.")


def _activities(view: View, flag: Flag, slice_: Slice) -> None:
    reader = installation.reader(rights.viewer(view))
    ever = replace(slice_, first_day=date.min, last_day=slice_.as_of)
    found = rows.activity_rows(reader, ever, deal_id=flag.deal_id, limit=SHOWN + 1).rows
    told = rows_data.local(found, view).assign(way=found["direction"].map(_WAYS))
    _table(told, _ACTIVITY_COLUMNS, "What happened last", "No activity on it is known, or shown to you.")


def _other_deal(view: View, flag: Flag, slice_: Slice) -> None:
    first_id = flag.latest.get("first_id", flag.evidence.get("first_id"))
    reader = installation.reader(rights.viewer(view))
    found = health_rows.deals_seen(reader, slice_, [] if first_id is None else [int(first_id)])
    status = Column(field="status", title="Status", width=0.7)
    _table(rows_data.local(found, view), (DEAL, status, STAGE, AMOUNT, CREATED, OWNER), "The other deal",
           "The other deal is not shown to you, or there is none any more.")  # fmt: skip


def _table(found: pd.DataFrame, columns: tuple[Column, ...], title: str, nothing: str) -> None:
    if found.empty:
        st.caption(nothing)
        return
    more = f", the newest {SHOWN}" if len(found) > SHOWN else ""
    st.caption(f"{title}{more}:")
    tables.plain(found.head(SHOWN), columns, caption=title)


_ROWS: Final[Mapping[str, Callable[[View, Flag, Slice], None]]] = {
    "slow_stage": _stages,
    "pushed": _dates,
    "sandbag": _dates,
    "amount_drift": _amounts,
    "stale": _activities,
    "no_next_step": _activities,
    "single_threaded": _activities,
    "happy_ears": _activities,
    "second_record": _other_deal,
}
