"""Sends weekly reports that are due: by mail with text, page and PDF, or as a few lines to a chat's webhook.

One message leaves per report and recipient: the outbox (`snapshots.report_outbox`) names it once and for all, so that
what a crash had sent twice comes under one Message-ID. A chat has nothing of the kind: there a crash between the answer
and the note of it can double a message.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import date, datetime
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime, parseaddr
from html import escape
from typing import Final, cast
from urllib.parse import quote

import orjson
import structlog

from insights.report.document import Week
from ops import mail, webhooks
from ops.mail import MailServer
from ops.services import Services
from ops.unsubscribing import Named, link
from ops.webhooks import WebhookSender
from snapshots import report_archive
from snapshots.notifications import Outcome
from snapshots.report_archive import Kept
from snapshots.report_outbox import ReportOutbox, Sending

LOG = structlog.get_logger()
MOST_AT_ONCE: Final = 500
"""Of one turn; the next one begins a minute later."""
_PICTURE: Final = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')
_POLICY: Final = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


class _Whole(UnstructuredHeader):
    """Links stay as they are, one a line: what is long would otherwise be written as encoded words, which no program
    takes for a link."""

    def fold(self, *, policy: Policy[EmailMessage]) -> str:
        return f"{self.name}: {self}".replace(", ", f",{policy.linesep} ") + policy.linesep  # type: ignore[attr-defined]


def _policy() -> EmailPolicy[EmailMessage]:
    headers = HeaderRegistry()
    headers.map_to_type("list-unsubscribe", _Whole)  # type: ignore[arg-type]  # a base is added to it
    return SMTP.clone(header_factory=headers)


POLICY: Final = _policy()


@dataclass(frozen=True, slots=True)
class ReportSender:
    """outbox: of all organizations."""

    services: Services
    outbox: ReportOutbox
    hooks: WebhookSender

    def send_due(self, most: int = MOST_AT_ONCE) -> int:
        """Send what is due, one after the other. How many that were."""
        for n in range(most):
            claim = self.outbox.claim_due()
            if claim is None:
                return n
            self.outbox.settle(claim, self.send(claim))
        return most

    def send(self, claim: Sending) -> Outcome:
        """One attempt."""
        try:
            report = report_archive.get(self.services.database, claim.organization_id, claim.report_id)
            return self._chat(claim, report) if claim.channel == "chat" else self._mail(claim, report)
        except Exception as error:  # whatever it is, it is tried again, and nobody else's message waits for it
            LOG.exception("sending a report failed unexpectedly", id=claim.message_id)
            return Outcome(state="pending", detail=f"Unexpected {type(error).__name__}; the log has the details.")

    def _mail(self, claim: Sending, report: Kept) -> Outcome:
        settings = self.services.settings
        url, sender = settings.smtp_url, settings.smtp_from
        if url is None or sender is None:
            missing = "SMTP_URL" if url is None else "SMTP_FROM"
            return Outcome(state="parked", reason="config", detail=f"{missing} is not set. Set it, then send again.")
        wished = report_archive.recipient_of(
            self.services.database, claim.organization_id, claim.report_id, claim.recipient
        )  # fmt: skip
        if wished is None:  # also of somebody who had unsubscribed before
            return Outcome(state="parked", reason="config", detail="The recipient was removed.")
        if wished.unsubscribed_at is not None:
            return Outcome(state="parked", reason="rejected", detail="The recipient has unsubscribed.")
        way_out = link(settings, Named(claim.organization_id, wished.recipient_id))
        try:
            message = message_of(claim, report, sender=sender, now=self.services.now(), way_out=way_out)
        except ValueError:
            return Outcome(state="parked", reason="rejected", detail="This is no e-mail address.")
        return mail.hand_over(MailServer.at(url.get_secret_value(), sender), message)

    def _chat(self, claim: Sending, report: Kept) -> Outcome:
        if claim.sealed is None:
            return Outcome(state="parked", reason="config", detail="The chat was removed.")
        url = webhooks.opened(self.services.settings, claim.sealed)
        if url is None:
            detail = "Its address was sealed under another SECRET_KEY. Add the chat anew."
            return Outcome(state="parked", reason="config", detail=detail)
        return self.hooks.post(url, chat_body(report.summary), {})


def send_due(services: Services) -> int:
    """Send what is due of all organizations. How many that were."""
    hooks = WebhookSender(services.settings)
    try:
        return ReportSender(services, ReportOutbox(database=services.database), hooks).send_due()
    finally:
        hooks.close()


# --- what is sent -----------------------------------------------------------------------------------------------------


def message_of(claim: Sending, report: Kept, *, sender: str, now: datetime, way_out: str | None = None) -> EmailMessage:
    """The mail: text, the page with its pictures beside it, the PDF attached. way_out: the link that ends such mail.

    Raises ValueError where the recipient is no address.
    """
    message = EmailMessage(policy=POLICY)
    message["Subject"] = subject(report.week, report.whose)
    message["From"] = mail.address(sender)
    message["To"] = mail.address(claim.recipient)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{claim.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Id"] = "Weekly report <weekly-report.slms>"
    _say_how_to_end_it(message, claim, sender, way_out)
    message.set_content(report.plain + (f"\nUnsubscribe: {way_out}\n" if way_out else ""), cte="quoted-printable")
    pictures, page = _apart(report.html, claim.message_id)
    if way_out:
        end = f'<p class="note"><a href="{escape(way_out)}">Unsubscribe</a></p></main>'
        page = end.join(page.rsplit("</main>", 1))
    message.add_alternative(page, subtype="html", cte="quoted-printable")
    shown = cast("list[MIMEPart]", message.get_payload())[1]
    for name, picture in pictures.items():
        shown.add_related(picture, "image", "png", cid=f"<{name}>")
    message.add_attachment(report.pdf, "application", "pdf", filename=f"weekly-report-{Week(report.week).name}.pdf")
    return message


def _say_how_to_end_it(message: EmailMessage, claim: Sending, sender: str, way_out: str | None) -> None:
    """For mail programs: by a link (at once, by RFC 8058, where it is of HTTPS), or by a mail that a person reads."""
    asked = quote(f"Unsubscribe {claim.recipient} from {claim.message_id}")
    by_mail = f"<mailto:{parseaddr(sender)[1]}?subject={asked}>"
    message["List-Unsubscribe"] = f"<{way_out}>, {by_mail}" if way_out else by_mail
    if way_out and way_out.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def subject(week: date, whose: str) -> str:
    """One line of printable text, whatever a salesperson is called."""
    told = "".join(one if one.isprintable() else " " for one in f"Weekly report {Week(week).name}: {whose}")
    return " ".join(told.split())[: mail.LONGEST_SUBJECT]


def _apart(page: str, about: str) -> tuple[dict[str, bytes], str]:
    """Pictures by the id under which the page finds them: mail programs show no data: addresses. The policy goes, for
    it would forbid them; mail programs have their own."""
    pictures: dict[str, bytes] = {}

    def placed(found: re.Match[str]) -> str:
        name = f"{len(pictures) + 1}.{about}"
        pictures[name] = b64decode(found[1])
        return f'src="cid:{name}"'

    return pictures, _POLICY.sub("", _PICTURE.sub(placed, page), count=1)


def chat_body(summary: str) -> bytes:
    """As Slack's incoming webhooks take it, and Mattermost's; what stands in the CRM can neither mention nor link."""
    escaped = summary.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return orjson.dumps({"text": escaped, "mrkdwn": False, "link_names": False, "unfurl_links": False})
