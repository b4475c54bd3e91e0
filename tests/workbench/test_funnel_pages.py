"""Widgets and Lead analytics on a made-up site: the numbers are those of the truth, and each opens as many rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import made_leads
import made_site
import pytest
from conftest import Workbench, go
from databases import CopyOf
from made_installation import NOW, House, demo_house_of
from reading import as_read
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from insights import funnel
from ops.services import Services
from snapshots import beacons, visits
from snapshots.beacons import Flag, Sighting, Step, visit_key
from snapshots.form_versions import list_forms
from snapshots.marketing import Cost, Marketing
from snapshots.organizations import create_organization
from snapshots.origins import Origin
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import formats, funnel_cards, funnel_data, funnel_rows, installation, lead_analytics_data, rate_words
from workbench.filters import Filters
from workbench.funnel_filters import FunnelChoice
from workbench.funnel_rows import Group


@pytest.fixture(scope="session")
def site_house(copy_of: CopyOf) -> Iterator[tuple[House, Counter[str]]]:
    """The sample organization with a made-up site's visits and leads, and what must be counted of them."""
    with demo_house_of(copy_of) as house:
        form = list_forms(house.database, house.organization_id)[0]
        site = made_site.make_site((form.key,), visits_a_day=12)
        put_visits(house, site, form.form_id)
        made_site.put_leads(house.database, house.organization_id, site, (form.form_id,))
        visits.fold_leads(house.database, house.organization_id)
        yield house, sum(site.truth.counts.values(), Counter())


def put_visits(house: House, site: made_site.Site, form_id: int) -> None:
    """The beacons of the site, as the endpoint would have written them."""
    from lead_endpoint.beacons import is_bot, read

    signs = []
    for one in site.beacons:
        beacon = read(one.body)
        flags = beacon.flags | (Flag.BOT if is_bot(one.agent) else Flag.NONE)
        flags |= Flag.NONE if one.language else Flag.MACHINE
        flags |= Flag.STAFF if one.address == made_site.OFFICE else Flag.NONE
        signs.append(
            Sighting(form_id=form_id, visit=beacon.visit, first_at=one.at - beacon.ages[0],
                     last_at=one.at - beacon.ages[1], step=beacon.step, origin=beacon.origin, version=beacon.version,
                     form_step=beacon.form_step, flags=flags, host=beacon.host)
        )  # fmt: skip
    with beacons.connect(house.database.url) as connection:
        beacons.store(connection, house.organization_id, signs)


def numbers(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def is_whole(at: AppTest) -> bool:
    return not at.exception and not any(one.label == "Try again" for one in at.button)


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error]
    return as_read("\n".join(str(part.value) for part in parts))


PAGES = ("widgets", "lead_analytics")


@pytest.mark.parametrize(("page", "theme"), [("widgets", "light"), ("lead_analytics", "dark")])
def test_the_page_shows_what_happened_on_the_site(
    workbench: Workbench, site_house: tuple[House, Counter[str]], page: str, theme: str
) -> None:
    house, truth = site_house
    at = workbench.open(house, page, theme=theme)
    assert is_whole(at), words(at)
    shown = numbers(at)
    for step in funnel.STEPS[:5]:
        assert shown[step.label] == formats.count(truth[step.key]), step.key
    assert "Kept apart and not counted" in words(at)


GROUPS = ("version", "source", "campaign", "form", "team", "owner", "speed", "week")


@pytest.mark.parametrize("by", ["", *GROUPS])
def test_each_number_opens_as_many_rows(workbench: Workbench, site_house: tuple[House, Counter[str]], by: str) -> None:
    """And the numbers of the groups add up to the page's, where every visit is in one."""
    house, truth = site_house
    loaded = load(workbench, house)
    groups = [Group("", "", "All", has_visits=True)] if by == "" else list(groups_of(loaded, by))
    assert groups, by
    sums: Counter[str] = Counter()
    for group in groups:
        for step, n in funnel_rows.counts_of(loaded, group).items():
            rows = funnel_rows.all_rows(loaded, group, step, n)
            assert len(rows) == n, (group, step)
            sums[step] += n
    whole = {step: truth[step] for step in ("views", "starts", "submits", "valid") if truth[step]}
    if by in {"", "version", "source", "campaign", "form"}:
        assert {step: sums[step] for step in whole} == whole
    elif by in {"team", "owner"}:
        assert sums["valid"] == truth["valid"]


def groups_of(loaded: funnel_data.Loaded, by: str) -> Iterator[Group]:
    leads = funnel.counted(loaded.leads)
    values: list[str]
    match by:
        case "version":
            pairs = loaded.visits[["form_id", "version"]].drop_duplicates() if loaded.visits is not None else leads
            values = [f"{form_id}.{version}" for form_id, version in pairs.to_numpy().tolist()]
        case "form":
            values = [str(one) for one in loaded.forms]
        case "team" | "owner":
            values = sorted({str(one) for one in leads[f"{by}_id"].fillna(0)})
        case "speed":
            values = list(funnel.SPEED_NAMES)
        case "week":
            values = sorted({one.date().isoformat() for one in funnel.first_leads(leads)["week"]})
        case _:
            assert loaded.visits is not None
            values = sorted(set(loaded.visits[by]))
    for value in values:
        group = funnel_rows.group_of(loaded, by, value)
        assert group is not None, (by, value)
        yield group


