"""People and programs are told of new leads: by a real mail server and a real web address on the loopback."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import made_leads
import orjson
import pytest
from made_receivers import Inbox, WebAddress, mail_server, web_address
from pydantic import SecretStr

from ops import mail, webhooks
from ops.notify import Notifier, notifying, send_test
from ops.services import Services
from ops.settings import Settings
from ops.webhooks import WebhookRefused, WebhookSender, check_address
from snapshots import notifications
from snapshots.database import Database
from snapshots.notifications import (
    RETRY_AFTER,
    Notification,
    NotificationOutbox,
    Recipient,
    enqueue,
    list_parked,
    notifications_of,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECRET = "whsec_0123456789"
ANN = Recipient("email", "ann@example.com")
KEY = SecretStr("k" * 40)


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with mail_server() as made:
        yield made


@pytest.fixture(scope="module")
def address() -> Iterator[WebAddress]:
    with web_address() as made:
        yield made


@dataclass
class House:
    """An organization with a lead, and somebody who tells of it."""

    database: Database
    organization: int
    lead: UUID
    settings: Settings
    at: datetime = NOW

    def tell(self, *recipients: Recipient) -> None:
        with self.database.as_app(self.organization) as connection:
            enqueue(connection, self.organization, self.lead, recipients, at=NOW)

    def notifier(self) -> Notifier:
        outbox = NotificationOutbox(database=self.database, clock=made_leads.sql(self.at))
        return Notifier(outbox, self.settings, lambda: self.at, WebhookSender(self.settings))

    def states(self) -> list[tuple[str, str | None, int]]:
        found = notifications_of(self.database, self.organization, self.lead)
        return [(one.state, one.reason, one.attempts) for one in found]

    def hook(self, url: str) -> Recipient:
        sealed = webhooks.seal(self.settings, SECRET)
        made = notifications.add_webhook(
            self.database, self.organization, name="Chat", url=url, sealed=sealed, by=ANN.address
        )
        return Recipient("webhook", str(made))


@pytest.fixture
def house(database: Database, organization: int, inbox: Inbox, address: WebAddress, tmp_path: Path) -> House:
    for kept in (inbox.mails, inbox.recipients, inbox.answers, address.bodies, address.headers, address.answers):
        kept.clear()  # type: ignore[attr-defined]
    settings = Settings(
        secret_key=KEY, smtp_url=SecretStr(f"smtp://127.0.0.1:{inbox.port}"), smtp_from="SLMS <leads@example.com>",
        allow_private_hosts=True, slms_home=tmp_path, public_url="https://leads.example.com/",
    )  # fmt: skip
    lead = made_leads.put(database, organization, company="Analytical\nEngines", extra={"message": "Call\nme"}, at=NOW)
    return House(database, organization, lead, settings)


def test_a_mail_says_who_the_lead_is(house: House, inbox: Inbox) -> None:
    house.tell(ANN)
    assert house.notifier().send_due() == 1
    (sent,) = inbox.mails
    assert (sent["To"], sent["From"], inbox.recipients) == (ANN.address, "SLMS <leads@example.com>", [ANN.address])
    assert sent["Subject"] == "New lead: Ada Lovelace, Analytical Engines (Default form)"
    text = sent.get_content().replace("\r\n", "\n")
    assert "E-mail: ada@example.com" in text
    assert "message: Call\n    me" in text
    assert f"https://leads.example.com/lead?org={house.organization}&lead={house.lead}" in text
    assert house.states() == [("sent", None, 1)]


def test_nobody_is_told_twice(house: House, inbox: Inbox) -> None:
    house.tell(ANN, Recipient("email", " Ann@Example.com "))
    house.notifier().send_due()
    house.tell(ANN)
    assert house.notifier().send_due() == 0
    assert len(inbox.mails) == 1


def test_what_died_between_sending_and_writing_so_is_sent_again_under_the_same_id(house: House, inbox: Inbox) -> None:
    house.tell(ANN)
    dying = house.notifier()
    (claim,) = dying.outbox.claim_due(1)
    assert dying.send(claim).state == "sent"  # and here its process ends
    assert house.notifier().send_due() == 0
    house.at += notifications.LEASE
    assert house.notifier().send_due() == 1
    assert len({sent["Message-ID"] for sent in inbox.mails}) == 1
    assert len(inbox.mails) == 2
    assert not dying.outbox.settle(claim, notifications.Outcome(state="pending"))
    assert house.states() == [("sent", None, 2)]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("451 later", ("pending", None, 1)),
        ("550 no such user", ("parked", "rejected", 1)),
        ("552 full", ("parked", "rejected", 1)),
    ],
)
def test_a_mail_server_that_says_later_is_asked_again_and_one_that_says_no_is_not(
    house: House, inbox: Inbox, answer: str, state: tuple[str, str | None, int]
) -> None:
    inbox.answers.append(answer)
    house.tell(ANN)
    house.notifier().send_due()
    assert house.states() == [state]


def test_attempts_come_later_and_later_until_a_person_must_look(house: House) -> None:
    house.settings = house.settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:9")})
    house.tell(ANN)
    for wait in RETRY_AFTER:
        assert house.notifier().send_due() == 1
        house.at += wait - timedelta(seconds=1)
        assert house.notifier().send_due() == 0
        house.at += timedelta(seconds=1)
    house.notifier().send_due()
    assert house.states() == [("parked", "exceeded", len(RETRY_AFTER) + 1)]
    (parked,) = list_parked(house.database, house.organization)
    assert parked.detail is not None
    assert "cannot be reached" in parked.detail


def test_a_parked_one_is_sent_when_a_person_says_so(house: House, inbox: Inbox) -> None:
    inbox.answers.append("550 no")
    house.tell(ANN)
    house.notifier().send_due()
    (parked,) = list_parked(house.database, house.organization)
    assert notifications.replay(house.database, house.organization, [parked.notification_id], by="me") == 1
    assert notifications.replay(house.database, house.organization, [parked.notification_id], by="me") == 0
    house.at = datetime.now(UTC) + timedelta(minutes=1)  # a person presses the button in the real present
    house.notifier().send_due()
    assert (len(inbox.mails), house.states()) == (1, [("sent", None, 1)])


@pytest.mark.parametrize("missing", ["smtp_url", "smtp_from"])
def test_without_a_mail_server_it_is_said_which_setting_is_missing(house: House, missing: str) -> None:
    house.settings = house.settings.model_copy(update={missing: None})
    house.tell(ANN)
    house.notifier().send_due()
    (parked,) = list_parked(house.database, house.organization)
    assert (parked.reason, parked.detail) == ("config", f"{missing.upper()} is not set. Set it, then send again.")


def test_a_worker_tells_until_it_is_stopped(house: House, inbox: Inbox) -> None:
    house.tell(ANN, Recipient("email", "bo@example.com"))
    services = Services(
        settings=house.settings, database_url=house.database.url, database=house.database, now=lambda: NOW
    )
    with notifying(services):
        for _ in range(200):
            if all(state == "sent" for state, _, _ in house.states()):
                break
            threading.Event().wait(0.05)
    assert house.states() == [("sent", None, 1)] * 2
    assert sorted(inbox.recipients) == [ANN.address, "bo@example.com"]


def test_an_address_that_does_not_answer_holds_up_nobody_else(house: House, address: WebAddress, inbox: Inbox) -> None:
    slow, leads = house.hook(address.url), [house.lead]
    leads += [made_leads.put(house.database, house.organization, at=NOW) for _ in range(7)]
    for house.lead in leads:
        house.tell(slow)
    house.tell(ANN)  # the last of all
    outbox = house.notifier().outbox
    assert {one.channel for one in outbox.claim_due(2)} == {"webhook", "email"}
    bo = Recipient("email", "bo@example.com")
    house.tell(bo)
    assert [one.recipient for one in outbox.claim_due(1)] == [bo.address]  # one of the webhook's is under way
    assert [one.channel for one in outbox.claim_due(20)] == ["webhook"] * 7
    assert inbox.mails == []


def test_a_free_place_is_filled_while_others_wait_for_an_answer(
    house: House, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(
        WebhookSender, "send", lambda *_, **__: answered.wait(30) and notifications.Outcome(state="sent")
    )
    house.tell(house.hook("https://slow.example"), ANN)
    notifier = house.notifier()
    notifier.at_once = 2
    with ThreadPoolExecutor(2) as pool:
        assert notifier._fill(pool)
        futures.wait(notifier._running, return_when=FIRST_COMPLETED)
        house.tell(Recipient("email", "bo@example.com"))
        assert notifier._fill(pool)
        assert len(notifier._running) == 2
        futures.wait(notifier._running, return_when=FIRST_COMPLETED)
        answered.set()
    assert house.states() == [("sent", None, 1)] * 3


def test_what_cannot_be_written_down_stops_nothing(house: House, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease runs out, and it is sent again under the same id."""
    house.tell(ANN)
    notifier = house.notifier()
    fails = iter([True])

    def settle(self: NotificationOutbox, claim: Notification, outcome: notifications.Outcome) -> bool:
        if next(fails, False):
            raise ConnectionError
        return True

    monkeypatch.setattr(NotificationOutbox, "settle", settle)
    with ThreadPoolExecutor(1) as pool:
        assert notifier._fill(pool)
    assert len(inbox.mails) == 1
    assert house.states() == [("pending", None, 1)]


