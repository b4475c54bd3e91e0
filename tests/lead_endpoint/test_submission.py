"""What is understood of a body, whatever a website or a person sends."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import orjson
import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lead_endpoint.submission import (
    MOST_EXTRA,
    MOST_FIELDS,
    MOST_NAME,
    MOST_TEXT,
    Invalid,
    Person,
    Unreadable,
    control,
    is_form,
    person,
    read,
)

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def who(fields: dict[str, object], region: str | None = None) -> Person:
    return person(fields, phone_region=region)


def multipart(*parts: tuple[str, bytes], boundary: str = "b") -> tuple[bytes, str]:
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in parts
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def refusal(body: bytes, kind: str) -> int | None:
    """The status with which a body is refused; None where it is read, and understood as somebody."""
    try:
        who({"phone": "+44 20 7946 0018"} | read(body, kind))
    except Unreadable as fault:
        return fault.status
    except Invalid:
        return None
    return None


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [JSON, "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"]
)
def test_json_is_read_by_any_of_its_types(kind: str) -> None:
    assert read(b'{"email": "ada@example.com"}', kind) == {"email": "ada@example.com"}


@pytest.mark.parametrize("kind", ["", "text/plain", "text/plain;charset=UTF-8"])
def test_json_without_its_type_is_read_where_it_looks_like_it(kind: str) -> None:
    """What a browser's `fetch` sends that names no type."""
    assert read(b' {"email": "ada@example.com"}', kind) == {"email": "ada@example.com"}
    with pytest.raises(Unreadable) as caught:
        read(b"hello", kind)
    assert caught.value.status == 415


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"', b"null", b'{"a": 1} {', b"\xff\xfe", b"{'a': 1}"])
def test_what_is_no_json_object_is_refused_with_400(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        read(body, JSON)
    assert caught.value.status == 400


def test_the_last_of_equal_names_in_json_counts() -> None:
    assert read(b'{"email": "a@example.com", "email": "b@example.com"}', JSON) == {"email": "b@example.com"}


@pytest.mark.parametrize("depth", [500, 5_000, 30_000])
def test_deep_json_breaks_nothing(depth: int) -> None:
    body = b'{"email": "ada@example.com", "x": ' + b"[" * depth + b"]" * depth + b"}"
    assert refusal(body, JSON) in {None, 400}


def test_numbers_that_json_does_not_have_become_text() -> None:
    assert read(b'{"a": NaN, "b": -Infinity}', JSON) == {"a": "NaN", "b": "-Infinity"}
    assert who({"email": "ada@example.com", "n": read(b'{"n": 1e999}', JSON)["n"]}).extra["n"]


@pytest.mark.parametrize("number", [10**40, -(10**25), 2**64])
def test_numbers_of_any_size_become_text(number: int) -> None:
    fields = read(f'{{"email": "ada@example.com", "n": {number}}}'.encode(), JSON)
    assert who(fields).extra["n"]


def test_a_number_of_thousands_of_digits_breaks_nothing() -> None:
    assert refusal(b'{"email": "ada@example.com", "n": ' + b"9" * 20_000 + b"}", JSON) in {None, 400}


def test_a_form_is_read_with_plus_and_percent() -> None:
    assert read(b"name=Ada+L&email=ada%40example.com&empty=", FORM) == {
        "name": "Ada L",
        "email": "ada@example.com",
        "empty": "",
    }


def test_boxes_of_one_name_have_all_their_values_and_no_value_twice() -> None:
    assert read(b"topic=price&topic=demo&topic=", FORM)["topic"] == "price, demo"
    assert read(b"email=a%40example.com&email=a%40example.com", FORM)["email"] == "a@example.com"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (quote("Müller").encode(), FORM),
        ("Müller".encode(), FORM),
        (b"M%FCller", FORM),  # a page that declares nothing
        (b"M\xfcller", FORM + "; charset=ISO-8859-1"),
        (b"M%81ller", FORM + "; charset=cp852"),
    ],
)
def test_old_encodings_of_a_form_are_understood(raw: bytes, kind: str) -> None:
    found = read(b"last_name=" + raw, kind)["last_name"]
    assert found == "Müller" or "cp852" in kind