def costs_of(loaded: funnel_data.Loaded) -> dict[str, str]:
    """The return on cost of each source that something was paid for."""
    found = lead_analytics_data.attributed(loaded, by="source")
    return dict(lead_analytics_data.paid(loaded, found, by="source")[["name", "back"]].to_numpy().tolist())


def load(workbench: Workbench, house: House, **narrowed: Any) -> funnel_data.Loaded:
    """What the pages load for the local administrator."""
    workbench.use(house)
    viewers = {house.organization_id: Viewer(house.organization_id, Role.ADMIN)}
    view, _ = installation.make_view(viewers, Filters(organization_id=house.organization_id), now=NOW)
    return funnel_data.load(view, FunnelChoice(**narrowed), funnel_data.forms_of(view))


@pytest.mark.parametrize("page", PAGES)
def test_a_link_opens_the_rows_behind_a_number(
    workbench: Workbench, site_house: tuple[House, Counter[str]], page: str
) -> None:
    house, truth = site_house
    at = workbench.open(house, page, behind="valid")
    assert is_whole(at), words(at)
    assert f"{truth['valid']} visits of which a lead came" in words(at)
    go(at, page, by="nothing")
    assert "behind" not in at.query_params


def test_a_group_of_a_small_table_opens_its_rows(workbench: Workbench, site_house: tuple[House, Counter[str]]) -> None:
    house, _ = site_house
    at = workbench.open(house, "lead_analytics")
    at.selectbox("lead_speed_open_0").select(funnel.NEVER).run()
    assert is_whole(at), words(at)
    assert (at.query_params["behind"], at.query_params["is"]) == ("contacts", funnel.NEVER)
    n = int(numbers(at)["Contacts"].replace(",", ""))
    assert f"{n} visits of which a lead came" in words(at)


def test_a_link_narrows_the_numbers_to_a_source(workbench: Workbench, site_house: tuple[House, Counter[str]]) -> None:
    house, truth = site_house
    at = workbench.open(house, "widgets", org=str(house.organization_id), src="google")
    assert is_whole(at)
    n = int(numbers(at)["Views"].replace(",", ""))
    assert 0 < n < truth["views"]
    assert at.query_params["src"] == "google"


def test_a_link_narrows_the_numbers_to_a_version(workbench: Workbench, site_house: tuple[House, Counter[str]]) -> None:
    house, truth = site_house
    whole = load(workbench, house)
    assert whole.visits is not None
    form_id, version = map(int, whole.visits[["form_id", "version"]].iloc[0])
    pair = f"{form_id}.{version}"
    group = funnel_rows.group_of(whole, "version", pair)
    assert group is not None
    wanted = funnel_rows.counts_of(whole, group)
    narrowed = load(workbench, house, versions=((form_id, version),))
    assert narrowed.counts == wanted
    assert not lead_analytics_data.has_all_paid_for(narrowed, by="source")
    other = load(workbench, house, versions=((form_id, version + 1),))
    assert other.counts["views"] == sum(whole.visits.query(f"kind == 0 and version == {version + 1}")["n_views"])
    at = workbench.open(house, "widgets", org=str(house.organization_id), version=pair)
    assert is_whole(at), words(at)
    assert numbers(at)["Views"] == formats.count(wanted["views"])
    assert at.query_params["version"] == pair
    go(at, "widgets", version=f"{form_id}.99")
    assert "version" not in at.query_params
    assert numbers(at)["Views"] == formats.count(truth["views"])


@pytest.mark.parametrize("page", PAGES)
def test_the_page_says_of_how_many_a_rate_is_told_and_how_contacts_came(
    workbench: Workbench, site_house: tuple[House, Counter[str]], page: str
) -> None:
    house, _ = site_house
    at = workbench.open(house, page)
    assert as_read(rate_words.RULE) in words(at)
    loaded = load(workbench, house)
    parts = funnel.contact_parts(loaded.leads)
    assert sum(parts.values()) == loaded.counts["contacts"]
    contacts = next(metric for metric in at.metric if metric.label == "Contacts")
    assert loaded.counts["contacts"] == 0 or funnel_cards.parts_said(parts) in contacts.help


def test_who_sees_own_rows_alone_sees_no_visits_and_only_own_leads(
    workbench: Workbench, site_house: tuple[House, Counter[str]]
) -> None:
    house, truth = site_house
    save_user(house.database, house.organization_id, "rep@example.com", role=Role.REP, by="ann")
    at = workbench.open(house, "widgets", email="rep@example.com")
    assert "Visits belong to nobody" in words(at)
    assert not at.metric
    go(at, "lead_analytics")
    assert is_whole(at)
    assert numbers(at)["Leads"] == "0"
    assert "Views" not in numbers(at)
    assert truth["valid"] > 0


