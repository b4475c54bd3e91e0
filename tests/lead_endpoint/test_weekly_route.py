"""Integrations get the weekly report of their organization, as a page or a PDF, of weeks that are over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import CopyOf
from made_api import Api, api
from made_installation import House, demo_house_of

from lead_endpoint import weekly
from ops.first_run import SAMPLE_NAME
from snapshots.organizations import create_organization

PATH = "/reports/weekly"


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        yield made


@pytest.fixture(scope="module")
def asked(house: House) -> Api:
    return api(house.services, house.organization_id)


def test_the_page_is_of_the_last_week_that_is_over_and_forbids_scripts(asked: Api) -> None:
    found = asked.get(PATH)
    assert found.status_code == 200
    assert "Weekly report 2024-W25" in found.text
    assert found.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = found.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("sandbox")


def test_a_pdf_of_another_week_by_its_name_or_a_day(asked: Api) -> None:
    found = asked.get(PATH, {"format": "pdf", "week": "2024-W20"})
    assert found.data[:5] == b"%PDF-"
    assert 'filename="weekly-report-2024-W20.pdf"' in found.headers["Content-Disposition"]
    assert "Weekly report 2024-W20" in asked.get(PATH, {"week": "2024-05-19"}).text


@pytest.mark.parametrize(("week", "status"), [
    ("2024-W26", 404), ("9999-W52", 404), ("0001-01-01", 404), ("9999-12-31", 404),
    ("2024-W99", 422), ("20240519", 422), ("000000000", 422), ("soon", 422), ("", 422),
])  # fmt: skip
def test_a_week_that_is_not_over_or_is_none_is_refused_by_name(asked: Api, week: str, status: int) -> None:
    found = asked.get(PATH, {"week": week})
    assert (found.status_code, found.json["field"]) == (status, "week")


def test_another_organization_is_refused_and_gets_its_own_numbers_alone(house: House, asked: Api) -> None:
    other = create_organization(house.database, "Elsewhere").organization_id
    assert asked.get(PATH, {"org_id": other}).status_code == 403
    own = api(house.services, other).get(PATH).text
    assert "Elsewhere" in own
    assert SAMPLE_NAME in asked.get(PATH).text
    assert SAMPLE_NAME not in own


def test_whoever_comes_while_too_many_are_being_made_is_told_to_come_back(
    asked: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weekly, "WAIT_S", 0.01)
    for _ in range(weekly.AT_ONCE):
        weekly._places.acquire()
    try:
        found = asked.get(PATH)
    finally:
        for _ in range(weekly.AT_ONCE):
            weekly._places.release()
    assert (found.status_code, found.headers["Retry-After"]) == (503, "30")
