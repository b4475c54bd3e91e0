"""Weekly reports are made, kept and sent once per reader, recipient and week, whatever crashes and whatever the clock
does; by a real mail server and a real web address on the loopback."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
import pytest
from made_receivers import Inbox, WebAddress, mail_server, web_address
from pydantic import SecretStr
from sqlalchemy import text

from insights.report.document import Week
from ops import report_digest, unsubscribing, webhooks
from ops.report_digest import defer_due_digests, due_week, newest_slot, next_slot
from ops.report_sending import ReportSender, chat_body, message_of
from ops.services import Services
from ops.settings import Settings
from ops.webhooks import WebhookSender
from snapshots import report_archive, report_outbox
from snapshots.database import Database
from snapshots.notifications import Outcome
from snapshots.report_archive import Readership, Schedule
from snapshots.report_outbox import ReportOutbox, Sending

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
"""A Monday, ten o'clock in Berlin."""
WEEK = Week(date(2026, 11, 16))
MONDAY_AT_7 = Schedule(is_on=True, weekday=0, hour=7, changed_at=NOW - timedelta(days=30))
ALL = Readership("organization")


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def services(database: Database, organization: int, inbox: Inbox) -> Services:
    """An organization with data, and a mail server that has nothing yet."""
    inbox.mails.clear()
    inbox.recipients.clear()
    with database.as_app(organization) as link:
        link.execute(text("UPDATE organizations SET data_version = 1"))
    settings = Settings(
        _env_file=None, smtp_url=SecretStr(f"smtp://127.0.0.1:{inbox.port}"), smtp_from="SLMS <slms@example.com>",
        secret_key=SecretStr("k" * 40), allow_private_hosts=True,
    )  # fmt: skip
    return Services(settings=settings, database_url=database.url, database=database, now=lambda: NOW)


def at(services: Services, now: datetime) -> Services:
    return replace(services, now=lambda: now)


@dataclass
class Clock:
    """SQL of the present, moved by hand."""

    now: datetime = NOW

    @property
    def sql(self) -> str:
        return f"timestamptz '{self.now.isoformat()}'"


class Killed(BaseException):
    """The process is gone."""


def sender(services: Services, clock: Clock) -> ReportSender:
    outbox = ReportOutbox(database=services.database, clock=clock.sql)
    return ReportSender(services, outbox, WebhookSender(services.settings))


def add(services: Services, organization: int, *addresses: str) -> None:
    for address in addresses:
        report_archive.add_recipient(services.database, organization, ALL, "email", address, by="ann")


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        ("2026-11-23T05:59+00:00", "2026-11-16T07:00+01:00"),
        ("2026-11-23T06:00+00:00", "2026-11-23T07:00+01:00"),
        ("2026-11-29T23:30+00:00", "2026-11-23T07:00+01:00"),
    ],
)
def test_the_newest_slot_is_the_last_that_has_begun_where_the_organization_is(now: str, slot: str) -> None:
    assert newest_slot(datetime.fromisoformat(now), BERLIN, 0, 7) == datetime.fromisoformat(slot)


def test_an_hour_that_is_left_out_or_comes_twice_has_one_slot() -> None:
    for day in (date(2026, 3, 29), date(2026, 10, 25)):  # Sundays on which the clock changes
        start = datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC) - timedelta(hours=1)
        begun = [newest_slot(start + timedelta(minutes=5 * n), BERLIN, 6, 2) for n in range(12 * 26)]
        assert [one.date() for one in dict.fromkeys(begun)] == [day - timedelta(days=7), day]


def test_a_missed_slot_is_made_up_for_within_a_bound_and_not_for_a_time_before_it_was_switched_on() -> None:
    slot = datetime(2026, 11, 23, 6, tzinfo=UTC)
    assert due_week(slot, BERLIN, MONDAY_AT_7) == WEEK
    assert due_week(slot + timedelta(days=3), BERLIN, MONDAY_AT_7) == WEEK
    assert due_week(slot + timedelta(days=3, minutes=1), BERLIN, MONDAY_AT_7) is None
    assert due_week(slot, BERLIN, replace(MONDAY_AT_7, is_on=False)) is None
    late = replace(MONDAY_AT_7, changed_at=slot + timedelta(minutes=1))
    assert due_week(slot + timedelta(hours=1), BERLIN, late) is None
    assert next_slot(slot, BERLIN, 0, 7) == datetime(2026, 11, 30, 7, tzinfo=BERLIN)


