"""What the list of scored leads loads: a page by score, what the bands come to, and why there may be nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

from insights.report_card import DEFINITIONS
from insights.scoring.score_model import shown
from snapshots import scored_rows
from snapshots.rows import PAGE_ROWS
from snapshots.rows import RowsPage as StoredPage
from snapshots.scored_rows import ScoreFilter
from workbench import cards, formats, installation, rights, score_sheet_data, score_words
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.scored_filters import ScoredChoice
from workbench.view import View

EXPORT_LIMIT: Final = 100_000
_CHANCE: Final = Column(field="probability", title="Chance", kind=ColumnKind.RATE, text_field="chance", width=0.6,
                        help=DEFINITIONS["Chance"])  # fmt: skip
COLUMNS: Final = (
    Column(field="name", title="Lead", width=1.3, missing="Unnamed"),
    Column(field="shown", title="Score", kind=ColumnKind.COUNT, width=0.5, help=DEFINITIONS["Score"]),
    Column(field="band", title="Band", text_field="band_text", width=0.6, help=DEFINITIONS["Band"]),
    _CHANCE,
    Column(field="why", title="Why", width=2.6),
    Column(field="next", title="Next", width=1.9, missing="–", help="What would add most to the score"),
    Column(field="owner", title="Owner", width=1.2, missing="Nobody"),
    Column(field="source", title="Source", width=1.0, missing="Unknown"),
    Column(field="campaign", title="Campaign", width=1.1, missing="None"),
    Column(field="status", title="Status", width=0.9),
    Column(field="created_at", title="Created", kind=ColumnKind.DATE, width=1.0),
    Column(field="email", title="E-mail", width=1.8, missing="No e-mail"),
    Column(field="company_name", title="Company", width=1.2),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """why: why there is nothing, or no chances; None: chances are shown. has_scores: whether there is a list."""

    why: str | None
    has_scores: bool


def standing(view: View) -> Standing:
    used = score_sheet_data.in_use(view, "lead")
    if used is not None and used.card["gate"]["open"]:
        return Standing(None, True)
    if used is not None and used.has_model:
        return Standing(score_words.why_gated(used.card, "lead"), True)
    return Standing(score_sheet_data.why_none(view, "lead"), False)


def columns(held: Standing) -> tuple[Column, ...]:
    """Without the chance where none is told."""
    return COLUMNS if held.why is None else tuple(one for one in COLUMNS if one is not _CHANCE)


def bands(view: View, choice: ScoredChoice) -> pd.DataFrame:
    """LEAD_BANDS of the list, whichever bands are chosen."""
    wanted = replace(choice, bands=()).wanted(view.filters)
    return scored_rows.lead_bands(installation.database(), rights.viewer(view), wanted=wanted)


def kpis(found: pd.DataFrame, held: Standing) -> list[cards.Kpi]:
    """The number per band; what is expected of them where chances are told."""
    n = {str(one.band): int(str(one.n)) for one in found.itertuples()}
    made = [
        cards.Kpi(key=f"band_{band}", label=f"{score_words.MARKS[band]} {title}", value=formats.count(n.get(band, 0)),
                  definition=DEFINITIONS["Band"], rows="Show them" if n.get(band) else None)
        for band, title in score_words.BANDS.items()
    ]  # fmt: skip
    if held.why is None:
        expected, of = float(found["expected"].sum()), int(found["n_probable"].sum())
        made.append(
            cards.Kpi(key="expected_conversions", label="Expected conversions", note=f"of {formats.count(of)}",
                      value=formats.number(round(expected, 1)) if of else formats.MISSING,
                      definition=DEFINITIONS["Expected conversions"])
        )  # fmt: skip
    return made


def page(view: View, choice: ScoredChoice, held: Standing, *, total: int, after: Any = None) -> RowsPage:
    """A page of the list, the highest score first."""
    found = _read(view, choice.wanted(view.filters), after, PAGE_ROWS)
    note = f"{formats.plural(total, 'open lead')}, the highest score first" if total else "No leads"
    return RowsPage(title="Scored leads", note=note, columns=columns(held), frame=told(found.rows, view), total=total,
                    next_after=found.after)  # fmt: skip


def everything(view: View, choice: ScoredChoice) -> pd.DataFrame:
    """The whole list for an export, up to EXPORT_LIMIT."""
    frames, after, n = [], None, 0
    while True:
        found = _read(view, choice.wanted(view.filters), after, 5_000)
        frames.append(told(found.rows, view))
        n, after = n + len(found.rows), found.after
        if after is None or n >= EXPORT_LIMIT:
            return pd.concat(frames, ignore_index=True).head(EXPORT_LIMIT)


def _read(view: View, wanted: ScoreFilter, after: Any, limit: int) -> StoredPage:
    return scored_rows.scored_leads(
        installation.database(), rights.viewer(view), wanted=wanted, after=after, limit=limit
    )


def told(frame: pd.DataFrame, view: View) -> pd.DataFrame:
    """With what is shown of scores: `shown` (0 to 100), `chance`, `why`, `next`, `band_text`."""
    actions = [score_words.next_action(one) for one in frame["reasons"]]
    return frame.assign(
        shown=[shown(float(one)) for one in frame["score"]],
        band_text=[score_words.BANDS[one] for one in frame["band"]],
        chance=[score_words.chance(one) for one in frame["probability"]],
        why=[score_words.in_short(one) for one in frame["reasons"]],
        next=pd.Series([None if one is None else f"{one[0]} {score_words.points(round(one[1]))[:-2]}"
                        for one in actions], dtype=object, index=frame.index),
        created_at=frame["created_at"].dt.tz_convert(view.zone),
    )  # fmt: skip