@pytest.mark.parametrize(
    ("charset", "text"), [("windows-1251", "Иванов"), ("shift_jis", "山田"), ("iso-8859-15", "Œuvre")]
)
def test_a_declared_encoding_is_believed_where_it_is_not_utf_8(charset: str, text: str) -> None:
    body = f"name={quote(text, encoding=charset)}".encode()
    assert read(body, f"{FORM}; charset={charset}") == {"name": text}
    assert read(f'{{"name": "{text}"}}'.encode(charset), f"{JSON}; charset={charset}") == {"name": text}


@pytest.mark.parametrize(
    "charset", ["utf-8; x", "zlib", "undefined", "unicode_escape", "idna", "", "x" * 99, "..", "utf_7"]
)
def test_a_strange_encoding_breaks_nothing(charset: str) -> None:
    assert read(b"name=M%FC%80", f'{FORM}; charset="{charset}')["name"]


def test_a_mark_of_byte_order_before_json_is_ignored() -> None:
    assert read(b'\xef\xbb\xbf{"email": "ada@example.com"}', JSON) == {"email": "ada@example.com"}


def test_a_multipart_form_is_read_and_files_are_named_but_not_kept() -> None:
    body, kind = multipart(("email", b"ada@example.com"), ("name", "Ada Łovelace".encode()))
    assert read(body, kind) == {"email": "ada@example.com", "name": "Ada Łovelace"}
    part = b'--b\r\nContent-Disposition: form-data; name="cv"; filename="cv.pdf"\r\n\r\nbytes\r\n'
    assert read(part + body, kind)["files"] == "cv"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"x", "multipart/form-data"), (b"--b\r\nContent-Disp", "multipart/form-data; boundary=b"),
     multipart(*[("a", b"b")] * 400),
     (urlencode([(f"f{n}", "x") for n in range(MOST_FIELDS + 1)]).encode(), FORM),
     (json.dumps({f"f{n}": 1 for n in range(MOST_FIELDS + 1)}).encode(), JSON)],
)  # fmt: skip
def test_what_has_too_many_parts_or_none_that_can_be_read_is_refused(body: bytes, kind: str) -> None:
    assert refusal(body, kind) == 400 or read(body, kind) == {}


@pytest.mark.parametrize("kind", ["text/html", "application/xml", "image/png", "application/octet-stream", "json"])
def test_other_types_are_refused_with_415(kind: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(b"{}", kind)
    assert caught.value.status == 415


def test_only_html_forms_count_as_such() -> None:
    assert [is_form(kind) for kind in (FORM, "Multipart/Form-Data; boundary=x", JSON, "", "text/plain")] == [
        True, True, False, False, False,
    ]  # fmt: skip


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    st.dictionaries(st.text(st.characters(codec=None), max_size=12), anything, max_size=6),
    st.sampled_from([None, "DE"]),
)
@example({"email": "a\x00da@example.com", "\ud800": "\udc00\x00", "phone": ["+1"], "name": {"x": [None]}}, None)
def test_whatever_is_understood_can_be_stored(fields: dict[str, object], region: str | None) -> None:
    try:
        found = who({"phone": "+44 20 7946 0018"} | fields, region)
    except Invalid:
        return
    texts = [
        found.email,
        found.phone,
        found.first_name,
        found.last_name,
        found.company,
        *found.extra,
        *found.extra.values(),
    ]
    for text in texts:
        assert text is None or ("\x00" not in text and text.encode("utf-8").decode() == text)
    assert orjson.dumps(dict(found.extra))
    assert all(len(name) <= MOST_NAME and len(value) <= MOST_EXTRA for name, value in found.extra.items())
    assert not any("," in flag for flag in found.flags)