def test_a_weeks_digest_is_deferred_once_by_however_many_schedulers_and_after_a_change_of_the_slot(
    services: Services, organization: int
) -> None:
    report_archive.set_schedule(services.database, organization, MONDAY_AT_7, by="ann")
    assert defer_due_digests(services) == [(organization, WEEK)]
    assert defer_due_digests(services) == []
    later = replace(MONDAY_AT_7, hour=9)
    report_archive.set_schedule(services.database, organization, later, by="ann")
    assert defer_due_digests(at(services, NOW + timedelta(minutes=5))) == []
    following = NOW + timedelta(days=7)
    assert defer_due_digests(at(services, following)) == [(organization, Week(date(2026, 11, 23)))]


def test_nothing_is_sent_by_itself_where_nobody_chose_a_time(services: Services, organization: int) -> None:
    assert defer_due_digests(services) == []


# --- what -------------------------------------------------------------------------------------------------------------


def test_a_digest_makes_each_report_once_and_tells_each_recipient_once(
    services: Services, organization: int, inbox: Inbox
) -> None:
    add(services, organization, "ann@example.com", "Bo@Example.com", "ann@example.com")
    for _ in range(2):
        report_digest.make_digest(services, organization, WEEK)
    clock = Clock()
    assert sender(services, clock).send_due() == 2
    assert sender(services, clock).send_due() == 0
    assert sorted(inbox.recipients) == ["ann@example.com", "bo@example.com"]
    (entry,) = report_archive.list_entries(services.database, organization)
    assert (entry.week, entry.whose, entry.sent) == (WEEK.first, "The whole organization", 2)


def test_what_was_made_stays_when_the_data_change(services: Services, organization: int) -> None:
    first = report_digest.make(services, organization, ALL, WEEK)
    kept = report_archive.get(services.database, organization, first)
    with services.database.as_app(organization) as link:
        link.execute(text("UPDATE organizations SET name = 'Renamed'"))
    assert report_digest.make(services, organization, ALL, WEEK) == first
    assert report_archive.get(services.database, organization, first) == kept


def test_the_mail_has_a_text_part_the_page_with_its_pictures_the_pdf_and_a_way_out(
    services: Services, organization: int, inbox: Inbox
) -> None:
    add(services, organization, "ann@example.com")
    report_digest.make_digest(services, organization, WEEK)
    sender(services, Clock()).send_due()
    (mail,) = inbox.mails
    assert mail["Subject"] == "Weekly report 2026-W47: The whole organization"
    assert mail["List-Unsubscribe"].startswith("<mailto:slms@example.com?subject=Unsubscribe%20ann%40example.com")
    assert mail["Message-ID"].endswith("@reports.slms>")
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert kinds[:2] == ["text/plain", "text/html"]
    assert kinds[-1] == "application/pdf"
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert "The week in numbers" in plain.get_content()


def test_a_mail_can_be_ended_by_one_click_and_what_is_on_its_way_then_does_not_go_out(
    services: Services, organization: int, inbox: Inbox
) -> None:
    add(services, organization, "ann@example.com", "bo@example.com")
    ann, bo = report_archive.list_recipients(services.database, organization)
    public = services.settings.model_copy(update={"public_url": f"https://{'sub.' * 20}slms.example"})
    here = replace(services, settings=public)
    report_digest.make_digest(here, organization, WEEK)
    report_archive.unsubscribe(services.database, organization, bo.recipient_id, at=NOW)
    sender(here, Clock()).send_due()
    (mail,) = inbox.mails
    link = unsubscribing.link(public, unsubscribing.Named(organization, ann.recipient_id))
    assert mail["To"] == "ann@example.com"
    by_link, by_mail = mail["List-Unsubscribe"].split()
    assert by_link == f"<{link}>,"
    assert by_mail.startswith("<mailto:slms@example.com?subject=Unsubscribe%20ann%40example.com")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        assert str(link) in part.get_content()
    (entry,) = report_archive.list_entries(services.database, organization)
    states = report_outbox.states_of(services.database, organization, entry.report_id)
    assert {one.to: one.detail for one in states}["bo@example.com"] == "The recipient has unsubscribed."
    report_digest.make_digest(here, organization, Week(date(2026, 11, 9)))
    sender(here, Clock()).send_due()
    assert [one["To"] for one in inbox.mails] == ["ann@example.com", "ann@example.com"]


