from __future__ import annotations

import json
import threading
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import ConfigError, FatalError, MissingScopeError, RetriableError, UnsureError
from adapters.http import CSV, FORM, HIDDEN, JSON, JSON_PATCH, Account, Call, HttpClient, Limits, follow, retry_after
from adapters.http_transport import is_private

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "pat-na1-hunter2hunter2"
Reply = Callable[["Handler"], None]


@dataclass
class FakeCrm:
    """A server on loopback that answers each request with the next of its replies, and remembers what it was asked."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    ticks: float = 0.0
    port: int = 0

    def clock(self) -> float:
        return self.ticks


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    crm: FakeCrm

    def answer_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.crm.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        reply = self.crm.replies.pop(0) if len(self.crm.replies) > 1 else self.crm.replies[0]
        reply(self)

    do_GET = do_POST = do_PATCH = answer_any  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


def says(status: int, body: object = None, **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def reply(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return reply


def cut_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"results": [')
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """A byte each ten seconds of the fake clock, and no end: no single read is slow."""
    handler.send_response(200)
    handler.send_header("content-length", "1000000")
    handler.end_headers()
    try:
        for _ in range(1_000_000):
            handler.crm.ticks += 10
            handler.wfile.write(b" ")
    except OSError:
        handler.close_connection = True


@dataclass
class CountingBudget:
    acquired: list[str] = field(default_factory=list)
    penalties: list[tuple[str, float]] = field(default_factory=list)

    def acquire(self, account: str, *, cost: float = 1.0, at_most_s: float | None = None) -> float:
        self.acquired.append(account)
        return 0.0

    def penalize(self, account: str, wait_s: float) -> None:
        self.penalties.append((account, wait_s))


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    fake = FakeCrm()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"crm": fake}))
    fake.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def budget() -> CountingBudget:
    return CountingBudget()


def account_of(crm: FakeCrm) -> Account:
    return Account(
        crm="HubSpot",
        key="portal 1",
        base_url=f"http://127.0.0.1:{crm.port}",
        headers=lambda: {"authorization": f"Bearer {SECRET}"},
        setting="HUBSPOT_API_KEY",
    )


@pytest.fixture
def client(crm: FakeCrm, budget: CountingBudget) -> Iterator[HttpClient]:
    made = make_client(account_of(crm), budget, crm)
    yield made
    made.close()


def make_client(account: Account, budget: CountingBudget, crm: FakeCrm, **limits: Any) -> HttpClient:
    return HttpClient(
        account, budget, limits=Limits(**limits), allow_private_hosts=True, clock=crm.clock, now=lambda: NOW
    )


CREATE = Call(method="POST", path="/contacts", what="contact", idempotent=False, body={"email": "a@b.c"})


def test_it_sends_the_credentials_and_reads_json(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(200, {"results": [1]})]
    assert client.get("/deals", what="deals", params={"limit": "100"}) == {"results": [1]}
    method, path, headers, _ = crm.asked[0]
    assert (method, path, headers["authorization"]) == ("GET", "/deals?limit=100", f"Bearer {SECRET}")


def test_each_attempt_is_paid_from_the_shared_budget(crm: FakeCrm, client: HttpClient, budget: CountingBudget) -> None:
    crm.replies = [says(503), says(200, {})]
    client.get("/deals", what="deals")
    assert budget.acquired == ["portal 1", "portal 1"]


@pytest.mark.parametrize("fault", [says(429), says(500), says(503), says(524), cut_off, hang_up, says(200, b'{"a": ')])
def test_a_read_is_repeated_after_a_passing_fault(crm: FakeCrm, client: HttpClient, fault: Reply) -> None:
    crm.replies = [fault, says(200, {"fine": True})]
    assert client.get("/deals", what="deals") == {"fine": True}


def test_a_lasting_outage_ends_as_one_that_may_be_tried_later(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(503, {"message": "maintenance"})]
    with pytest.raises(RetriableError, match=r"HubSpot answers with 503.*maintenance.*\(deals\)"):
        client.get("/deals", what="deals")
    assert len(crm.asked) == 3


@pytest.mark.parametrize("fault", [says(500), says(503), cut_off, hang_up])
def test_a_create_is_never_sent_twice_blindly(crm: FakeCrm, client: HttpClient, fault: Reply) -> None:
    crm.replies = [fault]
    with pytest.raises(UnsureError, match="look before sending it again"):
        client.send(CREATE)
    assert len(crm.asked) == 1


def test_a_create_that_was_throttled_is_sent_again(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(429, retry_after="1"), says(201, {"id": "7"})]
    assert client.send(CREATE).json == {"id": "7"}


def test_a_create_that_never_arrived_is_sent_again(crm: FakeCrm, budget: CountingBudget) -> None:
    client = make_client(replace(account_of(crm), base_url="http://127.0.0.1:1"), budget, crm)
    with pytest.raises(RetriableError, match="cannot be reached") as caught:
        client.send(CREATE)
    assert not isinstance(caught.value, UnsureError)
    assert len(budget.acquired) == 3


def test_being_throttled_makes_all_who_use_the_account_wait(
    crm: FakeCrm, client: HttpClient, budget: CountingBudget
) -> None:
    crm.replies = [says(429, retry_after="7"), says(200, {})]
    client.get("/deals", what="deals")
    assert budget.penalties == [("portal 1", 7.0)]


def test_a_wait_longer_than_our_patience_is_handed_on_instead_of_slept(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(429, retry_after="900")]
    with pytest.raises(RetriableError) as caught:
        client.get("/deals", what="deals")
    assert caught.value.wait_s == 900
    assert len(crm.asked) == 1


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("120", 120), ("1.5", 1.5), ("0", 0), ("-5", 0), ("999999999", 900), ("1e999", None), ("nan", None),
        ("soon", None), ("", None), (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0), ("Tue, 99 Foo 2026 25:61:61 GMT", None),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 900),
    ],
)  # fmt: skip
def test_retry_after_is_understood_in_both_forms_and_bounded(said: str, wait_s: float | None) -> None:
    assert retry_after({"retry-after": said}, now=NOW) == wait_s


def test_a_date_to_wait_for_is_read_by_the_servers_own_clock() -> None:
    fast = NOW + timedelta(hours=2)
    headers = {"retry-after": format_datetime(fast + timedelta(seconds=30)), "date": format_datetime(fast)}
    assert retry_after(headers, now=NOW) == 30


@given(st.text(max_size=40))
def test_no_retry_after_makes_us_fail_or_wait_for_ever(said: str) -> None:
    wait_s = retry_after({"retry-after": said}, now=NOW)
    assert wait_s is None or 0 <= wait_s <= 900


def test_the_deadline_is_total_not_per_read(crm: FakeCrm, budget: CountingBudget) -> None:
    client = make_client(account_of(crm), budget, crm, deadline_s=60, attempts=1)
    crm.replies = [drip]
    with pytest.raises(RetriableError, match="does not answer within 60 s"):
        client.get("/deals", what="deals")


def test_a_giant_answer_is_cut_off(crm: FakeCrm, budget: CountingBudget) -> None:
    client = make_client(account_of(crm), budget, crm, max_bytes=1024**2)
    crm.replies = [says(200, ["x" * 3 * 1024**2])]
    with pytest.raises(FatalError, match="more than 1 MB"):
        client.get("/deals", what="deals")


def test_a_web_page_is_named_as_what_it_is(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(200, b"<!doctype html><title>Sign in</title>")]
    with pytest.raises(FatalError, match=r"web page instead of JSON.*log-in page"):
        client.get("/deals", what="deals")


def test_a_web_page_with_a_status_that_is_handled_is_that_status(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(404, b"<!doctype html><title>Not Found</title>")]
    answer = client.send(Call(method="GET", path="/x/1", what="x", idempotent=True, accept=frozenset({404})))
    assert (answer.status, answer.json) == (404, None)


def test_a_missing_right_is_named(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(403, {})]
    with pytest.raises(MissingScopeError) as caught:
        client.get("/deals", what="deals", scope="crm.objects.deals.read")
    assert caught.value.scope == "crm.objects.deals.read"


def test_refused_credentials_name_the_setting(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(401, {})]
    with pytest.raises(ConfigError, match="HUBSPOT_API_KEY"):
        client.get("/deals", what="deals")
    assert len(crm.asked) == 1


def test_expired_credentials_are_renewed_once(crm: FakeCrm, budget: CountingBudget) -> None:
    renewed: list[bool] = []
    client = make_client(replace(account_of(crm), renew=lambda: renewed.append(True)), budget, crm)
    crm.replies = [says(401), says(200, {"fine": True})]
    assert client.get("/deals", what="deals") == {"fine": True}
    assert renewed == [True]


def test_a_status_that_the_caller_expects_is_handed_over(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(409, {"existing": "12"})]
    answer = client.send(replace(CREATE, accept=frozenset({409})))
    assert (answer.status, answer.json) == (409, {"existing": "12"})


def test_what_the_crm_echoes_of_our_secret_is_hidden(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(400, {"message": f"bad token {SECRET} in 'Bearer {SECRET}'"})]
    with pytest.raises(FatalError) as caught:
        client.get("/deals", what="deals")
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + repr(client) + repr(account_of(crm))


def test_what_the_crm_echoes_of_a_password_is_hidden(crm: FakeCrm, budget: CountingBudget) -> None:
    pair = b64encode(f"ann@example.com:{SECRET}".encode()).decode()
    client = make_client(replace(account_of(crm), headers=lambda: {"authorization": f"Basic {pair}"}), budget, crm)
    crm.replies = [says(400, {"message": f"there is no key {SECRET} of {pair}"})]
    with pytest.raises(FatalError, match=HIDDEN) as caught:
        client.get("/deals", what="deals")
    assert SECRET not in str(caught.value)
    assert pair not in str(caught.value)
    client.close()


def test_what_the_crm_echoes_of_a_log_in_form_is_hidden(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(400, {"error": "invalid_grant", "error_description": "no such secret: s3cr3t-of-ours"})]
    with pytest.raises(FatalError) as caught:
        client.send(
            Call(
                method="POST", path="/token", what="log-in", idempotent=True, media_type=FORM,
                body={"client_secret": "s3cr3t-of-ours"},
            )
        )  # fmt: skip
    assert "s3cr3t-of-ours" not in str(caught.value)
    assert "invalid_grant" in str(caught.value)


@pytest.mark.parametrize(
    ("media_type", "body", "sent"),
    [
        (JSON, {"a": "b c"}, b'{"a":"b c"}'),
        (JSON_PATCH, [{"op": "replace"}], b'[{"op":"replace"}]'),
        (FORM, {"a": "b c", "d": "&"}, b"a=b+c&d=%26"),
        (CSV, b"Id\n1\n", b"Id\n1\n"),
    ],
)
def test_a_body_is_sent_in_its_media_type(
    crm: FakeCrm, client: HttpClient, media_type: str, body: object, sent: bytes
) -> None:
    crm.replies = [says(200, {})]
    client.send(Call(method="POST", path="/x", what="x", idempotent=True, media_type=media_type, body=body))
    assert (crm.asked[0][2]["content-type"], crm.asked[0][3]) == (media_type, sent)


def test_a_table_is_handed_over_as_it_came(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(200, b'Id,Name\n1,"a, b"\n', sforce_locator="null")]
    answer = client.send(Call(method="GET", path="/x", what="x", idempotent=True, wants=CSV, headers={"x-more": "1"}))
    assert (answer.body, answer.json, answer.headers["sforce-locator"]) == (b'Id,Name\n1,"a, b"\n', None, "null")
    assert (crm.asked[0][2]["accept"], crm.asked[0][2]["x-more"]) == (CSV, "1")


def test_a_web_page_is_no_table(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(200, b"<html>Log in</html>")]
    with pytest.raises(FatalError, match="web page instead of CSV"):
        client.send(Call(method="GET", path="/x", what="x", idempotent=True, wants=CSV))


def test_a_redirect_on_the_same_host_is_followed(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(302, location="/v2/deals"), says(200, {"v": 2})]
    assert client.get("/deals", what="deals") == {"v": 2}


@pytest.mark.parametrize("place", ["http://evil.example/deals", "https://127.0.0.1/deals", "//evil.example/x"])
def test_a_redirect_to_another_host_is_refused(crm: FakeCrm, client: HttpClient, place: str) -> None:
    crm.replies = [says(302, location=place)]
    with pytest.raises(FatalError, match="redirects to"):
        client.get("/deals", what="deals")
    assert len(crm.asked) == 1


def test_redirects_in_a_circle_end(crm: FakeCrm, client: HttpClient) -> None:
    crm.replies = [says(302, location="/deals")]
    with pytest.raises(FatalError, match="redirects more than"):
        client.get("/deals", what="deals")


def test_a_next_page_on_another_host_gets_no_credentials(crm: FakeCrm, client: HttpClient) -> None:
    with pytest.raises(FatalError, match="another host"):
        client.get("https://evil.example/deals?after=1", what="deals")
    assert crm.asked == []


def test_a_private_address_is_refused_unless_allowed(crm: FakeCrm, budget: CountingBudget) -> None:
    account = replace(account_of(crm), base_url=f"https://127.0.0.1:{crm.port}")
    with pytest.raises(ConfigError, match=r"private network.*ALLOW_PRIVATE_HOSTS"):
        HttpClient(account, budget, now=lambda: NOW).get("/deals", what="deals")


def test_credentials_are_not_sent_in_the_clear(budget: CountingBudget, crm: FakeCrm) -> None:
    with pytest.raises(ConfigError, match="https://"):
        HttpClient(replace(account_of(crm), base_url="http://api.example.com"), budget, now=lambda: NOW)


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("8.8.8.8", False), ("2606:4700::1111", False), ("127.0.0.1", True), ("10.1.2.3", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True), ("0.0.0.0", True), ("::1", True), ("::ffff:10.0.0.1", True), ("fe80::1%eth0", True),
        ("fd00::1", True), ("64:ff9b::a00:1", True), ("64:ff9b::808:808", False), ("224.0.0.1", True),
    ],
)  # fmt: skip
def test_private_addresses_are_known_in_all_notations(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_pages_are_followed_to_the_end() -> None:
    pages = {None: ("a", "1"), "1": ("b", "2"), "2": ("c", None)}
    assert list(follow(lambda cursor: pages[cursor])) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "pages", [{None: ("a", "1"), "1": ("b", "1")}, {None: ("a", "1"), "1": ("b", "2"), "2": ("c", "1")}]
)
def test_a_cursor_that_comes_again_ends_the_round_trip(pages: dict[str | None, tuple[str, str | None]]) -> None:
    with pytest.raises(FatalError, match="cursor"):
        list(follow(lambda cursor: pages[cursor]))