@settings(max_examples=300)
@given(st.binary(max_size=300), st.sampled_from([JSON, FORM, "multipart/form-data; boundary=b", "text/plain", ""]))
def test_no_bytes_at_all_break_the_reading(body: bytes, kind: str) -> None:
    try:
        who({"phone": "+44 20 7946 0018"} | read(body, kind))
    except (Unreadable, Invalid):
        return


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=30)), max_size=4), st.integers(0, 60))
def test_no_multipart_form_that_is_cut_off_breaks_the_reading(parts: list[tuple[str, bytes]], cut: int) -> None:
    body, kind = multipart(*((name.replace('"', ""), value) for name, value in parts))
    assert refusal(body[: len(body) - cut], kind) in {None, 400}


# --- e-mail ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_email", "kept", "key"),
    [
        ("ada@example.com", "ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM ", "Ada@example.com", "ada@example.com"),
        ("ada+web@example.com", "ada+web@example.com", "ada+web@example.com"),
        ("jörg@bücher.example", "jörg@bücher.example", "jörg@bücher.example"),
        ("a\u0000da@example.com", "ada@example.com", "ada@example.com"),
    ],
)
def test_an_address_is_normalised_in_its_domain_and_compared_in_lower_case(
    given_email: str, kept: str, key: str
) -> None:
    found = who({"email": given_email})
    assert (found.email, found.contact_key) == (kept, key)


@settings(max_examples=400)
@given(st.from_regex(r"[a-zA-Z0-9._+-]{1,66}@[a-zA-Z0-9.-]{1,30}(\.(com|De|test|local|ONION|arpa|x))?", fullmatch=True))
@example("a@b.co")
@example("A.b+c@Sub.Example-Firm.COM")
@example("a@b.localhost")
@example("a@xn--80ak6aa92e.com")
@example("a@" + "b" * 58 + ".com")
@example("a" * 65 + "@b.de")
def test_plain_addresses_are_judged_as_the_library_judges_them(address: str) -> None:
    try:
        expected = validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        with pytest.raises(Invalid):
            who({"email": address})
    else:
        assert who({"email": address}).email == expected


