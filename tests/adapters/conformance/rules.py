"""How a CRM is made for the rules, and what they ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapters.base import ContactInput, CrmAdapter
from adapters.errors import FatalError
from adapters.records import Activity, ActivityKind, Deal, Kind
from conformance.state import live_activities, live_deals


class Rules:
    """Base of all groups of rules: how the CRM is made, and in what it may differ."""

    names_currencies = True
    """False where a CRM may give an amount without saying in which currency."""
    dates_deals = True
    """False where deals may lack a creation date."""
    stages_tell_status = True
    """False where a won or lost deal stays in the open stage that it had."""
    holds_bad_rows = False
    """True where what is made holds rows that cannot become records."""
    holds_equal_times = True
    """False where no two records share a time, so that page borders between such are not tried."""

    def make(self, page_size: int = 60) -> CrmAdapter:
        """The same CRM each time, in a fresh adapter, as after a restart. page_size: records per page at most."""
        raise NotImplementedError

    def now(self) -> datetime:
        """The present of the CRM: later activities are planned ones."""
        return datetime.max.replace(tzinfo=UTC)

    def gone(self) -> set[tuple[Kind, str]]:
        """What went, where no list of the CRM tells it, while other records name it still."""
        return set()

    def secrets(self) -> tuple[str, ...]:
        """What `make` was given and nobody may see."""
        return ()

    @pytest.fixture
    def adapter(self) -> Iterator[CrmAdapter]:
        made = self.make()
        yield made
        made.close()

    def deals(self, adapter: CrmAdapter) -> list[Deal]:
        return live_deals(adapter) if Kind.DEAL in adapter.capabilities.kinds else []

    def happened(self, adapter: CrmAdapter) -> dict[ActivityKind, list[Activity]]:
        """Activities that count, by kind: not cancelled, not planned."""
        exposed = adapter.capabilities.activity_kinds
        found = [
            activity
            for activity in (live_activities(adapter) if exposed else ())
            if (activity.outcome or "").lower() != "cancelled"
            and (activity.occurred_at is None or activity.occurred_at <= self.now())
        ]
        return {kind: [activity for activity in found if activity.kind is kind] for kind in exposed}

    def refuses_writing(self, adapter: CrmAdapter, contact: ContactInput) -> bool:
        """Where an adapter cannot write, it says so: then that is the rule."""
        if adapter.capabilities.can_upsert:
            return False
        for dry_run in (False, True):
            with pytest.raises(FatalError):
                adapter.upsert_contact(contact, dry_run=dry_run)
        return True
