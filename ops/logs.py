"""The log of a process: one line per event on standard error, never with a secret in it."""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from ops.settings import Settings

HIDDEN = "•••"
LEAST_LETTERS = 4
"""What is shorter stands in lines by chance."""
_learnt: set[str] = set()


class RedactingFormatter(logging.Formatter):
    """Takes every known secret out of the finished line, tracebacks included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._secrets = frozenset(one for one in secrets if len(one) >= LEAST_LETTERS)

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record), self._secrets)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Without these secrets, and those that this process learnt."""
    for secret in sorted({*secrets, *_learnt}, key=len, reverse=True):
        if len(secret) >= LEAST_LETTERS:
            text = text.replace(secret, HIDDEN)
    return text


def hide(secrets: Iterable[str]) -> None:
    """Secrets that this process learnt while it runs: no log of it shows them from now on."""
    _learnt.update(one for one in secrets if len(one) >= LEAST_LETTERS)


def error_id(error: BaseException) -> str:
    """A short id of this kind of failure at this place, the same each time, to be found in the log: "E-7F3A-91C2"."""
    frames = traceback.extract_tb(error.__traceback__)
    place = "".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
    digest = hashlib.sha256(f"{type(error).__name__}{place}".encode()).hexdigest().upper()
    return f"E-{digest[:4]}-{digest[4:8]}"


def configure(settings: Settings, *, level: int = logging.INFO) -> None:
    """Make all loggers of this process write through the redaction."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets_of(settings)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("procrastinate.periodic", "procrastinate.blueprints", "alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for busy in ("procrastinate.worker", "procrastinate.worker.slms", "procrastinate.jobs"):
        logging.getLogger(busy).addFilter(_is_worth_a_line)


ROUTINE = ("retry_stalled_jobs", "defer_due_refreshes", "forget_old_jobs")
"""Jobs that look every few minutes whether there is something to do; they are told where they fail."""


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or not any(name in record.getMessage() for name in ROUTINE)


def secrets_of(settings: Settings) -> set[str]:
    """All secret values, and the passwords inside addresses, as written and as decoded."""
    values = {value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)}
    passwords = {urlsplit(value).password for value in values if "://" in value} - {None, ""}
    return values | {form for one in passwords if one for form in (one, unquote(one))}
