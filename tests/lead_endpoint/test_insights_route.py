"""Integrations read the notes of a week with their facts, a page at a time, of their own organization alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from databases import CopyOf
from made_api import Api, api
from made_installation import House, demo_house_of

from ops import coaching_week
from snapshots.organizations import create_organization

PATH = "/analytics/salespeople/insights"


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        for day in (date(2024, 6, 17), date(2024, 6, 24)):
            coaching_week.write_weekly(made.services, made.organization_id, day)
        yield made


@pytest.fixture(scope="module")
def asked(house: House) -> Api:
    return api(house.services, house.organization_id)


def test_the_newest_week_comes_with_each_sentence_s_facts_and_what_recomputes_them(asked: Api) -> None:
    found = asked.ask(PATH)
    assert found["week"] == "2024-06-17"
    assert found["results"]
    for person in found["results"]:
        known = {one["id"]: one for one in person["insights"]}
        assert person["owner_name"]
        assert person["note"]["level"] == "L0"
        for sentence in person["note"]["sentences"]:
            assert sentence["fact_ids"]
            assert all(known[one]["evidence"]["query"] for one in sentence["fact_ids"])
    facts = [one for person in found["results"] for one in person["insights"]]
    assert any(one["deal_id"] for one in facts)
    assert all(Decimal(one["value"]) >= 0 for one in facts if one["unit"] == "count")


def test_any_day_names_its_week_and_a_week_without_notes_is_empty(asked: Api) -> None:
    assert asked.ask(PATH, week="2024-06-12")["week"] == "2024-06-10"
    assert asked.ask(PATH, week="2023-01-01") == {"week": "2022-12-26", "time_zone": "Europe/Berlin", "results": []}


def test_pages_follow_each_other_to_the_whole(asked: Api) -> None:
    whole = [one["owner_id"] for one in asked.ask(PATH)["results"]]
    told: list[int] = []
    following: str | None = f"{PATH}?limit=2"
    while following is not None:
        path, _, query = following.partition("?")
        page = asked.get(path, dict(parse_qsl(query)))
        told += [one["owner_id"] for one in page.json["results"]]  # type: ignore[index]
        following = page.headers["Link"].split(">")[0].lstrip("<") if "Link" in page.headers else None
    assert told == whole
    assert asked.ask(PATH, salesperson_id=whole[1])["results"][0]["owner_id"] == whole[1]


def test_another_organization_reads_none_of_it(house: House) -> None:
    outsider = create_organization(house.database, "Outsider", time_zone="UTC", default_currency="EUR").organization_id
    stranger = api(house.services, outsider)
    assert stranger.ask(PATH)["results"] == []
    assert stranger.get(PATH, {"org_id": house.organization_id}).status_code == 403
    assert api(house.services, house.organization_id, scopes=("metrics",)).get(PATH).status_code == 403


@pytest.mark.parametrize(
    "query", [{"week": "soon"}, {"week": "0"}, {"limit": 0}, {"salesperson_id": 0}, {"after": "x"}]
)
def test_a_wrong_parameter_is_named(asked: Api, query: dict[str, object]) -> None:
    found = asked.get(PATH, query)
    assert found.status_code == 422
    assert found.json is not None
    assert found.json["field"] == next(iter(query))
