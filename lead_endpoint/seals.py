"""What the endpoint hands out signed and takes back: a token that says when a form was shown, and a proof of work.

Neither says who somebody is. A token is bound to its form and to the time; a proof costs a browser about half a second,
and counts once (per process: a second one forgets, which costs whoever tries it as much again).

Sources: HMAC (RFC 2104); ALTCHA's proof of work, version 1 (https://altcha.org/docs/v1/proof-of-work/).
"""

from __future__ import annotations

import base64
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Final

import orjson
from altcha import v1 as altcha

TOKEN_LASTS: Final = timedelta(days=7)
"""People leave a page open over a weekend and send what they wrote there then."""
PROOF_LASTS: Final = timedelta(minutes=20)
CLOCKS_APART: Final = timedelta(seconds=60)
"""So far may the clock of the machine that made a token be ahead of ours."""
WORK: Final = 50_000
"""The number that is to be found is below this: half of it, on average, are hashed."""
MOST_SPENT: Final = 100_000
MOST_SOLUTION: Final = 1_000
"""Characters of a solution."""


@dataclass
class Seals:
    """make_key: 32 secret bytes that all processes of an installation share; asked for at the first use."""

    make_key: Callable[[], bytes]
    _spent: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def _key(self) -> bytes:
        return self.make_key()

    def token(self, form_key: str, now: datetime) -> str:
        """For a form that is shown now."""
        shown_ms = int(now.timestamp() * 1000)
        return f"{shown_ms}.{self._signature(form_key, shown_ms)}"

    def age(self, token: str, form_key: str, now: datetime) -> timedelta | None:
        """How long ago the form was shown; None where the token is not ours, of another form, or too old."""
        shown, _, signature = token.partition(".")
        if not (shown.isascii() and shown.isdigit() and len(shown) <= 15):
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(form_key, int(shown)).encode()):
            return None
        age = timedelta(milliseconds=now.timestamp() * 1000 - int(shown))
        return max(age, timedelta()) if -CLOCKS_APART <= age <= TOKEN_LASTS else None

    def _signature(self, form_key: str, shown_ms: int) -> str:
        made = hmac.digest(self._key, f"token\n{form_key}\n{shown_ms}".encode(), sha256)
        return base64.urlsafe_b64encode(made[:18]).decode()

    def challenge(self, form_key: str, now: datetime) -> dict[str, object]:
        """What a browser is to solve, in ALTCHA's form."""
        made = altcha.create_challenge(
            altcha.ChallengeOptions(
                max_number=WORK, hmac_key=self._key, expires=now + PROOF_LASTS, params={"form": form_key}
            )
        )
        return {
            "algorithm": made.algorithm,
            "challenge": made.challenge,
            "maxnumber": made.max_number,
            "salt": made.salt,
            "signature": made.signature,
        }

    def is_solved(self, solution: str, form_key: str, now: datetime) -> bool:
        """Whether this solves a challenge of ours, for this form, in time, for the first time."""
        try:
            given = orjson.loads(base64.b64decode(solution[:MOST_SOLUTION], validate=True))
            payload = altcha.Payload.from_dict(given)
            asked = altcha.extract_params(payload.to_dict())
            in_time = now.timestamp() <= float(asked["expires"][0])
            is_ours = asked["form"] == [form_key] and altcha.verify_solution(payload, self._key, check_expires=False)[0]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return False
        return bool(is_ours and in_time and payload.challenge not in self._spent)

    def spend(self, solution: str) -> None:
        """A lead was accepted with this solution, which is worth nothing any more."""
        challenge = orjson.loads(base64.b64decode(solution))["challenge"]
        with self._guard:
            self._spent[challenge] = None
            if len(self._spent) > MOST_SPENT:
                self._spent.popitem(last=False)
