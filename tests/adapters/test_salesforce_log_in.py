"""Log-ins: three ways, one at a time for all, renewed once when refused, and never to a stranger's host."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import httpx
import pytest
import stamina
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from made_salesforce import ACCESS, NOW, SECRET, made_adapter, made_ports, made_server, made_world

from adapters.base import MemoryLock, MemoryTokenCache
from adapters.errors import ConfigError, FatalError, RetriableError
from adapters.records import Kind
from adapters.salesforce.tokens import audience
from adapters.sandbox import Fault, Mishap, SandboxTransport, Size
from adapters.sandbox.salesforce import SalesforceServer

FEW = Size(owners=2, companies=30, contacts=4, deals=2, activities=2, leads=2, days=5)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


@pytest.fixture
def server() -> SalesforceServer:
    return made_server(made_world(size=FEW))


def test_an_assertion_is_signed_for_the_user_and_ends_within_minutes(server: SalesforceServer) -> None:
    own = replace(ACCESS, client_secret=None, private_key=PEM, username="ada@acme.example")
    assert made_adapter(server, access=own).list_owners()
    [assertion] = server.assertions
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    told = jwt.decode(assertion, RSAKey.import_key(public.decode()), algorithms=["RS256"])
    assert told.header["alg"] == "RS256"
    assert (told.claims["iss"], told.claims["sub"]) == ("client", "ada@acme.example")
    assert told.claims["aud"] == "https://login.salesforce.com"
    assert 0 < told.claims["exp"] - NOW.timestamp() <= 300


@pytest.mark.parametrize(
    ("login_url", "aud"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com/", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://proxy.acme.example", "https://proxy.acme.example"),
    ],
)
def test_an_assertion_is_for_one_of_salesforce_s_two_hosts(login_url: str, aud: str) -> None:
    assert audience(login_url) == aud


def test_a_refresh_token_that_the_org_changes_is_used_from_then_on(server: SalesforceServer) -> None:
    server.rotates_refresh = True
    cache = MemoryTokenCache(now=server.world.clock.now)
    own = replace(ACCESS, refresh_token="sandbox-refresh")
    for logins in (1, 2, 3):
        ports = made_ports(server, token_cache=cache)
        assert made_adapter(server, access=own, ports=ports).list_owners()
        assert server.logins == logins
        server.tokens.clear()
    server.refresh_token = "entered-by-a-person"
    with pytest.raises(ConfigError, match="SALESFORCE_REFRESH_TOKEN"):
        made_adapter(server, access=own, ports=made_ports(server, token_cache=cache)).list_owners()
    own = replace(own, refresh_token="entered-by-a-person")
    assert made_adapter(server, access=own, ports=made_ports(server, token_cache=cache)).list_owners()


def test_eight_workers_that_race_fetch_one_token_and_one_more_when_it_ends(server: SalesforceServer) -> None:
    cache = MemoryTokenCache(now=server.world.clock.now)
    adapters = [made_adapter(server, ports=made_ports(server, token_cache=cache)) for _ in range(8)]
    for logins in (1, 2):
        start = Barrier(8)

        def ask(number: int, start: Barrier = start) -> int:
            start.wait()
            return len(adapters[number].list_owners())

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ask, range(8)))) == 1
        assert server.logins == logins
        server.tokens.clear()


def test_whoever_logs_in_holds_the_lock(server: SalesforceServer) -> None:
    lock, held = MemoryLock(), list[bool]()

    class Watching(SandboxTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/token"):
                held.append(any(one.locked() for one in lock._locks.values()))
            return super().handle_request(request)

    adapter = made_adapter(server, ports=made_ports(server, lock=lock, transport=Watching(server)))
    for _ in range(2):
        assert adapter.list_owners()
        server.tokens.clear()
    assert held == [True, True]


def test_a_token_that_ends_in_the_middle_of_a_pass_is_fetched_once_and_nothing_is_lost(
    server: SalesforceServer,
) -> None:
    adapter = made_adapter(server, page_size=5)
    whole = [one for page in adapter.changes(Kind.COMPANY, None) for one in page.changes]
    pages = adapter.changes(Kind.COMPANY, None)
    found = list(next(pages).changes)
    server.faults.plan(Fault(mishap=Mishap.EXPIRED, route="queryAll"))
    found += [one for page in pages for one in page.changes]
    assert found == whole
    assert server.logins == 2


def test_a_token_that_is_refused_again_and_again_is_not_asked_for_for_ever(server: SalesforceServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.EXPIRED, route="composite/batch", times=99))
    with pytest.raises(ConfigError):
        made_adapter(server).list_owners()
    assert server.logins == 2


@pytest.mark.parametrize(
    "host", ["https://evil.example", "https://evil-salesforce.com", "http://acme.my.salesforce.com", "https://"]
)
def test_a_log_in_that_names_a_strange_host_is_not_believed(server: SalesforceServer, host: str) -> None:
    server.instance_url = host
    with pytest.raises(ConfigError, match="none of Salesforce's"):
        made_adapter(server).list_owners()
    assert {one.path for one in server.log} == {"/services/oauth2/token"}


@pytest.mark.parametrize("host", ["https://acme.my.salesforce.com", "https://na1.force.com"])
def test_the_org_s_own_host_is_asked(server: SalesforceServer, host: str) -> None:
    server.instance_url = host
    assert made_adapter(server).list_owners()


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"client_secret": "another-secret"}, "SALESFORCE_CLIENT_SECRET"),
        ({"client_id": "another"}, "SALESFORCE_CLIENT_ID"),
        ({"refresh_token": "old-and-gone"}, "SALESFORCE_REFRESH_TOKEN"),
        ({"client_secret": None, "private_key": PEM}, "SALESFORCE_USERNAME"),
        ({"client_secret": None, "private_key": "no key", "username": "u"}, "SALESFORCE_PRIVATE_KEY_FILE"),
        ({"client_secret": None}, "SALESFORCE_CLIENT_SECRET"),
    ],
)
def test_a_refused_log_in_names_the_setting_and_no_secret(
    server: SalesforceServer, changes: dict[str, str], setting: str
) -> None:
    adapter = made_adapter(server, **changes)
    with pytest.raises(ConfigError) as error:
        adapter.list_owners()
    assert error.value.setting == setting
    shown = f"{error.value} {adapter!r} {adapter.check()!r}"
    assert not [secret for secret in (SECRET, PEM, *changes.values()) if secret and len(secret) > 8 and secret in shown]


def test_a_log_in_page_and_an_outage_are_told_apart(server: SalesforceServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.LOGIN_PAGE, route="/token"))
    with pytest.raises(FatalError, match="SALESFORCE_LOGIN_URL"):
        made_adapter(server).list_owners()
    server.faults.plan(Fault(mishap=Mishap.STATUS, status=503, route="/token", times=9))
    with pytest.raises(RetriableError):
        made_adapter(server).list_owners()
