"""The client finds out what each server takes, tries again what may pass, and is back within its deadline."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_llm import DIALECTS, FAULTS, Says, always, completion, error, in_turn, serving
from pydantic import SecretStr

from insights.coaching.slots import schema
from ops import llm
from ops.llm import Client, Completion, Endpoint, Limits, LlmUnavailable
from ops.llm_scripted import ENDPOINT, Clock, ScriptedTransport
from ops.settings import Settings, load

MESSAGES = ({"role": "system", "content": "Rules, as JSON."}, {"role": "user", "content": "{}"})
TEXT = '{"sentences": []}'


def ask(client: Client, deadline_s: float = 5.0) -> Completion:
    return client.complete(MESSAGES, schema(), deadline_s=deadline_s)


def code_of(client: Client, deadline_s: float = 5.0) -> str:
    with pytest.raises(LlmUnavailable) as why:
        ask(client, deadline_s)
    return why.value.code


class Played:
    """A client of a script, in counted time."""

    def __init__(self, *script: dict[str, Any], **limits: Any) -> None:
        self.clock = Clock()
        self.transport = ScriptedTransport(script, self.clock)
        self.client = Client(
            ENDPOINT, Limits(**limits), self.transport, clock=self.clock, sleep=self.clock.wait,
            now=lambda: datetime(2026, 11, 23, 7, tzinfo=UTC),
        )  # fmt: skip

    @property
    def n_requests(self) -> int:
        return len(self.transport.bodies)


GOOD: dict[str, Any] = {"raw": TEXT}


# --- dialects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_is_learnt_once(dialect: str) -> None:
    with serving(DIALECTS[dialect](TEXT)) as server:
        client = server.client()
        assert ask(client).text == TEXT
        before = len(server.bodies)
        assert ask(client).text == TEXT
        assert len(server.bodies) == before + 1
        assert all(body["messages"] == list(MESSAGES) for body in server.bodies)


def test_the_first_request_asks_for_all_and_the_ladder_goes_down_step_by_step() -> None:
    with serving(DIALECTS["no formats"](TEXT)) as server:
        ask(server.client())
    asked = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert asked == ["json_schema", "json_object", None]
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == schema()
    assert {body["max_tokens"] for body in server.bodies} == {700}


def test_what_a_reasoning_model_refuses_is_put_otherwise() -> None:
    with serving(DIALECTS["reasoning"](TEXT)) as server:
        client = Client(server.endpoint(reasoning="none"))
        ask(client)
    last = server.bodies[-1]
    assert (last["max_completion_tokens"], "max_tokens" in last, "temperature" in last) == (700, False, False)
    assert last["reasoning_effort"] == "none"


def test_a_server_that_refuses_everything_for_ever_is_left() -> None:
    refusal = {"status": 400, "body": "response_format max_tokens max_completion_tokens temperature reasoning"}
    played = Played(refusal)
    assert code_of(played.client) == "HTTP_400"
    assert played.n_requests < llm.MOST_REQUESTS


# --- what is read ----------------------------------------------------------------------------------------------------


def test_usage_may_be_missing_and_content_may_come_in_parts_or_behind_thoughts() -> None:
    parts = [{"type": "text", "text": '{"sentences"'}, {"type": "text", "text": ": []}"}]
    says = (completion(TEXT, tokens=None), completion(parts), completion(f"<think>3 deals?\n</think>\n{TEXT}"))
    with serving(in_turn(*says)) as server:
        client = server.client()
        made = [ask(client) for _ in says]
    assert [one.text for one in made] == [TEXT] * 3
    assert (made[0].tokens_in, made[0].tokens_out, made[1].tokens_in) == (None, None, 900)


def test_a_refusal_is_no_answer() -> None:
    body = {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}
    assert ask(Played({"body": body}).client).finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("fault", "code", "requests"),
    [
        ("429", "HTTP_429", 4), ("500", "HTTP_500", 4), ("401", "HTTP_401", 1), ("no quota", "QUOTA", 1),
        ("429 for an hour", "HTTP_429", 1), ("empty body", "NOT_A_COMPLETION", 4), ("HTML", "NOT_A_COMPLETION", 4),
        ("choices null", "NOT_A_COMPLETION", 4), ("error in a 200", "NOT_A_COMPLETION", 4), ("deep",
         "NOT_A_COMPLETION", 4), ("cut off", "UNREACHABLE", 4), ("endless", "TOO_LARGE", 1),
        ("redirect", "HTTP_307", 1),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again_and_nothing_else(fault: str, code: str, requests: int) -> None:
    with serving(always(FAULTS[fault])) as server:
        assert code_of(server.client()) == code
        assert len(server.bodies) == requests


def test_nobody_listening_is_told_as_such() -> None:
    with serving(always(completion(TEXT))) as server:
        client = server.client()
    assert code_of(client) == "UNREACHABLE"


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_a_reply_that_never_ends_is_cut_off_by_the_wall_clock(fault: str) -> None:
    with serving(always(FAULTS[fault])) as server:
        client, began = server.client(), time.monotonic()
        # Long enough for a busy machine to have sent what is asked, which begins with the deadline.
        assert code_of(client, deadline_s=1.0) == "DEADLINE"
        assert 1.0 <= time.monotonic() - began < 4.0
        assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("asked", "waited_s"), [("2", 2.0), ("Mon, 23 Nov 2026 07:00:03 GMT", 3.0), ("soon", 0.5), ("-5", 0.0)]
)
def test_a_server_may_ask_for_a_wait(asked: str, waited_s: float) -> None:
    played = Played({"status": 429, "headers": {"Retry-After": asked}}, GOOD)
    assert ask(played.client, 20).text == TEXT
    assert played.clock() == waited_s


def test_no_wait_goes_beyond_the_deadline() -> None:
    played = Played({"status": 429, "headers": {"Retry-After": "19"}}, {"status": 429, "retry_after": 2}, GOOD)
    assert code_of(played.client, 20) == "HTTP_429"
    assert (played.clock(), played.n_requests) == (19.0, 2)


def test_tries_wait_longer_each_time() -> None:
    played = Played({"status": 503}, {"status": 503}, {"status": 503}, GOOD)
    assert ask(played.client, 20).text == TEXT
    assert played.clock() == 0.5 + 1.0 + 2.0


# --- how many --------------------------------------------------------------------------------------------------------


def test_four_requests_run_at_once_and_no_more() -> None:
    four = threading.Barrier(4)

    def meet(body: dict[str, Any], number: int) -> Says:
        four.wait(10)  # broken where fewer than four are there
        return completion(TEXT)

    with serving(meet) as server, ThreadPoolExecutor(8) as pool:
        client = server.client()
        assert len(list(pool.map(lambda _: ask(client, 20), range(8)))) == 8
        assert server.most_at_once == 4


def test_who_finds_no_place_in_time_is_told_so() -> None:
    with serving(always(Says(silent=True))) as server, ThreadPoolExecutor(1) as pool:
        client = server.client(limits=Limits(at_once=1))
        there = threading.Event()
        server.behaviour = lambda body, number: (there.set(), Says(silent=True))[1]
        first = pool.submit(code_of, client, 0.6)
        there.wait(5)
        assert code_of(client, deadline_s=0.1) == "BUSY"
        assert first.result() == "DEADLINE"


def test_the_breaker_opens_after_five_failures_in_a_row_and_tries_once_after_its_rest() -> None:
    played = Played(*[{"status": 401}] * 6, GOOD)
    assert [code_of(played.client) for _ in range(6)] == ["HTTP_401"] * 5 + ["BREAKER"]
    played.clock.wait(60)
    assert [code_of(played.client) for _ in range(2)] == ["HTTP_401", "BREAKER"]
    assert played.n_requests == 6
    played.clock.wait(60)
    assert [ask(played.client).text for _ in range(3)] == [TEXT] * 3


def test_after_its_rest_one_request_tries_and_the_others_wait_for_it() -> None:
    clock = Clock()
    breaker = llm.Breaker(5, 60.0, clock)
    for _ in range(5):
        breaker.note(ok=False)
    clock.wait(60)
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.note(ok=True)
    assert breaker.lets_through()


def test_a_success_between_failures_keeps_the_breaker_shut() -> None:
    played = Played(*([{"status": 401}] * 4 + [GOOD]) * 2)
    for _ in range(2):
        assert [code_of(played.client) for _ in range(4)] == ["HTTP_401"] * 4
        assert ask(played.client).text == TEXT


# --- settings --------------------------------------------------------------------------------------------------------


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def test_a_model_is_asked_once_it_is_named_and_a_key_or_an_address_given() -> None:
    assert llm.endpoint_of(settings()) is None
    assert llm.endpoint_of(settings(openai_api_key="sk-1")) is None
    assert llm.endpoint_of(settings(openai_model="m")) is None
    local = llm.endpoint_of(settings(openai_model="m", openai_base_url="http://127.0.0.1:11434/v1"))
    assert local is not None
    assert (local.host, local.key) == ("127.0.0.1:11434", None)
    remote = llm.endpoint_of(settings(openai_model="m", openai_api_key="sk-1", llm_price_in="0.1"))
    assert remote is not None
    assert (remote.host, remote.cost_micro(1000, 1000)) == ("api.openai.com", None)
    assert "sk-1" not in repr(remote)


def test_a_cost_is_rounded_up() -> None:
    endpoint = Endpoint(model="m", key=SecretStr("k"), price_in=Decimal("0.10"), price_out=Decimal("0.50"))
    assert endpoint.cost_micro(900, 250) == 215
    assert endpoint.cost_micro(1, 0) == 1


def test_a_process_has_one_client_per_endpoint() -> None:
    one = Endpoint(model="m", base_url="http://127.0.0.1:9/v1")
    assert llm.client_for(one) is llm.client_for(Endpoint(model="m", base_url="http://127.0.0.1:9/v1"))
    assert llm.client_for(one) is not llm.client_for(Endpoint(model="n", base_url="http://127.0.0.1:9/v1"))


def test_a_level_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLM_LEVEL=L4\n")
    with pytest.raises(Exception, match="LLM_LEVEL is wrong"):
        load(tmp_path / ".env")


def test_an_error_names_no_key() -> None:
    with serving(always(error(401, "Incorrect API key provided: sk-key"))) as server:
        client = server.client()
        with pytest.raises(LlmUnavailable) as why:
            ask(client)
    assert "sk-key" not in f"{why.value!r} {client!r}"
