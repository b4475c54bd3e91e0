"""Links by which whoever gets a weekly report by mail ends that, at once and without a login (RFC 8058).

A link names the organization and the recipient and is signed, so that nobody unsubscribes others by counting. It holds
for good: it can do nothing but end mail.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from ops.settings import Settings, secret_key
from snapshots import report_archive
from snapshots.database import Database
from snapshots.report_archive import Recipient
from snapshots.sealing import derived_key

PATH: Final = "/public/unsubscribe/"
PURPOSE: Final = b"slms unsubscribe links"
_TOKEN: Final = re.compile(r"([1-9]\d{0,18})-([1-9]\d{0,18})-([\w-]{24})", re.ASCII)
_MOST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a link names."""

    organization_id: int
    recipient_id: int


def link(settings: Settings, named: Named) -> str | None:
    """None where nobody said under which address we are reached (PUBLIC_URL)."""
    if settings.public_url is None:
        return None
    return f"{settings.public_url.rstrip('/')}{PATH}{token(settings, named)}"


def token(settings: Settings, named: Named) -> str:
    """What stands at the end of the link."""
    return f"{named.organization_id}-{named.recipient_id}-{_signature(settings, named)}"


def read(settings: Settings, given: str) -> Named | None:
    """None where it is none of ours."""
    found = _TOKEN.fullmatch(given)
    if found is None or max(int(found[1]), int(found[2])) > _MOST:
        return None
    named = Named(int(found[1]), int(found[2]))
    return named if hmac.compare_digest(found[3], _signature(settings, named)) else None


def recipient(database: Database, named: Named) -> Recipient | None:
    """None: not on the list any more."""
    return report_archive.get_recipient(database, named.organization_id, named.recipient_id)


def unsubscribe(database: Database, named: Named, *, at: datetime) -> Recipient | None:
    """Nothing more is sent there; again changes nothing. None: not on the list any more."""
    return report_archive.unsubscribe(database, named.organization_id, named.recipient_id, at=at)


def _signature(settings: Settings, named: Named) -> str:
    key = derived_key(secret_key(settings).get_secret_value(), PURPOSE)
    made = hmac.digest(key, f"{named.organization_id} {named.recipient_id}".encode(), sha256)
    return base64.urlsafe_b64encode(made[:18]).decode()
