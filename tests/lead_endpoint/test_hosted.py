"""The page of a form and what belongs to it: it works without any script, shows whatever is written as text, and leads
nowhere that its form does not name."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree.ElementTree import Element

import html5lib  # type: ignore[import-untyped]
import made_forms
import pytest
from flask.testing import FlaskClient
from hostile_adapter import capable
from sqlalchemy import text
from world import World, world_of
from xss_strings import STRINGS

from lead_endpoint import create_app, pages, statics
from lead_endpoint.hosted import Window
from lead_endpoint.lead_ids import LeadIds
from lead_endpoint.messages import Request
from lead_endpoint.meter import Meter
from lead_endpoint.protection import Guard, Suspects
from lead_endpoint.rate import RateLimit
from lead_endpoint.reception import Reading, Reception, Rules, thanks_url
from lead_endpoint.seals import Seals
from snapshots import form_versions
from snapshots.database import Database
from snapshots.form_definition import Definition, faults
from snapshots.form_finder import FormFinder
from snapshots.intake import Form

EMAIL: dict[str, Any] = {"name": "email", "kind": "email"}
KEY = "1-0f8fad5bd9cb469fa16570867728950e"


@pytest.fixture
def world(database: Database, organization: int) -> Iterator[World]:
    with world_of(database, organization, capable(upserts=True)) as made:
        yield made


@pytest.fixture
def client(world: World) -> FlaskClient:
    app = create_app(world.parts.services)
    app.extensions["slms"] = world.parts
    return app.test_client()


def publish(world: World, *fields: dict[str, Any], **changes: Any) -> str:
    """The default form, with these fields after the e-mail address; its key."""
    made_forms.publish(world.database, world.organization_id, made_forms.only(EMAIL, *fields, **changes))
    world.parts.desk.forms._known.clear()
    return made_forms.default_form(world.database, world.organization_id).key


def parsed(html: bytes | str) -> Element:
    root: Element = html5lib.parse(html, namespaceHTMLElements=False)
    return root


def window_on(definition: Definition) -> Window:
    """On one form, without a database."""
    limit = RateLimit(60.0, 60.0, lambda: 0.0)
    guard = Guard(Seals(lambda: b"k" * 32), Suspects(lambda: 0.0), limit, lambda: made_forms.AT)
    forms = FormFinder(None, lambda: 0.0)  # type: ignore[arg-type]  # nothing is looked up
    form = Form(organization_id=1, form_id=1, key=KEY, name="x", status="published", version=1, definition=definition)
    forms._known[KEY] = (1.0, form)
    return Window(Reception(Rules(), limit, Meter(), LeadIds(lambda: 0), guard), forms)


def asked(**query: str) -> Request:
    return Request("GET", f"/forms/{KEY}", {}, b"", "127.0.0.1", query)


# --- without any script ----------------------------------------------------------------------------------------------


def test_the_page_is_a_plain_form_that_is_sent_as_it_stands(world: World, client: FlaskClient) -> None:
    colours = [{"value": "red", "label": "Red"}, {"value": "blue", "label": "Blue"}]
    key = publish(
        world, {"name": "colours", "kind": "multi_select", "options": colours}, {"name": "note", "kind": "long_text"},
        {"name": "from", "kind": "hidden", "default": "page"}, protection={"least_fill_s": 0},
    )  # fmt: skip
    page = client.get(f"/forms/{key}?note=From%20a%20link")
    assert page.status_code == 200
    root = parsed(page.data)
    [form] = root.iter("form")
    assert (form.get("action"), form.get("method")) == ("/public/leads", "post")
    values = [(one.get("name"), one.get("value") or "") for one in form.iter("input") if one.get("type") == "hidden"]
    [area] = form.iter("textarea")
    assert area.text == "From a link"
    filled = [*values, ("email", "ada@example.com"), ("colours", "red"), ("colours", "blue"), ("note", area.text)]
    sent = client.post("/public/leads", data=urlencode(filled), content_type="application/x-www-form-urlencoded")
    assert sent.status_code == 303
    with world.database.as_app(world.organization_id) as connection:
        row = connection.execute(text("SELECT state, extra, form_version FROM received_leads")).one()
    assert (row.state, row.form_version) == ("pending", 2)
    assert row.extra == {"colours": "red, blue", "note": "From a link", "from": "page"}


@pytest.mark.parametrize(
    ("address", "header", "language"),
    [
        ("", "de-AT,en;q=0.5", "de"), ("?lang=de", "en", "de"), ("", "fr, en;q=0.8, de;q=0.2", "en"), ("", "", "en"),
        ("?lang=xx", "*", "en"), ("", "pt-br", "pt-BR"),
    ],
)  # fmt: skip
def test_the_page_speaks_a_language_of_the_visitor_where_the_form_does(
    world: World, client: FlaskClient, address: str, header: str, language: str
) -> None:
    german = {
        "title": "Kontakt",
        "steps": ["Über Sie"],
        "fields": {"size": {"label": "Größe", "options": {"s": "Klein"}}},
    }
    key = publish(
        world, {"name": "size", "label": "Size", "kind": "select", "options": [{"value": "s", "label": "Small"}]},
        title="Contact us", translations={"de": german, "pt-BR": {"words": {"send": "Enviar"}}},
    )  # fmt: skip
    root = parsed(client.get(f"/forms/{key}{address}", headers={"Accept-Language": header}).data)
    told = " ".join(root.itertext())
    assert root.get("lang") == language
    assert ("Größe" in told, "Klein" in told, "Über Sie" in told) == (language == "de",) * 3
    assert ("Size" in told, "Small" in told) == (language != "de",) * 2
    assert [one.text for one in root.iter("h1")] == (["Kontakt"] if language == "de" else ["Contact us"])
    assert ("Enviar" in told, "Senden" in told) == (language == "pt-BR", language == "de")
    [said] = [one.get("value") for one in root.iter("input") if one.get("name") == "_language"]
    assert said == language


def test_a_plain_form_is_thanked_for_in_its_own_words(world: World, client: FlaskClient) -> None:
    key = publish(world, thank_you={"message": "Merci <b>beaucoup</b>.\nÀ bientôt."})
    sent = client.post("/public/leads", data={"email": "ada@example.com"})
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/thanks?form={key}")
    page = client.get(sent.headers["Location"])
    assert [one.text for one in parsed(page.data).iter("p")] == ["Merci <b>beaucoup</b>.", "À bientôt."]
    assert client.get("/thanks?form=nonsense").data == client.get("/thanks").data


def thanked(client: FlaskClient, key: str, **more: str) -> tuple[str, str | None, str, list[str | None]]:
    """Where a plain form leads, and there the language, the heading and the paragraphs."""
    sent = client.post("/public/leads", data={"email": "ada@example.com", "form": key, **more})
    assert sent.status_code == 303
    root = parsed(client.get(sent.headers["Location"]).data)
    [heading] = root.iter("h1")
    return sent.headers["Location"], root.get("lang"), "".join(heading.itertext()), [one.text for one in root.iter("p")]


def test_a_plain_form_is_thanked_for_in_the_language_that_it_was_filled_in(world: World, client: FlaskClient) -> None:
    german = {"thanks": "Danke, bis bald."}
    key = publish(world, thank_you={"message": "Cheers."}, translations={"de": german, "fr": {"thanks": "Merci."}})
    assert thanked(client, key) == (f"/thanks?form={key}", "en", "Thank you", ["Cheers."])
    assert thanked(client, key, _language="xx")[1:] == ("en", "Thank you", ["Cheers."])
    assert thanked(client, key, _language="de") == (
        f"/thanks?form={key}&lang=de", "de", "Vielen Dank", ["Danke, bis bald."]
    )  # fmt: skip
    # Nobody knows the other words in French: the form's own stand alone.
    assert thanked(client, key, _language="fr")[1:] == ("fr", "Merci.", [])


def test_a_form_without_thanks_of_its_own_says_thank_you_in_its_language(world: World, client: FlaskClient) -> None:
    key = publish(world, language="de")
    assert thanked(client, key)[1:3] == ("de", "Vielen Dank")
    assert "We have" not in " ".join(str(one) for one in thanked(client, key)[3])
    assert thanked(client, publish(world))[0] == "/thanks"


def test_what_has_to_be_corrected_is_said_in_the_language_of_the_form(world: World, client: FlaskClient) -> None:
    german = {"fields": {"budget": {"label": "Ihr Budget"}}}
    publish(world, {"name": "budget", "label": "Your budget", "is_required": True}, translations={"de": german})
    sent = client.post("/public/leads", data={"email": "ada@example.com", "_language": "de"})
    root = parsed(sent.data)
    assert root.get("lang") == "de"
    assert "Ihr Budget: Bitte ausfüllen." in sent.text
    assert "Bitte die Angaben prüfen" in sent.text
    assert "Go back" not in sent.text


def test_a_form_that_is_closed_says_so_in_a_language_that_it_speaks(world: World, client: FlaskClient) -> None:
    key = publish(world, language="de")
    form = made_forms.default_form(world.database, world.organization_id)
    form_versions.set_status(world.database, world.organization_id, form.form_id, "paused", by=made_forms.BY)
    world.parts.desk.forms._known.clear()
    root = parsed(client.get(f"/forms/{key}", headers={"Accept-Language": "en"}).data)
    assert (root.get("lang"), "geschlossen" in "".join(root.itertext())) == ("de", True)


def test_what_is_wrong_is_shown_field_by_field(world: World, client: FlaskClient) -> None:
    publish(world, {"name": "budget", "label": "Your budget", "is_required": True})
    sent = client.post("/public/leads", data={"email": "<b>"})
    assert (sent.status_code, sent.mimetype) == (422, "text/html")
    assert "Your budget: Please fill this in." in sent.text
    assert "<b>" not in sent.text


@pytest.mark.parametrize(
    "path", ["/forms/{}", "/forms/{}/embed.html", "/public/forms/{}", "/public/forms/{}/challenge"]
)
def test_a_form_that_is_closed_and_one_that_is_not_there_say_so(
    world: World, client: FlaskClient, path: str, other_organization: int
) -> None:
    key = publish(world)
    assert client.get(path.format(key)).status_code == 200
    outsider = f"{other_organization}-{key.partition('-')[2]}"
    for unknown in (outsider, "nonsense", f"{world.organization_id}-{'0' * 32}"):
        assert client.get(path.format(unknown)).status_code == 404
    form = made_forms.default_form(world.database, world.organization_id)
    form_versions.set_status(world.database, world.organization_id, form.form_id, "paused", by=made_forms.BY)
    world.parts.desk.forms._known.clear()
    assert client.get(path.format(key)).status_code == 410


# --- what is told ----------------------------------------------------------------------------------------------------


def test_visitors_see_nothing_of_where_leads_go_and_what_is_checked(world: World, client: FlaskClient) -> None:
    secret = {"name": "budget", "properties": {"demo": "crm_budget"}, "policy": "append"}
    key = publish(world, secret, notify=["boss@example.com"], domains=["https://a.example"], source="Site")
    found = client.get(f"/public/forms/{key}")
    assert found.json is not None
    assert found.json.keys() == {
        "key", "version", "title", "language", "steps", "words", "translations", "theme", "thank_you", "least_fill_s",
        "token", "proof_of_work",
    }  # fmt: skip
    for hidden in ("properties", "policy", "crm_budget", "boss@example.com", "a.example", "append"):
        assert hidden not in found.text
    assert found.headers["Cache-Control"] == "no-store"
    guard = world.parts.desk.reception.guard
    age = guard.seals.age(found.json["token"], key, guard.now())
    assert age is not None
    assert age < timedelta(minutes=1)


def test_a_form_may_be_framed_by_its_own_websites_alone(world: World, client: FlaskClient) -> None:
    own = ["https://www.example.com", "http://localhost:3000"]
    key = publish(world, domains=own, redirects=["https://ok.example/thanks", "https://müller.example/x"])
    for path in (f"/forms/{key}", f"/forms/{key}/embed.html"):
        headers = client.get(path).headers
        rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert rules["frame-ancestors"] == f"'self' {' '.join(own)}"
        assert rules["form-action"] == "'self' https://ok.example https://xn--mller-kva.example"
        assert (rules["default-src"], rules["script-src"], rules["base-uri"]) == ("'none'", "'self'", "'none'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "same-origin"
    publish(world)
    assert "frame-ancestors *;" in client.get(f"/forms/{key}").headers["Content-Security-Policy"]


def test_the_nonce_of_a_page_is_new_each_time() -> None:
    window = window_on(Definition.model_validate(made_forms.only(EMAIL)))
    policies = {dict(window.page(KEY, asked()).headers)["content-security-policy"] for _ in range(5)}
    assert len(policies) == 5


# --- texts that would run --------------------------------------------------------------------------------------------


def skeleton(root: Element) -> list[tuple[str, tuple[str, ...]]]:
    """Elements with the names of their attributes, but for links that a text's web addresses became."""
    return [
        (str(one.tag), tuple(sorted(one.attrib)))
        for one in root.iter()
        if not (one.tag == "a" and one.attrib.keys() == {"href", "rel", "target"} and is_web(one.attrib["href"]))
    ]


