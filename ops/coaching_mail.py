"""Gives a note to the salesperson by mail, once a manager sends it. Where no mail is set up it is only marked as given:
the salesperson sees the note in the workbench from the moment it is written.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

from ops.mail import MailServer, hand_over
from ops.services import Services
from snapshots import notes
from snapshots.notes import Note
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer
from snapshots.users import list_users

LEASE: Final = timedelta(minutes=3)
"""Longer than handing over may take: whoever began so long ago is dead."""


class NotHandedOver(Exception):
    """The mail did not go out, and the note is not marked as sent. The message says why."""


def can_mail(services: Services) -> bool:
    """Whether there is a mail server to hand notes to."""
    return services.settings.smtp_url is not None and services.settings.smtp_from is not None


def address_of(services: Services, organization_id: int, owner_id: int) -> str | None:
    """Of the user that the salesperson is, else the one that the CRM gives; None where there is neither."""
    users = [
        one for one in list_users(services.database, organization_id) if one.owner_id == owner_id and one.is_active
    ]
    if users:
        return users[0].email
    reader = Reader(services.database, Viewer(organization_id, Role.ANALYST))
    owners = reader.owners(services.now().astimezone(reader.organization.zone).date())
    found = owners.loc[owners["owner_id"] == owner_id, "email"].dropna()
    return None if found.empty else str(found.iloc[0])


def send(services: Services, organization_id: int, note_id: int, *, by: str) -> Note:
    """Hands the newest version over and marks it as sent; one that is sent already is not mailed again, and of two
    people who send it at the same time one does.

    Raises NotHandedOver, snapshots.notes.NoteChanged where it is not the newest version, LookupError.
    """
    database, token = services.database, uuid.uuid4().hex
    if notes.get(database, organization_id, note_id).note_for != "rep":
        raise NotHandedOver("A draft is for managers. Take it over into the note, then send that.")
    # Approving it says that this is the newest version, before anything goes out.
    note = notes.begin_sending(
        database, organization_id, note_id, by=by, token=token, lease=LEASE, now=services.now()
    )  # fmt: skip
    if note is None:
        raise NotHandedOver("This note is being written or sent right now. Try again in a minute.")
    if note.state == "sent":
        return note
    is_sent = False
    try:
        if can_mail(services):
            _mail(services, organization_id, note)
        is_sent = True
    finally:
        told = notes.end_sending(
            database, organization_id, note, by=by, token=token, now=services.now(), is_sent=is_sent
        )  # fmt: skip
    return told


def message_of(note: Note, *, sender: str, recipient: str, public_url: str | None, host: str) -> EmailMessage:
    """The mail, as text; the same note has the same Message-ID. Raises ValueError where the recipient is no address."""
    if "@" not in parseaddr(recipient)[1]:
        raise ValueError("This is no e-mail address.")
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"Your week of {note.week.day} {note.week:%B %Y}"
    message["From"], message["To"] = sender, recipient
    message["Message-ID"] = f"<coaching-{note.note_id}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    written = (
        "Written without AI." if note.is_without_ai else "Worded by a language model; the program wrote all numbers."
    )
    if note.written_by is not None:
        written = f"Worded by {note.written_by}."
    where = [f"The rows behind each sentence: {public_url.rstrip('/')}/coaching"] if public_url else []
    body = [*(str(one["text"]) for one in note.sentences), "", written, *where]
    message.set_content("\n".join(body) + "\n", cte="quoted-printable")
    return message


def _mail(services: Services, organization_id: int, note: Note) -> None:
    recipient = address_of(services, organization_id, note.owner_id)
    if recipient is None:
        raise NotHandedOver("The salesperson has no e-mail address, neither as a user nor in the CRM.")
    settings = services.settings
    assert settings.smtp_url is not None
    assert settings.smtp_from is not None
    host = parseaddr(settings.smtp_from)[1].rpartition("@")[2] or "localhost"
    try:
        message = message_of(
            note, sender=settings.smtp_from, recipient=recipient, public_url=settings.public_url, host=host
        )
    except ValueError as why:
        raise NotHandedOver(str(why)) from why
    message["Date"] = format_datetime(services.now())
    outcome = hand_over(MailServer.at(settings.smtp_url.get_secret_value(), settings.smtp_from), message)
    if outcome.state != "sent":
        raise NotHandedOver(outcome.detail or "The mail server did not take it.")
