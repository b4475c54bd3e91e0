"""Rules of the four verbs: owners listed, deals searched, activities counted, contacts written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.base import ContactInput, CrmAdapter, FieldPolicy
from adapters.errors import CrmError, RetriableError
from adapters.records import ActivityKind, Kind
from conformance.rules import Rules
from conformance.state import Seen, changes_in, contacts_at, live_deals, pages_of, some


class VerbRules(Rules):
    """What is asked by a verb equals what the passes bring; what is written is there."""

    def test_the_owners_listed_are_those_in_the_changes(self, adapter: CrmAdapter) -> None:
        if Kind.OWNER not in adapter.capabilities.kinds:
            return
        listed = adapter.list_owners()
        seen = Seen().take(changes_in(pages_of(adapter, Kind.OWNER)))
        assert {(Kind.OWNER, owner.external_id): owner for owner in listed} == seen.live
        assert len(listed) == len(seen.live)

    def test_a_search_without_conditions_finds_all_live_deals_oldest_first(self, adapter: CrmAdapter) -> None:
        if Kind.DEAL not in adapter.capabilities.kinds:
            with pytest.raises(CrmError):
                list(adapter.search_deals())
            return
        found = list(adapter.search_deals())
        assert sorted(deal.external_id for deal in found) == sorted(deal.external_id for deal in live_deals(adapter))
        dated = [deal.created_at for deal in found if deal.created_at is not None]
        assert dated == sorted(dated)
        assert len(dated) == len(found) or not self.dates_deals

    def test_search_conditions_are_inclusive(self, adapter: CrmAdapter) -> None:
        deals = self.deals(adapter)
        for since in some(sorted({deal.created_at for deal in deals if deal.created_at is not None})):
            expected = {deal.external_id for deal in deals if deal.created_at is not None and deal.created_at >= since}
            assert {deal.external_id for deal in adapter.search_deals(created_since=since)} == expected
        for since in some(sorted({deal.modified_at for deal in deals if deal.modified_at is not None})):
            expected = {deal.external_id for deal in deals if deal.modified_at is None or deal.modified_at >= since}
            found = {deal.external_id for deal in adapter.search_deals(modified_since=since)}
            undated = {deal.external_id for deal in deals if deal.modified_at is None}
            assert found - undated == expected - undated

    def test_search_conditions_are_combined(self, adapter: CrmAdapter) -> None:
        deals = [deal for deal in self.deals(adapter) if deal.created_at is not None and deal.owner_id is not None]
        for deal in some(deals):
            found = {
                one.external_id for one in adapter.search_deals(created_since=deal.created_at, owner=deal.owner_id)
            }
            assert deal.created_at is not None
            assert found == {
                one.external_id
                for one in deals
                if one.created_at is not None and one.created_at >= deal.created_at and one.owner_id == deal.owner_id
            }

    def test_a_search_for_an_unknown_owner_finds_nothing(self, adapter: CrmAdapter) -> None:
        if Kind.DEAL in adapter.capabilities.kinds:
            assert list(adapter.search_deals(owner="nobody-of-this-id")) == []

    def test_counts_equal_the_activities_that_happened_and_were_not_cancelled(self, adapter: CrmAdapter) -> None:
        for kind, counted in self.happened(adapter).items():
            assert adapter.count_activity(kind=kind).count == len(counted)
            owners = sorted({activity.owner_id for activity in counted if activity.owner_id is not None})
            for owner in some(owners)[:4]:
                expected = sum(activity.owner_id == owner for activity in counted)
                assert adapter.count_activity(kind=kind, owner=owner).count == expected

    def test_counts_since_an_instant_include_that_instant(self, adapter: CrmAdapter) -> None:
        for kind, counted in self.happened(adapter).items():
            times = sorted(one.occurred_at for one in counted if one.occurred_at is not None)
            for since in some(times)[:4]:
                expected = sum(at >= since for at in times)
                assert adapter.count_activity(kind=kind, since=since).count == expected

    def test_a_count_of_what_is_not_exposed_is_none_with_a_reason_and_never_zero(self, adapter: CrmAdapter) -> None:
        for kind in set(ActivityKind) - adapter.capabilities.activity_kinds:
            counted = adapter.count_activity(kind=kind)
            assert counted.count is None
            assert counted.unavailable

    def test_a_contact_is_created_once_and_then_exists(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(
            email="ada.king@conformance.example", first_name="Ada", last_name="King", phone="+44 20 1"
        )
        if self.refuses_writing(adapter, contact):
            return
        created = adapter.upsert_contact(contact)
        repeated = adapter.upsert_contact(contact)
        assert (created.outcome, repeated.outcome) == ("created", "exists")
        assert created.external_id == repeated.external_id
        assert not repeated.changed
        shown = contacts_at(adapter, contact.email)
        assert [one.external_id for one in shown] == [created.external_id]
        assert shown[0].name == "Ada King"

    def test_the_same_address_in_capitals_is_the_same_contact(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="grace@conformance.example", first_name="Grace")
        if self.refuses_writing(adapter, contact):
            return
        created = adapter.upsert_contact(contact)
        again = adapter.upsert_contact(ContactInput(email=" Grace@Conformance.example ", first_name="Grace"))
        assert (again.external_id, again.outcome) == (created.external_id, "exists")

    def test_an_empty_field_never_empties_a_filled_one(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="alan@conformance.example", first_name="Alan", last_name="T", phone="+44 20 2")
        if self.refuses_writing(adapter, contact):
            return
        adapter.upsert_contact(contact)
        result = adapter.upsert_contact(ContactInput(email=contact.email, first_name="", phone="  "))
        assert result.outcome == "exists"
        [shown] = contacts_at(adapter, contact.email)
        assert (shown.name, shown.phone) == ("Alan T", "+44 20 2")

    def test_a_filled_field_is_updated_and_named(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="emmy@conformance.example", first_name="Emmy", last_name="N", phone="+49 1")
        if self.refuses_writing(adapter, contact):
            return
        adapter.upsert_contact(contact)
        result = adapter.upsert_contact(ContactInput(email=contact.email, phone="+49 2"))
        assert result.outcome == "updated"
        assert len(result.changed) == 1
        assert [one.phone for one in contacts_at(adapter, contact.email)] == ["+49 2"]

    def test_a_dry_run_says_what_would_change_and_writes_nothing(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="dry@conformance.example", first_name="Dry", last_name="Run")
        if self.refuses_writing(adapter, contact):
            return
        tried = adapter.upsert_contact(contact, dry_run=True)
        assert tried.outcome == "created"
        assert tried.changed
        assert contacts_at(adapter, contact.email) == []
        assert adapter.upsert_contact(contact).outcome == "created"
        update = ContactInput(email=contact.email, phone="+49 3")
        assert adapter.upsert_contact(update, dry_run=True).outcome == "updated"
        assert [one.phone for one in contacts_at(adapter, contact.email)] == [None]

    def test_a_field_that_is_filled_is_left_alone_where_its_policy_says_so(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="kay@conformance.example", first_name="Kay", last_name="M")
        if self.refuses_writing(adapter, contact):
            return
        adapter.upsert_contact(contact)
        policies = dict.fromkeys(("first_name", "last_name", "phone"), FieldPolicy.IF_EMPTY)
        careful = ContactInput(email=contact.email, first_name="K.", last_name="McN", phone="+49 4", policies=policies)
        result = adapter.upsert_contact(careful)
        assert (result.outcome, len(result.changed)) == ("updated", 1)
        [shown] = contacts_at(adapter, contact.email)
        assert (shown.name, shown.phone) == ("Kay M", "+49 4")
        assert adapter.upsert_contact(careful).outcome == "exists"

    def test_without_an_address_the_phone_number_decides_where_it_can(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(phone="+49 30 901820", first_name="Hedy")
        if self.refuses_writing(adapter, contact):
            return
        created = adapter.upsert_contact(contact)
        again = adapter.upsert_contact(contact)
        assert created.outcome == "created"
        assert (again.external_id == created.external_id) == adapter.capabilities.matches_phone
        other = adapter.upsert_contact(ContactInput(phone="+49 30 901821", first_name="Hedy"))
        assert other.external_id not in {created.external_id, again.external_id}

    def test_a_known_number_finds_the_contact_that_has_an_address(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="radia@conformance.example", first_name="Radia", phone="+49 30 901822")
        if self.refuses_writing(adapter, contact):
            return
        created = adapter.upsert_contact(contact)
        by_phone = adapter.upsert_contact(ContactInput(phone="+49 30 901822", company="LAN"))
        assert (by_phone.external_id == created.external_id) == adapter.capabilities.matches_phone

    def test_an_address_decides_whatever_the_phone_number(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="a@conformance.example", first_name="A", phone="+49 30 901823")
        if self.refuses_writing(adapter, contact):
            return
        first = adapter.upsert_contact(contact)
        second = adapter.upsert_contact(
            ContactInput(email="b@conformance.example", first_name="B", phone=contact.phone)
        )
        assert second.outcome == "created"
        assert second.external_id != first.external_id

    def test_a_contact_whose_id_is_known_is_that_one_and_an_id_that_is_gone_is_no_obstacle(
        self, adapter: CrmAdapter
    ) -> None:
        contact = ContactInput(email="barbara@conformance.example", first_name="Barbara")
        if self.refuses_writing(adapter, contact):
            return
        created = adapter.upsert_contact(contact)
        known = adapter.upsert_contact(replace(contact, external_id=created.external_id))
        gone = adapter.upsert_contact(replace(contact, external_id="no-such-contact"))
        assert {known.outcome, gone.outcome} == {"exists"}
        assert {known.external_id, gone.external_id} == {created.external_id}

    def test_where_a_second_write_would_be_a_second_contact_it_asks_first_whether_it_may(
        self, adapter: CrmAdapter
    ) -> None:
        contact = ContactInput(email="late@conformance.example", first_name="Late", may_write=lambda: False)
        if self.refuses_writing(adapter, contact) or adapter.capabilities.upsert_is_idempotent:
            return
        with pytest.raises(RetriableError):
            adapter.upsert_contact(contact)
        assert contacts_at(adapter, "late@conformance.example") == []

    def test_a_new_contact_gets_the_owner_and_keeps_it(self, adapter: CrmAdapter) -> None:
        """Nobody's contact is taken away, and a contact without a word about an owner is nobody's business."""
        mine, other = self._two_owners(adapter)
        contact = ContactInput(email="owned@conformance.example", first_name="Owned", owner_external_id=mine)
        if self.refuses_writing(adapter, contact):
            return
        assert "owner" in "".join(adapter.upsert_contact(contact, dry_run=True).changed)
        created = adapter.upsert_contact(contact)
        assert [one.owner_id for one in contacts_at(adapter, contact.email)] == [mine]
        again = adapter.upsert_contact(replace(contact, owner_external_id=other))
        assert (created.outcome, again.outcome) == ("created", "exists")
        assert [one.owner_id for one in contacts_at(adapter, contact.email)] == [mine]

    def _two_owners(self, adapter: CrmAdapter) -> tuple[str, str]:
        owners = adapter.list_owners() if Kind.OWNER in adapter.capabilities.kinds else []
        found = [owner.external_id for owner in owners if owner.is_active][:2]
        return (found[0], found[1]) if len(found) == 2 else ("1", "2")