def is_web(address: str) -> bool:
    return urlsplit(address).scheme in {"http", "https"}


def told_by(texts: list[str]) -> dict[str, Any]:
    """A form that has a text wherever somebody writes one."""
    first, *others = texts
    fields: list[dict[str, Any]] = [EMAIL | {"label": first}]
    for number, one in enumerate(others):
        kind = ("text", "long_text", "select", "multi_select", "checkbox", "consent", "hidden", "number")[number % 8]
        options = [{"value": f"{number}", "label": one}] if "select" in kind else []
        consent = {"consent_text": one} if kind == "consent" else {}
        fields.append(
            {"name": f"f{number}", "kind": kind, "label": one, "help": one, "placeholder": one, "default": one,
             "options": options, **consent}
        )  # fmt: skip
    return {
        "title": first,
        "steps": [{"title": first, "fields": fields}],
        "words": {"send": first, "optional": first, "choose": first},
        "thank_you": {"message": first},
    }


@pytest.mark.parametrize("is_bare", [False, True])
def test_no_text_becomes_an_element_an_attribute_or_a_script(is_bare: bool) -> None:
    """In titles, labels, helps, placeholders, options, values, consents, words, and in answers that a link gives."""
    assert len(set(STRINGS)) == 300
    for start in range(0, 50 if is_bare else len(STRINGS), 25):
        texts = list(STRINGS[start : start + 25])
        found, plain = (
            window_on(Definition.model_validate(told_by(words))).page(
                KEY, asked(**{f"f{number}": word for number, word in enumerate(words[1:])}), is_bare=is_bare
            )
            for words in (texts, ["plain"] * len(texts))
        )
        root = parsed(found.body)
        assert skeleton(root) == skeleton(parsed(plain.body)), texts
        sources = [(one.get("src"), one.get("data-src")) for one in root.iter("script")]
        assert sources == ([(None, "/widget.js"), ("/frame.js", None)] if is_bare else [("/widget.js", None)])
        [heading] = root.iter("h1")
        assert "".join(heading.itertext()) == texts[0].strip()


