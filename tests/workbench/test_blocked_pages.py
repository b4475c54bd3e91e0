"""Pages that were refused a form: who looks after it sees them, and lets one show it by a click."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import made_forms
import pytest
from conftest import Workbench
from made_installation import NOW
from reading import as_read
from streamlit.testing.v1 import AppTest

from ops.services import Services
from snapshots import beacons, blocked_pages, form_versions
from snapshots.blocked_pages import OTHERS, Blocked
from snapshots.form_versions import FormSummary
from snapshots.forms import FormSettings
from snapshots.organizations import create_organization
from snapshots.slices import Role, Viewer
from workbench import forms_data, installation

OWN, SHOP = "https://www.example.com", "https://shop.example"


@pytest.fixture
def acme(empty_services: Services) -> int:
    return create_organization(empty_services.database, "Acme", time_zone="Europe/Berlin").organization_id


def made(services: Services, acme: int, *domains: str) -> FormSettings:
    draft = made_forms.only({"name": "email", "kind": "email"}, domains=list(domains))
    return made_forms.made_form(services.database, acme, draft)


def refuse(services: Services, acme: int, form: FormSettings, *pages: tuple[str, int], days: int = 1) -> None:
    link = beacons.connect(services.database_url)
    at = NOW - timedelta(days=days)
    blocked_pages.store(link, acme, [Blocked(form.form_id, page, n, at) for page, n in pages])
    link.close()


def domains(services: Services, acme: int, form: FormSettings) -> object:
    return form_versions.get_draft(services.database, acme, form.form_id).definition.get("domains")


def said(at: AppTest) -> str:
    return as_read("\n".join(str(one.value) for one in [*at.markdown, *at.toast])).replace("**", "")


def test_a_blocked_page_is_shown_and_allowed_in_the_draft_by_one_click(
    workbench: Workbench, empty_services: Services, acme: int
) -> None:
    form = made(empty_services, acme, OWN)
    refuse(empty_services, acme, form, (SHOP, 12), (OWN, 3), (OTHERS, 40), ("https://a-long.example:8443", 1))
    at = workbench.open(empty_services, "forms", form=str(form.form_id))
    assert not at.exception
    words = said(at)
    assert "Blocked on shop.example: 12 times, last" in words
    assert "Blocked on a-long.example:8443: 1 time, last" in words
    assert "Blocked on other pages: 40 times" in words
    assert "www.example.com" not in words, "the published form allows it by now"
    assert [one.label for one in at.button].count("Allow this domain") == 2
    at.button(key=f"allow_sheet_{form.form_id}_0").click().run()
    assert domains(empty_services, acme, form) == [OWN, SHOP]
    assert "The draft allows it: publish it" in said(at)
    assert [one.label for one in at.button].count("Allow this domain") == 1


def test_the_page_of_widgets_shows_it_too(workbench: Workbench, empty_services: Services, acme: int) -> None:
    form = made(empty_services, acme, OWN)
    refuse(empty_services, acme, form, (SHOP, 2))
    link = beacons.connect(empty_services.database_url)
    sign = beacons.Sighting(
        form_id=form.form_id, visit=beacons.visit_key("x"), first_at=NOW, last_at=NOW, step=beacons.Step.VIEW
    )
    beacons.store(link, acme, [sign])
    link.close()
    at = workbench.open(empty_services, "widgets", period="all", forms=str(form.form_id))
    assert not at.exception
    at.selectbox(key="widgets_form").set_value(form.form_id).run()
    assert "Blocked on shop.example: 2 times" in said(at)
    at.button(key=f"allow_widgets_{form.form_id}_0").click().run()
    assert domains(empty_services, acme, form) == [OWN, SHOP]


def test_what_is_old_or_allowed_is_not_shown(
    empty_services: Services, acme: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = viewed(empty_services, acme, monkeypatch)
    form, free = made(empty_services, acme, OWN), made(empty_services, acme)
    refuse(empty_services, acme, form, (SHOP, 1), days=forms_data.COUNTED_DAYS + 1)
    refuse(empty_services, acme, free, (SHOP, 1))
    assert [forms_data.blocked(view, summary(view, one)) for one in (form, free)] == [[], []]


def test_allowing_keeps_a_draft_open_that_names_no_domain_and_the_list_within_its_length(
    empty_services: Services, acme: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One name on an empty list would close the form to all others."""
    view = viewed(empty_services, acme, monkeypatch)
    free, full = made(empty_services, acme), made(empty_services, acme, *(f"https://h{n}.example" for n in range(50)))
    forms_data.allow_domain(view, free.form_id, SHOP)
    assert not domains(empty_services, acme, free)
    with pytest.raises(ValueError, match="50 domains already"):
        forms_data.allow_domain(view, full.form_id, SHOP)
    with pytest.raises(ValueError, match="no address of a website"):
        forms_data.allow_domain(view, full.form_id, "https://shop.example/path")


def test_who_may_not_change_forms_allows_no_domain(
    workbench: Workbench, empty_services: Services, acme: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = made(empty_services, acme, OWN)
    view = viewed(empty_services, acme, monkeypatch, Role.ANALYST)
    with pytest.raises(PermissionError):
        forms_data.allow_domain(view, form.form_id, SHOP)
    assert domains(empty_services, acme, form) == [OWN]


class _View:
    """As much of a view as loading and saving look at."""

    def __init__(self, organization_id: int, role: Role) -> None:
        self.viewer = Viewer(organization_id, role)
        self.organization_id = organization_id
        self.may_change = self.viewer.may_change_settings
        self.now = NOW


def viewed(services: Services, acme: int, monkeypatch: pytest.MonkeyPatch, role: Role = Role.ADMIN) -> Any:
    monkeypatch.setattr(installation, "database", lambda: services.database)
    return _View(acme, role)


def summary(view: Any, form: FormSettings) -> FormSummary:
    found = forms_data.summary(view, form.form_id)
    assert found is not None
    return found
