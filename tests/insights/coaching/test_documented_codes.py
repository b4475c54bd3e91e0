"""The table of codes in docs/coaching.md: each example gives its code, and no code is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from good_openings import FACTS

from insights.coaching import asking, claims, facts
from insights.coaching.verifier import Verdict, verify

ROOT = Path(__file__).resolve().parents[3]
TABLE = re.findall(r"^\| `([A-Z_]+)` \| [^|]+ \| `(.+)` \|$", (ROOT / "docs/coaching.md").read_text(), re.MULTILINE)
OLD = {"id": "F7", "role": "caveat", "metric": "snapshot", "value": 19, "unit": "days", "nouns": ["snapshot"],
       "phrase": "this snapshot is 19 days old, so newer changes are not shown"}  # fmt: skip


def judged(code: str, example: str) -> Verdict:
    """An example in braces is a whole answer, one with slots a sentence of one, any other prose."""
    told = [one for one in FACTS["facts"] if one["id"] != "F6" or code == "MISSING_REQUIRED"]
    pack = facts.read({**FACTS, "facts": [*told, OLD] if code == "STALE" else told})
    if example.startswith('{"') or code in {"NOT_JSON", "REFUSAL", "EMPTY", "TRUNCATED"}:
        reason = "length" if code == "TRUNCATED" else "stop"
        return verify(pack, raw=example, finish_reason=reason)
    if "{" not in example:
        return verify(pack, text=example)
    sentences = [{"kind": "summary", "text": one} for one in example.split(" / ")]
    return verify(pack, raw=json.dumps({"sentences": sentences}))


@pytest.mark.parametrize(("code", "example"), TABLE, ids=[code for code, _ in TABLE])
def test_each_example_gives_its_code(code: str, example: str) -> None:
    assert code in judged(code, example).codes


def test_every_code_stands_in_the_table() -> None:
    package = "\n".join(path.read_text() for path in (ROOT / "insights/coaching").glob("*.py"))
    known = {code for code, _ in (*claims.NAMED, *claims.ALWAYS)} | set(asking.EXPLAINED)
    said = set(re.findall(r"\"([A-Z]{2,}(?:_[A-Z]+)+)\"", package)) - {"UNKNOWN_ID"}  # which no answer is judged by
    assert known | said <= {code for code, _ in TABLE}
