"""What pages are made of, as values: filled by `data`, drawn by the pages. Knows neither database nor screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pandas as pd

from insights.charts import Measure
from workbench.cards import Kpi, Stamp
from workbench.columns import Column
from workbench.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One line of a trend card.

    frame: `day`, `value`, `comparison`. title: the chart's question. note: what is left out. nothing: what an empty
    chart says.
    """

    key: str
    label: str
    title: str
    frame: pd.DataFrame
    measure: Measure
    columns: Sequence[Column]
    partial_from: date | None = None
    note: str = ""
    nothing: str = "Nothing happened in these days."


LookTone = Literal["red", "orange", "gray"]
"""Of the icon: something is wrong, something is missing, or something comes soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Something that needs a look: a fact with its reason, an amount or number, and the way to its rows.

    rows: key of the rows that open here; page: path of the page that says more. One of both is set.
    """

    key: str
    icon: str
    tone: LookTone
    what: str
    why: str
    amount: str
    rows: str | None = None
    page: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """n_open: deals that are open at the end of the as-of day; what needs a look is found among them."""

    kpis: Sequence[Kpi]
    trends: Sequence[Trend]
    looks: Sequence[Look]
    stamps: Sequence[Stamp]
    notes: Sequence[str] = ()
    is_empty: bool = False
    n_open: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPage:
    """One page of the rows behind a number.

    total: how many there are, None where counting is not worth it. next_after: what to ask the next page with; None on
    the last one.
    """

    title: str
    note: str
    columns: Sequence[Column]
    frame: pd.DataFrame
    total: int | None
    next_after: object | None


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The roll-up per owner. frame: the columns of `columns` plus `owner_id`, `note`, `few` and `trend` (a list)."""

    frame: pd.DataFrame
    columns: Sequence[Column]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """One salesperson's page. view: the page's view, narrowed to this person. deals: the first of the open ones.
    has_activities: some source tells of them."""

    view: View
    name: str
    about: str
    is_active: bool
    kpis: Sequence[Kpi]
    baselines: Sequence[Trend]
    deals: pd.DataFrame
    has_more_deals: bool
    activities: pd.DataFrame
    has_activities: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTable:
    """The stages of one pipeline. bars: `stage`, `value`, `weighted`, `label` for the chart. rows: them as a table."""

    pipeline_id: int
    name: str
    bars: pd.DataFrame
    measure: Measure
    rows: pd.DataFrame
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinePage:
    """Open deals at the end of the as-of day."""

    kpis: Sequence[Kpi]
    pipelines: Sequence[StageTable]
    notes: Sequence[str]
    n_deals: int
