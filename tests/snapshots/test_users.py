"""Who is a user, and which salesperson that is."""

from __future__ import annotations

from datetime import timedelta

from made_crm import BORN, Clock, MadeCrm, connect, sync

from adapters.records import Owner
from snapshots.database import Database
from snapshots.slices import Role
from snapshots.users import save_user, viewers_of


def test_blanks_around_an_address_and_its_case_do_not_hide_whose_it_is(database: Database, organization: int) -> None:
    crm = MadeCrm(page_size=50)
    crm.add(Owner(external_id="o1", name="Ann", email="ann@example.com"))
    sync(database, organization, connect(database, organization), crm, Clock(BORN + timedelta(days=1)))
    user = save_user(database, organization, " Ann@Example.com ", role=Role.REP)
    assert user.email == "ann@example.com"
    assert user.owner_id is not None
    named = save_user(database, organization, "boss@example.com", role=Role.MANAGER, owner_email="ann@example.com ")
    assert named.owner_id == user.owner_id
    assert viewers_of(database, "ANN@example.com")[organization].owner_id == user.owner_id
