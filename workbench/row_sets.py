"""The rows behind numbers: which sets there are, what they are called, which columns they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from insights.metrics import COUNTED_ACTIVITIES
from snapshots.rows import DUE_DAYS, LINGERING_DAYS, DealSet
from workbench.columns import Column, ColumnKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSet:
    """one, many: what the rows are, after their number.

    in_period: the rows have their day in the period; else they are what is open at the end of the as-of day.
    """

    key: str
    title: str
    one: str
    many: str
    kind: Literal["deal", "lead", "activity"] = "deal"
    deals: DealSet | None = None
    in_period: bool = True


_DEAL_SETS: Final = (
    RowSet(key="new_deals", title="New deals", one="deal created", many="deals created", deals=DealSet.CREATED),
    RowSet(key="won_amount", title="Won deals", one="deal won", many="deals won", deals=DealSet.WON),
    RowSet(key="lost", title="Lost deals", one="deal lost", many="deals lost", deals=DealSet.LOST),
    RowSet(key="win_rate", title="Closed deals", one="deal won or lost", many="deals won or lost",
           deals=DealSet.CLOSED),
    RowSet(key="cycle_length", title="Won deals with a creation date", one="deal won", many="deals won",
           deals=DealSet.WITH_CYCLE),
    RowSet(key="weighted_pipeline", title="Deals in the weighted pipeline",
           one="open deal with an amount and a stage probability",
           many="open deals with an amount and a stage probability", deals=DealSet.WEIGHTED, in_period=False),
    RowSet(key="open_pipeline", title="Open deals", one="open deal", many="open deals", deals=DealSet.OPEN,
           in_period=False),
    RowSet(key="overdue", title="Open deals past their close date", one="open deal whose close date has passed",
           many="open deals whose close date has passed", deals=DealSet.OVERDUE, in_period=False),
    RowSet(key="lingering", title="Deals that stand still",
           one=f"open deal more than {LINGERING_DAYS} days in its stage",
           many=f"open deals more than {LINGERING_DAYS} days in their stage", deals=DealSet.LINGERING, in_period=False),
    RowSet(key="due_soon", title="Open deals due soon", one=f"open deal with a close date within {DUE_DAYS} days",
           many=f"open deals with a close date within {DUE_DAYS} days", deals=DealSet.DUE_SOON, in_period=False),
    RowSet(key="unvalued", title="Open deals without an amount", one="open deal without an amount",
           many="open deals without an amount", deals=DealSet.UNVALUED, in_period=False),
    RowSet(key="undated", title="Open deals without a creation date", one="open deal without a creation date",
           many="open deals without a creation date", deals=DealSet.UNDATED, in_period=False),
    RowSet(key="without_owner", title="Open deals without an owner", one="open deal that nobody owns",
           many="open deals that nobody owns", deals=DealSet.WITHOUT_OWNER, in_period=False),
    RowSet(key="without_company", title="Open deals without a company", one="open deal without a company",
           many="open deals without a company", deals=DealSet.WITHOUT_COMPANY, in_period=False),
)  # fmt: skip
ROW_SETS: Final[Mapping[str, RowSet]] = {
    one.key: one
    for one in (
        *_DEAL_SETS,
        RowSet(key="leads", title="Leads", one="lead created", many="leads created", kind="lead"),
        RowSet(
            key="activities",
            title="Activities",
            one="e-mail, call, meeting or appointment",
            many="e-mails, calls, meetings and appointments",
            kind="activity",
        ),
    )
}
COUNTED: Final = COUNTED_ACTIVITIES

DEAL: Final = Column(field="name", title="Deal", width=2.2, missing="Unnamed deal")
OWNER: Final = Column(field="owner", title="Owner", width=1.2, missing="Nobody")
_COMPANY: Final = Column(field="company", title="Company", width=1.2, missing="No company")
STAGE: Final = Column(field="stage", title="Stage", missing="No stage")
AMOUNT: Final = Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY, missing="No amount")
CREATED: Final = Column(field="created_day", title="Created", kind=ColumnKind.DATE, width=0.9, missing="No date")
CLOSE_ON: Final = Column(field="close_on", title="Close date", kind=ColumnKind.DATE, width=0.9, missing="No date")
_CLOSED: Final = Column(field="closed_day", title="Closed", kind=ColumnKind.DATE, width=0.9)
_STATUS: Final = Column(field="status", title="Status", width=0.7)
STAGE_AGE: Final = Column(field="stage_age_days", title="In stage", kind=ColumnKind.DAYS, width=0.75)
_SOURCE: Final = Column(field="source", title="Source", missing="Unknown")

OPEN_DEAL_COLUMNS: Final = (DEAL, _COMPANY, OWNER, STAGE, AMOUNT, STAGE_AGE, CREATED, CLOSE_ON)
_CLOSED_DEAL_COLUMNS: Final = (DEAL, _COMPANY, OWNER, _STATUS, AMOUNT, CREATED, _CLOSED)
_NEW_DEAL_COLUMNS: Final = (DEAL, _COMPANY, OWNER, _STATUS, STAGE, AMOUNT, CREATED, _SOURCE)
_LEAD_COLUMNS: Final = (
    Column(field="name", title="Lead", width=1.4, missing="Unnamed lead"),
    Column(field="email", title="E-mail", width=1.5),
    Column(field="company_name", title="Company", width=1.2),
    OWNER,
    _SOURCE,
    Column(field="status", title="Status"),
    CREATED,
)
ACTIVITY_COLUMNS: Final = (
    Column(field="occurred_at", title="When", kind=ColumnKind.TIME, width=1.2, missing="No date"),
    Column(field="kind", title="Kind", width=0.8),
    Column(field="subject", title="Subject", width=1.8),
    OWNER,
    Column(field="deal", title="Deal", width=1.4),
    Column(field="outcome", title="Outcome"),
)


def columns(row_set: RowSet) -> tuple[Column, ...]:
    """The columns that answer the question of this set."""
    if row_set.kind == "lead":
        return _LEAD_COLUMNS
    if row_set.kind == "activity":
        return ACTIVITY_COLUMNS
    if not row_set.in_period:
        return OPEN_DEAL_COLUMNS
    return _NEW_DEAL_COLUMNS if row_set.deals is DealSet.CREATED else _CLOSED_DEAL_COLUMNS
