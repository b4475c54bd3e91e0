"""Who we are to Salesforce: access tokens by client credentials, signed assertion (JWT) or refresh token.

A token is shared by all workers and fetched by one of them at a time: Salesforce refuses more than 3,600 log-ins an
hour. How long it lasts is a setting of the org, so it is used until an answer refuses it, then fetched anew, once.
Source: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from adapters.base import Lock, TokenCache
from adapters.errors import ConfigError, RetriableError
from adapters.http import FORM, HIDDEN, Call, HttpClient

LOGIN_URL, TOKEN_PATH = "https://login.salesforce.com", "/services/oauth2/token"
TRUSTED = (".salesforce.com", ".force.com")
KEPT_FOR, REFRESH_KEPT_FOR = timedelta(hours=12), timedelta(days=365)
ASSERTION_LASTS = timedelta(minutes=3)
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TEMPORARY = frozenset({"unknown_error", "temporarily_unavailable", "server_error"})
TOO_OFTEN = "login rate exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceAccess:
    """login_url: of the org's My Domain, or https://login.salesforce.com. One of: refresh_token; private_key (PEM) with
    username; client_secret alone. lead_id_field, source_field: contact fields in which the lead's id and source are
    kept; None: they are not sent. assumed_currency: of an org with one currency alone, which does not tell it."""

    client_id: str
    login_url: str = LOGIN_URL
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    private_key: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    version: str = "62.0"
    lead_id_field: str | None = None
    source_field: str | None = None
    assumed_currency: str | None = None
    allow_private_hosts: bool = False

    @property
    def account(self) -> str:
        """Names the budget and the token of this access without telling a secret."""
        own = "\n".join((self.login_url, self.client_id, self.username or "", self.refresh_token or ""))
        return f"salesforce {hashlib.sha256(own.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Token:
    """user_id: whose it is; empty where the log-in does not tell."""

    access_token: str = field(repr=False)
    instance_url: str
    user_id: str = ""


class Tokens:
    """Any number of threads may use it. http: of the log-in host. now: the clock (aware)."""

    def __init__(
        self, own: SalesforceAccess, http: HttpClient, cache: TokenCache, lock: Lock, now: Callable[[], datetime]
    ) -> None:
        self._own, self._http, self._cache, self._lock, self._now = own, http, cache, lock, now
        self._held: Token | None = None
        self._thread = threading.local()

    def close(self) -> None:
        self._http.close()

    def get(self) -> Token:
        held = self._held
        return held if held is not None else self._settled(None)

    def headers(self) -> Mapping[str, str]:
        """Credentials of a request. Which ones this thread used last is remembered for `renew`."""
        token = self.get()
        self._thread.used = token.access_token
        return {"authorization": f"Bearer {token.access_token}"}

    def renew(self) -> None:
        """After an answer that refuses the token that this thread used."""
        self._held = None
        self._settled(getattr(self._thread, "used", None))

    def _settled(self, refused: str | None) -> Token:
        """The token that somebody else fetched meanwhile, else a new one."""
        with self._lock.hold(f"{self._own.account} log-in"):
            token = _read(self._cache.get(self._own.account))
            if token is None or token.access_token == refused:
                token = self._fetched()
                kept = orjson.dumps(asdict(token)).decode()
                self._cache.put(self._own.account, kept, expires_at=self._now() + KEPT_FOR)
        self._held = token
        return token

    # --- the log-in ---

    def _fetched(self) -> Token:
        rotated = self._cache.get(self._refresh_name) if self._own.refresh_token else None
        return self._asked({**self._grant(), **({"refresh_token": rotated} if rotated else {})})

    @property
    def _refresh_name(self) -> str:
        return f"{self._own.account} refresh"

    def _grant(self) -> dict[str, str]:
        own = self._own
        if own.refresh_token:
            secret = {"client_secret": own.client_secret} if own.client_secret else {}
            who = {"client_id": own.client_id, "refresh_token": own.refresh_token}
            return {"grant_type": "refresh_token", **who, **secret}
        if own.private_key:
            return {"grant_type": JWT_BEARER, "assertion": self._assertion(own.private_key)}
        if own.client_secret:
            secret = {"client_secret": own.client_secret}
            return {"grant_type": "client_credentials", "client_id": own.client_id, **secret}
        raise ConfigError(
            "Salesforce: no way to log in. Set SALESFORCE_CLIENT_SECRET, or SALESFORCE_PRIVATE_KEY_FILE with "
            "SALESFORCE_USERNAME, or SALESFORCE_REFRESH_TOKEN.", setting="SALESFORCE_CLIENT_SECRET",
        )  # fmt: skip

    def _assertion(self, private_key: str) -> str:
        if not self._own.username:
            raise ConfigError(
                "Salesforce: SALESFORCE_USERNAME is missing: for whom the key signs.", setting="SALESFORCE_USERNAME"
            )
        claims = {
            "iss": self._own.client_id, "sub": self._own.username, "aud": audience(self._own.login_url),
            "exp": int((self._now() + ASSERTION_LASTS).timestamp()),
        }  # fmt: skip
        try:
            return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(private_key))
        except (JoseError, ValueError, TypeError) as error:
            raise ConfigError(
                "Salesforce: SALESFORCE_PRIVATE_KEY_FILE holds no RSA private key in PEM form without a password.",
                setting="SALESFORCE_PRIVATE_KEY_FILE",
            ) from error

    def _asked(self, form: Mapping[str, str]) -> Token:
        call = Call(
            method="POST", path=TOKEN_PATH, what="log-in", idempotent=True, body=form, media_type=FORM,
            accept=frozenset({400, 401}),
        )  # fmt: skip
        answer = self._http.send(call)
        body = answer.json if isinstance(answer.json, dict) else {}
        if answer.status != 200 or not body.get("access_token") or not body.get("instance_url"):
            raise self._refused(body, form)
        user_id = str(body.get("id") or "").rpartition("/")[2]
        token = Token(str(body["access_token"]), self._believed(str(body["instance_url"])), user_id)
        if body.get("refresh_token") and self._own.refresh_token:
            # Orgs may change the refresh token with each use.
            ends = self._now() + REFRESH_KEPT_FOR
            self._cache.put(self._refresh_name, str(body["refresh_token"]), expires_at=ends)
        return token

    def _refused(self, body: Mapping[str, object], form: Mapping[str, str]) -> Exception:
        error, said = str(body.get("error") or "no token"), str(body.get("error_description") or "")[:200]
        for secret in form.values():
            said = said.replace(secret, HIDDEN) if len(secret) >= 4 else said
        if error in TEMPORARY or TOO_OFTEN in said.lower():
            return RetriableError(f"Salesforce cannot log us in just now: {error}: {said}. It is tried again later.")
        setting = "SALESFORCE_CLIENT_ID"
        if "secret" in said or error == "invalid_client":
            setting = "SALESFORCE_CLIENT_SECRET"
        elif error == "invalid_grant":
            setting = "SALESFORCE_REFRESH_TOKEN" if self._own.refresh_token else "SALESFORCE_USERNAME"
        remedy = f"Check {setting}, the app's policies in Salesforce's Setup, and SALESFORCE_LOGIN_URL"
        return ConfigError(f"Salesforce refuses the log-in: {error}: {said}. {remedy}.", setting=setting)

    def _believed(self, url: str) -> str:
        """The address of the org, if it is one of Salesforce's: our token goes there with every request."""
        parts, own = urlsplit(url), urlsplit(self._own.login_url)
        host = (parts.hostname or "").lower()
        is_known = host == (own.hostname or "").lower() or host.endswith(TRUSTED)
        if not is_known or parts.scheme not in {"https", own.scheme}:
            raise ConfigError(
                f"Salesforce's log-in names {host or 'no host'} as the org's address, which is none of Salesforce's. "
                "Nothing was sent there. Check SALESFORCE_LOGIN_URL.", setting="SALESFORCE_LOGIN_URL",
            )  # fmt: skip
        return f"{parts.scheme}://{parts.netloc}"


def audience(login_url: str) -> str:
    """For whom an assertion is made: one of Salesforce's two log-in hosts, whatever the org's own address."""
    host = (urlsplit(login_url).hostname or "").lower()
    if not host.endswith(TRUSTED):
        return login_url.rstrip("/")
    is_test = host == "test.salesforce.com" or ".sandbox." in host
    return "https://test.salesforce.com" if is_test else LOGIN_URL


def _read(text: str | None) -> Token | None:
    return Token(**orjson.loads(text)) if text else None
