"""Rules for a CRM that changes between two syncs."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from adapters.base import CrmAdapter
from adapters.records import Deletion, Kind, Merge
from conformance.state import Seen, changes_in, declared, everything, live_deals, pages_of


class ConformanceOverTime:
    """The rules for a CRM that changes between two syncs."""

    lists_what_is_gone = True
    """False where a first pass cannot tell of all that went before it: that is seen only by who was there."""
    repeats_history = True
    """False where a deal may come again without the stages that it told before."""

    def make_moments(self) -> list[CrmAdapter]:
        """The same CRM at several moments, oldest first, with pages smaller than what changes in between."""
        raise NotImplementedError

    def test_syncing_step_by_step_ends_where_one_full_sync_does(self) -> None:
        *earlier, last = self.make_moments()
        for kind in declared(last):
            seen, cursor = self._seen(), None
            for adapter in (*_showing(kind, earlier), last):
                pages = pages_of(adapter, kind, cursor)
                seen.take(changes_in(pages))
                cursor = pages[-1].cursor
            whole = self._seen().take(changes_in(pages_of(last, kind)))
            assert seen.live == whole.live, kind
            assert whole.gone <= seen.gone, kind
            assert seen.gone == whole.gone or not self.lists_what_is_gone, kind

    def test_a_pass_begun_before_a_change_and_resumed_after_it_loses_nothing(self) -> None:
        first, *_, last = self.make_moments()
        for kind in declared(first):
            begun = next(iter(first.changes(kind, None)))
            seen = self._seen().take(begun.changes)
            cursor = begun.cursor
            for _ in range(2):  # the rest of the pass, then the next one
                pages = pages_of(last, kind, cursor)
                seen.take(changes_in(pages))
                cursor = pages[-1].cursor
            assert seen.live == self._seen().take(changes_in(pages_of(last, kind))).live, kind

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

    def test_syncs_that_are_cut_off_anywhere_end_where_one_full_sync_does(self) -> None:
        moments = self.make_moments()
        for kind in declared(moments[-1]):
            whole = self._seen().take(changes_in(pages_of(moments[-1], kind)))
            for seed in range(4):
                seen, cursor = self._seen(), None
                for adapter in _showing(kind, moments):
                    cursor = self._cut_off(adapter, kind, seen, cursor, pages=Random(seed).randrange(4))
                for _ in range(2):  # the pass that was under way, then what is newer
                    pages = pages_of(moments[-1], kind, cursor)
                    seen.take(changes_in(pages))
                    cursor = pages[-1].cursor
                assert seen.live == whole.live, (kind, seed)

    def test_what_was_done_before_is_not_undone(self) -> None:
        """Ids and creation times stay what they are."""
        first, *later = self.make_moments()
        if Kind.DEAL not in first.capabilities.kinds:
            return
        known = {deal.external_id: deal.created_at for deal in live_deals(first)}
        for adapter in later:
            found = {deal.external_id: deal.created_at for deal in live_deals(adapter)}
            assert all(known[external_id] == at for external_id, at in found.items() if external_id in known)

    def test_declared_deletions_and_merges_come_and_what_is_gone_is_in_no_list(self) -> None:
        *_, last = self.make_moments()
        changes = everything(last)
        deletions = [change for change in changes if isinstance(change, Deletion)]
        merges = [change for change in changes if isinstance(change, Merge)]
        assert bool(deletions) == last.capabilities.reports_deletions
        assert bool(merges) == last.capabilities.reports_merges
        assert {deletion.reason for deletion in deletions} <= {"deleted", "archived"}
        assert all(merge.loser_ids and merge.winner_id not in merge.loser_ids for merge in merges)
        seen = Seen().take(changes)
        assert not seen.live.keys() & seen.gone
        assert all((merge.kind, merge.winner_id) in seen.live.keys() | seen.gone for merge in merges)
        for kind in declared(last):
            assert last.expected_count(kind) in {None, len(seen.of(kind))}, kind
        if Kind.DEAL in last.capabilities.kinds:
            searched = {(Kind.DEAL, deal.external_id) for deal in last.search_deals()}
            assert not searched & seen.gone

    def test_what_goes_between_two_syncs_is_told_by_the_second(self) -> None:
        moments = self.make_moments()
        if not moments[-1].capabilities.reports_deletions:
            return
        told = 0
        for kind in declared(moments[-1]):
            seen, cursor = Seen(), None
            for adapter in _showing(kind, moments):
                known = set(seen.live)
                pages = pages_of(adapter, kind, cursor)
                seen.take(changes_in(pages))
                cursor = pages[-1].cursor
                now = Seen().take(changes_in(pages_of(adapter, kind))).live.keys()
                assert known - now <= seen.gone, kind
                told += len(known - now)
        assert told, "nothing of the made CRM goes between its moments"

    def _seen(self) -> Seen:
        return Seen(adds_history=not self.repeats_history)

    def _cut_off(self, adapter: CrmAdapter, kind: Kind, seen: Seen, cursor: str | None, *, pages: int) -> str | None:
        """Take so many pages of a pass; the cursor after them."""
        for page, _ in zip(adapter.changes(kind, cursor), range(pages), strict=False):
            seen.take(page.changes)
            cursor = page.cursor
        return cursor


def _showing(kind: Kind, adapters: Sequence[CrmAdapter]) -> list[CrmAdapter]:
    """Those that expose the kind: a right, or a file, may come later."""
    return [adapter for adapter in adapters if kind in adapter.capabilities.kinds]