def _claim(**lead: object) -> Notification:
    names = "email phone first_name last_name company source campaign owner owner_email form"
    known = dict.fromkeys(names.split(), None) | {"lead_id": UUID(int=7), "received_at": NOW, "extra": {}}
    return Notification(
        organization_id=1, notification_id=1, fence=1, attempts=1, channel="email", recipient=ANN.address,
        message_id="x@leads.slms", organization="Acme", lead=known | lead, url=None, sealed=None,
    )  # fmt: skip


def _mail(claim: Notification) -> EmailMessage:
    return mail.about(claim, sender="leads@example.com", public_url=None, now=NOW)


@pytest.mark.parametrize(
    "evil", ["Ada\r\nBcc: all@example.com", "Ada\nBcc: all@example.com", "Ada\x0bBcc:\x85 x\u2028y"]
)
@pytest.mark.parametrize("field", ["first_name", "company", "form", "email"])
def test_nothing_that_a_visitor_types_becomes_a_header(evil: str, field: str) -> None:
    made = _mail(_claim(**{field: evil}))
    head, _, _ = made.as_bytes().partition(b"\r\n\r\n")
    assert "bcc" not in {name.lower() for name in made.keys()}  # noqa: SIM118
    assert b"\nBcc" not in head
    assert all(line.split(b":")[0].istitle() or line[:1] in b" \t" or line.startswith((b"MIME", b"Message-ID"))
               for line in head.split(b"\r\n"))  # fmt: skip


