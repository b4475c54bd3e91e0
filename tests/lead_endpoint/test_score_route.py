"""Integrations are told how likely a lead is to convert, why, and, where nothing is proven, that there is no score."""

from __future__ import annotations

from collections.abc import Iterator

import made_models
import pytest
from databases import CopyOf
from made_api import Api, api
from made_installation import House, demo_house_of
from sqlalchemy import text

from insights.scoring.training import train
from snapshots.organizations import create_organization


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        made_models.with_model(made.services, made.organization_id)
        yield made


@pytest.fixture(scope="module")
def asked(house: House) -> Api:
    return api(house.services, house.organization_id)


PATH = "/ai/score-lead"


def test_fields_are_scored_with_reasons_that_add_up(asked: Api) -> None:
    found = asked.post(PATH, {"fields": {"source": "Referral", "visits": 9}}).json
    assert found["score"] == min(100, round(sum(one["points"] for one in found["reasons"])))
    assert found["reasons"][1]["reason"] == "came by Referral"
    assert found["probability"] > 2 * found["base_rate"]
    assert found["band"] == "hot"
    assert found["model_version"] == 1


def test_fields_may_be_sent_without_a_wrapping(asked: Api) -> None:
    fields = {"source": "Paid search", "visits": 2}
    assert asked.post(PATH, fields).json == asked.post(PATH, {"fields": fields}).json


def test_a_field_that_the_model_does_not_know_is_named(asked: Api) -> None:
    assert asked.post(PATH, {"source": "Referral", "shoe_size": 44}).json["ignored"] == ["shoe_size"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"visits": "many"}, ["visits"]),
        ({"email": "nobody", "visits": True}, ["email", "visits"]),
        ({"created_at": "yesterday"}, ["created_at"]),
        ({"created_at": "2199-01-01"}, ["created_at"]),
        ({"source": {"a": 1}}, ["source"]),
        ({"shoe_size": 44}, ["shoe_size"]),
        ({}, ["fields"]),
        ({"fields": []}, ["fields"]),
        ({"lead_id": True}, ["lead_id"]),
        ({"lead_id": 1, "source": "Referral"}, ["lead_id"]),
    ],
)
def test_nonsense_is_answered_with_the_names_of_the_fields(asked: Api, body: object, wrong: list[str]) -> None:
    found = asked.post(PATH, body)
    assert found.status_code == 422
    assert found.json["field"] == wrong[0]
    assert [one["field"] for one in found.json.get("errors", [{"field": wrong[0]}])] == wrong


def test_a_lead_of_the_crm_is_scored_by_its_id(house: House, asked: Api) -> None:
    with house.database.as_app(house.organization_id) as connection:
        newest = connection.execute(
            text("SELECT lead_id FROM leads WHERE NOT converted AND gone_at IS NULL ORDER BY created_at DESC LIMIT 1")
        ).scalar_one()
    assert asked.post(PATH, {"lead_id": newest}).status_code == 200


@pytest.mark.parametrize("lead_id", [10**15, "no-such", "0191d5e2-0000-7000-8000-000000000000"])
def test_an_unknown_lead_is_not_found(asked: Api, lead_id: object) -> None:
    assert asked.post(PATH, {"lead_id": lead_id}).status_code == 404


def test_a_lead_that_converted_is_not_scored(house: House, asked: Api) -> None:
    with house.database.as_app(house.organization_id) as connection:
        converted = connection.execute(text("SELECT max(lead_id) FROM leads WHERE converted")).scalar_one()
    found = asked.post(PATH, {"lead_id": converted})
    assert (found.status_code, "converted already" in found.json["detail"]) == (409, True)


def test_another_organizations_lead_is_unknown(house: House) -> None:
    other = create_organization(house.database, "Outsider").organization_id
    made_models.with_model(house.services, other)
    assert api(house.services, other).post(PATH, {"lead_id": 1}).status_code == 404


@pytest.mark.parametrize(("n", "is_random"), [(150, False), (900, True)])
def test_without_proof_there_is_no_score_but_the_reason(house: House, n: int, is_random: bool) -> None:
    organization_id = create_organization(house.database, f"Unproven {n}").organization_id
    trained = train(made_models.made_past(n, is_random=is_random))
    made_models.put_in_use(house.services, organization_id, trained)
    found = api(house.services, organization_id).post(PATH, {"source": "Referral"})
    assert found.status_code == 409
    assert trained.card["gate"]["why"] in found.json["detail"]
    assert "probability" not in found.text