def test_one_click_is_promised_of_an_address_with_tls_alone(
    services: Services, organization: int, inbox: Inbox
) -> None:
    add(services, organization, "ann@example.com")
    here = replace(services, settings=services.settings.model_copy(update={"public_url": "http://slms.example"}))
    report_digest.make_digest(here, organization, WEEK)
    sender(here, Clock()).send_due()
    assert inbox.mails[0]["List-Unsubscribe"].strip().startswith("<http://slms.example/public/unsubscribe/")
    assert inbox.mails[0]["List-Unsubscribe-Post"] is None


def test_who_unsubscribed_and_was_removed_gets_no_mail_that_was_due(
    services: Services, organization: int, inbox: Inbox
) -> None:
    add(services, organization, "ann@example.com")
    report_digest.make_digest(services, organization, WEEK)
    (ann,) = report_archive.list_recipients(services.database, organization)
    report_archive.unsubscribe(services.database, organization, ann.recipient_id, at=NOW)
    report_archive.remove_recipient(services.database, organization, ann.recipient_id, by="ops")
    sender(services, Clock()).send_due()
    assert inbox.mails == []
    (entry,) = report_archive.list_entries(services.database, organization)
    assert entry.parked == 1


def test_a_report_that_everybody_has_unsubscribed_from_is_not_made(services: Services, organization: int) -> None:
    database, his = services.database, Readership("rep", 7)
    ids = [report_archive.add_recipient(database, organization, his, "email", f"{name}@example.com", by="ann")
           for name in ("bo", "cy")]  # fmt: skip
    for recipient_id, left in zip(ids, ([ALL, his], [ALL]), strict=True):
        report_archive.unsubscribe(database, organization, recipient_id, at=NOW)
        assert report_archive.readerships(report_archive.list_recipients(database, organization)) == left


def test_entries_of_a_reader_are_found_beneath_any_number_of_others(services: Services, organization: int) -> None:
    mine = Readership("rep", 7)
    for number, readership in enumerate((mine, ALL, Readership("rep", 8), Readership("manager", 7))):
        kept = report_archive.Kept(
            readership=readership, week=WEEK.first - timedelta(days=7 * (1 - min(number, 1))), made_at=NOW, whose="x",
            summary="", plain="", html="", pdf=b"",
        )  # fmt: skip
        report_archive.keep(services.database, organization, kept)
    found = report_archive.list_entries(services.database, organization, of={mine: "Ann"}, most=1)
    assert [one.readership for one in found] == [mine]
    assert report_archive.list_entries(services.database, organization, of=[]) == []
    assert len(report_archive.list_entries(services.database, organization)) == 4


def test_pictures_come_beside_the_page_for_mail_programs_show_no_data_addresses() -> None:
    page = '<meta http-equiv="Content-Security-Policy" content="x"><img src="data:image/png;base64,iVBORw0KGgo=">'
    kept = report_archive.Kept(
        readership=ALL, week=WEEK.first, made_at=NOW, whose="All", summary="", plain="text", html=page, pdf=b"%PDF-"
    )
    claim = Sending(
        organization_id=1, sending_id=1, report_id=1, fence=1, attempts=1, channel="email", recipient="ann@example.com",
        message_id="abc@reports.slms", sealed=None,
    )  # fmt: skip
    made = message_of(claim, kept, sender="slms@example.com", now=NOW)
    page_part = made.get_body(("html",))
    assert page_part is not None
    assert 'src="cid:1.abc@reports.slms"' in page_part.get_content()
    assert "Content-Security-Policy" not in page_part.get_content()
    (picture,) = [part for part in made.walk() if part.get_content_type() == "image/png"]
    assert (picture["Content-ID"], picture.get_content()) == ("<1.abc@reports.slms>", b"\x89PNG\r\n\x1a\n")


def test_a_chat_gets_a_few_lines_in_which_nothing_can_mention_or_link(services: Services, organization: int) -> None:
    with web_address() as address:
        add_chat(services, organization, address)
        report_digest.make_digest(services, organization, WEEK)
        assert sender(services, Clock()).send_due() == 1
        (body,) = address.bodies
    assert orjson.loads(body)["text"].startswith("Weekly report 2026-W47: Acme")
    assert orjson.loads(chat_body("<!channel> & <http://x|y>"))["text"] == "&lt;!channel&gt; &amp; &lt;http://x|y&gt;"


