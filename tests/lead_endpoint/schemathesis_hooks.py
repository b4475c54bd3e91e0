"""What Schemathesis cannot know from the document: which form and CRM there are; and a record of what it was answered.

Loaded by Schemathesis' own process. FUZZ_FORM: the key of a form; FUZZ_RECORD: a file that gets a line per answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from itertools import count
from pathlib import Path
from typing import Any

import schemathesis

FORM, RECORD = os.environ["FUZZ_FORM"], Path(os.environ["FUZZ_RECORD"]).open("a")  # noqa: SIM115
_numbers = count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """What is well formed is made to exist as well: half of the CRMs are the connected one, every form is the one there
    is, and no idempotency key was used with another body."""
    if re.fullmatch("[a-z]+", str(case.path_parameters.get("provider", ""))) and next(_numbers) % 2:
        case.path_parameters["provider"] = "demo"
    if re.fullmatch("[0-9]{1,18}-[0-9A-Za-z_-]{8,64}", str(case.path_parameters.get("key", ""))):
        case.path_parameters["key"] = FORM
    if isinstance(case.query.get("form"), str):
        case.query["form"] = FORM
    if isinstance(case.body, dict) and "form" in case.body:
        case.body["form"] = FORM
    if re.fullmatch("[!-~]{1,255}", str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = f"fuzz-{os.getpid()}-{next(_numbers)}"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    sent = response.request.body or b""
    body = sent if isinstance(sent, bytes) else str(sent).encode()
    is_lead = (case.method.upper(), case.path) == ("POST", "/public/leads") and response.status_code in {200, 202}
    line = {
        "method": case.method.upper(),
        "path": case.path,
        "status": response.status_code,
        "hash": hashlib.sha256(body).hexdigest(),
        "lead_id": json.loads(response.content)["lead_id"] if is_lead else None,
    }
    RECORD.write(json.dumps(line) + "\n")
    RECORD.flush()
