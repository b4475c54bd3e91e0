"""Reports: everybody reads what is theirs, who sets things up says who gets them and when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOW, House, demo_house_of
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights.report.document import Week
from ops import report_digest
from ops.report_everybody import Everybody, everybody
from snapshots import report_archive
from snapshots.report_archive import Readership
from snapshots.report_everybody import Own
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import installation, report_data, report_words
from workbench.filters import Filters
from workbench.view import View

WEEK = Week.of(NOW.date()).before
ALL = Readership("organization")


@pytest.fixture
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as house:
        yield house


def view_of(house: House, role: Role, owner_id: int | None = None) -> View:
    viewer = Viewer(house.organization_id, role, owner_id)
    asked = Filters(organization_id=house.organization_id)
    return installation.make_view({house.organization_id: viewer}, asked, now=NOW)[0]


def managed(house: House, view: View) -> tuple[int, list[int]]:
    """A manager of a team, and reps who are not in it."""
    names = report_data.readable(view)
    manager = next(one.owner_id for one in names if one.audience == "manager")
    mine = report_data.readable(view_of(house, Role.MANAGER, manager))
    others = [one.owner_id for one in names if one.audience == "rep" and one not in mine]
    return manager, others


def test_everybody_may_read_what_is_theirs_alone(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    every = view_of(house, Role.ADMIN)
    manager, others = managed(house, every)
    assert ALL in report_data.readable(every)
    assert others
    seen = report_data.readable(view_of(house, Role.MANAGER, manager))
    assert Readership("manager", manager) in seen
    assert ALL not in seen
    rep = others[0]
    view = view_of(house, Role.REP, rep)
    assert list(report_data.readable(view)) == [Readership("rep", rep)]
    for foreign in (ALL, Readership("rep", manager), Readership("manager", manager)):
        with pytest.raises(PermissionError):
            report_data.show(view, foreign, WEEK)
    assert report_data.readable(view_of(house, Role.REP)) == {}
    assert report_data.readable(view_of(house, Role.MANAGER)) == {}, "a manager who is no salesperson sees no rows"


def test_the_archive_shows_what_everybody_got_and_to_each_what_is_theirs(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    every = view_of(house, Role.ADMIN)
    _, others = managed(house, every)
    report_digest.make(house.services, house.organization_id, ALL, WEEK)
    own = Readership("rep", others[0])
    report_digest.make(house.services, house.organization_id, own, WEEK)
    assert [one.readership for one in report_data.archive(every)] == [ALL, own]
    assert [one.readership for one in report_data.archive(view_of(house, Role.REP, others[0]))] == [own]
    assert report_data.show(every, ALL, WEEK).report_id is not None
    assert report_data.show(every, ALL, WEEK.before).report_id is None


def test_who_may_not_change_settings_is_shown_no_recipients_and_may_not_send(
    workbench: Workbench, house: House
) -> None:
    save_user(house.database, house.organization_id, email="ana@example.com", role=Role.ANALYST, by="test")
    at = workbench.open(house, "reports", email="ana@example.com")
    assert not at.exception
    assert [one.label for one in at.button if one.key in {"to_add", "slot_save", "report_send"}] == []
    assert "Recipients" not in [one.value for one in at.header]


def add(at: AppTest, address: str) -> AppTest:
    at.text_input("to_address").set_value(address).run()
    return at.button("to_add").click().run()


def test_a_recipient_is_added_refused_where_it_is_no_address_and_removed(workbench: Workbench, house: House) -> None:
    at = workbench.open(house, "reports")
    assert not at.exception
    add(at, "ann")
    assert "no e-mail address" in as_read(at.error[0].value)
    add(at, "ann@example.com")
    (one,) = report_archive.list_recipients(house.database, house.organization_id)
    assert (one.readership, one.address) == (ALL, "ann@example.com")
    at.button(f"reportto_{one.recipient_id}_remove").click().run()
    assert report_archive.list_recipients(house.database, house.organization_id) == []


def test_the_schedule_is_kept_and_says_when_the_next_one_is(workbench: Workbench, house: House) -> None:
    at = workbench.open(house, "reports")
    at.toggle("slot_on").set_value(True)
    at.selectbox("slot_hour").set_value(9).run()
    at.button("slot_save").click().run()
    kept = report_archive.schedule_of(house.database, house.organization_id)
    assert kept is not None
    assert (kept.is_on, kept.weekday, kept.hour) == (True, 0, 9)
    assert kept.changed_at == NOW
    assert "Next on 1 Jul 2024, 09:00" in as_read("\n".join(str(one.value) for one in at.markdown))


def test_everybody_gets_their_own_once_that_is_saved_and_the_page_says_how_many_that_is(
    workbench: Workbench, house: House
) -> None:
    at = workbench.open(house, "reports")
    found = everybody(house.services, house.organization_id, WEEK)
    shown = as_read("\n".join(str(one.value) for one in at.markdown))
    assert f"{found.n('rep')} salespeople the report of their own rows and {found.n('manager')} managers" in shown
    at.toggle("slot_everybody").set_value(True).run()
    assert report_archive.list_recipients(house.database, house.organization_id) == [], "not before it is saved"
    at.button("slot_save").click().run()
    assert not at.exception
    listed = report_archive.list_recipients(house.database, house.organization_id)
    assert {(one.readership, one.address) for one in listed} == {(one.readership, one.address) for one in found.own}
    assert any(f"{len(listed)} people are on the list for their own" in one.label for one in at.expander)
    assert not [one for one in at.button if str(one.key).endswith("_remove")]
    at.toggle("slot_everybody").set_value(False).run()
    at.button("slot_save").click().run()
    assert report_archive.list_recipients(house.database, house.organization_id) == []


def test_who_is_left_out_and_why_is_said() -> None:
    own = [Own(Readership("rep", 1), "a@example.com")]
    found = Everybody(own=own, n_unreachable=2, n_shared=0, n_off=1)
    assert report_words.everybody(found) == (
        "By mail to active people: 1 salesperson the report of their own rows. Left out: 2 without an address, 1 whose "
        "login is off."
    )
    assert report_words.everybody(Everybody(own=[], n_unreachable=0, n_shared=0, n_off=0)) == (
        "Nobody active has an address of their own."
    )


def test_who_may_not_change_settings_switches_nothing(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    view = view_of(house, Role.ANALYST)
    with pytest.raises(PermissionError):
        report_data.everybody(view)
    with pytest.raises(PermissionError):
        report_data.set_schedule(view, is_on=True, weekday=0, hour=7, to_everybody=True)
    assert report_archive.schedule_of(house.database, house.organization_id) is None


def test_sending_now_keeps_the_report_and_a_second_time_sends_copies(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    view = view_of(house, Role.ADMIN)
    report_data.add_recipient(view, ALL, "email", "ann@example.com")
    at = workbench.open(house, "reports")
    for n in (1, 2):
        before = report_archive.list_entries(house.database, house.organization_id)
        at.button("report_send").click().run()
        assert report_archive.list_entries(house.database, house.organization_id) == before, "it is asked first"
        assert any("It goes to ann@example" in as_read(str(one.value)) for one in at.markdown)
        at.button("report_send_yes").click().run()
        (entry,) = report_archive.list_entries(house.database, house.organization_id)
        assert (entry.week, entry.pending) == (WEEK.first, n)


def test_a_link_names_report_and_week_and_one_that_is_not_there_is_left_out(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    rep = next(one for one in report_data.readable(view_of(house, Role.ADMIN)) if one.audience == "rep")
    at = workbench.open(house, "reports", of=f"rep-{rep.owner_id}", week=WEEK.before.name)
    assert at.selectbox("report_of").value == rep
    assert at.selectbox("report_week").value == WEEK.before
    at = workbench.open(house, "reports", of="rep-999999", week="1999-W01")
    assert at.selectbox("report_of").value == ALL
    assert at.selectbox("report_week").value == WEEK
