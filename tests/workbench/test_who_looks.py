"""Who may see what on the pages: own rows, the team's, one's own organization; and nobody from outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import Workbench, go
from made_installation import TODAY, House
from measuring import days_to, measured, reader
from reading import as_read
from streamlit.testing.v1 import AppTest

from ops.importing import Import, import_export
from snapshots.organizations import create_organization
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import access, data, formats

REP, MANAGER, OPS, ANALYST, OUTSIDER = (f"{who}@example.com" for who in ("rep", "boss", "ops", "analyst", "outsider"))


@pytest.fixture
def staff(own_house: House) -> dict[str, Viewer]:
    """Users of every role, and one of another organization."""
    boss, rep = _boss_and_member(own_house)
    organization_id, database = own_house.organization_id, own_house.database
    users = {REP: (Role.REP, rep["email"]), MANAGER: (Role.MANAGER, boss["email"])}
    found = {}
    for email, (role, owner) in users.items():
        user = save_user(database, organization_id, email, role=role, owner_email=owner)
        found[email] = Viewer(organization_id, role, user.owner_id)
    for email, role in ((OPS, Role.SALES_OPS), (ANALYST, Role.ANALYST)):
        save_user(database, organization_id, email, role=role)
        found[email] = Viewer(organization_id, role)
    other = create_organization(database, "Elsewhere", default_currency="EUR").organization_id
    save_user(database, other, OUTSIDER, role=Role.ADMIN)
    found[OUTSIDER] = Viewer(other, Role.ADMIN)
    return found


def _boss_and_member(house: House) -> tuple[pd.Series, pd.Series]:
    owners = reader(house).owners(TODAY)
    for _, boss in owners[owners["name"].isin(owners["manager"].dropna())].iterrows():
        members = owners[owners["is_active"] & (owners["manager"] == boss["name"])]
        others = members[members["owner_id"] != boss["owner_id"]]
        if len(others) and len(others) < len(owners) - 1:
            return boss, others.iloc[-1]
    raise AssertionError("the sample has no team with a manager and a member")


def shown(at: AppTest) -> dict[str, str]:
    assert not at.exception
    return {metric.label: metric.value for metric in at.metric}


def text(at: AppTest) -> str:
    return as_read("\n".join(str(one.value) for one in [*at.title, *at.header, *at.markdown, *at.caption]))


@pytest.mark.parametrize("email", [REP, MANAGER, OPS, ANALYST])
def test_everybody_sees_the_numbers_of_the_own_rows(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer], email: str
) -> None:
    at = workbench.open(own_house, email=email.upper())
    mine = measured(own_house, days_to(TODAY), viewer=staff[email])
    everything = measured(own_house, days_to(TODAY))
    assert shown(at)["New deals"] == formats.count(mine["new_deals"].value)
    sees_all = email in {OPS, ANALYST}
    assert (mine["new_deals"].value == everything["new_deals"].value) == sees_all


def test_a_rep_is_offered_only_oneself_and_a_manager_the_team(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer]
) -> None:
    everybody = reader(own_house).owners(TODAY)
    for email in (REP, MANAGER):
        at = workbench.open(own_house, "salespeople", email=email)
        names = [one.split(" · ")[0] for one in at.selectbox("people_open_0").options]
        allowed = reader(own_house, staff[email]).owners(TODAY)
        assert set(names) <= set(allowed["name"])
        assert len(names) < len(everybody)
    assert len(allowed) > 1
    rep_names = reader(own_house, staff[REP]).owners(TODAY)["name"].tolist()
    assert len(rep_names) == 1


def test_a_link_to_a_colleague_shows_a_rep_nothing(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer]
) -> None:
    others = reader(own_house).owners(TODAY)
    colleague = others[others["owner_id"] != staff[REP].owner_id].iloc[0]
    at = workbench.open(own_house, "salesperson", email=REP, person=str(colleague["owner_id"]))
    assert "There is no such salesperson" in text(at)
    assert colleague["name"] not in text(at)
    assert not at.metric
    at = workbench.open(own_house, email=REP, org=str(own_house.organization_id), owner=str(colleague["owner_id"]))
    assert "was left out" in text(at)
    mine = measured(own_house, days_to(TODAY), viewer=staff[REP])
    assert shown(at)["New deals"] == formats.count(mine["new_deals"].value)


def test_a_rep_is_not_told_names_by_the_chips(workbench: Workbench, own_house: House, staff: dict[str, Viewer]) -> None:
    at = workbench.open(own_house, email=REP)
    mine = reader(own_house, staff[REP]).owners(TODAY)["name"].tolist()
    assert set(at.multiselect("f_owner_ids").options) <= {*mine, "Nobody"}


def test_an_outsider_sees_nothing_of_the_organization(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer]
) -> None:
    owners = reader(own_house).owners(TODAY)
    secrets = [own_house.organization.name, *owners["name"].dropna().head(5)]
    link = {"org": str(own_house.organization_id), "owner": str(owners["owner_id"].iloc[0])}
    for page in ("overview", "salespeople", "pipeline", "data", "salesperson"):
        at = workbench.open(own_house, page, email=OUTSIDER, person=str(owners["owner_id"].iloc[0]), **link)
        assert not at.exception
        assert not at.metric
        everything = text(at) + "".join(str(one.value) for one in at.html if "<style>" not in str(one.value))
        assert not any(secret in everything for secret in secrets), page
        assert at.query_params["org"] == str(staff[OUTSIDER].organization_id)


@pytest.mark.parametrize("who", [{"email": "stranger@example.com"}, {"email": None}, {}, {"email": 7}])
def test_somebody_without_a_user_is_sent_away(workbench: Workbench, own_house: House, who: dict[str, Any]) -> None:
    at = signed_in(workbench, own_house, {"is_logged_in": True, **who})
    assert at.title[0].value == "No access yet"
    assert not at.metric


def test_an_address_that_nobody_verified_counts_for_nothing(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer]
) -> None:
    at = signed_in(workbench, own_house, {"is_logged_in": True, "email": REP, "email_verified": False})
    assert at.title[0].value == "No access yet"


def signed_in(workbench: Workbench, house: House, user: dict[str, Any]) -> AppTest:
    at = workbench.open(house, email="nobody@example.com")
    at.user = user
    return at.run()


def test_whoever_is_not_signed_in_is_asked_to(workbench: Workbench, own_house: House) -> None:
    at = signed_in(workbench, own_house, {"is_logged_in": False})
    assert at.title[0].value == "Sign in to SLMS"
    assert not at.metric


def test_a_removed_user_loses_access_at_once(workbench: Workbench, own_house: House, staff: dict[str, Viewer]) -> None:
    at = workbench.open(own_house, email=OPS)
    assert at.metric
    save_user(own_house.database, own_house.organization_id, OPS, role=Role.SALES_OPS, is_active=False)
    at.run()
    assert at.title[0].value == "No access yet"


def test_only_those_who_may_change_settings_find_the_buttons(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer]
) -> None:
    for email, may in ((OPS, True), (ANALYST, False), (MANAGER, False), (REP, False)):
        at = workbench.open(own_house, "data", email=email)
        assert ("Import CSV" in [tab.label for tab in at.tabs]) == may, email
        assert any(button.label in {"Sync now", "Remove sample data"} for button in at.button) == may, email


@pytest.mark.parametrize("bound_to", ["0.0.0.0", "", "192.168.1.7", "::", "slms.example.com"])
def test_without_a_login_the_workbench_answers_on_loopback_alone(
    workbench: Workbench, own_house: House, address: Callable[[str], None], bound_to: str
) -> None:
    address(bound_to)
    for page in ("overview", "data"):
        at = workbench.open(own_house)
        at = at if page == "overview" else go(at, page)
        assert at.title[0].value == "This address is closed"
        assert not at.metric
        assert not at.tabs


def test_with_a_login_it_may_answer_anywhere(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer], address: Callable[[str], None]
) -> None:
    address("0.0.0.0")
    assert workbench.open(own_house, email=OPS).metric


@pytest.mark.parametrize(
    ("bound_to", "is_local"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
        ("", False), (None, False), ("localhost.example.com", False), ("10.0.0.1", False), ("127.0.0.1.nip.io", False),
    ],
)  # fmt: skip
def test_loopback_addresses_are_told_from_others(bound_to: str | None, is_local: bool) -> None:
    assert access.is_loopback(bound_to) is is_local


def test_own_data_are_never_removed_as_sample(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    mine = create_organization(own_house.database, "Mine")
    with pytest.raises(PermissionError):
        data.remove_sample(mine.organization_id)


def test_rejected_rows_are_shown_only_to_those_who_see_everything(
    workbench: Workbench, own_house: House, staff: dict[str, Viewer], tmp_path: Path
) -> None:
    rows = [
        "deal_id,deal_name,stage,create_date,amount",
        "1,Good,Won,2024-02-01,100",
        "2,Hidden GmbH,Won,2024-02-01,oh",
    ]
    (tmp_path / "deals.csv").write_text("\n".join(rows))
    wanted = Import(source=tmp_path / "deals.csv", organization=own_house.organization.name)
    assert import_export(own_house.services, wanted).counts["deal"]["rejected"] == 1
    for email, sees in ((OPS, True), (ANALYST, True), (MANAGER, False), (REP, False)):
        at = workbench.open(own_house, "data", email=email)
        assert "Rejected rows" in text(at), email
        assert any("<caption>Rejected rows</caption>" in str(one.value) for one in at.html) == sees, email
        assert any(one.key == "rejected_csv" for one in at.download_button) == sees, email
