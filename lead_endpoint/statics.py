"""The files that websites load: the widget, what notes where a visitor came from, and what the hosted page of a form
needs. Built into `static/` from `widget/`; read once."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from hashlib import sha256, sha384
from pathlib import Path
from typing import Final

from lead_endpoint.messages import Answer, Request, problem

STATIC: Final = Path(__file__).parent / "static"
SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
SHORT, FOREVER = "public, max-age=300", "public, max-age=31536000, immutable"
FILES: Final = {
    "widget.js": (SCRIPT, SHORT),
    "widget.v1.js": (SCRIPT, FOREVER),
    "widget.work.v1.js": (SCRIPT, FOREVER),
    "touch.js": (SCRIPT, SHORT),
    "touch.v1.js": (SCRIPT, FOREVER),
    "frame.js": (SCRIPT, SHORT),
    "form.css": (STYLE, SHORT),
}
"""By name: media type, and how long it may be kept. What is named by its version never changes."""


@dataclass(frozen=True, slots=True)
class File:
    """integrity: what a page may hold it against (Subresource Integrity)."""

    body: bytes
    etag: str
    integrity: str


@cache
def read(name: str) -> File | None:
    """None where it is not built here."""
    path = STATIC / name
    if not path.is_file():
        return None
    body = path.read_bytes()
    hashed = base64.b64encode(sha384(body).digest()).decode()
    return File(body, f'"{sha256(body).hexdigest()[:32]}"', f"sha384-{hashed}")


def send(name: str, request: Request) -> Answer:
    """The file, for pages of any origin; 304 where the browser has it."""
    kind, keep = FILES[name]
    file = read(name)
    if file is None:
        return problem(404, f"{name} is not built here.")
    headers = (
        ("cache-control", keep),
        ("etag", file.etag),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
    )
    known = {one.strip().removeprefix("W/") for one in request.header("if-none-match").split(",")}
    if file.etag in known or "*" in known:
        return Answer(304, b"", kind, headers)
    return Answer(200, file.body, kind, headers)
