"""Rules of the records themselves: references, times, money, history."""

from __future__ import annotations

from dataclasses import fields

import orjson

from adapters.base import CrmAdapter
from adapters.records import DealField, DealStatus, Deletion, Kind, Merge
from conformance.rules import Rules
from conformance.state import MONEY, REFERENCES, Seen, changes_in, everything, pages_of, records_in, times_in


class RecordRules(Rules):
    """What every record keeps to."""

    def test_references_point_to_what_exists_or_is_gone(self, adapter: CrmAdapter) -> None:
        seen = Seen().take(everything(adapter))
        known = seen.live.keys() | seen.gone | self.gone()
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
        for deal in self.deals(adapter):
            assert deal.status is not DealStatus.OPEN or deal.closed_at is None, deal
            if deal.created_at is not None and deal.closed_at is not None:
                assert deal.created_at <= deal.closed_at, deal

    def test_a_deals_stage_agrees_with_its_status_and_pipeline(self, adapter: CrmAdapter) -> None:
        if Kind.STAGE not in adapter.capabilities.kinds:
            return
        stages = {record.external_id: record for record in records_in(changes_in(pages_of(adapter, Kind.STAGE)))}
        for deal in self.deals(adapter):
            if deal.stage_id is not None and deal.stage_id in stages:
                stage = stages[deal.stage_id]
                assert not self.stages_tell_status or getattr(stage, "status", None) is deal.status, deal
                assert getattr(stage, "pipeline_id", None) == deal.pipeline_id, deal

    def test_a_deals_history_ends_in_its_present_values(self, adapter: CrmAdapter) -> None:
        for deal in self.deals(adapter):
            present = {
                DealField.STAGE: deal.stage_id, DealField.AMOUNT: deal.amount_minor, DealField.OWNER: deal.owner_id,
                DealField.CLOSE_DATE: deal.close_on,
            }  # fmt: skip
            last = {change.field: change.value for change in sorted(deal.history, key=lambda change: change.at)}
            assert all(present[name] == value for name, value in last.items()), deal

    def test_a_deals_history_lies_between_its_creation_and_its_last_change(self, adapter: CrmAdapter) -> None:
        for deal in self.deals(adapter):
            times = [change.at for change in deal.history]
            assert deal.created_at is None or not times or deal.created_at <= min(times), deal
            assert deal.modified_at is None or not times or max(times) <= deal.modified_at, deal

    def test_stage_history_comes_where_it_is_declared_and_only_there(self, adapter: CrmAdapter) -> None:
        deals = self.deals(adapter)
        staged = [deal for deal in deals if any(change.field is DealField.STAGE for change in deal.history)]
        assert bool(staged) == (adapter.capabilities.has_stage_history and bool(deals))

    def test_nothing_has_happened_in_the_future(self, adapter: CrmAdapter) -> None:
        for deal in self.deals(adapter):
            assert all(at <= self.now() for at in times_in(deal)), deal
        ends = [change for change in everything(adapter) if isinstance(change, Deletion | Merge)]
        assert all(end.at is None or end.at <= self.now() for end in ends)
