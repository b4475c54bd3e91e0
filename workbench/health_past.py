"""The rows behind the records on the cards of Pipeline health: past flags, whether each came true, and what became of
its deal. How many there are is counted over the whole organization; listed are those that the viewer may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import pandas as pd

from insights.health import words as health_words
from insights.health.rules import OUTCOMES, RULES
from insights.health.track_record import HitRate
from ops import health
from snapshots import health_rows
from snapshots.health_flags import HealthRun
from snapshots.rows import PAGE_ROWS
from workbench import formats, installation
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.data import cached
from workbench.health_data import Standing
from workbench.health_filters import HealthChoice
from workbench.row_sets import AMOUNT, DEAL, OWNER
from workbench.view import View

COLUMNS: Final = (
    DEAL,
    Column(field="title", title="Flag", width=0.9),
    Column(field="day", title="Flagged", kind=ColumnKind.DATE, width=0.9, help="First day on which it was raised"),
    Column(field="came", title="Came true", width=0.8),
    Column(field="became", title="What became of it", width=1.5),
    Column(field="fate_day", title="On", kind=ColumnKind.DATE, width=0.9),
    OWNER,
    AMOUNT,
)


@cached
def _followed(organization_id: int, data_version: int, day: date, judged_at: datetime) -> pd.DataFrame:
    """judged_at: a day that is judged again may have raised more."""
    return health.past_flags(installation.database(), organization_id, day)


def everything(view: View, run: HealthRun, choice: HealthChoice) -> pd.DataFrame:
    """Past flags of the chosen rules on deals that the filters leave, as in COLUMNS with `deal_id`: what came true
    first, then the newest."""
    found = _of(choice, _followed(view.organization_id, view.data_version, run.day, run.judged_at))
    seen = health_rows.deals_seen(installation.reader(view.viewer), view.slice(), found["deal_id"].unique().tolist())
    rows = found.merge(seen, on="deal_id").sort_values(
        ["is_true", "day", "deal_id", "rule"], ascending=[False, False, True, True], ignore_index=True
    )
    return rows.assign(
        title=rows["rule"].map(health_words.title), came=rows["is_true"].map({True: "Yes", False: "No"}),
        became=rows["fate"].map(health_words.FATES),
    )  # fmt: skip


def page(view: View, held: Standing, choice: HealthChoice, *, after: Any = None) -> RowsPage:
    """A page of `everything`. after: how many rows come before it."""
    assert held.run is not None
    rows, first = everything(view, held.run, choice), int(after or 0)
    last = first + PAGE_ROWS
    return RowsPage(
        title="", note=_note(view, held, choice, rows), columns=_columns(choice), total=len(rows),
        frame=rows.iloc[first:last].reset_index(drop=True), next_after=last if last < len(rows) else None,
    )  # fmt: skip


def _columns(choice: HealthChoice) -> tuple[Column, ...]:
    """Which flag it was is said where there may be several."""
    return tuple(one for one in COLUMNS if one.field != "title" or len(choice.rules) != 1)


def _of(choice: HealthChoice, found: pd.DataFrame) -> pd.DataFrame:
    return found[found["rule"].isin(choice.rules)] if choice.rules else found


def _note(view: View, held: Standing, choice: HealthChoice, rows: pd.DataFrame) -> str:
    """How many came true, and how that agrees with the record."""
    assert held.run is not None
    if rows.empty:
        return ""
    listed = formats.plural(len(rows), "past flag")
    said = [f"{formats.count(int(rows['is_true'].sum()))} of {listed} {_word(choice)}."]
    kept = [held.rates[rule] for rule in choice.rules or RULES if rule in held.rates]
    every = _of(choice, _followed(view.organization_id, view.data_version, held.run.day, held.run.judged_at))
    if len(rows) < len(every):
        of_all = (
            f"the {formats.count(len(every))} of the whole organization" if len(every) > 1 else "the organization’s"
        )
        said.append(f"The record is of {of_all}.")
    if _counted(kept) != (len(every), int(every["is_true"].sum())):
        n, n_true = _counted(kept)
        said.append(
            f"As it was counted on {formats.day(held.run.day)} it was {formats.count(n_true)} of {formats.count(n)}: "
            "deals were corrected since."
        )
    return " ".join(said)


def _word(choice: HealthChoice) -> str:
    return OUTCOMES[RULES[choice.rules[0]].outcome][0] if len(choice.rules) == 1 else "came true"


def _counted(kept: Sequence[HitRate]) -> tuple[int, int]:
    return sum(one.flagged.n for one in kept), sum(one.flagged.n_true for one in kept)
