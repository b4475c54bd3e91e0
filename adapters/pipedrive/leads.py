"""The pass over leads, which v1 lists by offset, and which leave its lists when they become deals.

All are read, then put in the order of their ids, so that a border between pages loses none; there are fewer leads than
anything else. What a lead became stands in the deal (`source_lead_id`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from adapters.base import Page
from adapters.pipedrive import reading
from adapters.pipedrive.client import PipedriveClient, Raw
from adapters.pipedrive.known import Known
from adapters.pipedrive.objects import ARCHIVED_DEALS, DEALS
from adapters.pipedrive.passes import Place
from adapters.pipedrive.values import instant, said
from adapters.records import Change, Deletion, Kind, Lead

NAME = "leads"


class Read(NamedTuple):
    modified_at: datetime | None
    lead: Lead


@dataclass(frozen=True, slots=True)
class LeadPasses:
    """has_deals: whether deals may be read."""

    client: PipedriveClient
    page_size: int
    has_deals: bool

    def pages(self, place: Place, now_s: int) -> Iterator[Page]:
        place = place.begun(now_s, NAME)
        leads = self._read(place)
        ids = sorted(one for one in leads if one > place.last)
        while True:
            held, chunk = place.held(NAME), ids[: self.page_size]
            ids = ids[self.page_size :]
            until = chunk[-1] if ids else None
            changes: list[Change] = [leads[one].lead for one in chunk if self._is_new(leads[one], one, held, place)]
            if place.is_sweep:
                missing = [one for one in held.between(place.last, until) if one not in leads]
                gone = [one for one in missing if not self.client.has_lead(_text(one))]
                changes += [Deletion(kind=Kind.LEAD, external_id=_text(one)) for one in gone]
                held = held.read(place.last, until, sorted({*chunk, *missing} - {*gone}))
            else:
                held = held.with_ids(chunk)
            place = replace(place, last=max([place.last, *chunk]), known={NAME: held.text()})
            cursor = place.text() if ids else place.ended().text()
            yield Page(changes=tuple(changes), cursor=cursor, done=not ids)
            if not ids:
                return

    def _read(self, place: Place) -> dict[int, Read]:
        """By id as a number: the listed ones say more than the deals that leads became."""
        since = None if place.is_sweep else place.since_at
        listed = [row for archived in (False, True) for row in self.client.leads(archived=archived, since=since)]
        became = self._became(since) if listed or place.known.get(NAME) else []
        found = {_number(str(row["source_lead_id"])): _of(row, reading.converted_lead(row)) for row in became}
        return found | {_number(str(row["id"])): _of(row, reading.lead(row)) for row in listed}

    def _became(self, since: datetime | None) -> list[Raw]:
        if not self.has_deals:
            return []
        return [
            row
            for listing in (DEALS, ARCHIVED_DEALS)
            for row in self.client.every(listing, since=since)
            if said(row, "source_lead_id") is not None
        ]

    def _is_new(self, read: Read, one: int, held: Known, place: Place) -> bool:
        since = place.since_at
        return since is None or read.modified_at is None or read.modified_at >= since or one not in held


def _of(row: Raw, lead: Lead) -> Read:
    return Read(instant(row.get("update_time")), lead)


def _number(lead_id: str) -> int:
    """Ids are UUIDs; one that is not would be another contract, and fails in a sentence that names it."""
    return UUID(lead_id).int


def _text(one: int) -> str:
    return str(UUID(int=one))