def test_no_answer_becomes_an_element_on_the_page_that_asks_to_correct_it() -> None:
    plain = skeleton(parsed(pages.correction(["plain: plain"], "r")))
    for one in STRINGS:
        assert skeleton(parsed(pages.correction([f"{one}: {one}"], "r"))) == plain


# --- where it leads --------------------------------------------------------------------------------------------------

OK = "https://ok.example/thanks"
NO_ADDRESSES = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example",
    "https:/evil.example", "http:///evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
    "vbscript:x", "https://ok.example@evil.example/", "https://ok.example:pw@evil.example/",
    "https://ok.example\\.evil.example", "https://ok.example/thanks\r\nSet-Cookie: a=b", "/thanks/../evil", "..", "?",
    "#", "\x00https://evil.example", "ｈttps://evil.example", "//[::1]", "https://[", "https://evil.example:x/",
]  # fmt: skip
ELSEWHERE = [
    *NO_ADDRESSES, "https://evil.example/", "https://ok.example.evil.org/", "https://[::1]/",
    "https://evil.example#https://ok.example/thanks", "https://evil.example?https://ok.example/thanks",
    "https://ok.example%2eevil.example/", "https://ok.example/thanks%0d%0aX-Evil: 1", "\thttps://evil.example",
    "https://evil。example", "https://ok.exаmple/thanks", "https://ok.example/other", "http://ok.example/thanks",
    "https://OK.example/thanks", "https://ok.example:443/thanks", "https://ok.example/thanks/",
    "https://ok.example/thanks?x", "https://ok.example/thanks#",
]  # fmt: skip


