"""What is written to the demo CRM, beyond what every adapter must keep."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from adapters.base import ContactInput, FieldPolicy
from adapters.demo import DemoCrm, DemoSettings, MemoryDemoStore
from adapters.errors import SkippableError
from adapters.records import Contact, Kind

NOW = datetime(2026, 2, 11, 13, 5, tzinfo=UTC)
TINY = DemoSettings(seed=4, owners=8, deals=40, activities=160, years=0.4, born=date(2025, 9, 15))


@pytest.fixture
def crm() -> DemoCrm:
    return DemoCrm(TINY, now=lambda: NOW, store=MemoryDemoStore())


def test_another_process_finds_the_contact_by_its_number(crm: DemoCrm) -> None:
    first = crm.upsert_contact(ContactInput(phone="+4930901820", first_name="Hedy"))
    other = DemoCrm(TINY, now=lambda: NOW, store=crm._store)
    again = other.upsert_contact(ContactInput(phone="+4930901820", company="LAN"))
    assert (again.external_id, again.outcome) == (first.external_id, "updated")


def test_a_contact_that_was_found_by_its_number_stays_where_its_address_is(crm: DemoCrm) -> None:
    crm.upsert_contact(ContactInput(email="radia@example.com", phone="+4930901822"))
    crm.upsert_contact(ContactInput(phone="+4930901822", company="LAN"))
    found = crm.upsert_contact(ContactInput(email="radia@example.com", company="LAN"))
    assert found.outcome == "exists"


def test_a_contact_of_the_world_is_met_by_its_address_and_keeps_what_it_has(crm: DemoCrm) -> None:
    pages = list(crm.changes(Kind.CONTACT, None))
    known = next(one for page in pages for one in page.changes if isinstance(one, Contact) and one.email and one.phone)
    careful = {"phone": FieldPolicy.IF_EMPTY}
    found = crm.upsert_contact(ContactInput(email=known.email, phone="+4930000000", policies=careful))
    assert (found.external_id, found.outcome) == (known.external_id, "exists")


@pytest.mark.parametrize("contact", [ContactInput(), ContactInput(first_name="Ada"), ContactInput(email="ada")])
def test_somebody_who_cannot_be_told_from_others_is_refused(crm: DemoCrm, contact: ContactInput) -> None:
    with pytest.raises(SkippableError):
        crm.upsert_contact(contact)
