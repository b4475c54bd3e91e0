"""CRM_PROVIDER=pipedrive from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from installed_rules import Installation, InstalledRules, installation
from made_pipedrive import FREE, TOKEN, made_server, made_world

from adapters.pipedrive import limits
from adapters.records import Kind
from snapshots.database import Database
from snapshots.sync import RunReport

ROWS = {Kind.COMPANY: "company", Kind.CONTACT: "contact", Kind.DEAL: "deal", Kind.LEAD: "lead"}
DAY_S = 86_400


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    # The real clock would pace the requests, while the sandbox's stands still: so there are no limits here.
    for name in ("GENERAL_RATE", "SEARCH_RATE"):
        monkeypatch.setattr(limits, name, 1e6)
    with installation(
        database, tmp_path, made_server(made_world(), plan=FREE), "pipedrive", "pipedrive_base_url",
        pipedrive_api_token=TOKEN, pipedrive_lead_id_field="slms_lead_id",
    ) as made:  # fmt: skip
        yield made


class TestInstalled(InstalledRules):
    needed = ("pipedrive_api_token",)

    def check_totals(self, installed: Installation, report: RunReport) -> None:
        """Pipedrive tells no totals to reconcile with; the sandbox knows. What is gone is noticed once a day."""
        assert report.expected[Kind.DEAL] is None
        installed.world.clock.advance(DAY_S)
        report, world = installed.sync(), installed.world
        assert {report.ours[kind] - len(world.live(name)) for kind, name in ROWS.items()} == {0}
        kinds = ("call", "meeting", "task", "appointment")
        done = [row for kind in kinds for row in world.live(kind) if row.fields["status"] == "done"]
        assert report.ours[Kind.ACTIVITY] == len(done)


def test_a_deal_s_stages_are_kept_though_a_later_sync_does_not_repeat_them(installed: Installation) -> None:
    world = installed.world
    installed.sync()
    events = "SELECT deal_id, stage_id, entered_at FROM stage_events ORDER BY 1, 3, 2"
    with installed.services.database.as_app(installed.organization_id) as connection:
        before = connection.exec_driver_sql(events).all()
    world.clock.advance(600)
    for row in world.live("deal"):
        world.update(row, {"name": "Renamed"})
    installed.sync()
    with installed.services.database.as_app(installed.organization_id) as connection:
        assert connection.exec_driver_sql(events).all() == before
    assert len(before) > len(world.live("deal"))


def test_a_missing_right_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.rights -= {"deals:read", "leads:read"}
    assert installed.sync().status == "succeeded"
    missing = installed.missing()
    assert "deals:read" in missing["deal"]
    assert "no activities" in missing["email"]
    installed.server.rights |= {"deals:read", "leads:read"}
    report = installed.sync()
    assert set(installed.missing()) == {"email", "note", "product"}
    assert report.ours[Kind.DEAL] == len(installed.world.live("deal"))


def test_the_doctor_names_every_right_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.rights -= {"users:read"}
    found = installed.checks()
    assert found["access"].ok
    assert not found["right users:read"].ok
    assert "without it users and teams are missing" in (found["right users:read"].remedy or "")
    assert found["right deals:read"].ok