@pytest.mark.parametrize("evil", ["a@example.com\nBcc: b@example.com", "not an address", "a@b@c", ""])
def test_a_recipient_that_is_no_address_is_refused(evil: str) -> None:
    with pytest.raises(ValueError, match="no e-mail address"):
        _mail(replace(_claim(), recipient=evil))


def test_a_field_in_a_mail_cannot_pretend_to_be_another() -> None:
    text = _mail(_claim(extra={"note\nOwner": "x\nGoes to: Mallory"})).get_content()
    assert "\nGoes to:" not in text
    assert "note Owner: x\n    Goes to: Mallory" in text


def test_a_password_is_not_sent_in_the_clear_beyond_this_machine(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> None:
    server = mail.MailServer.at(f"smtp://me:secret@127.0.0.1:{inbox.port}", "leads@example.com")
    assert "secret" not in repr(server)
    monkeypatch.setattr(mail, "_is_here", lambda _: False)
    outcome = mail.hand_over(server, _mail(_claim()))
    assert (outcome.state, outcome.reason) == ("parked", "config")
    assert "password was not sent" in (outcome.detail or "")


# --- webhooks --------------------------------------------------------------------------------------------------------


def test_a_webhook_gets_the_lead_signed(house: House, address: WebAddress) -> None:
    house.tell(house.hook(address.url))
    house.notifier().send_due()
    (body,), (headers,) = address.bodies, address.headers
    told = orjson.loads(body)
    assert (told["event"], told["lead"]["email"], told["lead"]["fields"]) == (
        "lead.received", "ada@example.com", {"message": "Call\nme"},
    )  # fmt: skip
    at, signed = (part.partition("=")[2] for part in headers["slms-signature"].split(","))
    assert int(at) == int(NOW.timestamp())
    assert hmac.compare_digest(signed, hmac.new(SECRET.encode(), f"{at}.".encode() + body, sha256).hexdigest())
    assert headers["slms-event-id"] == told["id"]
    assert house.states() == [("sent", None, 1)]


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (200, "sent", None),
        (301, "parked", "rejected"),
        (307, "parked", "rejected"),
        (404, "parked", "rejected"),
        (429, "pending", None),
        (500, "pending", None),
        (503, "pending", None),
    ],
)
def test_what_the_address_answers_decides(
    house: House, address: WebAddress, status: int, state: str, reason: str | None
) -> None:
    address.answers.append(status)
    house.tell(house.hook(address.url))
    house.notifier().send_due()
    assert house.states() == [(state, reason, 1)]
    assert len(address.bodies) == 1  # no redirect was followed


