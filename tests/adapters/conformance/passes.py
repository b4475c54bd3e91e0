"""Rules of what an adapter declares and of its passes: pages, cursors, counts, refused rows."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import orjson
import pytest

from adapters.base import Capabilities, CrmAdapter
from adapters.errors import CrmError
from adapters.records import KIND_OF, ActivityKind, Deletion, Kind, Merge, Owner, Record
from conformance.rules import Rules
from conformance.state import (
    Seen,
    changes_in,
    declared,
    everything,
    live_activities,
    pages_of,
    records_in,
    some,
    times_in,
)


class PassRules(Rules):
    """What it says of itself, and passes over each kind."""

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
        if Kind.OWNER not in adapter.capabilities.kinds:
            with pytest.raises(CrmError):
                adapter.list_owners()

    def test_the_made_crm_holds_something_of_every_declared_kind(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            assert records_in(changes_in(pages_of(adapter, kind))), f"no {kind} to try the rules on"
        if Kind.ACTIVITY in adapter.capabilities.kinds:
            assert {activity.kind for activity in live_activities(adapter)} == adapter.capabilities.activity_kinds

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

    def test_pages_of_any_size_hold_the_same(self) -> None:
        for kind in declared(self.make()):
            whole = Seen().take(changes_in(pages_of(self.make(page_size=100_000), kind)))
            for size in (1, 7):
                pages = pages_of(self.make(page_size=size), kind)
                assert Seen().take(changes_in(pages)) == whole, (kind, size)
                assert all(len(records_in(page.changes)) <= size for page in pages), (kind, size)

    def test_the_made_crm_holds_records_of_one_instant(self, adapter: CrmAdapter) -> None:
        """So that the rules on page sizes and resuming try what a border between equal times may lose."""
        found = Seen().take(everything(adapter)).live.items()
        times = Counter((kind, at) for (kind, _), record in found for at in {*times_in(record)})
        assert not self.holds_equal_times or max(times.values()) > 1

    def test_another_process_gives_the_same_ids(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            ids = [record.external_id for record in records_in(changes_in(pages_of(adapter, kind)))]
            again = [record.external_id for record in records_in(changes_in(pages_of(self.make(), kind)))]
            assert ids == again, kind
            assert all(isinstance(external_id, str) and external_id.strip() for external_id in ids), kind

    def test_refused_rows_carry_place_and_reason(self, adapter: CrmAdapter) -> None:
        refused = [row for kind in declared(adapter) for page in pages_of(adapter, kind) for row in page.rejections]
        assert bool(refused) == self.holds_bad_rows
        for row in refused:
            assert row.source
            assert row.reason.strip()
            assert row.line is None or row.line > 0
            assert orjson.dumps(dict(row.row))
            assert not [secret for secret in self.secrets() if secret in repr(row)]

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

    def test_a_pass_brings_as_much_as_its_pages_say(self, adapter: CrmAdapter) -> None:
        for kind in declared(adapter):
            pages = pages_of(adapter, kind)
            brought = sum(len(records_in(page.changes)) + len(page.rejections) for page in pages)
            assert {page.total for page in pages} <= {None, brought}, kind

    def test_deletions_and_merges_come_only_where_they_are_declared(self, adapter: CrmAdapter) -> None:
        kinds = {type(change) for change in everything(adapter)}
        assert adapter.capabilities.reports_deletions or Deletion not in kinds
        assert adapter.capabilities.reports_merges or Merge not in kinds
