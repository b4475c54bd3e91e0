"""Mail about a new lead: what it says, and how it is handed over.

Whatever a visitor typed may stand in it, so nothing of that reaches a header but as one line of printable text.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

from snapshots.notifications import Notification, Outcome

TIMEOUT_S = 10.0
"""Of each step: connecting, each command, the message."""
LONGEST_SUBJECT = 120
LONGEST_VALUE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed over. is_wrapped: TLS from the first byte. sender: name and address."""

    host: str
    port: int
    is_wrapped: bool
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str, sender: str) -> MailServer:
        """url: smtp:// or smtps://, with user and password where the server wants them."""
        parts = urlsplit(url)
        is_wrapped = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "localhost", port=parts.port or (465 if is_wrapped else 587), is_wrapped=is_wrapped,
            sender=sender, user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )  # fmt: skip


def hand_over(server: MailServer, message: EmailMessage) -> Outcome:
    """What the server says to it. Never raises for what a server or a network does."""
    try:
        _send(server, message)
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        return _refused(code, words)
    except smtplib.SMTPAuthenticationError:
        return Outcome(state="parked", reason="config", detail="The mail server refuses user and password (SMTP_URL).")
    except smtplib.SMTPResponseException as error:
        return _refused(error.smtp_code, error.smtp_error)
    except PlainPassword:
        detail = "The mail server offers no TLS, so the password was not sent. Use smtps://, or a server that does."
        return Outcome(state="parked", reason="config", detail=detail)
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(state="pending", detail=f"The mail server cannot be reached: {type(error).__name__}.")
    return Outcome(state="sent")


def _send(server: MailServer, message: EmailMessage) -> None:
    connection = _connected(server)
    try:
        connection.send_message(message)
    except BaseException:
        connection.close()
        raise
    with suppress(OSError, smtplib.SMTPException):  # it has the message, however the parting goes
        connection.quit()


class PlainPassword(Exception):
    """The password would go over the network as it is."""


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.is_wrapped:
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        connection.ehlo()
        is_safe = server.is_wrapped
        if not is_safe and connection.has_extn("starttls"):
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
            is_safe = True
        if server.user is not None and server.password is not None:
            if not is_safe and not _is_here(server.host):
                raise PlainPassword
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(code: int, words: bytes | str) -> Outcome:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    detail = f"The mail server answers {code}: {_line(said)[:200]}"
    if 400 <= code < 500:
        return Outcome(state="pending", detail=detail)
    return Outcome(state="parked", reason="rejected", detail=detail)


# --- what it says ----------------------------------------------------------------------------------------------------


def about(claim: Notification, *, sender: str, public_url: str | None, now: datetime) -> EmailMessage:
    """The mail. Raises ValueError where the recipient is no address."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = _subject(claim)
    message["From"] = address(sender)
    message["To"] = address(claim.recipient)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{claim.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_body(claim, public_url), cte="quoted-printable")
    return message


def address(given: str) -> Address:
    """An e-mail address as a header holds it. Raises ValueError where it is none."""
    name, spec = parseaddr(given)
    if not given.isprintable() or not spec:
        raise ValueError("This is no e-mail address.")
    try:
        return Address(display_name=name, addr_spec=spec)
    except (MessageError, ValueError) as error:
        raise ValueError("This is no e-mail address.") from error


def _subject(claim: Notification) -> str:
    lead = claim.lead
    who = _name(lead) or lead["email"] or lead["phone"] or "somebody"
    company = f", {lead['company']}" if lead["company"] else ""
    return _line(f"New lead: {who}{company} ({lead['form'] or 'a form'})")[:LONGEST_SUBJECT]


def _name(lead: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (lead["first_name"], lead["last_name"])))


def _line(text: str) -> str:
    """One line of printable text."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _body(claim: Notification, public_url: str | None) -> str:
    lead = claim.lead
    told = {
        "Name": _name(lead), "E-mail": lead["email"], "Phone": lead["phone"], "Company": lead["company"],
        **{str(name): str(value) for name, value in lead["extra"].items()},
        "Form": lead["form"], "Source": lead["source"], "Campaign": lead["campaign"], "Goes to": lead["owner"],
        "Received": f"{lead['received_at']:%Y-%m-%d %H:%M} UTC",
    }  # fmt: skip
    lines = [f"{_line(name)}: {_value(value)}" for name, value in told.items() if value]
    here = f"/lead?org={claim.organization_id}&lead={lead['lead_id']}"
    link = [f"\n{public_url.rstrip('/')}{here}"] if public_url else []
    return "\n".join([f"A new lead of {claim.organization}.\n", *lines, *link]) + "\n"


def _value(value: str) -> str:
    """Lines of a longer text are set in, so that none of them looks like a field of its own."""
    lines = [_line(one) for one in value[:LONGEST_VALUE].splitlines()]
    return "\n    ".join(lines)
