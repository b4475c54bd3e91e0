"""Reports in a browser: the report is drawn in its frame without a script, and everybody can read the page."""

from __future__ import annotations

from made_installation import House
from playwright.sync_api import Page, expect
from test_accessibility import check_in_both_themes
from walking import open_at, settle

from ops import report_digest
from ops.reports import newest_week
from snapshots import report_archive, report_outbox
from snapshots.report_archive import Readership

ALL = Readership("organization")


def test_axe_finds_nothing_serious_and_the_frame_shows_the_report(page: Page, workbench_url: str, house: House) -> None:
    week, database = newest_week(house.services, house.organization), house.database
    report_archive.add_recipient(database, house.organization_id, ALL, "email", "ann@example.com", by="test")
    report_id = report_digest.make(house.services, house.organization_id, ALL, week)
    recipients = report_archive.list_recipients(database, house.organization_id)
    report_outbox.enqueue(database, house.organization_id, report_id, recipients, at=house.services.now())
    open_at(page, f"{workbench_url}/reports?week={week.name}")
    frame = page.frame_locator("iframe").last
    expect(frame.get_by_role("heading", level=1)).to_have_text(f"Weekly report {week.name}")
    for shown in ("The open pipeline", "Leads of the week by source"):
        picture = frame.get_by_role("img", name=shown)
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") > 600
    settle(page)
    check_in_both_themes(page)
