"""`slms verify-note` and `slms check-cases`: files in, verdicts out, and wrong files named in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.coaching_cases import check, written
from ops.llm_scripted import ScriptedServer

FACTS: list[dict[str, Any]] = [
    {"id": "F1", "role": "strength", "value": 7, "direction": "up", "nouns": ["meeting"],
     "phrase": "you held 7 meetings last week"},
    {"id": "F2", "role": "caveat", "nouns": ["sync"], "phrase": "email sync was last run on 9 November"},
]  # fmt: skip
GOOD = json.dumps(
    {"sentences": [{"kind": "strength", "text": "Well done: {F1}."}, {"kind": "caveat", "text": "Please note: {F2}."}]}
)
BAD = json.dumps({"sentences": [{"kind": "strength", "text": "Best of all: {F1}."}]})


def case(**more: Any) -> dict[str, Any]:
    return {"id": "one", "facts": FACTS, "good": {"raw": GOOD}, **more}


def verdict_of(folder: Path, text: str) -> dict[str, Any]:
    (folder / "facts.json").write_text(json.dumps({"facts": FACTS}))
    (folder / "note.txt").write_text(text)
    told = CliRunner().invoke(
        app, ["verify-note", "--facts", f"{folder}/facts.json", "--text", f"{folder}/note.txt", "--json"]
    )
    assert told.exit_code == 0, told.output
    return json.loads(told.output)  # type: ignore[no-any-return]


def test_a_note_is_judged_as_prose_or_as_a_models_answer(tmp_path: Path) -> None:
    assert (
        verdict_of(tmp_path, "You held 7 meetings last week. Email sync was last run on 9 November.")["verdict"]
        == "accept"
    )
    assert "NUM_UNSUPPORTED" in verdict_of(tmp_path, "You held 8 meetings last week.")["codes"]
    assert verdict_of(tmp_path, GOOD)["verdict"] == "accept"
    assert "SUPERLATIVE" in verdict_of(tmp_path, BAD)["codes"]
    assert verdict_of(tmp_path, "")["verdict"] == "fallback"


def test_cases_are_judged_by_their_good_bad_and_template(tmp_path: Path) -> None:
    (tmp_path / "cases.json").write_text(json.dumps({"cases": [case(bad={"raw": BAD, "text": None})]}))
    told = CliRunner().invoke(app, ["check-cases", f"{tmp_path}/cases.json", "--json"])
    one = json.loads(told.output)["cases"][0]
    assert (one["id"], one["good"], one["bad"], one["template"]) == ("one", "accept", "reject", "accept")
    assert {"SUPERLATIVE", "MISSING_REQUIRED"} <= set(one["codes"])
    plain = CliRunner().invoke(app, ["check-cases", f"{tmp_path}/cases.json"]).output
    assert plain.startswith("one: good accept, bad reject, template accept")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not JSON"),
        ("{}", "no list of cases"),
        ('[{"id": "x"}]', "list of facts"),
        ("[1]", "not an object"),
        ('[{"id": "x", "facts": [], "good": "You held 7 meetings."}]', "x: its good answer"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "cases.json").write_text(content)
    told = CliRunner().invoke(app, ["check-cases", f"{tmp_path}/cases.json"])
    assert told.exit_code == 2
    assert why in told.output


def test_the_verdict_farthest_from_accept_counts() -> None:
    told = check(case(bad={"raw": GOOD, "text": "You held 8 meetings."}), ScriptedServer)
    assert told.bad == "reject"
    cut = check(case(bad={"raw": GOOD[:40], "finish_reason": "length", "text": "You held 8 meetings."}), ScriptedServer)
    assert cut.bad == "fallback"
    assert {"TRUNCATED", "NUM_UNSUPPORTED"} <= set(cut.codes)
    assert check(case(bad={"raw": None, "text": None}), ScriptedServer).bad == "fallback", "nothing came"
    assert check(case(), ScriptedServer).bad is None


@pytest.mark.parametrize(
    ("sequence", "verdict"),
    [
        ([{"status": 429}, {"status": 500}, {"status": 200, "raw": GOOD}], "accept"),
        (
            [
                {"status": 400, "body": {"error": {"message": "response_format is unknown"}}},
                {"status": 200, "raw": GOOD},
            ],
            "accept",
        ),
        ([{"status": 200, "raw": BAD}, {"status": 200, "raw": GOOD}], "accept"),
        ([{"status": 200, "body": {"choices": [{"message": {"content": GOOD}}]}}], "accept"),
        ([{"status": 200, "body": "<html>"}, {"status": 200, "raw": GOOD}], "accept"),
        ([{"status": 200, "raw": ""}, {"status": 200, "raw": GOOD}], "accept"),
        ([{"status": 429, "headers": {"Retry-After": "2"}}, {"status": 200, "raw": GOOD}], "accept"),
        ([{"status": 429, "headers": {"Retry-After": "3600"}}, {"status": 200, "raw": GOOD}], "fallback"),
        ([{"status": 200, "raw": BAD}], "fallback"),
        ([{"status": 429}], "fallback"),
        ([{"status": 401}, {"status": 200, "raw": GOOD}], "fallback"),
        ([{"status": 400, "body": "no"}, {"status": 200, "raw": GOOD}], "fallback"),
        ([{"delay_s": 999}], "fallback"),
        ([{"refuse": True}], "fallback"),
        ([{"status": 200, "raw": GOOD[:30], "finish_reason": "length"}], "fallback"),
        ([{"status": 200, "body": {"choices": None}}], "fallback"),
        ([{"status": 200, "body": "<html>"}], "fallback"),
    ],
)
def test_a_note_comes_of_what_a_server_sends_or_a_template_is_written(
    sequence: list[dict[str, Any]], verdict: str
) -> None:
    assert check(case(bad={"transport": {"sequence": sequence}}), ScriptedServer).bad == verdict


def test_at_most_two_completions_are_asked_for() -> None:
    class Counting(ScriptedServer):
        asked = 0

        def complete(self) -> tuple[str | None, str | None]:
            self.asked += 1
            return super().complete()

    from insights.coaching import facts

    server = Counting([{"status": 200, "raw": BAD}])
    assert written(facts.read(FACTS), server).verdict == "fallback"
    assert server.asked == 2