def test_a_webhook_is_tried_again_under_the_same_id_with_the_same_body(house: House, address: WebAddress) -> None:
    address.answers.append(500)
    house.tell(house.hook(address.url))
    house.notifier().send_due()
    house.at += RETRY_AFTER[0]
    house.notifier().send_due()
    assert len({headers["slms-event-id"] for headers in address.headers}) == 1
    assert len({headers["slms-signature"] for headers in address.headers}) == 2
    assert len(set(address.bodies)) == 1


def test_an_address_inside_a_private_network_is_not_called(house: House, address: WebAddress) -> None:
    hook = house.hook(address.url.replace("http://", "https://"))
    house.settings = house.settings.model_copy(update={"allow_private_hosts": False})
    house.tell(hook)
    house.notifier().send_due()
    (parked,) = list_parked(house.database, house.organization)
    assert parked.reason == "config"
    assert "private network" in (parked.detail or "")
    assert address.bodies == []


def test_a_webhook_that_was_removed_or_switched_off_is_not_called(house: House, address: WebAddress) -> None:
    removed, off = house.hook(address.url), house.hook(address.url)
    house.tell(removed, off)
    notifications.remove_webhook(house.database, house.organization, int(removed.address), by="me")
    notifications.switch_webhook(house.database, house.organization, int(off.address), is_active=False, by="me")
    house.notifier().send_due()
    assert house.states() == [("parked", "config", 1)] * 2
    assert address.bodies == []


def test_a_test_calls_at_once_and_what_was_answered_last_stands_with_the_webhook(
    house: House, address: WebAddress, inbox: Inbox, other_organization: int
) -> None:
    hook = house.hook(address.url)
    notifications.switch_webhook(house.database, house.organization, int(hook.address), is_active=False, by="me")
    services = Services(
        settings=house.settings, database_url=house.database.url, database=house.database, now=lambda: NOW
    )
    address.answers.append(500)
    answers = [send_test(services, house.organization, int(hook.address)) for _ in range(2)]
    assert [one.detail for one in answers if one] == ["The address answers 500.", "The address answers 204."]
    told = orjson.loads(address.bodies[-1])
    assert (told["event"], told["lead"]["id"]) == ("test", str(UUID(int=0)))
    stamp = dict(part.split("=") for part in address.headers[-1]["slms-signature"].split(","))
    signed = hmac.new(SECRET.encode(), f"{stamp['t']}.".encode() + address.bodies[-1], sha256).hexdigest()
    assert signed == stamp["v1"]
    assert last(house) == ("sent", "The address answers 204.", True)
    assert house.states() == [], "no outbox knows of it"
    assert send_test(services, other_organization, int(hook.address)) is None
    notifications.switch_webhook(house.database, house.organization, int(hook.address), is_active=True, by="me")
    house.tell(hook)
    address.answers.append(404)
    house.notifier().send_due()
    assert last(house) == ("parked", "The address refuses it (404).", False)


def last(house: House) -> tuple[str | None, str | None, bool | None]:
    [made] = notifications.list_webhooks(house.database, house.organization)
    assert made.last_at is not None
    return made.last_state, made.last_detail, made.last_is_test


def test_a_secret_under_another_key_is_said_to_be_lost(house: House, address: WebAddress) -> None:
    house.tell(house.hook(address.url))
    house.settings = house.settings.model_copy(update={"secret_key": SecretStr("o" * 40)})
    house.notifier().send_due()
    assert house.states() == [("parked", "config", 1)]


@pytest.mark.parametrize(
    "wrong",
    ["ftp://example.com", "example.com/x", "http://example.com/x", "https:///", "https://u:p@example.com/",
     "https://example.com/a b", "https://example.com:x/", "https://example.com/\n", f"https://a.com/{'x' * 2000}"],
)  # fmt: skip
def test_an_address_that_cannot_be_safe_is_refused(wrong: str) -> None:
    with pytest.raises(WebhookRefused):
        check_address(f"{wrong}x", allow_private_hosts=False)  # white space around it is taken off


def test_another_organization_sees_neither_webhooks_nor_notifications(
    house: House, other_organization: int, address: WebAddress
) -> None:
    hook = house.hook(address.url)
    house.tell(hook)
    address.answers.append(404)
    house.notifier().send_due()
    (parked,) = list_parked(house.database, house.organization)
    assert notifications.list_webhooks(house.database, other_organization) == []
    assert list_parked(house.database, other_organization) == []
    assert notifications_of(house.database, other_organization, house.lead) == []
    assert notifications.replay(house.database, other_organization, [parked.notification_id], by="x") == 0
    notifications.remove_webhook(house.database, other_organization, int(hook.address), by="x")
    assert len(notifications.list_webhooks(house.database, house.organization)) == 1
