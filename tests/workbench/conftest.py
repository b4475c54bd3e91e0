"""Pages on a real database: `demo_house` and `real_house` are read only, `workbench` opens pages of one of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import streamlit as st
from databases import CopyOf
from made_installation import NOW, House, demo_house_of, real_house_of
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from ops.services import Services
from ops.settings import Settings
from snapshots.database import Database
from workbench import installation, shell

ENTRY = Path(__file__).with_name("page_entry.py")
PAGES = "../../workbench/pages"
LOGIN = {"auth": {"redirect_uri": "http://127.0.0.1:8501/oauth2callback"}}


@pytest.fixture(scope="session")
def demo_house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as house:
        yield house


@pytest.fixture(scope="session")
def real_house(copy_of: CopyOf, shared_data: Path) -> Iterator[House]:
    with real_house_of(copy_of, shared_data) as house:
        yield house


@pytest.fixture
def empty_services(database: Database, tmp_path: Path) -> Services:
    """An installation without any organization, which a test may change."""
    settings = Settings(_env_file=None, slms_home=tmp_path)
    return Services(settings=settings, database_url=database.url, database=database, now=lambda: NOW)


@pytest.fixture
def own_house(copy_of: CopyOf, tmp_path: Path) -> Iterator[House]:
    """The sample organization, to be changed."""
    with demo_house_of(copy_of, slms_home=tmp_path) as house:
        yield house


@pytest.fixture(scope="session", autouse=True)
def _packages_scanned_once() -> Iterator[None]:
    """Streamlit looks through every installed package for components, anew for each page that a test opens: that is
    most of the time that such a test takes."""
    with pytest.MonkeyPatch.context() as patch:
        scan = manifest_scanner.scan_component_manifests
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(scan))
        yield


@pytest.fixture(autouse=True)
def nothing_cached() -> Iterator[None]:
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def address() -> Iterator[Callable[[str], None]]:
    """Changes the address that the server is bound to."""
    before = config.get_option("server.address")
    yield lambda address: config.set_option("server.address", address)
    config.set_option("server.address", before)


class _Enough(Exception):
    """Ends a page before it draws."""


def functions_of(page: str) -> ModuleType:
    """A page's module without a run of the page, which its last line starts."""

    def begin(*_: object, **__: object) -> None:
        raise _Enough

    spec = importlib.util.spec_from_file_location(f"page_{page}", ENTRY.parent / PAGES / f"{page}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch, suppress(_Enough):
        patch.setattr(shell, "begin", begin)
        spec.loader.exec_module(module)
    return module


class Workbench:
    """Opens pages as somebody, on one installation."""

    def __init__(self, install: Callable[[Services], None]) -> None:
        self._install = install

    def use(self, house: House | Services) -> None:
        """Puts the pages, and what loads their data, on this installation."""
        self._install(house.services if isinstance(house, House) else house)

    def open(
        self,
        house: House | Services,
        page: str = "overview",
        *,
        email: str | None = None,
        now: datetime = NOW,
        theme: str = "light",
        **params: str | list[str],
    ) -> AppTest:
        """email: of the person signed in; None: the local administrator. params: of the URL."""
        self.use(house)
        at = AppTest.from_file(ENTRY, default_timeout=60)
        at.context["theme"] = theme
        at.session_state["test_now"] = now
        if email is not None:
            at.secrets, at.user = dict(LOGIN), {"is_logged_in": True, "email": email}
        at.query_params.update(params)
        # A page's file has the name that stands in its address.
        return at.run() if page == "overview" else go(at, page, **params)


def go(at: AppTest, page: str, **params: str | list[str]) -> AppTest:
    """Switches to another page."""
    at.switch_page(f"{PAGES}/{page}.py")
    at.query_params.update(params)
    return at.run()


@pytest.fixture
def workbench(monkeypatch: pytest.MonkeyPatch, address: Callable[[str], None]) -> Workbench:
    address("127.0.0.1")

    def install(services: Services) -> None:
        monkeypatch.setattr(installation, "open_services", lambda _: services)
        st.cache_resource.clear()

    return Workbench(install)
