"""Admin, notifications: a webhook is tried with one click, and shows what it answered last."""

from __future__ import annotations

import pytest
from conftest import Workbench
from reading import as_read

from ops import webhooks
from ops.services import Services
from snapshots import notifications
from snapshots.notifications import Notification, Outcome
from snapshots.organizations import create_organization


def test_a_test_is_sent_and_its_answer_stands_beside_the_webhook(
    workbench: Workbench, empty_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Notification] = []

    def answer(_: object, call: Notification, **__: object) -> Outcome:
        sent.append(call)
        return Outcome(state="pending", detail="The address answers 503.")

    monkeypatch.setattr(webhooks.WebhookSender, "send", answer)
    acme = create_organization(empty_services.database, "Acme", time_zone="Europe/Berlin").organization_id
    hook = notifications.add_webhook(
        empty_services.database, acme, name="Chat *1*", url="https://x.example/", sealed=b"x", by="ann"
    )
    at = workbench.open(empty_services, "admin")
    at.session_state["admin_tab"] = "Notifications"
    at.run()
    assert "Not called yet" in as_read("\n".join(one.value for one in at.markdown))
    at.button(key=f"hook_{hook}_test").click().run()
    assert not at.exception
    words = as_read("\n".join(one.value for one in at.markdown))
    assert "The address answers 503." in words
    assert "Last test" in words
    assert [(one.event, one.url) for one in sent] == [("test", "https://x.example/")]
