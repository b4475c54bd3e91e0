"""Facts for notes, with strings in every text that must not leave, and answers of a good and a bad model."""

from __future__ import annotations

import json
from typing import Any

from insights.coaching import facts
from insights.coaching.facts import Pack

CANARIES = (
    "Kestrel Canary", "Nadia Secret", "nadia.secret@example.com", "+36 30 555 0199", "Zirconium Stage", "canary-note",
    "Quarry Lane", "Priya Hidden",
)  # fmt: skip
"""Strings that people wrote in the CRM."""
SENTENCES = {
    "strength": "Nice momentum: {F1}.", "opportunity": "Worth a tidy-up: {F2}.", "action": "A good first call: {F3}.",
    "caveat": "Please note: {F4}.",
}  # fmt: skip


def evidence(query: str) -> dict[str, Any]:
    return {"query": query, "parameters": {"owner": "7"}, "row_ids": ["11"], "snapshot_day": "2026-11-22"}


def pack(*, meetings: int = 7, deal: str = CANARIES[0], stage: str = "Zirconium Stage", **more: Any) -> Pack:
    """Four facts: a strength, an opportunity, an action about a deal, a caveat."""
    return facts.read({
        "facts": [
            {"id": "F1", "role": "strength", "metric": "meeting", "value": meetings, "unit": "count", "direction": "up",
             "baseline": 4, "nouns": ["meeting"], "evidence": evidence("meetings"),
             "phrase": f"you held {meetings} meetings last week (your 8-week median: 4)"},
            {"id": "F2", "role": "opportunity", "metric": "next_step", "value": 3, "unit": "count",
             "nouns": ["next step"], "evidence": evidence("no_next_step"), "phrase": "3 open deals have no next step"},
            {"id": "F3", "role": "action", "metric": "stage_age", "value": 21, "unit": "days", "entity": "D1",
             "subject": CANARIES[5], "nouns": ["stage", stage], "evidence": evidence("stage_age"),
             "phrase": f"{deal} has been in the stage {stage} for 21 days (your median: 9)"},
            {"id": "F4", "role": "caveat", "metric": "sync", "unit": "date", "nouns": ["sync"],
             "dates": ["9 November"], "phrase": "email sync was last run on 9 November"},
        ],
        "entities": [{"id": "D1", "name": deal}],
        "other_names": [CANARIES[1], CANARIES[7]],
        "untrusted_text": list(CANARIES[2:]),
        **more,
    })  # fmt: skip


def answer(**texts: str) -> str:
    """A model's good answer; texts by kind, instead of the good ones."""
    said = SENTENCES | texts
    return json.dumps({"sentences": [{"kind": kind, "text": text} for kind, text in said.items()]})


GOOD = answer()
BAD = answer(strength="Best of all, 14 meetings: {F1}.")