@pytest.mark.parametrize(
    "wrong", ["ada", "ada@", "@example.com", "a b@example.com", "ada@exa mple.com", "ada@example.com, bo@example.com",
              "ada@-example.com", "<ada@example.com>", "ada@localhost.", "a@" + "b" * 300 + ".com",
              "ada@exam\nple.com\r\nBcc: all@example.com", "\ud800@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(Invalid) as caught:
        who({"email": wrong, "phone": "+44 20 7946 0018"})
    assert caught.value.field == "email"


@pytest.mark.parametrize("wrong", [["ada@example.com"], {"x": "ada@example.com"}, 7, True])
def test_an_address_must_be_text(wrong: object) -> None:
    with pytest.raises(Invalid) as caught:
        who({"email": wrong})
    assert caught.value.field == "email"


@pytest.mark.parametrize("nothing", [None, "", "  ", "\x00"])
def test_an_empty_address_is_none(nothing: object) -> None:
    assert who({"email": nothing, "phone": "+44 20 7946 0018"}).email is None


@pytest.mark.parametrize("fields", [{}, {"name": "Ada"}, {"email": "", "phone": ""}])
def test_without_address_and_number_the_address_is_asked_for(fields: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        who(fields)
    assert caught.value.field == "email"


# --- phone -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "region", "kept", "flags"),
    [
        ("+44 20 7946 0018", None, "+442079460018", ()),
        ("0044 20 7946 0018", "DE", "+442079460018", ()),
        ("(030) 901820", "DE", "+4930901820", ()),
        ("tel:+49-30-901820", None, "+4930901820", ()),
        ("030 901820", None, "030 901820", ("phone_unverified",)),
        ("+1 555 000 0000", None, "+15550000000", ("phone_unverified",)),
        ("12345 ask for Ada", None, "12345 ask for Ada", ("phone_unverified",)),
        (4930901820, "DE", "+4930901820", ()),
        ("030 901820", "ZZ", "030 901820", ("phone_unverified",)),
    ],
)
def test_a_number_is_kept_in_e164_where_its_country_is_known(
    text: object, region: str | None, kept: str, flags: tuple[str, ...]
) -> None:
    found = who({"email": "ada@example.com", "phone": text}, region)
    assert found.phone == kept
    assert set(flags) <= set(found.flags)
    assert ("phone_unverified" in found.flags) == bool(flags)


def test_a_number_alone_is_enough_and_flagged() -> None:
    found = who({"phone": "+44 20 7946 0018"})
    assert (found.contact_key, found.flags) == ("+442079460018", ("no_email",))


def test_what_is_no_number_is_refused_where_there_is_nothing_else() -> None:
    with pytest.raises(Invalid) as caught:
        who({"phone": "call me"})
    assert caught.value.field == "phone"


def test_what_is_no_number_is_flagged_where_there_is_an_address() -> None:
    found = who({"email": "ada@example.com", "phone": "123"})
    assert (found.phone, found.flags) == (None, ("phone_unreadable",))


@settings(max_examples=200)
@given(st.from_regex(r"\+?[0-9 ().\-/]{5,20}", fullmatch=True), st.sampled_from([None, "DE", "US", "GB"]))
def test_whatever_number_comes_is_a_possible_one_or_flagged(text: str, region: str | None) -> None:
    found = who({"email": "ada@example.com", "phone": text}, region)
    if found.phone is not None and "phone_unverified" not in found.flags:
        assert phonenumbers.is_valid_number(phonenumbers.parse(found.phone))
        assert found.phone.startswith("+")


# --- names and other fields ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"name": "Ada Lovelace"}, "Ada", "Lovelace"),
        ({"name": "  Ada   King  Lovelace "}, "Ada King", "Lovelace"),
        ({"name": "Ada"}, "Ada", None),
        ({"first_name": "Ada", "last_name": "Lovelace", "name": "Somebody Else"}, "Ada", "Lovelace"),
        ({"last_name": "Lovelace", "name": "Somebody Else"}, None, "Lovelace"),
        ({"name": "Ada\r\nBcc: x"}, "Ada Bcc:", "x"),
        ({"name": "A\u0301da"}, "Áda", None),
        ({"name": "\u200fAda\u2028Lovelace"}, "\u200fAda", "Lovelace"),
        ({}, None, None),
    ],
)
def test_names_are_one_line_and_split_before_the_last_word(
    fields: dict[str, object], first: str | None, last: str | None
) -> None:
    found = who({"email": "ada@example.com", **fields})
    assert (found.first_name, found.last_name) == (first, last)


def test_halves_of_a_character_that_belong_together_are_put_together() -> None:
    fields = read(b'{"email": "ada@example.com", "company": "\\ud83d\\ude00"}', JSON)
    assert who(fields).company == "\U0001f600"
    apart = who({"email": "ada@example.com", "company": "\ud83d \ude00"})
    assert apart.company == "\ufffd \ufffd"
    assert apart.flags == ("repaired",)


def test_long_texts_are_shortened_and_flagged() -> None:
    found = who({"email": "ada@example.com", "company": "x" * 9999, "note": "y" * 20_000, "n" * 500: "z"})
    assert found.company == "x" * MOST_TEXT
    assert found.extra["note"] == "y" * MOST_EXTRA
    assert "n" * MOST_NAME in found.extra
    assert "shortened" in found.flags


def test_further_fields_are_kept_as_text_and_steering_ones_are_not() -> None:
    fields = {
        "email": "ada@example.com", "budget": 12.5, "consent": True, "topics": ["a", 2], "deep": {"a": [1]},
        "form": "1-x", "organization_id": 3, "_gotcha": "", "_next": "/x", "owner_id": "7", "nothing": None,
    }  # fmt: skip
    assert who(fields).extra == {
        "budget": "12.5", "consent": "yes", "topics": "a, 2", "deep": '{"a":[1]}', "owner_id": "7",
    }  # fmt: skip


def test_what_steers_is_text_or_a_number() -> None:
    fields: dict[str, object] = {"form": " 1-abc\x00 ", "organization_id": 3, "_next": ["x"], "_x": ""}
    assert [control(fields, name) for name in ("form", "organization_id", "_next", "_x", "none")] == [
        "1-abc", "3", None, None, None,
    ]  # fmt: skip
