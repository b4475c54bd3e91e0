"""Webhooks: a new lead as JSON to an address of the organization, signed, so that the receiver knows that it is ours.

`SLMS-Signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256 of "<t>.<body>" under the webhook's secret. Who verifies it
takes the body as it came, compares in constant time, and refuses a `t` that is older than five minutes.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

import httpcore
import httpx
import orjson
from cryptography.fernet import InvalidToken

from adapters.http_transport import Deadline, GuardedTransport, PrivateHostError
from ops.settings import Settings, secret_key
from snapshots.notifications import Notification, Outcome
from snapshots.sealing import cipher

PURPOSE = b"slms webhook secrets"
DEADLINE_S = 15.0
"""Of a whole request: look-up, connection, answer."""
LONGEST_URL = 2000
NOT_NOW = frozenset({408, 409, 423, 425, 429})
"""Refusals of a client that say that the same may work later."""


class WebhookRefused(ValueError):
    """This cannot be a webhook's address; the message says why."""


def new_secret() -> str:
    """256 random bits, as text that is easily copied."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def seal(settings: Settings, secret: str) -> bytes:
    """As it is stored."""
    return cipher(secret_key(settings).get_secret_value(), PURPOSE).encrypt(secret.encode())


def opened(settings: Settings, sealed: bytes) -> str | None:
    """The secret; None where it was sealed under another SECRET_KEY."""
    try:
        return cipher(secret_key(settings).get_secret_value(), PURPOSE).decrypt(sealed).decode()
    except InvalidToken:
        return None


def check_address(url: str, *, allow_private_hosts: bool) -> str:
    """The address without white space around it. Raises WebhookRefused. Where its name leads is judged at each request,
    for that may change."""
    cleaned = url.strip()
    try:
        parts = urlsplit(cleaned)
        _ = parts.port
    except ValueError:
        raise WebhookRefused("This is no address.") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or not cleaned.isprintable() or " " in cleaned:
        raise WebhookRefused("An address starts with https:// and names a host.")
    if parts.scheme == "http" and not allow_private_hosts:
        raise WebhookRefused("Plain http:// would show leads to everyone on the way. Use https://.")
    if parts.username or parts.password:
        raise WebhookRefused(
            "An address holds no user and password here: they would be shown. The signature proves us."
        )
    if len(cleaned) > LONGEST_URL:
        raise WebhookRefused(f"An address has at most {LONGEST_URL} characters.")
    return cleaned


def signature(secret: str, body: bytes, *, at: int) -> str:
    """What the header says. at: Unix seconds."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256)
    return f"t={at},v1={signed.hexdigest()}"


def body_of(claim: Notification) -> bytes:
    """The same on every attempt."""
    lead = dict(claim.lead)
    fields, owner, address = lead.pop("extra"), lead.pop("owner"), lead.pop("owner_email")
    told = {
        "event": claim.event,
        "id": claim.message_id,
        "organization": claim.organization,
        "lead": {
            "id": str(lead.pop("lead_id")), **lead, "fields": fields,
            "owner": {"name": owner, "email": address} if owner or address else None,
        },
    }  # fmt: skip
    return orjson.dumps(told, default=str, option=orjson.OPT_UTC_Z)


@dataclass(slots=True)
class WebhookSender:
    """settings: of the installation, whose key opens the secrets. transport: replaced by tests. For any thread."""

    settings: Settings
    transport: httpx.BaseTransport | None = None
    _deadline: Deadline = field(init=False)
    _client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = Deadline(time.monotonic)
        guarded = GuardedTransport(self._deadline, allow_private_hosts=self.settings.allow_private_hosts)
        self._client = httpx.Client(
            transport=self.transport or guarded, timeout=DEADLINE_S, follow_redirects=False, trust_env=False
        )

    def send(self, claim: Notification, *, now: datetime) -> Outcome:
        """What the address answers. Never raises for what a network or a server does."""
        if claim.url is None or claim.sealed is None:
            return _parked("config", "The webhook was removed or switched off.")
        secret = opened(self.settings, claim.sealed)
        if secret is None:
            return _parked("config", "Its secret was sealed under another SECRET_KEY. Add the webhook anew.")
        body, at = body_of(claim), int(now.timestamp())
        signed = {"SLMS-Event-Id": claim.message_id, "SLMS-Signature": signature(secret, body, at=at)}
        return self.post(claim.url, body, signed)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """What an address answers to this JSON. Never raises for what a network or a server does."""
        try:
            check_address(url, allow_private_hosts=self.settings.allow_private_hosts)
            return _judged(self._status(url, body, headers))
        except WebhookRefused as error:
            return _parked("config", str(error))
        except PrivateHostError:
            return _parked(
                "config", "Its address leads into a private network. Set ALLOW_PRIVATE_HOSTS=true if it is yours."
            )
        except (httpx.HTTPError, httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            return Outcome(state="pending", detail=f"The address cannot be reached: {type(error).__name__}.")

    def _status(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        sent = {"Content-Type": "application/json", "User-Agent": "SLMS", **headers}
        # The answer's body says nothing that we need, so it is not even read.
        with (
            self._deadline.within(DEADLINE_S),
            self._client.stream("POST", url, content=body, headers=sent) as answer,
        ):
            return answer.status_code

    def close(self) -> None:
        self._client.close()


def _judged(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome(state="sent", detail=f"The address answers {status}.")
    if 300 <= status < 400:
        return _parked(
            "rejected", f"The address answers {status}: redirects are not followed. Enter the final address."
        )
    if 400 <= status < 500 and status not in NOT_NOW:
        return _parked("rejected", f"The address refuses it ({status}).")
    return Outcome(state="pending", detail=f"The address answers {status}.")


def _parked(reason: str, detail: str) -> Outcome:
    return Outcome(state="parked", reason=reason, detail=detail)
