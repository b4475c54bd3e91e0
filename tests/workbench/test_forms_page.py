"""The page of forms: the list, new ones from templates, what saving and publishing do, and who may do it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, cast

import pytest
import streamlit as st
from conftest import Workbench
from made_installation import NOW
from made_leads import put
from pydantic import SecretStr
from reading import as_read
from streamlit.testing.v1 import AppTest

from ops.services import Services
from snapshots import audit, form_versions
from snapshots.form_versions import FormSummary
from snapshots.inbox import Inbox
from snapshots.organizations import connect_crm, create_organization
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import form_dialogs, form_snippets, forms_data
from workbench.builder.component import script
from workbench.builder.templates import EMPTY, TEMPLATES
from workbench.form_snippets import Place

DAY = timedelta(days=1)
HOSTILE = "\"><img src=x onerror=alert(1)> ![x](http://evil.example) 'b'"


@pytest.fixture
def acme(empty_services: Services) -> int:
    return create_organization(empty_services.database, "Acme", time_zone="Europe/Berlin").organization_id


@pytest.fixture
def quote(empty_services: Services, acme: int) -> FormSummary:
    draft = TEMPLATES["quote"].draft()
    return form_versions.create_form(empty_services.database, acme, "Quotes", draft, by="Ada")


def publish(services: Services, acme: int, form: FormSummary) -> FormSummary:
    revision = form_versions.get_draft(services.database, acme, form.form_id).revision
    form_versions.publish(services.database, acme, form.form_id, expected_revision=revision, by="Ada", now=NOW)
    return summary(services, acme, form.form_id)


def summary(services: Services, acme: int, form_id: int) -> FormSummary:
    found = form_versions.list_forms(services.database, acme, archived=True)
    return next(one for one in found if one.form_id == form_id)


def forms(workbench: Workbench, services: Services, *, tab: str = "", **params: Any) -> AppTest:
    at = workbench.open(services, "forms", **params)
    if tab:
        at.session_state["form_tab"] = tab
        at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error, *at.warning, *at.code, *at.toast]
    return as_read("\n".join(str(part.value) for part in parts))


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def signed_in(services: Services, role: Role, organization_id: int) -> str:
    save_user(services.database, organization_id, f"{role.value}@example.com", role=role)
    return f"{role.value}@example.com"


class _View:
    """As much of a view as loading and saving look at."""

    def __init__(self, organization_id: int, role: Role = Role.ADMIN) -> None:
        self.viewer = Viewer(organization_id, role)
        self.organization_id = organization_id
        self.may_change = self.viewer.may_change_settings
        self.now = NOW


# --- list ------------------------------------------------------------------------------------------------------------


def test_the_list_says_of_each_form_where_it_stands_and_how_many_leads_it_brought(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    for age in (DAY, 29 * DAY, 31 * DAY):
        put(empty_services.database, acme, at=NOW - age, form_id=quote.form_id)
    put(empty_services.database, acme, at=NOW - DAY, form_id=quote.form_id, state="delivered")
    words = said(forms(workbench, empty_services))
    assert "Never published" in words
    assert "Version 1" in words
    assert re.search(r"^3 leads$", words, re.MULTILINE)
    assert re.search(r"^0 leads$", words, re.MULTILINE)


def test_leads_are_counted_by_form_whatever_became_of_them(
    empty_services: Services, acme: int, quote: FormSummary
) -> None:
    for state in ("pending", "delivered", "parked", "quarantined"):
        put(empty_services.database, acme, state=state, form_id=quote.form_id)
    stranger = create_organization(empty_services.database, "Other").organization_id
    found = Inbox(empty_services.database, Viewer(acme, Role.REP)).received_by_form(NOW - DAY)
    assert found == {quote.form_id: 4}
    assert Inbox(empty_services.database, Viewer(stranger, Role.ADMIN)).received_by_form(NOW - DAY) == {}


@pytest.mark.parametrize("slug", ["quote", "empty"])
def test_a_new_form_starts_from_a_template_and_opens(
    workbench: Workbench, empty_services: Services, acme: int, slug: str
) -> None:
    template = {**TEMPLATES, "empty": EMPTY}[slug]
    at = forms(workbench, empty_services)
    at.button("form_new").click().run()
    at.radio("form_template").set_value(slug).run()
    at.text_input(f"form_name_{slug}").set_value("For the fair").run()
    at.button("form_make").click().run()
    made = next(one for one in form_versions.list_forms(empty_services.database, acme) if one.name == "For the fair")
    draft = form_versions.get_draft(empty_services.database, acme, made.form_id)
    assert draft.definition == template.draft()
    assert at.query_params["form"] == str(made.form_id)
    assert "For the fair" in [title.value for title in at.title]


def test_an_archived_form_is_shown_where_it_is_asked_for(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    form_versions.set_status(empty_services.database, acme, quote.form_id, "archived", by="Ada")
    at = forms(workbench, empty_services)
    assert "**Quotes**" not in labels(at)
    at.toggle("forms_archived").set_value(True).run()
    assert "**Quotes**" in labels(at)


def test_a_form_is_paused_archived_and_taken_back(
    empty_services: Services, view: Any, acme: int, quote: FormSummary
) -> None:
    form = publish(empty_services, acme, quote)
    for what, status in (
        ("pause", "paused"),
        ("resume", "published"),
        ("archive", "archived"),
        ("unarchive", "paused"),
    ):
        form_dialogs.do(view, what, form)
        form = summary(empty_services, acme, quote.form_id)
        assert form.status == status


def test_the_default_form_is_not_archived_and_the_page_says_why(empty_services: Services, view: Any, acme: int) -> None:
    default = form_versions.list_forms(empty_services.database, acme)[0]
    form_dialogs.do(view, "archive", default)
    assert "so it cannot be archived" in st.session_state["form_told"]
    assert summary(empty_services, acme, default.form_id).status == "published"


def test_a_link_to_a_form_of_another_organization_shows_the_list(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    other = create_organization(empty_services.database, "Other").organization_id
    at = forms(workbench, empty_services, org=str(other), form=str(quote.form_id))
    assert "a form that is not here" in said(at)
    assert "Quotes" not in said(at)


# --- one form --------------------------------------------------------------------------------------------------------


def test_publishing_shows_what_changes_and_makes_a_version(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    publish(empty_services, acme, quote)
    draft = form_versions.get_draft(empty_services.database, acme, quote.form_id)
    draft.definition["steps"][1]["fields"][1]["label"] = "What may it cost?"
    form_versions.save_draft(
        empty_services.database, acme, quote.form_id, draft.definition, expected_revision=draft.revision, by="Bo"
    )
    at = forms(workbench, empty_services, form=str(quote.form_id))
    assert "Version 1, unpublished changes" in said(at)
    at.button("form_publish").click().run()
    assert "Label “Budget” is now “What may it cost?”" in said(at)
    at.button("publish_yes").click().run()
    assert summary(empty_services, acme, quote.form_id).published_version == 2
    at.session_state["form_tab"] = "Versions"
    assert "Label “Budget” is now “What may it cost?”" in said(at.run())


def test_a_draft_with_faults_is_not_published(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    draft = TEMPLATES["quote"].draft()
    draft["steps"][1]["fields"][1]["label"] = ""
    form_versions.save_draft(empty_services.database, acme, quote.form_id, draft, expected_revision=1, by="Bo")
    at = forms(workbench, empty_services, form=str(quote.form_id))
    at.button("form_publish").click().run()
    assert "budget: it needs a label" in said(at)
    assert "Publish" not in [button.label for button in at.button if button.key == "publish_yes"]


def test_a_version_becomes_the_draft_again(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    publish(empty_services, acme, quote)
    form_versions.save_draft(empty_services.database, acme, quote.form_id, EMPTY.draft(), expected_revision=1, by="Bo")
    publish(empty_services, acme, quote)
    at = forms(workbench, empty_services, tab="Versions", form=str(quote.form_id))
    at.button("restore_1").click().run()
    assert summary(empty_services, acme, quote.form_id).has_unpublished_changes
    draft = form_versions.get_draft(empty_services.database, acme, quote.form_id)
    assert len(draft.definition["steps"]) == 3


@pytest.mark.parametrize("role", [Role.ANALYST, Role.REP])
def test_who_may_not_change_settings_reads(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary, role: Role
) -> None:
    publish(empty_services, acme, quote)
    email = signed_in(empty_services, role, acme)
    assert not {"New form", "Publish", "Make it the draft"} & {*labels(forms(workbench, empty_services, email=email))}
    at = forms(workbench, empty_services, email=email, form=str(quote.form_id))
    assert not {"New form", "Publish", "Make it the draft"} & {*labels(at)}
    assert "You can look at this form" in said(at)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SALES_OPS])
def test_who_may_change_settings_changes_forms(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary, role: Role
) -> None:
    at = forms(workbench, empty_services, email=signed_in(empty_services, role, acme), form=str(quote.form_id))
    assert "Publish" in labels(at)


def test_a_right_that_was_lost_is_refused_where_data_change(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    workbench.use(empty_services)
    view: Any = _View(acme, Role.ANALYST)
    before = form_versions.get_draft(empty_services.database, acme, quote.form_id)
    sent = {"client": "a", "number": 1, "revision": 1, "definition": EMPTY.draft()}
    for attempt in (
        lambda: forms_data.save(view, quote.form_id, sent),
        lambda: forms_data.create(view, "Another", EMPTY),
        lambda: forms_data.duplicate(view, quote.form_id),
        lambda: forms_data.rename(view, quote.form_id, "Another"),
        lambda: forms_data.set_status(view, quote.form_id, "archived"),
        lambda: forms_data.restore(view, quote.form_id, 1),
        lambda: forms_data.publish(view, quote, forms_data.publication(view, quote)),
    ):
        with pytest.raises(PermissionError):
            attempt()
    assert form_versions.get_draft(empty_services.database, acme, quote.form_id) == before


# --- saving ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def view(workbench: Workbench, empty_services: Services, acme: int) -> Any:
    workbench.use(empty_services)
    return _View(acme)


def sent(definition: Mapping[str, Any], revision: int, number: int = 1) -> dict[str, Any]:
    return {"client": "tab", "number": number, "revision": revision, "definition": dict(definition)}


@pytest.mark.parametrize(
    ("url", "sender", "has_mail"),
    [(None, None, False), ("smtp://localhost", None, False), ("smtp://localhost", "a@b.example", True)],
)
def test_the_builder_knows_whether_mail_can_be_sent(
    workbench: Workbench,
    empty_services: Services,
    acme: int,
    quote: FormSummary,
    url: str | None,
    sender: str | None,
    has_mail: bool,
) -> None:
    settings = empty_services.settings.model_copy(
        update={"smtp_url": SecretStr(url) if url else None, "smtp_from": sender}
    )
    workbench.use(replace(empty_services, settings=settings))
    assert forms_data.for_builder(cast(Any, _View(acme)), quote, None)["has_mail"] is has_mail


def test_a_saved_draft_is_answered_with_its_revision(empty_services: Services, view: Any, quote: FormSummary) -> None:
    answer = forms_data.save(view, quote.form_id, sent(EMPTY.draft(), 1, number=7))
    assert answer == {"client": "tab", "number": 7, "revision": 2}
    found = form_versions.get_draft(empty_services.database, view.organization_id, quote.form_id)
    assert found.definition == EMPTY.draft()


def test_the_same_save_sent_again_is_one(view: Any, quote: FormSummary) -> None:
    first = forms_data.save(view, quote.form_id, sent(EMPTY.draft(), 1))
    assert forms_data.save(view, quote.form_id, sent(EMPTY.draft(), 1)) == first


def test_what_somebody_else_saved_meanwhile_is_shown_and_stays(
    empty_services: Services, view: Any, quote: FormSummary
) -> None:
    theirs = TEMPLATES["quote"].draft()
    theirs["title"] = "Theirs"
    forms_data.save(view, quote.form_id, sent(theirs, 1))
    mine = TEMPLATES["quote"].draft()
    mine["title"] = "Mine"
    conflict = forms_data.save(view, quote.form_id, sent(mine, 1))["conflict"]
    assert conflict == {"revision": 2, "definition": theirs, "changes": ["Title: Mine"]}
    kept = form_versions.get_draft(empty_services.database, view.organization_id, quote.form_id)
    assert kept.definition["title"] == "Theirs"


@pytest.mark.parametrize("odd", [{}, {"revision": "1", "definition": {}}, {"revision": 1, "definition": []}])
def test_a_draft_that_is_none_is_answered_and_not_stored(view: Any, quote: FormSummary, odd: dict[str, Any]) -> None:
    assert forms_data.save(view, quote.form_id, odd)["problem"]
    assert forms_data.draft(view, quote.form_id).revision == 1


def test_a_new_wording_of_a_consent_is_published_under_the_next_number(
    empty_services: Services, view: Any, quote: FormSummary
) -> None:
    published = publish(empty_services, view.organization_id, quote)
    draft = TEMPLATES["quote"].draft()
    draft["steps"][2]["fields"][4]["consent_text"] = "Another wording."
    forms_data.save(view, quote.form_id, sent(draft, 1))
    forms_data.publish(view, published, forms_data.publication(view, published))
    newest = forms_data.versions(view, quote.form_id)[0]
    assert newest.definition.steps[2].fields[4].consent_version == 2


def test_who_saved_and_published_is_written_down(empty_services: Services, view: Any, quote: FormSummary) -> None:
    forms_data.save(view, quote.form_id, sent(EMPTY.draft(), 1))
    forms_data.publish(view, quote, forms_data.publication(view, quote))
    found = audit.list_entries(empty_services.database, view.organization_id, subject=form_versions.SUBJECT)
    assert {"published", "changed draft"} <= {one.action for one in found if one.by == "Local administrator"}


def test_the_crms_of_the_organization_come_first(empty_services: Services, view: Any) -> None:
    def names() -> list[str]:
        return [one["provider"] for one in forms_data.providers(view)]

    assert names() == ["hubspot", "nutshell", "pipedrive", "salesforce"]
    connect_crm(empty_services.database, view.organization_id, provider="pipedrive", name="Ours", settings={})
    assert names() == ["pipedrive", "hubspot", "nutshell", "salesforce"]


# --- what to embed ---------------------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(code: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(code)
    return parser.found


PLACE = Place(base="https://leads.example.com", key="1-abc", integrity="sha384-xyz")


def whole(template: str) -> dict[str, Any]:
    return state_of(TEMPLATES[template].draft())


def state_of(draft: dict[str, Any]) -> dict[str, Any]:
    return form_versions.Definition.model_validate(draft).model_dump(mode="json")


def test_the_script_is_the_frozen_one_with_its_hash() -> None:
    assert tags(form_snippets.widget(PLACE).code) == [
        ("script", {"async": None, "src": "https://leads.example.com/widget.v1.js", "data-form": "1-abc",
                    "integrity": "sha384-xyz", "crossorigin": "anonymous"}),
    ]  # fmt: skip


def test_without_a_built_widget_the_newest_is_named() -> None:
    place = Place(base=PLACE.base, key=PLACE.key, integrity=None)
    assert tags(form_snippets.widget(place).code)[0][1]["src"] == "https://leads.example.com/widget.js"


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_plain_form_has_every_field_and_the_trap(template: str) -> None:
    definition = whole(template)
    named = [more["name"] for _, more in tags(form_snippets.plain_form(PLACE, definition).code) if "name" in more]
    wanted = [field["name"] for step in definition["steps"] for field in step["fields"]]
    assert {*named} == {*wanted, "form", "_language", "_gotcha"}


def test_pages_without_a_form_get_a_script_of_their_own() -> None:
    pinned = replace(PLACE, touch_integrity="sha384-abc")
    assert tags(form_snippets.touch(pinned).code) == [
        ("script", {"async": None, "src": "https://leads.example.com/touch.v1.js",
                    "integrity": "sha384-abc", "crossorigin": "anonymous"}),
    ]  # fmt: skip
    assert tags(form_snippets.touch(PLACE).code)[0][1]["src"] == "https://leads.example.com/touch.js"


def test_the_plain_form_keeps_help_hints_defaults_limits_and_the_language() -> None:
    draft = EMPTY.draft() | {"language": "de"}
    draft["steps"][0]["fields"] += [
        {"name": "size", "kind": "select", "label": "Größe", "placeholder": "Bitte", "default": "m",
         "options": [{"value": "s", "label": "S"}, {"value": "m", "label": "M"}]},
        {"name": "news", "kind": "checkbox", "label": "News", "default": "yes"},
        {"name": "people", "kind": "number", "label": "Leute", "help": "Mit Ihnen.", "default": "2",
         "limits": {"least": 1, "most": 2.5}},
        {"name": "day", "kind": "date", "label": "Tag", "limits": {"least": "2026-01-31"}},
        {"name": "pin", "kind": "text", "label": "PIN", "placeholder": "0000",
         "limits": {"shortest": 4, "longest": 6, "form": "digits"}},
        {"name": "site", "kind": "text", "label": "Website", "limits": {"form": "url"}},
        {"name": "terms", "kind": "consent", "consent_text": "Ja.", "default": "yes"},
        {"name": "note", "kind": "long_text", "label": "Notiz", "default": "Hallo", "limits": {"longest": 9}},
    ]  # fmt: skip
    code = form_snippets.plain_form(PLACE, state_of(draft), "Senden").code
    found = {more.get("name", tag): more for tag, more in tags(code)}
    assert tags(code)[0][1]["lang"] == "de"
    assert found["_language"]["value"] == "de"
    assert "<button>Senden</button>" in code
    assert '<option value="">Bitte</option>' in code
    assert '<option value="m" selected>M</option>' in code
    assert "checked" in found["news"]
    assert "checked" not in found["terms"]
    wanted: dict[str, dict[str, str]] = {
        "people": {"min": "1", "max": "2.5", "step": "any", "value": "2", "aria-describedby": "lead-people-help"},
        "day": {"min": "2026-01-31"},
        "pin": {"minlength": "4", "maxlength": "6", "pattern": "[0-9]+", "placeholder": "0000"},
        "site": {"type": "url"},
        "note": {"maxlength": "9"},
    }
    for name, more in wanted.items():
        assert more.items() <= found[name].items(), name
    assert '<small id="lead-people-help">Mit Ihnen.</small>' in code
    assert ">Hallo</textarea>" in code


def test_what_depends_on_an_answer_is_not_required_where_it_is_always_shown() -> None:
    definition = whole("quote")
    definition["steps"][0]["fields"][1]["is_required"] = True
    found = {more.get("name"): more for _, more in tags(form_snippets.plain_form(PLACE, definition).code)}
    assert "required" not in found["quantity"]
    assert "required" in found["email"]


def test_no_text_of_a_form_becomes_markup() -> None:
    draft = EMPTY.draft()
    draft["title"] = HOSTILE
    draft["steps"][0]["fields"] += [
        {"name": "a", "kind": "text", "label": HOSTILE, "default": HOSTILE},
        {"name": "b", "kind": "select", "label": HOSTILE, "options": [{"value": HOSTILE, "label": HOSTILE}]},
        {"name": "c", "kind": "consent", "label": HOSTILE, "consent_text": HOSTILE},
        {"name": "d", "kind": "hidden", "default": HOSTILE},
        {
            "name": "e",
            "kind": "long_text",
            "label": HOSTILE,
            "help": HOSTILE,
            "placeholder": HOSTILE,
            "default": HOSTILE,
        },
    ]
    definition = state_of(draft)
    for snippet in (form_snippets.replaced_form(PLACE, definition), form_snippets.frame(PLACE, HOSTILE)):
        assert "img" not in [tag for tag, _ in tags(snippet.code)]


def test_a_published_form_shows_what_to_copy(
    workbench: Workbench, empty_services: Services, acme: int, quote: FormSummary
) -> None:
    at = forms(workbench, empty_services, tab="Embed", form=str(quote.form_id))
    assert "Publish the form first" in said(at)
    publish(empty_services, acme, quote)
    codes = [code.value for code in forms(workbench, empty_services, tab="Embed", form=str(quote.form_id)).code]
    assert len(codes) == 6
    assert [code for code in codes if quote.key not in code] == [codes[1]]
    assert "/touch" in codes[1]


def test_the_qr_code_is_a_drawing_alone() -> None:
    drawn = form_snippets.qr_code(PLACE.page)
    assert drawn.startswith("<svg")
    assert {tag for tag, _ in tags(drawn)} <= {"svg", "g", "path"}


# --- the component ---------------------------------------------------------------------------------------------------


def test_the_modules_are_one_script_without_imports() -> None:
    made = script()
    assert not re.search(r"^\s*import ", made, re.MULTILINE)
    assert re.findall(r"^export .*", made, re.MULTILINE) == [
        "export default function ({ data, parentElement, setStateValue }) {"
    ]


def test_no_text_is_read_as_markup_by_the_builder() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", script())
