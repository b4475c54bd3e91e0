"""CRM_PROVIDER=hubspot from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from installed_rules import Installation, InstalledRules, installation
from made_hubspot import FREE, TOKEN, made_server, made_world

from adapters.hubspot import limits
from adapters.records import Kind
from snapshots.database import Database

APPOINTMENTS = "crm.objects.appointments.read"


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    # The real clock would pace the requests, while the sandbox's stands still: so there are no limits here.
    for name in ("GENERAL_RATE", "SEARCH_RATE"):
        monkeypatch.setattr(limits, name, 1e6)
    with installation(
        database, tmp_path, made_server(made_world(), plan=FREE), "hubspot", "hubspot_base_url",
        hubspot_api_key=TOKEN, hubspot_lead_id_property="slms_lead_id",
    ) as made:  # fmt: skip
        yield made


class TestInstalled(InstalledRules):
    needed = ("hubspot_api_key",)


def test_a_missing_scope_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.scopes -= {"crm.objects.deals.read", APPOINTMENTS}
    assert installed.sync().status == "succeeded"
    missing = installed.missing()
    assert "crm.objects.deals.read" in missing["deal"]
    assert APPOINTMENTS in missing["appointment"]
    installed.server.scopes |= {"crm.objects.deals.read", APPOINTMENTS}
    report = installed.sync()
    assert set(installed.missing()) == {"product"}
    assert report.ours[Kind.DEAL] == len(installed.world.live("deal"))
    assert report.expected[Kind.ACTIVITY] == report.ours[Kind.ACTIVITY]


def test_the_doctor_names_every_scope_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.scopes -= {"crm.objects.owners.read", "crm.objects.contacts.write"}
    found = installed.checks()
    assert found["access"].ok
    owners, writing = found["scope crm.objects.owners.read"], found["scope crm.objects.contacts.write"]
    assert (owners.ok, writing.ok) == (False, False)
    assert "without it owners and teams are missing" in (owners.remedy or "")
    assert found["scope crm.objects.deals.read"].ok
