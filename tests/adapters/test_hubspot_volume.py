"""An account of any size is read whole: 250,000 deals where there is time for it (SLMS_TEST_FULL=1), else a few."""

from __future__ import annotations

import os

import pytest
from made_hubspot import FREE, made_adapter, made_server

from adapters.records import Activity, Deal, Kind
from benchmarks.crm_load.volume import KINDS, made_volume

IS_FULL = os.environ.get("SLMS_TEST_FULL") == "1"
DEALS, ACTIVITIES = (250_000, 1_000_000) if IS_FULL else (2_000, 6_000)


@pytest.mark.timeout(3600 if IS_FULL else 300)
@pytest.mark.parametrize(
    ("kind", "number"), [(Kind.DEAL, DEALS), (Kind.ACTIVITY, ACTIVITIES // len(KINDS) * len(KINDS))]
)
def test_an_account_of_any_size_is_read_whole_and_counts_the_same(kind: Kind, number: int) -> None:
    adapter = made_adapter(made_server(made_volume(DEALS, ACTIVITIES), plan=FREE), page_size=200)
    seen, last = set[str](), None
    for page in adapter.changes(kind, None):
        for one in page.changes:
            assert isinstance(one, Deal | Activity)
            assert one.external_id not in seen, "it came twice"
            seen.add(one.external_id)
        last = page
    assert last is not None
    assert last.done
    assert len(seen) == number == adapter.expected_count(kind)
    again = [change for page in adapter.changes(kind, last.cursor) for change in page.changes]
    assert len(again) < 10, "more than those of the overlap came again"