@pytest.mark.parametrize("wish", ELSEWHERE)
def test_after_sending_nobody_is_led_where_the_form_does_not_lead(wish: str) -> None:
    for url, home in (("", "/thanks"), (OK, OK)):
        definition = Definition.model_validate(
            made_forms.only(EMAIL, redirects=[OK], thank_you={"url": url} if url else {})
        )
        form = Form(
            organization_id=1, form_id=1, key=KEY, name="x", status="published", version=1, definition=definition
        )
        assert thanks_url(Reading(asked(), KEY, {"_next": wish}), form) == home
        assert thanks_url(Reading(asked(), KEY, {"_next": OK}), form) == OK


WRITTEN = {
    "https://ok.example/спасибо?a=b#ä": "https://ok.example/%D1%81%D0%BF%D0%B0%D1%81%D0%B8%D0%B1%D0%BE?a=b#%C3%A4",
    "https://müller.example:8443/danke": "https://xn--mller-kva.example:8443/danke",
    "https://ok.example/a%20b/?x=1&y=[2]": "https://ok.example/a%20b/?x=1&y=[2]",
    "https://[::1]:8080/ä": "https://[::1]:8080/%C3%A4",
    "https://ä..example/": "https://%C3%A4..example/",
}


@pytest.mark.parametrize("address", WRITTEN)
def test_whatever_letters_an_address_has_a_header_can_hold_it(address: str) -> None:
    definition = Definition.model_validate(made_forms.only(EMAIL, redirects=[address], thank_you={"url": address}))
    form = Form(organization_id=1, form_id=1, key=KEY, name="x", status="published", version=1, definition=definition)
    for wish in ("", address):
        assert thanks_url(Reading(asked(), KEY, {"_next": wish}), form) == WRITTEN[address]


