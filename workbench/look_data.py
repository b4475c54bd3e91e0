"""What needs a look: facts about open deals and imports that ask for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from insights import kpi_words
from insights.money import converted, totals
from snapshots import rows, status
from snapshots.rows import DUE_DAYS, LINGERING_DAYS, DealSet
from snapshots.slices import Slice, Viewer
from workbench import formats, installation, places
from workbench.content import Look, LookTone
from workbench.data import cached
from workbench.view import View


@dataclass(frozen=True, slots=True)
class Gap:
    """Open deals with something missing or overdue. one, many: what they are called by number."""

    deals: DealSet
    key: str
    icon: str
    tone: LookTone
    one: str
    many: str
    why: str


LOOKS: Final = (
    Gap(DealSet.OVERDUE, "overdue", "event_busy", "red", "open deal past its close date",
        "open deals past their close date", "Close them, or date them anew"),
    Gap(DealSet.WITHOUT_OWNER, "without_owner", "person_off", "red", "open deal without an owner",
        "open deals without an owner", "Nobody is working on them"),
    Gap(DealSet.LINGERING, "lingering", "hourglass_bottom", "orange", "deal stands still", "deals stand still",
        f"More than {LINGERING_DAYS} days in the same stage"),
    Gap(DealSet.UNVALUED, "unvalued", "money_off", "orange", "open deal without an amount",
        "open deals without an amount", "They count as deals, not as money"),
    Gap(DealSet.UNDATED, "undated", "calendar_clock", "orange", "open deal without a creation date",
        "open deals without a creation date", "Nobody can tell how old they are"),
    Gap(DealSet.WITHOUT_COMPANY, "without_company", "domain_disabled", "orange", "open deal without a company",
        "open deals without a company", "Whose they are is not recorded"),
    Gap(DealSet.DUE_SOON, "due_soon", "event_upcoming", "gray", "open deal due soon", "open deals due soon",
        f"Close date within {DUE_DAYS} days"),
)  # fmt: skip
CARDS: Final = tuple(gap for gap in LOOKS if gap.deals in {DealSet.OVERDUE, DealSet.WITHOUT_OWNER, DealSet.UNVALUED})
"""Those that are cards of the page Pipeline too."""


@cached
def summaries(viewer: Viewer, data_version: int, slice_: Slice) -> dict[DealSet, rows.RowsSummary]:
    return rows.open_summaries(installation.reader(viewer), slice_, [gap.deals for gap in LOOKS])


def looks(view: View) -> list[Look]:
    """Facts that ask for a person: deals with something missing or overdue, rejected rows."""
    known = summaries(view.viewer, view.data_version, view.slice())
    found = [_look(gap, known[gap.deals], view) for gap in LOOKS if known[gap.deals].n]
    if view.may_change:
        found += _rejected(view)
    return found


def _look(gap: Gap, summary: rows.RowsSummary, view: View) -> Look:
    return Look(
        key=gap.key, icon=gap.icon, tone=gap.tone, what=formats.plural(summary.n, gap.one, gap.many), why=gap.why,
        amount=_amount(summary, view), rows=gap.key,
    )  # fmt: skip


def _amount(summary: rows.RowsSummary, view: View) -> str:
    """What the deals come to: one amount where the entered rates allow it, else the largest and how many stand beside
    it."""
    held = pd.DataFrame({"currency": list(summary.amount_minor), "amount_minor": list(summary.amount_minor.values())})
    rates = installation.rates(view.viewer, view.data_version)
    parts = kpi_words.money_parts(totals(converted(held, rates, view.reporting_currency, days=view.as_of)))
    return " ".join(parts[:1] + ([f"+{len(parts) - 1}"] if len(parts) > 1 else []))


def _rejected(view: View) -> list[Look]:
    """Rows that the newest run of the organization had to leave aside."""
    return [
        Look(
            key="rejected", icon="rule", tone="orange", what=formats.plural(run.rejected, "rejected row"),
            why=f"In the newest run of {run.connection}", amount="", page=places.DATA,
        )
        for run in status.list_runs(installation.database(), view.organization_id, limit=1)
        if run.rejected
    ]  # fmt: skip
