"""Access tokens of CRMs, shared by all processes: encrypted in the database, and fetched by one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from adapters.errors import RetriableError
from snapshots.access import WRITABLE
from snapshots.database import Database, driver_url
from snapshots.sealing import cipher

PURPOSE = b"slms crm tokens"
LOCKS = 7_404
"""Sets the advisory locks of this module apart from the others."""
LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseTokenCache:
    """`adapters.base.TokenCache` in the database. secret_key: SECRET_KEY, from which the key is derived. A token that
    was encrypted with another one counts as none: the CRM is then asked for a new one."""

    database: Database
    organization_id: int
    secret_key: str = field(repr=False)
    now: Callable[[], datetime]

    def get(self, account: str) -> str | None:
        """The token; None where there is none, or it has expired."""
        with self.database.as_app(self.organization_id) as connection:
            held = connection.execute(
                text(
                    "SELECT token FROM crm_tokens WHERE organization_id = :organization AND account = :account "
                    "AND expires_at > :now"
                ),
                {"organization": self.organization_id, "account": account, "now": self.now()},
            ).scalar_one_or_none()
        try:
            return self._cipher().decrypt(bytes(held)).decode() if held is not None else None
        except InvalidToken:
            return None

    def put(self, account: str, token: str, *, expires_at: datetime) -> None:
        """Keep it until then, for everybody."""
        given = {"organization": self.organization_id, "account": account, "expires_at": expires_at}
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "INSERT INTO crm_tokens (organization_id, account, token, expires_at) "
                    "VALUES (:organization, :account, :token, :expires_at) "
                    "ON CONFLICT (organization_id, account) DO UPDATE "
                    "SET token = excluded.token, expires_at = excluded.expires_at"
                ),
                {**given, "token": self._cipher().encrypt(token.encode())},
            )

    def _cipher(self) -> Fernet:
        return cipher(self.secret_key, PURPOSE)


class DatabaseLock:
    """`adapters.base.Lock` among all processes that use the database: an advisory lock, which dies with its holder.

    Each holder has a connection of its own beside the pool: a CRM is asked meanwhile, and what is asked needs the pool.
    """

    def __init__(self, database: Database, organization_id: int) -> None:
        self._organization_id = organization_id
        self._engine: Engine = create_engine(
            driver_url(database.url),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": 10,
                "application_name": "slms lock",
                "options": f"-c lock_timeout={int(LONGEST_WAIT_S * 1000)}",
                "target_session_attrs": WRITABLE,
            },
        )

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Only one holder of `name` at a time. Raises RetriableError where another one does not let go."""
        with self._engine.connect() as connection:
            try:
                connection.execute(
                    text("SELECT pg_advisory_lock(:locks, hashtext(:name))"),
                    {"locks": LOCKS, "name": f"{self._organization_id} {name}"},
                )
            except OperationalError as error:
                raise RetriableError(
                    f"Another process has worked on the same for {LONGEST_WAIT_S:.0f} s. It is tried again later."
                ) from error
            yield  # closing the connection lets go
