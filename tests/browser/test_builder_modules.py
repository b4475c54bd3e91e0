"""What the builder's own modules do to a definition, in a browser without a page: undo, names, steps, what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from snapshots.form_definition import Definition
from workbench.builder import state
from workbench.builder.templates import TEMPLATES

MODULES = Path(__file__).parents[2] / "workbench" / "builder"
QUOTE = TEMPLATES["quote"]
SERVED = {"key", "version", "token", "proof_of_work", "least_fill_s"}
"""What the endpoint says of one visit, not of the form."""


@pytest.fixture
def blank(page: Page) -> Page:
    page.goto("about:blank")
    return page


def run(page: Page, module: str, program: str, *values: object) -> Any:
    """Runs a function body that knows the module as `m` and the values as `v`."""
    address = "data:text/javascript," + quote((MODULES / f"{module}.js").read_text(encoding="utf-8"))
    return page.evaluate(
        f"async ([address, v]) => {{ const m = await import(address); {program} }}", [address, list(values)]
    )


def test_a_hundred_changes_and_more_are_undone_and_done_again(blank: Page) -> None:
    found = run(blank, "history", """
        const h = new m.History({ n: 0 });
        for (let n = 1; n <= 150; n += 1) h.commit((draft) => { draft.n = n; });
        let undone = 0; while (h.undo()) undone += 1;
        const first = h.present.n;
        let redone = 0; while (h.redo()) redone += 1;
        return [undone, first, redone, h.present.n];
    """)  # fmt: skip
    assert found == [150, 0, 150, 150]


def test_what_is_typed_in_one_go_is_undone_in_one_go(blank: Page) -> None:
    found = run(blank, "history", """
        const h = new m.History({ a: "", b: "" });
        for (const text of ["x", "xy", "xyz"]) h.commit((draft) => { draft.a = text; }, "a");
        h.rest();
        h.commit((draft) => { draft.a = "again"; }, "a");
        h.undo(); const typed = h.present.a; h.undo();
        return [typed, h.present.a];
    """)  # fmt: skip
    assert found == ["xyz", ""]


def test_a_change_after_undo_leaves_nothing_to_do_again(blank: Page) -> None:
    program = (
        "const h = new m.History({}); h.commit((d) => { d.x = 1; }); h.undo(); h.commit(() => {}); return h.redo();"
    )
    assert run(blank, "history", program) is False


def test_a_new_name_is_followed_by_conditions_and_translations(blank: Page) -> None:
    draft = QUOTE.draft() | {"translations": {"de": {"fields": {"need": {"label": "Worum geht es?"}}}}}
    found = run(blank, "model", "m.rename(v[0], { step: 0, index: 0 }, 'topic'); return v[0];", draft)
    assert [field["show_if"]["field"] for field in found["steps"][0]["fields"][1:]] == ["topic"] * 3
    assert found["translations"]["de"]["fields"] == {"topic": {"label": "Worum geht es?"}}


def test_a_new_value_of_an_option_is_followed_by_conditions(blank: Page) -> None:
    program = "m.renameOption(v[0], v[0].steps[0].fields[0], 1, 'work'); return v[0];"
    found = run(blank, "model", program, QUOTE.draft())
    assert found["steps"][0]["fields"][3]["show_if"]["is_any_of"] == ["work", "other"]


def test_a_condition_is_told_by_labels(blank: Page) -> None:
    draft = QUOTE.draft()
    draft["steps"][0]["fields"].append({"name": "urgent", "kind": "checkbox", "label": "It is urgent"})
    for rule, words in [
        ({"field": "need", "is_any_of": ["product", "other"]}, "What is it about? is A product or Something else"),
        ({"field": "urgent", "is_any_of": ["yes"]}, "It is urgent is ticked"),
        ({"field": "company", "is_any_of": ["ACME"]}, "Company is ACME"),
        ({"field": "gone", "is_any_of": ["a"]}, "gone is a"),
    ]:
        assert run(blank, "model", "return m.ruleWords(v[0], v[1]);", draft, rule) == words


@pytest.mark.parametrize(
    ("label", "fixed", "name"),
    [
        ("Your company", [], "your_company"),
        ("Größe", [], "große".replace("ß", "_")),
        ("E-mail", [], "e_mail"),
        ("Email", [], "text"),
        ("日本語", [], "text"),
        ("Your company", ["text"], "text"),
    ],
)
def test_a_name_follows_the_label_until_it_is_published(blank: Page, label: str, fixed: list[str], name: str) -> None:
    draft = {"steps": [{"fields": [{"name": "text", "kind": "text", "label": "Short text"}]}]}
    program = "m.relabel(v[0], { step: 0, index: 0 }, v[1], v[2]); return v[0].steps[0].fields[0];"
    assert run(blank, "model", program, draft, label, fixed) == {"name": name, "kind": "text", "label": label}


def test_a_step_that_is_removed_leaves_its_fields(blank: Page) -> None:
    names = [field["name"] for _, field in state.fields_of(QUOTE.draft())]
    for step in range(3):
        found = run(blank, "model", "m.removeStep(v[0], v[1]); return v[0];", QUOTE.draft(), step)
        assert len(found["steps"]) == 2
        assert [field["name"] for _, field in state.fields_of(found)] == names


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_preview_shows_what_the_endpoint_would_serve(blank: Page, template: str) -> None:
    draft = TEMPLATES[template].draft()
    found = run(blank, "model", "return m.publicForm(v[0], v[1], 'preview');", draft, state.defaults())
    served = {**Definition.model_validate(draft).shown}
    assert {name: value for name, value in found.items() if name not in SERVED} == {
        name: value for name, value in served.items() if name not in SERVED
    }


def test_a_contrast_is_measured_as_wcag_does(blank: Page) -> None:
    assert run(blank, "colours", "return [m.contrast('#000000', '#ffffff'), m.contrast('#777777', '#ffffff')];") == [
        21, pytest.approx(4.478, abs=0.001),
    ]  # fmt: skip
    assert run(blank, "colours", "return m.contrast('red', '#ffffff');") is None