@pytest.mark.parametrize("page", PAGES)
def test_without_a_form_on_a_page_the_way_to_the_builder_is_shown(
    workbench: Workbench, empty_services: Services, page: str
) -> None:
    create_organization(empty_services.database, "Acme")
    at = workbench.open(empty_services, page)
    assert not at.exception
    assert "Open the Form builder" in words(at)


def test_a_form_is_paused_and_opened_again(workbench: Workbench, own_house: House) -> None:
    form = list_forms(own_house.database, own_house.organization_id)[0]
    made_leads.put(own_house.database, own_house.organization_id, form_id=form.form_id)
    at = workbench.open(own_house, "widgets")
    assert is_whole(at), words(at)
    steps = (
        ("widget_pause", "paused", "what is sent anyway waits", "“Resume” takes leads again"),
        ("widget_resume", "published", "It is paused", "takes leads again"),
    )
    for key, status, tooltip, told in steps:
        assert tooltip in at.button(key).help
        at.button(key).click().run()
        assert told in at.toast[0].value
        assert list_forms(own_house.database, own_house.organization_id)[0].status == status


def test_what_a_visitor_sends_is_shown_as_text(workbench: Workbench, own_house: House) -> None:
    form = list_forms(own_house.database, own_house.organization_id)[0]
    hostile = "![x](http://evil.example/a.png)<img src=x onerror=alert(1)>"
    sign = Sighting(form_id=form.form_id, visit=visit_key("x" * 20), first_at=NOW, last_at=NOW, step=Step.VIEW,
                    origin=Origin(utm_source=hostile, utm_campaign=hostile))  # fmt: skip
    with beacons.connect(own_house.database.url) as connection:
        beacons.store(connection, own_house.organization_id, [sign])
    at = workbench.open(own_house, "widgets", src=hostile)
    for page in (*PAGES, "admin"):
        go(at, page)
        assert is_whole(at), words(at)
        assert "![x](" not in words(at)
        assert "<img" not in words(at)


def test_credits_of_every_model_add_up_to_the_deals_that_are_shown(workbench: Workbench, own_house: House) -> None:
    house, at = own_house, NOW - timedelta(days=20)
    with house.database.as_app(house.organization_id) as connection:
        deal = connection.execute(
            text(
                "SELECT v.deal_id, l.external_id, l.connection_id FROM deal_versions v JOIN deal_contacts c "
                "ON c.deal_id = v.deal_id JOIN external_links l ON l.kind = 'contact' AND l.entity_id = c.contact_id "
                "WHERE v.valid_to = 'infinity' AND v.status = 'open' AND v.created_at > :at AND v.currency = 'EUR' "
                "LIMIT 1"
            ),
            {"at": at},
        ).one()
        values = {"deal": deal.deal_id, "day": NOW.date(), "at": NOW - timedelta(hours=9)}
        connection.execute(
            text("UPDATE deal_versions SET status = 'won', closed_at = :at, closed_day = :day, amount_minor = 100001 "
                 "WHERE deal_id = :deal AND valid_to = 'infinity'"), values
        )  # fmt: skip
    touches = b'[{"at": 1, "utm_source": "google"}, {"at": 2, "utm_source": "news"}, {"at": 3, "referrer": "bing.com"}]'
    lead_id = made_leads.put(house.database, house.organization_id, state="delivered", at=at,
                             connection_id=deal.connection_id, body=b'{"_touches": ' + touches + b"}")  # fmt: skip
    with house.database.as_app(house.organization_id) as connection:
        connection.execute(
            text("UPDATE received_leads SET external_id = :id, source = 'Partner' WHERE lead_id = :lead"),
            {"id": deal.external_id, "lead": lead_id},
        )
    found = lead_analytics_data.attributed(load(workbench, house), by="source")
    assert found.n == len(lead_analytics_data.conversion_rows(found, by="source")) == 1
    assert found.frame.set_index("origin")["position_amount"].to_dict() == {
        "google": "€400.01", "news": "€200", "Partner": "€400"
    }  # fmt: skip
    for model in ("first", "last", "linear", "position"):
        assert found.frame[f"{model}_n"].sum() == pytest.approx(1)
    whole = load(workbench, house)
    assert costs_of(whole) == {}
    marketing = Marketing(house.database, house.organization_id)
    for name in ("Partner", "Fair"):
        paid_for = Cost(name_id=marketing.add("source", name), first_day=NOW.date(), last_day=NOW.date(),
                        amount_minor=10_000, currency="EUR")  # fmt: skip
        marketing.add_cost(paid_for)
    whole = load(workbench, house)
    form_id = next(iter(whole.forms))
    assert costs_of(whole) == {"Partner": "10.00×", "Fair": "0.00×"}
    assert costs_of(load(workbench, house, sources=("Fair",))) == {"Fair": "0.00×"}
    for part in ({"form_ids": (form_id,)}, {"campaigns": ("",)}):  # a cost was paid for more leads than these
        assert costs_of(load(workbench, house, **part)) == {}
    assert costs_of(replace(whole, visits=None)) == {}
    page = workbench.open(house, "lead_analytics")
    assert is_whole(page), words(page)
    assert "Each model adds up to 1 won deal and €1k" in words(page)
