"""What every adapter must do. An adapter's test inherits `AdapterConformance`, says how it is made, and states its
differences as class attributes; what it cannot do is read from its capabilities and must then be refused, not faked.

    class TestPipedrive(AdapterConformance):
        names_currencies = False
        def make(self) -> CrmAdapter: ...

`ConformanceOverTime` adds what holds when the CRM changes between two syncs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

import orjson
import pytest

from adapters.base import Capabilities, ContactInput, CrmAdapter, Page
from adapters.errors import CrmError, FatalError
from adapters.records import (
    KIND_OF,
    Activity,
    ActivityKind,
    Change,
    Contact,
    Deal,
    DealField,
    DealStatus,
    Deletion,
    Kind,
    Merge,
    Owner,
    Record,
)

REFERENCES: Mapping[str, Kind] = {
    "manager_id": Kind.OWNER, "team_id": Kind.TEAM, "pipeline_id": Kind.PIPELINE, "stage_id": Kind.STAGE,
    "owner_id": Kind.OWNER, "company_id": Kind.COMPANY, "contact_id": Kind.CONTACT, "contact_ids": Kind.CONTACT,
    "product_id": Kind.PRODUCT, "lead_id": Kind.LEAD, "deal_id": Kind.DEAL,
}  # fmt: skip
MONEY = ("amount_minor", "price_minor", "revenue_minor")
SAMPLES = 12
"""How many of many pages, owners or records a rule looks at where each look is a pass of its own."""

T = TypeVar("T")


@dataclass(slots=True)
class Seen:
    """What stands in the CRM after some changes were taken: the live records, and the ids that are gone."""

    live: dict[tuple[Kind, str], Record] = field(default_factory=dict)
    gone: set[tuple[Kind, str]] = field(default_factory=set)

    def take(self, changes: Iterable[Change]) -> Seen:
        for change in changes:
            if isinstance(change, Deletion):
                self._drop(change.kind, change.external_id)
            elif isinstance(change, Merge):
                for loser in change.loser_ids:
                    self._drop(change.kind, loser)
            else:
                self.live[KIND_OF[type(change)], change.external_id] = change
        return self

    def _drop(self, kind: Kind, external_id: str) -> None:
        self.live.pop((kind, external_id), None)
        self.gone.add((kind, external_id))

    def of(self, kind: Kind) -> list[Record]:
        return [record for (its_kind, _), record in self.live.items() if its_kind is kind]


def pages_of(adapter: CrmAdapter, kind: Kind, cursor: str | None = None) -> list[Page]:
    return list(adapter.changes(kind, cursor))


def changes_in(pages: Iterable[Page]) -> list[Change]:
    return [change for page in pages for change in page.changes]


def declared(adapter: CrmAdapter) -> list[Kind]:
    return [kind for kind in Kind if kind in adapter.capabilities.kinds]


def everything(adapter: CrmAdapter) -> list[Change]:
    return [change for kind in declared(adapter) for change in changes_in(pages_of(adapter, kind))]


def records_in(changes: Iterable[Change]) -> list[Record]:
    return [change for change in changes if not isinstance(change, Deletion | Merge)]


def some(items: Sequence[T]) -> Sequence[T]:
    """A few, spread over all of them."""
    return items[:: max(1, -(-len(items) // SAMPLES))]


def times_in(record: Change) -> Iterator[datetime]:
    for item in fields(record):
        value = getattr(record, item.name)
        if isinstance(value, datetime):
            yield value
    if isinstance(record, Deal):
        yield from (change.at for change in record.history)


def live_deals(adapter: CrmAdapter) -> list[Deal]:
    found = Seen().take(changes_in(pages_of(adapter, Kind.DEAL))).of(Kind.DEAL)
    return [deal for deal in found if isinstance(deal, Deal)]


def live_activities(adapter: CrmAdapter) -> list[Activity]:
    found = Seen().take(changes_in(pages_of(adapter, Kind.ACTIVITY))).of(Kind.ACTIVITY)
    return [activity for activity in found if isinstance(activity, Activity)]


def contacts_at(adapter: CrmAdapter, email: str) -> list[Contact]:
    found = Seen().take(changes_in(pages_of(adapter, Kind.CONTACT))).of(Kind.CONTACT)
    return [contact for contact in found if isinstance(contact, Contact) and contact.email == email]


class AdapterConformance:
    """The rules. `make` returns the same CRM each time: a fresh adapter, as after a restart."""

    names_currencies = True
    """False where a CRM may give an amount without saying in which currency."""
    dates_deals = True
    """False where deals may lack a creation date."""

    def make(self) -> CrmAdapter:
        raise NotImplementedError

    def now(self) -> datetime:
        """The present of the CRM: later activities are planned ones."""
        return datetime.max.replace(tzinfo=UTC)

    def secrets(self) -> tuple[str, ...]:
        """What `make` was given and nobody may see."""
        return ()

    @pytest.fixture
    def adapter(self) -> Iterator[CrmAdapter]:
        made = self.make()
        yield made
        made.close()

    # --- what it says of itself ---

    def test_it_is_an_adapter_that_declares_what_it_can_do(self, adapter: CrmAdapter) -> None:
        assert isinstance(adapter, CrmAdapter)
        assert adapter.provider
        assert isinstance(adapter.capabilities, Capabilities)

    def test_what_it_does_not_expose_is_declared_missing_with_a_reason(self, adapter: CrmAdapter) -> None:
        capabilities = adapter.capabilities
        missing = {item.kind: item.reason for item in capabilities.missing}
        unexposed = {kind.value for kind in Kind} - {kind.value for kind in capabilities.kinds}
        if Kind.ACTIVITY in capabilities.kinds:
            unexposed |= {kind.value for kind in set(ActivityKind) - capabilities.activity_kinds}
        assert unexposed <= missing.keys()
        assert all(reason.strip() for reason in missing.values())

    def test_it_refuses_kinds_that_it_does_not_expose(self, adapter: CrmAdapter) -> None:
        for kind in set(Kind) - adapter.capabilities.kinds:
            with pytest.raises(CrmError):
                pages_of(adapter, kind)
            assert adapter.expected_count(kind) is None

    def test_its_checks_pass_and_failing_ones_would_name_a_remedy(self, adapter: CrmAdapter) -> None:
        checks = adapter.check()
        assert checks
        assert all(check.ok for check in checks), [check for check in checks if not check.ok]

    def test_no_secret_stands_in_its_repr(self, adapter: CrmAdapter) -> None:
        shown = f"{adapter!r} {adapter.capabilities!r} {adapter.check()!r}"
        assert not [secret for secret in self.secrets() if secret in shown]

    # --- passes ---

    def test_every_declared_kind_yields_pages_and_ends_with_done(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            pages = pages_of(adapter, kind)
            assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True], kind
            assert all(page.cursor for page in pages), kind
            assert all(before.cursor != after.cursor for before, after in pairwise(pages)), kind

    def test_a_kind_yields_that_kind_alone(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            for change in changes_in(pages_of(adapter, kind)):
                its_kind = change.kind if isinstance(change, Deletion | Merge) else KIND_OF[type(change)]
                assert its_kind is kind

    def test_no_page_names_an_object_twice(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            for page in pages_of(adapter, kind):
                ids = Counter(record.external_id for record in records_in(page.changes))
                assert not [external_id for external_id, times in ids.items() if times > 1], kind

    def test_an_object_that_comes_again_in_a_pass_is_unchanged_or_a_later_state_of_an_owner(
        self, adapter: CrmAdapter
    ) -> None:
        for kind in declared(adapter):
            latest: dict[str, Record] = {}
            for record in records_in(changes_in(pages_of(adapter, kind))):
                before = latest.setdefault(record.external_id, record)
                if isinstance(record, Owner) and isinstance(before, Owner) and record.since is not None:
                    assert before is record or before.since is None or before.since <= record.since
                    latest[record.external_id] = record
                else:
                    assert before == record, kind

    def test_a_pass_resumed_at_any_page_by_another_process_equals_the_full_pass(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            pages = pages_of(adapter, kind)
            whole = Seen().take(changes_in(pages))
            for number in some(range(len(pages) - 1)):
                resumed = pages_of(self.make(), kind, pages[number].cursor)
                assert Seen().take(changes_in(pages[: number + 1])).take(changes_in(resumed)) == whole, kind

    def test_a_second_pass_from_the_last_cursor_brings_nothing_new(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            pages = pages_of(adapter, kind)
            first = Seen().take(changes_in(pages))
            again = pages_of(self.make(), kind, pages[-1].cursor)
            assert again[-1].done
            for record in records_in(changes_in(again)):
                assert first.live.get((kind, record.external_id)) == record, kind

    def test_expected_counts_equal_the_live_records(self, adapter: CrmAdapter) -> None:
        seen = Seen().take(everything(adapter))
        for kind in declared(adapter):
            expected = adapter.expected_count(kind)
            assert expected is not None or not adapter.capabilities.counts_are_exact, kind
            assert expected is None or expected == len(seen.of(kind)), kind

    def test_deletions_and_merges_come_only_where_they_are_declared(self, adapter: CrmAdapter) -> None:
        kinds = {type(change) for change in everything(adapter)}
        assert adapter.capabilities.reports_deletions or Deletion not in kinds
        assert adapter.capabilities.reports_merges or Merge not in kinds

    # --- records ---

    def test_references_point_to_what_exists_or_is_gone(self, adapter: CrmAdapter) -> None:
        seen = Seen().take(everything(adapter))
        known = seen.live.keys() | seen.gone
        for record in seen.live.values():
            for attribute, kind in REFERENCES.items():
                value = getattr(record, attribute, None)
                if value is None or kind not in adapter.capabilities.kinds:
                    continue
                for external_id in value if isinstance(value, tuple) else (value,):
                    assert (kind, external_id) in known, (record, attribute)

    def test_times_are_aware(self, adapter: CrmAdapter) -> None:
        for change in everything(adapter):
            assert all(at.tzinfo is not None for at in times_in(change)), change

    def test_money_has_a_currency_or_the_record_has_neither(self, adapter: CrmAdapter) -> None:
        for record in records_in(everything(adapter)):
            amounts = [value for name in MONEY if (value := getattr(record, name, None)) is not None]
            currency = getattr(record, "currency", None)
            assert all(type(amount) is int for amount in amounts), record
            assert not amounts or currency is not None or not self.names_currencies, record
            assert currency is None or (len(currency) == 3 and currency.isalpha() and currency.isupper()), record

    def test_what_is_not_known_is_none_and_never_empty_text(self, adapter: CrmAdapter) -> None:
        for record in records_in(everything(adapter)):
            assert not [item.name for item in fields(record) if getattr(record, item.name) == ""], record
            assert record.external_id

    def test_raw_records_and_further_fields_are_json_ready(self, adapter: CrmAdapter) -> None:
        for record in records_in(everything(adapter)):
            assert record.raw is None or orjson.dumps(dict(record.raw))
            further = getattr(record, "fields", None)
            assert further is None or orjson.dumps(dict(further))

    def test_a_closed_deal_says_when_and_an_open_one_does_not(self, adapter: CrmAdapter) -> None:
        for deal in self._deals(adapter):
            assert deal.status is not DealStatus.OPEN or deal.closed_at is None, deal
            if deal.created_at is not None and deal.closed_at is not None:
                assert deal.created_at <= deal.closed_at, deal

    def test_a_deals_stage_agrees_with_its_status_and_pipeline(self, adapter: CrmAdapter) -> None:
        if Kind.STAGE not in adapter.capabilities.kinds:
            return
        stages = {record.external_id: record for record in records_in(changes_in(pages_of(adapter, Kind.STAGE)))}
        for deal in self._deals(adapter):
            if deal.stage_id is not None and deal.stage_id in stages:
                stage = stages[deal.stage_id]
                assert getattr(stage, "status", None) is deal.status, deal
                assert getattr(stage, "pipeline_id", None) == deal.pipeline_id, deal

    def test_a_deals_history_ends_in_its_present_values(self, adapter: CrmAdapter) -> None:
        for deal in self._deals(adapter):
            present = {
                DealField.STAGE: deal.stage_id, DealField.AMOUNT: deal.amount_minor, DealField.OWNER: deal.owner_id,
                DealField.CLOSE_DATE: deal.close_on,
            }  # fmt: skip
            last = {change.field: change.value for change in sorted(deal.history, key=lambda change: change.at)}
            assert all(present[name] == value for name, value in last.items()), deal

    def test_a_deals_history_lies_between_its_creation_and_its_last_change(self, adapter: CrmAdapter) -> None:
        for deal in self._deals(adapter):
            times = [change.at for change in deal.history]
            assert deal.created_at is None or not times or deal.created_at <= min(times), deal
            assert deal.modified_at is None or not times or max(times) <= deal.modified_at, deal

    def test_stage_history_comes_where_it_is_declared_and_only_there(self, adapter: CrmAdapter) -> None:
        deals = self._deals(adapter)
        staged = [deal for deal in deals if any(change.field is DealField.STAGE for change in deal.history)]
        assert bool(staged) == (adapter.capabilities.has_stage_history and bool(deals))

    def test_nothing_has_happened_in_the_future(self, adapter: CrmAdapter) -> None:
        for deal in self._deals(adapter):
            assert all(at <= self.now() for at in times_in(deal)), deal

    # --- the four verbs ---

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
        deals = self._deals(adapter)
        for since in some(sorted({deal.created_at for deal in deals if deal.created_at is not None})):
            expected = {deal.external_id for deal in deals if deal.created_at is not None and deal.created_at >= since}
            assert {deal.external_id for deal in adapter.search_deals(created_since=since)} == expected
        for since in some(sorted({deal.modified_at for deal in deals if deal.modified_at is not None})):
            expected = {deal.external_id for deal in deals if deal.modified_at is None or deal.modified_at >= since}
            found = {deal.external_id for deal in adapter.search_deals(modified_since=since)}
            undated = {deal.external_id for deal in deals if deal.modified_at is None}
            assert found - undated == expected - undated

    def test_search_conditions_are_combined(self, adapter: CrmAdapter) -> None:
        deals = [deal for deal in self._deals(adapter) if deal.created_at is not None and deal.owner_id is not None]
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
        for kind in adapter.capabilities.activity_kinds:
            counted = self._happened(adapter, kind)
            assert adapter.count_activity(kind=kind).count == len(counted)
            owners = sorted({activity.owner_id for activity in counted if activity.owner_id is not None})
            for owner in some(owners)[:4]:
                expected = sum(activity.owner_id == owner for activity in counted)
                assert adapter.count_activity(kind=kind, owner=owner).count == expected

    def test_counts_since_an_instant_include_that_instant(self, adapter: CrmAdapter) -> None:
        for kind in adapter.capabilities.activity_kinds:
            times = sorted(one.occurred_at for one in self._happened(adapter, kind) if one.occurred_at is not None)
            for since in some(times)[:4]:
                expected = sum(at >= since for at in times)
                assert adapter.count_activity(kind=kind, since=since).count == expected

    def test_a_count_of_what_is_not_exposed_is_none_with_a_reason_and_never_zero(self, adapter: CrmAdapter) -> None:
        for kind in set(ActivityKind) - adapter.capabilities.activity_kinds:
            counted = adapter.count_activity(kind=kind)
            assert counted.count is None
            assert counted.unavailable

    # --- writing ---

    def test_a_contact_is_created_once_and_then_exists(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(
            email="ada.king@conformance.example", first_name="Ada", last_name="King", phone="+44 20 1"
        )
        if self._refuses_writing(adapter, contact):
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
        if self._refuses_writing(adapter, contact):
            return
        created = adapter.upsert_contact(contact)
        again = adapter.upsert_contact(ContactInput(email=" Grace@Conformance.example ", first_name="Grace"))
        assert (again.external_id, again.outcome) == (created.external_id, "exists")

    def test_an_empty_field_never_empties_a_filled_one(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="alan@conformance.example", first_name="Alan", last_name="T", phone="+44 20 2")
        if self._refuses_writing(adapter, contact):
            return
        adapter.upsert_contact(contact)
        result = adapter.upsert_contact(ContactInput(email=contact.email, first_name="", phone="  "))
        assert result.outcome == "exists"
        [shown] = contacts_at(adapter, contact.email)
        assert (shown.name, shown.phone) == ("Alan T", "+44 20 2")

    def test_a_filled_field_is_updated_and_named(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="emmy@conformance.example", first_name="Emmy", last_name="N", phone="+49 1")
        if self._refuses_writing(adapter, contact):
            return
        adapter.upsert_contact(contact)
        result = adapter.upsert_contact(ContactInput(email=contact.email, phone="+49 2"))
        assert result.outcome == "updated"
        assert len(result.changed) == 1
        assert [one.phone for one in contacts_at(adapter, contact.email)] == ["+49 2"]

    def test_a_dry_run_says_what_would_change_and_writes_nothing(self, adapter: CrmAdapter) -> None:
        contact = ContactInput(email="dry@conformance.example", first_name="Dry", last_name="Run")
        if self._refuses_writing(adapter, contact):
            return
        tried = adapter.upsert_contact(contact, dry_run=True)
        assert tried.outcome == "created"
        assert tried.changed
        assert contacts_at(adapter, contact.email) == []
        assert adapter.upsert_contact(contact).outcome == "created"
        update = ContactInput(email=contact.email, phone="+49 3")
        assert adapter.upsert_contact(update, dry_run=True).outcome == "updated"
        assert [one.phone for one in contacts_at(adapter, contact.email)] == [None]

    # --- how the rules ask ---

    def _deals(self, adapter: CrmAdapter) -> list[Deal]:
        return live_deals(adapter) if Kind.DEAL in adapter.capabilities.kinds else []

    def _happened(self, adapter: CrmAdapter, kind: ActivityKind) -> list[Activity]:
        """Activities that count: not cancelled, not planned."""
        return [
            activity
            for activity in live_activities(adapter)
            if activity.kind is kind
            and (activity.outcome or "").lower() != "cancelled"
            and (activity.occurred_at is None or activity.occurred_at <= self.now())
        ]

    def _refuses_writing(self, adapter: CrmAdapter, contact: ContactInput) -> bool:
        """Where an adapter cannot write, it says so: then that is the rule."""
        if adapter.capabilities.can_upsert:
            return False
        for dry_run in (False, True):
            with pytest.raises(FatalError):
                adapter.upsert_contact(contact, dry_run=dry_run)
        return True


class ConformanceOverTime:
    """The rules for a CRM that changes between two syncs."""

    def make_moments(self) -> list[CrmAdapter]:
        """The same CRM at several moments, oldest first."""
        raise NotImplementedError

    def test_syncing_step_by_step_ends_where_one_full_sync_does(self) -> None:
        *earlier, last = self.make_moments()
        for kind in declared(last):
            seen, cursor = Seen(), None
            for adapter in (*earlier, last):
                pages = pages_of(adapter, kind, cursor)
                seen.take(changes_in(pages))
                cursor = pages[-1].cursor
            whole = Seen().take(changes_in(pages_of(last, kind)))
            assert seen.live == whole.live, kind
            assert seen.gone == whole.gone, kind

    def test_a_pass_begun_before_a_change_and_resumed_after_it_loses_nothing(self) -> None:
        first, *_, last = self.make_moments()
        for kind in declared(last):
            begun = next(iter(first.changes(kind, None)))
            seen = Seen().take(begun.changes)
            cursor = begun.cursor
            for _ in range(2):  # the rest of the pass, then the next one
                pages = pages_of(last, kind, cursor)
                seen.take(changes_in(pages))
                cursor = pages[-1].cursor
            assert seen.live == Seen().take(changes_in(pages_of(last, kind))).live, kind

    def test_a_changed_deal_says_when_it_changed(self) -> None:
        first, *_, last = self.make_moments()
        if Kind.DEAL not in last.capabilities.kinds:
            return
        before = {deal.external_id: deal for deal in live_deals(first)}
        for deal in live_deals(last):
            old = before.get(deal.external_id)
            if old is not None and old != deal and old.modified_at is not None:
                assert deal.modified_at is not None
                assert deal.modified_at > old.modified_at