def add_chat(services: Services, organization: int, address: WebAddress) -> int:
    sealed = webhooks.seal(services.settings, address.url)
    return report_archive.add_recipient(services.database, organization, ALL, "chat", "Sales", sealed=sealed, by="ann")


# --- crashes ----------------------------------------------------------------------------------------------------------


def test_one_message_leaves_per_report_and_recipient_across_fifty_deaths_and_none_is_missing(
    services: Services, organization: int, inbox: Inbox
) -> None:
    people = [f"person{n}@example.com" for n in range(40)]
    add(services, organization, *people)
    chance, clock, deaths = random.Random(11), Clock(), 0

    def may_die(likely: float) -> None:
        if deaths < 50 and chance.random() < likely:
            raise Killed

    while deaths < 50 or is_any_pending(services, organization):
        try:
            may_die(0.2)  # before anything was put into the outbox
            report_digest.make_digest(services, organization, WEEK)
            one = sender(services, clock)
            while (claim := one.outbox.claim_due()) is not None:
                may_die(0.4)  # claimed, and not sent
                outcome = one.send(claim)
                may_die(0.4)  # sent, and not written down
                one.outbox.settle(claim, outcome)
        except Killed:
            deaths += 1
        clock.now += timedelta(minutes=4)  # leases pass
    ids = Counter((mail["To"], mail["Message-ID"]) for mail in inbox.mails)
    assert sorted(to for to, _ in ids) == sorted(people)
    assert len({message for _, message in ids}) == len(people)
    assert max(ids.values()) > 1, "nothing was sent twice, so nothing was tested"


def is_any_pending(services: Services, organization: int) -> bool:
    with services.database.as_app(organization) as link:
        return bool(link.execute(text("SELECT count(*) FROM report_sendings WHERE state = 'pending'")).scalar_one())


def test_whoever_lost_the_lease_changes_nothing(services: Services, organization: int) -> None:
    add(services, organization, "ann@example.com")
    report_digest.make_digest(services, organization, WEEK)
    clock = Clock()
    slow = sender(services, clock).outbox.claim_due()
    clock.now += timedelta(minutes=4)
    outbox = sender(services, clock).outbox
    quick = outbox.claim_due()
    assert slow is not None
    assert quick is not None
    assert quick.message_id == slow.message_id
    assert not outbox.settle(slow, Outcome(state="sent"))
    assert outbox.settle(quick, Outcome(state="sent"))


def test_a_person_may_have_a_copy_sent_which_is_a_message_of_its_own(
    services: Services, organization: int, inbox: Inbox
) -> None:
    add(services, organization, "ann@example.com")
    report_digest.make_digest(services, organization, WEEK)
    clock = Clock()
    sender(services, clock).send_due()
    (entry,) = report_archive.list_entries(services.database, organization)
    recipients = report_archive.list_recipients(services.database, organization)
    report_outbox.resend(services.database, organization, entry.report_id, recipients, by="ann", at=NOW)
    sender(services, clock).send_due()
    assert len({mail["Message-ID"] for mail in inbox.mails}) == 2


def test_without_a_mail_server_messages_are_parked_and_may_be_tried_again(
    services: Services, organization: int
) -> None:
    add(services, organization, "ann@example.com")
    report_digest.make_digest(services, organization, WEEK)
    bare = replace(services, settings=Settings(_env_file=None))
    sender(bare, Clock()).send_due()
    (entry,) = report_archive.list_entries(services.database, organization)
    (state,) = report_outbox.states_of(services.database, organization, entry.report_id)
    assert (state.state, state.detail) == ("parked", "SMTP_URL is not set. Set it, then send again.")
    assert report_outbox.retry_parked(services.database, organization, entry.report_id, by="ann") == 1


def test_another_organization_sees_neither_reports_nor_recipients(
    services: Services, organization: int, other_organization: int
) -> None:
    add(services, organization, "ann@example.com")
    report_digest.make_digest(services, organization, WEEK)
    (entry,) = report_archive.list_entries(services.database, organization)
    assert report_archive.list_entries(services.database, other_organization) == []
    assert report_archive.list_recipients(services.database, other_organization) == []
    with pytest.raises(LookupError):
        report_archive.get(services.database, other_organization, entry.report_id)
