"""CRM_PROVIDER=nutshell from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from installed_rules import Installation, InstalledRules, installation
from made_nutshell import API_KEY, EMAIL, FREE, made_server, made_world

from adapters.nutshell import limits
from adapters.records import ActivityKind, Kind
from snapshots.database import Database
from snapshots.slices import Slice

NEVER = {"lead", "product", "team"}


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    # The real clock would pace the requests, while the sandbox's stands still: so there is no limit here.
    monkeypatch.setattr(limits, "RATE", 1e6)
    with installation(
        database, tmp_path, made_server(made_world(), plan=FREE), "nutshell", "nutshell_base_url",
        nutshell_email=EMAIL, nutshell_api_key=API_KEY, nutshell_lead_id_field="SLMS lead",
        nutshell_company_field="Company",
    ) as made:  # fmt: skip
        yield made


class TestInstalled(InstalledRules):
    unread = frozenset({Kind.LEAD, Kind.PRODUCT, Kind.TEAM})
    needed = ("nutshell_email", "nutshell_api_key")
    lead_id_field = "SLMS lead"
    last_name = ("name", "Lea דָּוִד 🎉")

    def contact_number(self, external_id: str) -> int:
        return int(external_id.partition("-")[0])


def test_a_deal_is_won_by_its_status_and_not_by_its_stage(installed: Installation) -> None:
    installed.sync()
    world, today = installed.world, installed.world.clock.now().date()
    events = installed.reader().deal_events(Slice(first_day=None, last_day=today, as_of=today))
    won = [row for row in world.live("deal") if installed.server.show.of(row)["status"] == "won"]
    assert events.loc[events["event"] == "won", "n"].sum() >= len(won) > 0


def test_a_posted_company_is_kept_in_the_field_that_is_named_for_it(installed: Installation) -> None:
    answered = installed.post(email="lea@example.com", company="Acme")
    row = installed.world.get("contact", int(answered["crm_contact_id"].partition("-")[0]))
    assert row.fields["Company"] == "Acme"


def test_a_missing_right_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.hidden |= {"leads"}
    assert installed.sync().status == "succeeded"
    assert "to see leads" in installed.missing()["deal"]
    installed.server.hidden.clear()
    report = installed.sync()
    unlisted = {ActivityKind.EMAIL.value, ActivityKind.NOTE.value, ActivityKind.TASK.value}
    assert set(installed.missing()) == NEVER | unlisted
    assert report.ours[Kind.DEAL] == len(installed.world.live("deal"))


def test_the_doctor_names_every_right_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.hidden |= {"users", "accounts"}
    found = installed.checks()
    assert found["access"].ok
    assert [found[f"right to see {noun}"].ok for noun in ("users", "companies", "people")] == [False, False, True]
    assert "Without it companies are missing" in (found["right to see companies"].remedy or "")
    assert found["field SLMS lead"].ok
