"""How notes do: what became of a model's answers, what people called wrong, and how suggested deals went on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from snapshots.coaching_outcomes import FOLLOWED_DAYS
from snapshots.llm_spending import Allowance, Month
from workbench import coaching_words, formats
from workbench.cards import Kpi
from workbench.columns import Column, ColumnKind

CODE_COLUMNS: Final = (
    Column(field="why", title="Why an answer was refused or did not come", width=2.4),
    Column(field="n", title="Writings", kind=ColumnKind.COUNT),
)
OUTCOME_COLUMNS: Final = (
    Column(field="reason", title="Suggested because", width=1.6),
    Column(field="n", title="Deals", kind=ColumnKind.COUNT),
    Column(field="done", title="Called done", kind=ColumnKind.COUNT),
    Column(field="followed", title="Acted on", kind=ColumnKind.COUNT,
           help=f"Of those of which {FOLLOWED_DAYS} days have passed: with an activity on the deal within these days"),
    Column(field="over", title="Of", kind=ColumnKind.COUNT, help=f"Suggestions of which {FOLLOWED_DAYS} days passed"),
    Column(field="won", title="Won since", kind=ColumnKind.COUNT),
    Column(field="lost", title="Lost since", kind=ColumnKind.COUNT),
    Column(field="open", title="Still open", kind=ColumnKind.COUNT),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Of the weeks and salespeople looked at. notes: NOTES, the newest version of each. asked: ASKED, each writing for
    which a model was asked. costs: COSTS. suggested: SUGGESTED. wrong: WRONG."""

    notes: pd.DataFrame
    asked: pd.DataFrame
    costs: pd.DataFrame
    suggested: pd.DataFrame
    wrong: pd.DataFrame


def kpis(found: Evaluated) -> list[Kpi]:
    notes, asked = found.notes, found.asked
    edited = int((notes["level"] == "edited").sum())
    wrong = int((notes["n_wrong"] > 0).sum())
    over = found.suggested[found.suggested["is_over"]]
    return [
        Kpi(key="n_notes", label="Notes", value=formats.count(len(notes)), note="in these days",
            rows=formats.plural(len(notes), "note") if len(notes) else None,
            definition="Weekly notes about the salespeople that you see, each in its newest version.",
            why=f"{formats.count(edited)} edited by a person." if edited else ""),
        Kpi(key="accepted", label="Accepted", value=_share(int(asked["is_accepted"].sum()), len(asked)),
            note=f"n {formats.count(len(asked))}",
            rows=formats.plural(len(asked), "writing") if len(asked) else None,
            definition="Of the times that a model was asked to word a note: those in which its words passed the check. "
                       "Else the note was written without AI. A note that was written anew, for its facts had "
                       "changed, counts each time; an edit by a person does not count.",
            why="" if len(asked) else "No model was asked."),
        Kpi(key="called_wrong", label="Called wrong", value=_share(wrong, len(notes)),
            note=f"n {formats.count(len(notes))}",
            rows=formats.plural(len(found.wrong), "sentence") if len(found.wrong) else None,
            definition="Notes of which somebody said that a sentence is wrong, in whatever version."),
        Kpi(key="acted_on", label="Acted on", value=_share(int((over["n_activities"] > 0).sum()), len(over)),
            note=f"n {formats.count(len(over))}",
            rows=formats.plural(len(found.suggested), "suggestion") if len(found.suggested) else None,
            definition=f"Suggested deals on which something happened within {FOLLOWED_DAYS} days. It may have happened "
                       "without the note, too.",
            why="" if len(over) else f"No suggestion is {FOLLOWED_DAYS} days old yet."),
        Kpi(key="note_cost", label="Cost", value=_cost(found.costs), note=_tokens(found.costs),
            rows=formats.plural(len(found.costs), "note") if len(found.costs) else None,
            definition="Of every request about these notes, whatever became of its answer and however often a note was "
                       "written, at the prices in the settings. One of which the server told nothing counts with what "
                       "it may have cost at most, as in the budget.",
            why=_unpriced(found.costs)),
    ]  # fmt: skip


def budget(month: Month, allowance: Allowance) -> Kpi:
    """What the organization's requests of this month used of what they may."""
    tokens, most = formats.count(month.tokens), formats.count(allowance.most_tokens)
    return Kpi(
        key="budget", label=f"Budget of {month.month:%B}", value=f"${month.micro_usd / 1e6:.2f}",
        note=f"of ${allowance.most_micro_usd / 1e6:.2f}",
        definition="Of all requests of this month, whoever they were about, with what those under way may cost. It is "
                   "taken before a request is sent; when it is used up, notes are written without AI.",
        why=f"{tokens} of {most} tokens." if month.n_requests else "No request this month.",
    )  # fmt: skip


def _share(part: int, whole: int) -> str:
    return formats.rate(part / whole) if whole else formats.MISSING


def _cost(costs: pd.DataFrame) -> str:
    known = costs["micro_usd"].dropna()
    return f"${int(known.sum()) / 1e6:.4f}" if len(known) else formats.MISSING


def _unpriced(costs: pd.DataFrame) -> str:
    if costs.empty:
        return "No model was asked."
    n = int(costs["n_unpriced"].sum())
    return f"{formats.plural(n, 'request')} without a known price." if n else ""


def _tokens(costs: pd.DataFrame) -> str:
    known = costs["tokens"].dropna()
    return f"{formats.count(int(known.sum()))} tokens" if len(known) else ""


def codes(asked: pd.DataFrame) -> pd.DataFrame:
    """CODE_COLUMNS of ASKED, the most frequent first; a writing counts once per reason."""
    reasons = [{coaching_words.reason(str(code)) for code in told} for told in asked["codes"]]
    n = pd.Series([one for own in reasons for one in sorted(own)], dtype="object").value_counts()
    return pd.DataFrame({"why": n.index, "n": n.to_numpy()})


def outcomes(suggested: pd.DataFrame) -> pd.DataFrame:
    """OUTCOME_COLUMNS, by reason, the most frequent first."""
    rows: list[dict[str, Any]] = [
        {
            "reason": coaching_words.REASONS.get(str(metric), str(metric)), "n": len(own),
            "done": int(own["is_done"].sum()), "over": int(own["is_over"].sum()),
            "followed": int((own["is_over"] & (own["n_activities"] > 0)).sum()),
            **{status: int((own["status"] == status).sum()) for status in ("won", "lost", "open")},
        }
        for metric, own in suggested.groupby("metric")
    ]  # fmt: skip
    found = pd.DataFrame(rows, columns=[column.field for column in OUTCOME_COLUMNS])
    return found.sort_values("n", ascending=False, kind="stable", ignore_index=True)
