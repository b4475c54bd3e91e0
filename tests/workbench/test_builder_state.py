"""What people are told of a draft: what changed, what keeps it from being published, which wording a consent has."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from snapshots.form_definition import Definition, faults
from workbench.builder import state
from workbench.builder.templates import EMPTY, TEMPLATES

QUOTE = TEMPLATES["quote"].definition


def changed(change: Callable[[Any], object]) -> list[str]:
    """The words for one change of the quote request."""
    after = deepcopy(dict(QUOTE))
    change(after)
    return state.changes(QUOTE, after)


def field(draft: Any, step: int, index: int) -> Any:
    return draft["steps"][step]["fields"][index]


@pytest.mark.parametrize("template", [*TEMPLATES.values(), EMPTY], ids=lambda one: one.name)
def test_every_template_could_be_published_as_it_is(template: Any) -> None:
    assert faults(template.draft()) == []


def test_a_template_stays_as_it_is_when_its_copy_is_edited() -> None:
    TEMPLATES["contact"].draft()["steps"][0]["fields"].clear()
    assert TEMPLATES["contact"].draft()["steps"][0]["fields"]


def test_a_form_asks_by_conditions_and_in_steps() -> None:
    assert any(one.show_if for one in Definition.model_validate(QUOTE).fields)
    assert len(QUOTE["steps"]) == 3


# --- what changed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: field(one, 1, 1).update(label="Your budget"), "Label “Budget” is now “Your budget”"),
        (lambda one: field(one, 1, 1).update(is_required=True), "“Budget” is required now"),
        (lambda one: one["steps"][1]["fields"].pop(1), "Field “Budget” is gone"),
        (lambda one: one["steps"][1]["fields"].append({"name": "x", "kind": "text", "label": "X"}), "New field “X”"),
        (lambda one: one["steps"][2]["fields"].insert(0, one["steps"][2]["fields"].pop()),
         "“Privacy” stands at another place"),
        (lambda one: one["steps"][0]["fields"].append(one["steps"][1]["fields"].pop()),
         "“Budget” now stands in step 1"),
        (lambda one: field(one, 1, 1)["options"].pop(0), "Options of “Budget”: gone: Not known yet"),
        (lambda one: field(one, 1, 1)["options"].reverse(), "Options of “Budget”: in another order"),
        (lambda one: field(one, 0, 1).update(show_if=None), "“How many?” is shown always"),
        (lambda one: field(one, 0, 1)["show_if"].update(is_any_of=["service", "other"]),
         "“How many?” is shown if What is it about? is A service or Something else"),
        (lambda one: field(one, 0, 1).update(limits={"least": 2, "most": 100_000}), "“How many?”: limits"),
        (lambda one: field(one, 2, 4).update(consent_text="Otherwise."), "The wording of “Privacy” is another one"),
        (lambda one: one.update(title="Quote"), "Title: Quote"),
        (lambda one: one.update(theme={"radius": 2}), "Looks: radius 2"),
        (lambda one: one.update(domains=["https://a.example"]), "Allowed domains: https://a.example"),
        (lambda one: one.update(translations={"de": {"thanks": "Danke"}}), "Texts in de"),
        (lambda one: one.update(protection={"check_mx": True}), "Protection: check mx on"),
        (lambda one: one["steps"].append({"title": "More"}), "4 steps instead of 3"),
        (lambda one: one["steps"][0].update(title="Your need"),
         "Titles of steps: “Your need”, “Time and budget”, “How we reach you”"),
    ],
)  # fmt: skip
def test_a_change_is_told_in_one_sentence(change: Callable[[Any], object], words: str) -> None:
    assert changed(change) == [words]


def test_what_a_published_version_spells_out_is_no_change() -> None:
    for template in TEMPLATES.values():
        whole = Definition.model_validate(template.draft()).model_dump(mode="json")
        assert state.changes(whole, template.draft()) == []
        assert state.changes(template.draft(), whole) == []


# --- consent ---------------------------------------------------------------------------------------------------------


def test_another_wording_of_a_published_consent_is_its_next_version() -> None:
    published = Definition.model_validate(QUOTE).model_dump(mode="json")
    field(published, 2, 4)["consent_version"] = 3
    draft = deepcopy(dict(QUOTE))
    assert field(state.numbered_consents(draft, published), 2, 4)["consent_version"] == 3
    field(draft, 2, 4)["consent_text"] += " For a year."
    assert field(state.numbered_consents(draft, published), 2, 4)["consent_version"] == 4
    assert "consent_version" not in field(draft, 2, 4), "the draft itself stays"


def test_a_consent_that_was_never_published_keeps_its_version() -> None:
    assert state.numbered_consents(QUOTE, None) == state.usable(QUOTE)


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda one: field(one, 1, 1).update(label=""), ("budget", 1, 1, "fields", "label")),
        (lambda one: field(one, 1, 1).update(name="Bad name"), ("Budget", 1, 1, "fields", "name")),
        (lambda one: field(one, 1, 1)["options"][1].update(value=""), ("Budget", 1, 1, "fields", "option-value-1")),
        (lambda one: field(one, 0, 1)["show_if"].update(is_any_of=[]), ("How many?", 0, 1, "fields", "show-if")),
        (lambda one: field(one, 0, 1)["show_if"].update(field="budget"), ("How many?", 0, 1, "fields", "show-if")),
        (lambda one: field(one, 1, 1).update(name="name"), ("Name", 2, 0, "fields", "name")),
        (lambda one: one.update(theme={"ink": "grey"}), ("Looks", None, None, "looks", "ink")),
        (lambda one: one.update(domains=["example.com"]), ("Allowed domains", None, None, "settings", "domains")),
        (lambda one: one.update(notify=["a@example.com", "not-an-address"]),
         ("Who is told of new leads", None, None, "settings", "notify")),
        (lambda one: one.update(thank_you={"url": "https://a.example"}),
         ("After sending", None, None, "settings", "thank-url")),
    ],
)  # fmt: skip
def test_a_fault_names_the_field_and_the_input_that_mends_it(change: Callable[[Any], object], where: Any) -> None:
    draft = deepcopy(dict(QUOTE))
    change(draft)
    found = state.named_faults(draft)
    assert [(one.title, one.step, one.index, one.tab, one.key) for one in found] == [where]
    assert "pattern" not in found[0].message


@pytest.mark.parametrize(
    "wrong", ["not-an-address", "a@localhost", "Ada <a@b.example>", "a@b.example, c@b.example", "@"]
)
def test_who_is_told_of_leads_is_an_address_each_and_the_fault_says_how(wrong: str) -> None:
    [fault] = faults({**QUOTE, "notify": ["ada@example.com", "søren+x@münchen.example", wrong]})
    assert fault.place == "notify"
    assert wrong in fault.message
    assert "write it as sales@example.com" in fault.message


def test_a_version_that_was_published_before_addresses_were_judged_stays_readable() -> None:
    assert Definition.model_validate({**QUOTE, "notify": ["not-an-address"]}).notify == ("not-an-address",)


def test_a_form_that_asks_for_nobody_says_so() -> None:
    draft = {"steps": [{"fields": [{"name": "age", "kind": "number", "label": "Age"}]}]}
    assert [one.message for one in state.named_faults(draft)] == [
        "It needs a field `email` or `phone`: without either there is nobody to answer"
    ]


def test_a_draft_without_steps_can_be_edited() -> None:
    assert state.usable({})["steps"] == [{"fields": []}]
