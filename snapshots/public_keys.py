"""Keys that are handed out: they carry their organization's number, so that a look-up needs no right to cross
organizations. The number is no secret; what proves anything is the random part."""

from __future__ import annotations

import re
import secrets

_FORM_KEY = re.compile(r"(\d{1,18})-[0-9A-Za-z_-]{8,64}")
_API_KEY = re.compile(r"slms_(\d{1,18})_[0-9A-Za-z_-]{43}")


def new_form_key(organization_id: int) -> str:
    return f"{organization_id}-{secrets.token_hex(16)}"


def new_api_key(organization_id: int) -> str:
    """256 random bits."""
    return f"slms_{organization_id}_{secrets.token_urlsafe(32)}"


def organization_of(key: str) -> int | None:
    """Whose form or API key this claims to be; None where it cannot be one."""
    found = _FORM_KEY.fullmatch(key) or _API_KEY.fullmatch(key)
    return int(found[1]) if found else None
