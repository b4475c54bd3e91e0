"""How notes do: figures count every version and request and open their rows; every code and fact has words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOW, House, coached_house_of
from reading import as_read
from streamlit.testing.v1 import AppTest

import insights.coaching
import ops
from insights.coaching import found, phrases
from ops import coaching
from snapshots import llm_spending, notes
from snapshots.llm_spending import Allowance, Outcome, Request
from snapshots.notes import NewNote, Note, NoteKey
from workbench import access, coaching_data, coaching_evaluation, coaching_rows, coaching_words, installation
from workbench.coaching_choice import CoachingChoice
from workbench.coaching_data import Coaching
from workbench.filters import Filters
from workbench.view import View

NO_CODES = {"NFKC", "NONE"}
"""Words in capitals that are no reason why an answer does not count."""


@pytest.fixture
def coached(copy_of: CopyOf, tmp_path: Path) -> Iterator[House]:
    """The sample organization with the notes of one week."""
    with coached_house_of(copy_of, slms_home=tmp_path) as house:
        yield house


def view_of(house: House) -> View:
    asked = Filters(organization_id=house.organization_id)
    return installation.make_view(installation.viewers(), asked, now=NOW)[0]


def loaded_of(house: House) -> Coaching:
    return coaching_data.load(view_of(house), CoachingChoice())


def rewritten(house: House, note: Note, **values: Any) -> Note:
    """The next version of the note, as a model or a template would have made it."""
    key, where = NoteKey(note.owner_id, note.week), (house.database, house.organization_id)
    told = {name: getattr(note, name) for name in NewNote.__dataclass_fields__}
    cache_key = f"rewritten {note.version}"
    assert notes.claim(*where, key, cache_key, token="t", lease=coaching.LEASE, now=NOW) is True
    new = NewNote(**(told | {"cache_key": cache_key, "asked_level": "L2"} | values))
    made = notes.keep(*where, key, new, token="t", now=NOW)
    assert made is not None
    return made


def paid(house: House, note: Note, tokens: int, micro: int) -> None:
    where = (house.database, house.organization_id)
    wanted = Request(
        month=NOW.date().replace(day=1), owner_id=note.owner_id, week=note.week, note_for="rep", host="h", model="m",
        body={}, tokens=tokens, micro_usd=micro,
    )  # fmt: skip
    number = llm_spending.reserve(*where, wanted, Allowance(most_tokens=10**6, most_micro_usd=10**6), now=NOW)
    done = Outcome(code="OK", tokens_in=tokens, tokens_out=0, tokens=tokens, micro_usd=micro, latency_ms=5)
    llm_spending.settle(*where, number, done, now=NOW)


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.expander, *at.error]
    return as_read("\n".join(str(getattr(part, "value", None) or getattr(part, "label", "")) for part in parts))


def test_a_rewritten_and_edited_note_keeps_its_acceptance_refusals_and_cost(
    workbench: Workbench, coached: House
) -> None:
    workbench.use(coached)
    first = loaded_of(coached).versions[0]
    refused = rewritten(coached, first, level="L0", codes=["CAUSAL"], n_completions=2)
    paid(coached, first, 300, 20_000)
    worded = rewritten(coached, refused, level="L2", codes=["TONE"], n_completions=2)
    paid(coached, first, 200, 10_000)
    assert worded.note_id is not None
    coaching.edit_note(coached.services, coached.organization_id, worded.note_id,
                       "\n".join(str(one["text"]) for one in worded.sentences), by="ann@example.com")  # fmt: skip
    told = coaching_data.evaluated(loaded_of(coached))
    cards = {card.key: card for card in coaching_evaluation.kpis(told)}
    assert (cards["accepted"].value, cards["accepted"].note) == ("50.0\u00a0%", "n 2")
    assert (cards["note_cost"].value, cards["note_cost"].note) == ("$0.0300", "500 tokens")
    assert cards["n_notes"].why == "1 edited by a person."
    assert sorted(coaching_evaluation.codes(told.asked)["why"]) == [
        "A cause, which facts do not tell", "A tone that blames",
    ]  # fmt: skip


@pytest.mark.parametrize("key", list(coaching_rows.LISTS))
def test_each_figure_has_as_many_rows_behind_it_as_it_says(workbench: Workbench, coached: House, key: str) -> None:
    workbench.use(coached)
    loaded = loaded_of(coached)
    first = loaded.versions[0]
    rewritten(coached, first, level="L0", codes=["HTTP_503"], n_completions=0)
    paid(coached, first, 10, 5)
    assert first.note_id is not None
    coaching_data.say(loaded.view, first.note_id, 0, None, "wrong")
    loaded = loaded_of(coached)
    told = coaching_data.evaluated(loaded)
    card = next(one for one in coaching_evaluation.kpis(told) if one.key == key)
    frame = coaching_rows.LISTS[key].make(told, loaded.names, loaded.view)
    assert card.rows is not None
    assert card.rows.split()[0] == str(len(frame))
    assert {column.field for column in coaching_rows.LISTS[key].columns} <= set(frame)


def test_figures_without_rows_open_none() -> None:
    empty = coaching_evaluation.Evaluated(
        notes=pd.DataFrame({"level": [], "n_wrong": []}), asked=pd.DataFrame({"is_accepted": []}),
        costs=pd.DataFrame({"micro_usd": [], "tokens": [], "n_unpriced": []}), wrong=pd.DataFrame(),
        suggested=pd.DataFrame({"is_over": pd.Series([], dtype="bool"), "n_activities": []}),
    )  # fmt: skip
    assert [card.rows for card in coaching_evaluation.kpis(empty)] == [None] * 5


def test_a_figure_opens_its_rows_over_the_page(workbench: Workbench, coached: House) -> None:
    at = workbench.open(coached, "coaching", show="evaluation")
    at.button(key="open_n_notes").click().run()
    assert not at.exception
    assert "Each note of these days in its newest version." in words(at)


def test_what_was_called_wrong_is_listed_with_comment_sentence_and_fact_whatever_version_follows(
    workbench: Workbench, coached: House
) -> None:
    workbench.use(coached)
    loaded = loaded_of(coached)
    first = loaded.versions[0]
    assert first.note_id is not None
    number = next(n for n, one in enumerate(first.sentences) if one["fact_ids"])
    coaching_data.say(loaded.view, first.note_id, number, None, "wrong", "Two <b>were</b> cancelled")
    rewritten(coached, first, level="L2", n_completions=1)
    loaded = loaded_of(coached)
    [row] = coaching_rows.wrong_rows(coaching_data.evaluated(loaded), loaded.names, loaded.view).itertuples()
    assert (row.sentence, row.comment) == (first.sentences[number]["text"], "Two <b>were</b> cancelled")
    assert (row.said_by, row.version, row.week.date()) == (access.LOCAL_NAME, 1, first.week)
    fact = coaching_data.fact_of(first, str(first.sentences[number]["fact_ids"][0]))
    assert fact is not None
    assert row.about == coaching_words.FACTS[fact.metric]
    at = workbench.open(coached, "coaching", show="evaluation")
    assert not at.exception
    assert "What did people call wrong?" in words(at)
    coaching_data.say(loaded.view, first.note_id, number, None, None)
    assert coaching_data.evaluated(loaded_of(coached)).wrong.empty, "it was taken back"


# --- words -----------------------------------------------------------------------------------------------------------


def given_codes() -> set[str]:
    """Every reason that a module names: words in capitals in the verifier, the writers and the client."""
    folder = Path(ops.__file__).parent
    modules = [*Path(str(insights.coaching.__path__[0])).glob("*.py"), *folder.glob("llm*.py"),
               *folder.glob("coaching*.py")]  # fmt: skip
    texts = {
        node.value
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {one for one in texts if len(one) > 3 and one.isidentifier() and one.isupper()} - NO_CODES


def test_every_code_that_a_module_gives_has_words() -> None:
    codes = given_codes()
    assert {"BREAKER", "QUOTA", "UNREACHABLE", "TOO_LARGE", "NOT_A_COMPLETION", "FREE_WORDS", "UNKNOWN_ID"} <= codes
    without = {code for code in codes if code not in coaching_words.REFUSED and not code.endswith("_")}
    assert without == set()


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 408, 429, 500, 503, 529])
def test_every_status_of_an_answer_has_words_with_its_number(status: int) -> None:
    told = coaching_words.reason(f"HTTP_{status}")
    assert told.startswith("The server ")
    assert told.endswith(f"({status})")


def test_a_request_that_has_no_outcome_is_not_called_refused() -> None:
    assert coaching_words.outcome(None) == "Under way, or broken off"
    assert coaching_words.outcome("OK") == "Answered"
    assert coaching_words.outcome("QUOTA") == "The quota at the provider was used up"


def test_every_metric_of_a_fact_has_words() -> None:
    metrics = {
        node.value.value
        for module in (phrases, found)
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text()))
        if isinstance(node, ast.keyword) and node.arg == "metric" and isinstance(node.value, ast.Constant)
    }
    assert len(metrics) > 10
    assert {str(one) for one in metrics} - set(coaching_words.FACTS) == set()


def test_an_unknown_code_is_told_as_one() -> None:
    assert coaching_words.reason("NEW_CODE") == "A reason that this version does not know (NEW_CODE)"
