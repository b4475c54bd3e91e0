"""Widgets and Lead analytics on a made-up site: the numbers are those of the truth, and each opens as many rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import made_site
import pytest
from conftest import Workbench
from made_installation import NOW, House, empty_house, with_demo
from streamlit.testing.v1 import AppTest

from insights import funnel
from snapshots import beacons, visits
from snapshots.beacons import Flag, Sighting, Step, visit_key
from snapshots.form_versions import list_forms
from snapshots.slices import Role
from snapshots.users import save_user
from workbench import formats, funnel_data, funnel_filters, funnel_rows
from workbench.funnel_rows import Group


@pytest.fixture(scope="session")
def site_house(database_server: str) -> Iterator[tuple[House, Counter[str]]]:
    """The sample organization with a made-up site's visits and leads, and what must be counted of them."""
    with empty_house(database_server) as services:
        house = with_demo(services)
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
    return "\n".join(str(part.value) for part in [*at.title, *at.header, *at.markdown, *at.caption, *at.error])


PAGES = ("widgets", "lead_analytics")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
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
