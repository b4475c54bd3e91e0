"""A page in Chromium, and applications on loopback for it to open."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # werkzeug's own name
        pass


@contextmanager
def served(application: Any) -> Iterator[str]:
    """The address of a WSGI application that answers on loopback."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def page_of(chromium: str, *, scripts: bool = True) -> Iterator[Page]:
    """A fresh page. scripts: whether JavaScript is on."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            context = browser.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=scripts)
            yield context.new_page()
        finally:
            browser.close()
