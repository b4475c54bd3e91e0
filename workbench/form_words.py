"""What people are told of a form's state."""

from __future__ import annotations

from typing import Final, Literal

from snapshots.form_versions import FormSummary, Status

Colour = Literal["gray", "green", "orange"]
STATUSES: Final[dict[Status, tuple[str, str, Colour]]] = {
    "draft": ("Draft", "edit_note", "gray"),
    "published": ("Published", "check_circle", "green"),
    "paused": ("Paused", "pause_circle", "orange"),
    "archived": ("Archived", "archive", "gray"),
}
"""Word, icon and colour."""


def standing(form: FormSummary) -> str:
    """Which version is answered, and whether the draft is ahead of it."""
    if form.published_version is None:
        return "Never published"
    version = f"Version {form.published_version}"
    return f"{version}, unpublished changes" if form.has_unpublished_changes else version
