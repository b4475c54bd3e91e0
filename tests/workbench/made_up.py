"""Made-up content for page tests: a small sales team, the same each time, put in place of what `workbench.data` loads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from insights.charts import Measure
from snapshots.slices import Role, Viewer
from workbench import places
from workbench.cards import Kpi, Stamp
from workbench.columns import Column, ColumnKind
from workbench.content import Look, Overview, People, PersonPage, PipelinePage, RowsPage, Trend
from workbench.filter_bar import Choices, known
from workbench.filters import Filters
from workbench.view import View

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
TODAY = date(2026, 11, 23)
PEOPLE = ("Amara Okafor", "Jonas Weber", "Mei Tanaka", "Lucía Fernández", "Tomasz Zieliński", "Priya Raman")
DEAL_COLUMNS = (
    Column(field="name", title="Deal", width=1.8),
    Column(field="owner", title="Owner", width=1.2),
    Column(field="stage", title="Stage"),
    Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY),
    Column(field="close_on", title="Close date", kind=ColumnKind.DATE),
)


def choices() -> Choices:
    return Choices(
        organizations={1: "Northwind EMEA", 2: "Northwind US"},
        teams={10: "Enterprise", 11: "Mid-market"},
        owners={100 + n: name for n, name in enumerate(PEOPLE)},
        sources=["Inbound", "Outbound", "Partner"],
        earliest=date(2024, 11, 24),
        latest=TODAY,
    )


def view(organizations: object, filters: Filters, *, now: datetime) -> tuple[View, bool]:
    kept, dropped = known(filters, choices())
    period = kept.period(latest=TODAY, earliest=date(2024, 11, 24))
    return View(
        viewer=Viewer(kept.organization_id, Role.ADMIN),
        organization_name="Northwind EMEA",
        is_sample=True,
        time_zone="Europe/Berlin",
        default_currency="EUR",
        reporting_currency="EUR",
        data_version=1,
        filters=kept,
        choices=choices(),
        period=period,
        compared=kept.compared(period),
        as_of=kept.as_of or TODAY,
        now=NOW,
    ), dropped


def weekly(seed: int, level: float, n: int = 13) -> pd.DataFrame:
    noise = np.random.default_rng(seed)
    days = pd.date_range(end=TODAY, periods=n, freq="W-MON")
    now, before = (level * (1 + 0.02 * np.arange(n)) + noise.normal(0, level / 9, n) for _ in range(2))
    return pd.DataFrame({"day": days, "value": now, "comparison": before * 0.9})


TREND_COLUMNS = (
    Column(field="day", title="Week from", kind=ColumnKind.DATE),
    Column(field="value", title="This period", kind=ColumnKind.COUNT),
    Column(field="comparison", title="Compared", kind=ColumnKind.COUNT),
)


def trend(key: str, label: str, title: str, seed: int, level: float, prefix: str = "") -> Trend:
    return Trend(
        key=key, label=label, title=title, frame=weekly(seed, level), measure=Measure(title=label, prefix=prefix),
        columns=TREND_COLUMNS, partial_from=date(2026, 11, 23),
    )  # fmt: skip


def kpis() -> list[Kpi]:
    line = [list(weekly(seed, 10)["value"]) for seed in range(7)]
    return [
        Kpi(key="leads", label="Leads", value="1,306", definition="Leads created.", change="4.2 %", direction="up",
            rows="1,306 leads", trend=line[0]),
        Kpi(key="new_deals", label="New deals", value="412", definition="Deals created.", change="1.1 %",
            direction="down", rows="412 deals", trend=line[1]),
        Kpi(key="won", label="Won amount", value="€1.24M", definition="Amount of deals won.", change="8.4 %",
            direction="up", tone="good", rows="214 deals", further=["$310k", "¥1.2M"], trend=line[2]),
        Kpi(key="win_rate", label="Win rate", value="29.4 %", definition="Won of closed.", change="1.8 pt",
            direction="down", rows="728 deals", trend=line[3]),
        Kpi(key="cycle", label="Cycle length", value="41 d", definition="Median.", change="3 d", direction="up",
            tone="bad", rows="214 deals", trend=line[4]),
        Kpi(key="weighted", label="Weighted pipeline", value="€2.91M", definition="Sum.", change="3.1 %",
            direction="up", rows="412 deals", trend=line[5]),
        Kpi(key="activities", label="Activities", value="12.4k", definition="All kinds.", change="0.6 %",
            direction="up", rows="12,431 activities", trend=line[6]),
    ]  # fmt: skip


def overview(_: View) -> Overview:
    return Overview(
        kpis=kpis(),
        trends=[
            trend("won", "Won", "Won amount per week", 3, 96_000, "€"),
            trend("created", "Created", "New deals per week", 4, 31),
            trend("lost", "Lost", "Lost amount per week", 5, 41_000, "€"),
            trend("leads", "Leads", "Leads per week", 6, 101),
        ],
        looks=[
            Look(key="overdue", icon="event_busy", is_bad=True, what="6 close dates in the past",
                 why="Still open, in no future month", amount="€188k", rows="overdue"),
            Look(key="unvalued", icon="money_off", is_bad=False, what="14 open deals without amount",
                 why="They count as deals, not as money", amount="14", rows="unvalued"),
            Look(key="ownerless", icon="person_off", is_bad=False, what="3 open deals without owner",
                 why="Nobody is working on them", amount="€52k", rows="ownerless"),
            Look(key="stale", icon="schedule", is_bad=False, what="Pipedrive export is stale",
                 why="9 days old", amount="9 d", page=places.DATA),
        ],
        stamps=[
            Stamp(name="HubSpot", refreshed_at=NOW - timedelta(minutes=12), is_stale=False),
            Stamp(name="Pipedrive export", refreshed_at=NOW - timedelta(days=9), is_stale=True, note="118 deals"),
        ],
    )  # fmt: skip


def deals(n: int = 24) -> pd.DataFrame:
    noise = np.random.default_rng(11)
    names = ["Nordwind Logistik", "Halcyon Labs", "=HYPERLINK(1)", "Oak & Ember <b>", "Vantage Rail", "株式会社サクラ"]
    return pd.DataFrame(
        {
            "deal_id": range(n),
            "name": [names[i % 6] for i in range(n)],
            "owner": [PEOPLE[i % 6] if i % 7 else None for i in range(n)],
            "stage": [("Discovery", "Proposal", "Negotiation")[i % 3] for i in range(n)],
            "amount_minor": pd.array([None if i % 5 == 4 else int(v) * 100 for i, v in
                                      enumerate(noise.lognormal(10.4, 0.7, n))], dtype="Int64"),
            "currency": ["EUR" if i % 4 else "JPY" for i in range(n)],
            "close_on": [pd.NaT if i % 6 == 5 else pd.Timestamp(TODAY) + pd.Timedelta(days=7 * i) for i in range(n)],
        }
    )  # fmt: skip


def row_titles() -> dict[str, str]:
    return {kpi.key: kpi.label for kpi in kpis()} | {"overdue": "Close dates in the past"}


def rows_page(_: View, key: str, *, after: object | None) -> RowsPage:
    return RowsPage(
        title=key, note="Deals closed in 26 Aug – 23 Nov 2026.", columns=DEAL_COLUMNS, frame=deals(),
        total=48, next_after=None if after else (1,),
    )  # fmt: skip


def people(_: View) -> People:
    noise = np.random.default_rng(21)
    n = len(PEOPLE)
    frame = pd.DataFrame(
        {
            "owner_id": [100 + i for i in range(n)] + [0],
            "name": [*PEOPLE, "Nobody"],
            "note": [
                "Enterprise",
                "Mid-market",
                "Mid-market",
                "Enterprise",
                "Enterprise · inactive",
                "",
                "no owner set",
            ],
            "emails": noise.integers(100, 400, n + 1),
            "calls": noise.integers(20, 200, n + 1),
            "meetings": noise.integers(4, 40, n + 1),
            "new_deals": noise.integers(4, 40, n + 1),
            "won_minor": pd.array([*(noise.lognormal(16.5, 0.5, n)).astype(int), None], dtype="Int64"),
            "currency": "EUR",
            "win_rate": [*noise.uniform(0.15, 0.45, n), np.nan],
            "n_closed": noise.integers(5, 70, n + 1),
            "few": [i == 2 for i in range(n + 1)],
            "pipeline_minor": pd.array([*(noise.lognormal(17, 0.5, n)).astype(int), 120_000], dtype="Int64"),
            "trend": [list(weekly(i, 10)["value"].round(1)) for i in range(n)] + [[]],
        }
    )
    columns = (
        Column(field="name", title="Salesperson", width=1.6),
        Column(field="emails", title="Emails", kind=ColumnKind.COUNT, width=0.8),
        Column(field="calls", title="Calls", kind=ColumnKind.COUNT, width=0.8),
        Column(field="meetings", title="Meetings", kind=ColumnKind.COUNT, width=0.9),
        Column(field="new_deals", title="New deals", kind=ColumnKind.COUNT),
        Column(field="won_minor", title="Won", kind=ColumnKind.MONEY, width=1.1),
        Column(field="win_rate", title="Win rate", kind=ColumnKind.RATE, width=1.1),
        Column(field="pipeline_minor", title="Pipeline", kind=ColumnKind.MONEY, width=1.1),
    )
    return People(frame=frame, columns=columns, note="7 rows · pale win rates rest on fewer than 20 closed deals")


def person(_: View, owner_id: int) -> PersonPage | None:
    if owner_id - 100 not in range(len(PEOPLE)):
        return None
    week = weekly(8, 22_000, 26).assign(low=16_000, middle=22_000, high=29_000).drop(columns="comparison")
    base = Trend(key="won", label="Won", title="Won per week against own baseline", frame=week,
                 measure=Measure(title="Won", prefix="€"), columns=TREND_COLUMNS[:2])  # fmt: skip
    return PersonPage(
        name=PEOPLE[owner_id - 100], about="Enterprise · manager Dana Whitlock", is_active=True, kpis=kpis()[2:6],
        baselines=[base], deals=deals(8), n_deals=8, activities=pd.DataFrame(),
    )  # fmt: skip


def pipeline(_: View) -> PipelinePage:
    stages = pd.DataFrame(
        {
            "stage": ["Discovery", "Proposal", "Negotiation", "No stage"],
            "value": [1_410_000.0, 1_620_000.0, 870_000.0, 120_000.0],
            "weighted": [141_000.0, 486_000.0, 609_000.0, None],
            "label": ["€1.41M · 148 deals", "€1.62M · 121 deals", "€870k · 51 deals", "€120k · 9 deals"],
            "n": [148, 121, 51, 9],
            "median_days": [12.0, 19.0, 9.0, None],
        }
    )
    return PipelinePage(
        kpis=kpis()[2:5], stages=stages, measure=Measure(title="Amount", prefix="€"), notes=[], n_deals=329,
        stage_columns=(Column(field="stage", title="Stage"), Column(field="n", title="Deals", kind=ColumnKind.COUNT),
                       Column(field="median_days", title="Median age", kind=ColumnKind.DAYS)),
    )  # fmt: skip
