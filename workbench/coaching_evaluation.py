"""How notes do: what became of a model's answers, what people called wrong, and how suggested deals went on."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from snapshots.coaching_outcomes import FOLLOWED_DAYS
from snapshots.llm_spending import Allowance, Month
from workbench import coaching_words, formats
from workbench.cards import Kpi
from workbench.columns import Column, ColumnKind

CODE_COLUMNS: Final = (
    Column(field="why", title="Why an answer was refused or did not come", width=2.4),
    Column(field="n", title="Notes", kind=ColumnKind.COUNT),
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


def kpis(notes: pd.DataFrame, suggested: pd.DataFrame) -> list[Kpi]:
    """notes: NOTES of the newest version each. suggested: SUGGESTED."""
    asked = notes[notes["asked_level"] != "L0"]
    worded = asked[asked["level"].isin(["L1", "L2", "L3"])]
    edited = int((notes["level"] == "edited").sum())
    wrong = int((notes["n_wrong"] > 0).sum())
    over = suggested[suggested["is_over"]]
    return [
        Kpi(key="n_notes", label="Notes", value=formats.count(len(notes)), note="in these days",
            definition="Weekly notes about the salespeople that you see, each in its newest version.",
            why=f"{formats.count(edited)} edited by a person." if edited else ""),
        Kpi(key="accepted", label="Accepted", value=_share(len(worded), len(asked)), note=f"n {len(asked)}",
            definition="Of the notes for which a model was asked: those whose words passed the check. The others are "
                       "written without AI.",
            why="" if len(asked) else "No model was asked."),
        Kpi(key="called_wrong", label="Called wrong", value=_share(wrong, len(notes)), note=f"n {len(notes)}",
            definition="Notes of which somebody said that a sentence is wrong."),
        Kpi(key="acted_on", label="Acted on", value=_share(int((over["n_activities"] > 0).sum()), len(over)),
            note=f"n {len(over)}",
            definition=f"Suggested deals on which something happened within {FOLLOWED_DAYS} days. It may have happened "
                       "without the note, too.",
            why="" if len(over) else f"No suggestion is {FOLLOWED_DAYS} days old yet."),
        Kpi(key="note_cost", label="Cost", value=_cost(asked["micro_usd"]), note=f"{_tokens(asked)} tokens",
            definition="Of the requests for these notes, at the prices in the settings.",
            why=_unpriced(asked)),
    ]  # fmt: skip


def budget(month: Month, allowance: Allowance) -> Kpi:
    """What the organization's requests of this month used of what they may."""
    tokens, most = formats.count(month.tokens), formats.count(allowance.most_tokens)
    return Kpi(
        key="budget", label=f"Budget of {month.month:%B}", value=f"${month.micro_usd / 1e6:.2f}",
        note=f"of ${allowance.most_micro_usd / 1e6:.2f} · {tokens} of {most} tokens",
        definition="Of all requests of this month, whoever they were about, with what those under way may cost. It is "
                   "taken before a request is sent; when it is used up, notes are written without AI.",
        why="" if month.n_requests else "No request this month.",
    )  # fmt: skip


def _share(part: int, whole: int) -> str:
    return formats.rate(part / whole) if whole else formats.MISSING


def _cost(micro: pd.Series) -> str:
    return f"${micro.sum() / 1e6:.4f}" if micro.notna().any() else formats.MISSING


def _unpriced(asked: pd.DataFrame) -> str:
    if asked.empty:
        return "No model was asked."
    return "A price or a count of tokens is not known." if asked["micro_usd"].isna().any() else ""


def _tokens(notes: pd.DataFrame) -> str:
    return formats.count(int(notes["tokens_in"].fillna(0).sum() + notes["tokens_out"].fillna(0).sum()))


def codes(notes: pd.DataFrame) -> pd.DataFrame:
    """CODE_COLUMNS, the most frequent first."""
    each = notes["codes"].explode().dropna()
    n = each.map(coaching_words.refused).str.capitalize().value_counts()
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
