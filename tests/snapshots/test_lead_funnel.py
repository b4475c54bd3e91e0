"""What became of a lead: its contact, the first activity, deals after it, stages; and who may see that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import made_leads
import pytest
from sqlalchemy import text

from snapshots import visits
from snapshots.database import Database
from snapshots.lead_funnel import FunnelReader
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
LAST = date(2024, 6, 28)
WHOLE = Slice(first_day=None, last_day=LAST, as_of=LAST)
CONTACT, OTHER, DEAL, EARLIER, ANN, BO = 501, 502, 601, 602, 701, 702


class Crm:
    """Rows as a sync leaves them."""

    def __init__(self, database: Database, organization_id: int) -> None:
        self.database, self.organization_id = database, organization_id
        self.connection_id = made_leads.connect(database, organization_id)
        self.put("external_links", connection_id=self.connection_id, kind="contact", external_id="C1",
                 entity_id=CONTACT)  # fmt: skip
        for owner_id, name in ((ANN, "Ann"), (BO, "Bo")):
            self.put("owners", owner_id=owner_id, name=name)

    def put(self, table: str, **values: object) -> None:
        with self.database.as_app(self.organization_id) as connection:
            names = ", ".join(("organization_id", *values))
            places = ", ".join(f":{name}" for name in ("organization_id", *values))
            connection.execute(
                text(f"INSERT INTO {table} ({names}) VALUES ({places})"),
                {"organization_id": self.organization_id, **values},
            )

    def deal(self, deal_id: int, created_at: datetime, status: str = "open", *, contact_id: int = CONTACT,
             owner_id: int = ANN, closed_at: datetime | None = None) -> None:  # fmt: skip
        self.put("deals", deal_id=deal_id, name=f"Deal {deal_id}")
        self.put("deal_contacts", deal_id=deal_id, contact_id=contact_id)
        self.put(
            "deal_versions", deal_id=deal_id, valid_from=created_at, recorded_at=created_at,
            is_observed=True, status=status, owner_id=owner_id, created_at=created_at,
            created_day=created_at.date(), closed_at=closed_at, closed_day=closed_at.date() if closed_at else None,
            amount_minor=1000, currency="EUR",
        )  # fmt: skip

    def act(self, at: datetime, **values: object) -> None:
        plain: Mapping[str, object] = {"kind": "call", "owner_id": ANN, "contact_id": CONTACT, "direction": "out"}
        self.number = getattr(self, "number", 0) + 1
        self.put("activities", connection_id=self.connection_id, external_id=f"a{self.number}", occurred_at=at,
                 day=at.date(), content_hash=1, **{**plain, **values})  # fmt: skip

    def lead(self, **values: Any) -> None:
        given = {"state": "delivered", "at": AT, "connection_id": self.connection_id} | values
        made_leads.put(self.database, self.organization_id, **given)
        visits.fold_leads(self.database, self.organization_id)

    def journey(self, slice_: Slice = WHOLE, viewer: Viewer | None = None) -> dict[str, Any]:
        found = self.reader(viewer).journeys(slice_).to_dict("records")
        assert len(found) == 1
        return {str(name): value for name, value in found[0].items()}

    def reader(self, viewer: Viewer | None = None) -> FunnelReader:
        return FunnelReader(Reader(self.database, viewer or Viewer(self.organization_id, Role.ADMIN)))


@pytest.fixture
def crm(database: Database, organization: int) -> Crm:
    return Crm(database, organization)


def test_a_lead_is_tied_to_its_contact_by_the_id_that_the_crm_gave(crm: Crm) -> None:
    crm.put("contacts", contact_id=CONTACT, name="Ada", owner_id=BO)
    crm.lead()
    assert crm.journey()["contact_id"] == CONTACT
    assert (crm.journey()["owner_id"], crm.journey()["owner"]) == (BO, "Bo")


def test_deals_after_the_lead_came_of_it_and_earlier_ones_did_not(crm: Crm) -> None:
    crm.deal(EARLIER, AT - timedelta(seconds=1), "won", closed_at=AT)
    crm.lead()
    assert (crm.journey()["n_deals"], crm.journey()["n_won"]) == (0, 0)
    crm.deal(DEAL, AT + timedelta(days=2), "won", closed_at=AT + timedelta(days=9))
    crm.deal(DEAL + 9, AT + timedelta(days=3), contact_id=OTHER)
    found = crm.journey()
    assert (found["n_deals"], found["n_won"], found["deal_id"], found["owner"]) == (1, 1, DEAL, "Ann")
    assert found["deal_at"] == AT + timedelta(days=2)
    assert found["won_at"] == AT + timedelta(days=9)


def test_a_day_before_sees_neither_the_deal_nor_the_delivery_of_later_days(crm: Crm) -> None:
    crm.deal(DEAL, AT + timedelta(days=2))
    crm.lead()
    then = Slice(first_day=None, last_day=AT.date(), as_of=AT.date())
    assert crm.journey(then)["n_deals"] == 0
    assert crm.journey(then)["state"] == "delivered"
    before = Slice(first_day=None, last_day=AT.date() - timedelta(days=1), as_of=AT.date() - timedelta(days=1))
    assert crm.reader().journeys(before).empty


NO_TOUCH = {
    "before the lead": {"at": AT - timedelta(seconds=1)},
    "by the contact": {"direction": "in"},
    "a note": {"kind": "note"},
    "cancelled": {"outcome": "Cancelled"},
    "nobody's": {"owner_id": None},
    "of another contact": {"contact_id": OTHER},
    "of a day to come": {"at": AT + timedelta(days=90)},
    "gone": {"gone_at": AT},
}


@pytest.mark.parametrize("what", NO_TOUCH)
def test_what_is_no_activity_of_a_salesperson_after_the_lead_is_no_first_touch(crm: Crm, what: str) -> None:
    crm.lead()
    values = dict(NO_TOUCH[what])
    crm.act(values.pop("at", AT + timedelta(hours=1)), **values)  # type: ignore[arg-type]
    assert str(crm.journey()["touched_at"]) == "NaT"
    crm.act(AT + timedelta(hours=3))
    crm.act(AT + timedelta(hours=2), direction=None)
    assert crm.journey()["touched_at"] == AT + timedelta(hours=2)


def test_an_activity_on_the_deal_is_a_touch_too(crm: Crm) -> None:
    crm.lead()
    crm.deal(DEAL, AT + timedelta(days=1))
    crm.act(AT + timedelta(days=1, hours=1), contact_id=None, deal_id=DEAL)
    assert crm.journey()["touched_at"] == AT + timedelta(days=1, hours=1)


def test_stages_of_deals_are_those_they_entered_but_for_being_lost(crm: Crm) -> None:
    for stage_id, name, position, status in ((1, "New", 0, "open"), (2, "Won", 1, "won"), (3, "Lost", 2, "lost")):
        crm.put("stages", stage_id=stage_id, name=name, position=position, status=status)
        crm.put("stage_events", deal_id=DEAL, entered_at=AT + timedelta(days=stage_id), stage_id=stage_id,
                is_observed=True, recorded_at=AT)  # fmt: skip
    assert crm.reader().stages(WHOLE, [DEAL, 999])["stage"].tolist() == ["New", "Won"]


def test_deals_of_contacts_are_as_they_were_on_the_day(crm: Crm) -> None:
    crm.deal(DEAL, AT, "won", closed_at=AT + timedelta(days=1))
    crm.deal(EARLIER, AT, contact_id=OTHER)
    found = crm.reader().deals(WHOLE, [CONTACT])
    assert found[["deal_id", "contact_id", "status", "amount_minor"]].values.tolist() == [[DEAL, CONTACT, "won", 1000]]


def test_a_salesperson_sees_own_leads_and_another_organization_none(
    crm: Crm, organization: int, other_organization: int
) -> None:
    crm.put("contacts", contact_id=CONTACT, name="Ada", owner_id=ANN)
    crm.lead()
    assert crm.journey(viewer=Viewer(organization, Role.REP, ANN))["owner"] == "Ann"
    for viewer in (
        Viewer(organization, Role.REP, BO),
        Viewer(organization, Role.REP),
        Viewer(organization, Role.MANAGER, BO),
        Viewer(other_organization, Role.ADMIN),
    ):
        assert crm.reader(viewer).journeys(WHOLE).empty
        assert viewer.organization_id == organization or crm.reader(viewer).deals(WHOLE, [CONTACT]).empty