def test_what_is_no_host_stands_in_no_policy_and_hides_no_form(world: World, client: FlaskClient) -> None:
    key = publish(world, redirects=["https://a..b/x", "https://a;sandbox/x", "https://ok.example/x"])
    found = client.get(f"/forms/{key}")
    assert found.status_code == 200
    assert "form-action 'self' https://ok.example;" in found.headers["Content-Security-Policy"]


@pytest.mark.parametrize("wish", NO_ADDRESSES)
def test_what_is_no_address_of_a_page_cannot_be_published(wish: str) -> None:
    assert faults(made_forms.only(EMAIL, redirects=[wish], thank_you={"url": wish}))


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(statics.FILES))
def test_a_file_is_sent_once_and_can_be_pinned(world: World, client: FlaskClient, name: str) -> None:
    found = client.get(f"/{name}")
    file = statics.read(name)
    assert file is not None
    assert found.data == file.body
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert found.headers["Cache-Control"] == (
        "public, max-age=31536000, immutable" if ".v1." in name else "public, max-age=300"
    )
    assert file.integrity == "sha384-" + base64.b64encode(hashlib.sha384(found.data).digest()).decode()
    etag = found.headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = client.get(f"/{name}", headers={"If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
    assert client.get(f"/{name}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_before_a_lead_of_another_page_a_browser_is_told_what_it_may_send(world: World, client: FlaskClient) -> None:
    asking = {"Origin": "https://www.example.com", "Access-Control-Request-Method": "POST"}
    found = client.options("/public/leads", headers=asking)
    assert (found.status_code, found.data) == (204, b"")
    assert found.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
    assert found.headers["Access-Control-Allow-Methods"] == "POST"
    allowed = found.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"content-type", "idempotency-key", "prefer"} == set(allowed)
    assert json.loads(client.get(f"/public/forms/{publish(world)}").data)["version"] == 2
