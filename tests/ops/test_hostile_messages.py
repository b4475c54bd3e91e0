"""Whatever stands in a lead, a message about it is text: one part, our headers, the words as they came."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import UUID

import orjson
from hostile_texts import EVERY, FORMULAS, MARKDOWN

from ops import mail, webhooks
from snapshots.notifications import Notification

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HEADERS = {
    "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
    "MIME-Version",
}  # fmt: skip
BREAKS = ("\r\nBcc: all@planted.invalid", "\n\n<script>alert(1)</script>", "\r\n.\r\nMAIL FROM:<x@planted.invalid>")
WORDS = tuple(text + BREAKS[number % 3] for number, text in enumerate(EVERY))


def told(text: str) -> Notification:
    """Of a lead, a form, a salesperson and an organization that are all called this."""
    names = "email phone first_name last_name company source campaign owner owner_email form"
    lead = dict.fromkeys(names.split(), text) | {"lead_id": UUID(int=7), "received_at": NOW, "extra": {text: text}}
    return Notification(
        organization_id=1, notification_id=1, fence=1, attempts=1, channel="email", recipient="ann@example.com",
        message_id="x@leads.slms", organization=text, lead=lead, url="https://hooks.example.com/", sealed=b"",
    )  # fmt: skip


def one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def test_a_mail_is_plain_text_under_our_headers() -> None:
    for text in (*WORDS, *MARKDOWN, *FORMULAS):
        made = mail.about(told(text), sender="SLMS <leads@example.com>", public_url=None, now=NOW).as_bytes()
        found = message_from_bytes(made, policy=policy.default)
        assert set(found.keys()) == HEADERS, text
        assert len(found.keys()) == len(HEADERS), text
        assert (found["To"], found["From"]) == ("ann@example.com", "SLMS <leads@example.com>"), text
        assert found.get_content_type() == "text/plain", text
        assert not found.is_multipart(), text
        assert str(found["Subject"]).strip().startswith(f"New lead: {one_line(text)}"[:80]), text
        assert one_line(text) in one_line(found.get_content()), text


def test_a_webhook_says_the_words_as_they_came() -> None:
    for text in WORDS:
        body = webhooks.body_of(told(text))
        said = orjson.loads(body)
        assert said["organization"] == said["lead"]["first_name"] == said["lead"]["owner"]["name"] == text
        assert said["lead"]["fields"] == {text: text}
        assert b"\n" not in body
        assert "\r" not in webhooks.signature("secret", body, at=1)
