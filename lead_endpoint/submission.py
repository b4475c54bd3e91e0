"""What was sent, as a lead: any body that a website or integration may post, read, cleaned and normalised.

Nothing here decides whether a lead is wanted; it says what is understood, what is wrong with it, and keeps the rest as
text. The bytes themselves are kept by the caller.
"""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import parse_qsl

import orjson
import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

MOST_FIELDS = 200
MOST_NAME = 100
MOST_TEXT = 500
"""Characters of a name, company or field name that are kept as such; everything is in the body anyway."""
MOST_EXTRA = 10_000
LEAST_DIGITS = 5
"""A number with fewer is none."""
LEGACY = "cp1252"
"""What old pages send that declare nothing, and those that declare Latin-1 (WHATWG Encoding Standard)."""
CHARSETS = frozenset(
    {
        "utf-8",
        "cp1250",
        "cp1251",
        "cp1252",
        "iso8859-2",
        "iso8859-15",
        "koi8-r",
        "shift_jis",
        "euc_jp",
        "gbk",
        "gb18030",
    }
    | {"big5", "euc_kr", "utf-16"}
)
MOST_PLAIN = 64
"""Characters of an address; of longer ones the parts have limits of their own."""
_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}")
_RESERVED = re.compile(rf"[@.](?:{'|'.join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))})$", re.IGNORECASE)
_DECLARED = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)

CONTACT_FIELDS = ("email", "name", "first_name", "last_name", "phone", "company")
CONTROL_FIELDS = ("form", "organization_id")
"""Together with every name that begins with "_": they steer, and are no data of the lead."""
TRAP_FIELD = "_gotcha"
"""People do not see it, so whoever fills it is a program."""
VERSION_FIELD, TOKEN_FIELD, FILLED_FIELD, PROOF_FIELD = "_version", "_token", "_filled_ms", "_altcha"
VISIT_FIELD, SOURCE_FIELD, CAMPAIGN_FIELD, LANGUAGE_FIELD = "_visit", "_source", "_campaign", "_language"
NEXT_FIELD, KEY_FIELD = "_next", "_idempotency_key"

Fields = Mapping[str, object]


class Unreadable(Exception):
    """The body cannot be read at all. status: the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Invalid(Exception):
    """The lead is not one: `field` is missing or wrong, the message says what is needed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who may buy. email: as written but for the domain; phone: E.164 where its country is known."""

    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    extra: Mapping[str, str]
    flags: tuple[str, ...]

    @property
    def contact_key(self) -> str | None:
        """Whose leads these are."""
        return self.email.lower() if self.email else self.phone


# --- bodies ----------------------------------------------------------------------------------------------------------


def read(body: bytes, content_type: str) -> dict[str, object]:
    """The fields of a JSON object or an HTML form. Raises Unreadable."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return _json(body, content_type)
    if kind == "application/x-www-form-urlencoded":
        return _form(body, content_type)
    if kind == "multipart/form-data":
        return _multipart(body, content_type)
    if kind in {"", "text/plain"} and body.lstrip()[:1] == b"{":
        return _json(body, content_type)
    raise Unreadable(
        415, "Send JSON (Content-Type: application/json) or an HTML form (application/x-www-form-urlencoded)."
    )


def is_form(content_type: str) -> bool:
    """Whether a plain HTML form sent this."""
    return content_type.partition(";")[0].strip().lower() in {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }


def _json(body: bytes, content_type: str) -> dict[str, object]:
    found: object
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = _lenient_json(body, _charset(content_type) or "utf-8")
    if not isinstance(found, dict):
        raise Unreadable(400, 'The body must be a JSON object such as {"email": "ada@example.com"}.')
    if len(found) > MOST_FIELDS:
        raise Unreadable(400, f"The body has more than {MOST_FIELDS} fields.")
    return found


def _lenient_json(body: bytes, charset: str) -> object:
    """JSON with half characters (lone surrogates) or other bytes than UTF-8 in it, which strict parsers refuse."""
    try:
        return json.loads(_decoded(body, charset).removeprefix("\ufeff"), parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable(400, "The body is not valid JSON.") from error


def _form(body: bytes, content_type: str) -> dict[str, object]:
    charset = _charset(content_type) or LEGACY
    try:
        # Read as bytes first, each a character of Latin-1: what they mean is known name by name and value by value.
        pairs = parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS, encoding="latin-1"
        )
    except ValueError as error:
        raise Unreadable(400, f"The form has more than {MOST_FIELDS} fields.") from error
    return _joined([(_meant(name, charset), _meant(value, charset)) for name, value in pairs])


def _meant(text: str, charset: str) -> str:
    return text if text.isascii() else _decoded(text.encode("latin-1"), charset)


def _decoded(raw: bytes, charset: str) -> str:
    """UTF-8 where it is that, whatever was declared; else as declared."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(charset, errors="replace")


def _charset(content_type: str) -> str | None:
    """The encoding that is declared, where it is one that web pages have."""
    found = _DECLARED.search(content_type)
    try:
        name = codecs.lookup(found[1]).name if found else ""
    except LookupError:
        return None
    return LEGACY if name == "iso8859-1" else name if name in CHARSETS else None


def _multipart(body: bytes, content_type: str) -> dict[str, object]:
    from werkzeug.exceptions import HTTPException
    from werkzeug.formparser import parse_form_data

    environ = {
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "REQUEST_METHOD": "POST",
    }
    try:
        _, fields, files = parse_form_data(environ, max_form_parts=MOST_FIELDS, silent=False)
    except (HTTPException, ValueError) as error:
        raise Unreadable(400, "The multipart form cannot be read, or has too many parts.") from error
    # werkzeug names a part None whose header gives no name.
    found = _joined([(name or "", value) for name, values in fields.lists() for value in values])
    return found | ({"files": ", ".join(name or "" for name in files)} if files else {})


def _joined(pairs: list[tuple[str, str]]) -> dict[str, object]:
    """A name that comes several times (check boxes) has all its values."""
    found: dict[str, object] = {}
    for name, value in pairs:
        held = found.get(name)
        found[name] = f"{held}, {value}" if held and value and held != value else held or value
    return found


# --- what it says ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Texts:
    """Every field that says something, as text, by name. flags: what had to be done to them."""

    by_name: dict[str, str]
    flags: list[str]


def texts_of(fields: Fields) -> Texts:
    flags: list[str] = []
    found = {_clean(name, flags)[:MOST_NAME]: text for name, value in fields.items() if (text := _text(value, flags))}
    return Texts(found, flags)


def person(fields: Fields, *, phone_region: str | None, said: Texts | None = None) -> Person:
    """Who is meant. phone_region: ISO 3166 country of numbers without a country code. said: the fields as text, where
    they are read already. Raises Invalid."""
    said = said or texts_of(fields)
    texts, flags = said.by_name, list(said.flags)
    email = email_of(fields.get("email"), texts.get("email"))
    phone = phone_of(texts.get("phone"), phone_region, flags)
    if email is None and phone is None:
        if texts.get("phone"):
            raise Invalid("phone", "This is no phone number. An e-mail address or a phone number is needed.")
        raise Invalid("email", "An e-mail address or a phone number is needed.")
    if email is None:
        flags.append("no_email")
    first_name, last_name = _names(texts, flags)
    return Person(
        email=email,
        phone=phone,
        first_name=first_name,
        last_name=last_name,
        company=_line(texts.get("company"), flags),
        extra={name: _short(text, MOST_EXTRA, flags) for name, text in texts.items() if is_extra(name)},
        flags=tuple(dict.fromkeys(flags)),
    )


def is_extra(name: str) -> bool:
    """Whether a field is none of ours."""
    return name not in CONTACT_FIELDS and name not in CONTROL_FIELDS and not name.startswith("_")


def control(fields: Fields, name: str) -> str | None:
    """The text of a field that steers."""
    value = fields.get(name)
    return _clean(str(value), []).strip() or None if isinstance(value, str | int) else None


def email_of(given: object, text: str | None) -> str | None:
    """The address in `text`, which was given as `given`. Raises Invalid where it is none."""
    if not text:
        return None
    if not isinstance(given, str):
        raise Invalid("email", "The e-mail address must be text.")
    if "\ufffd" in text:
        raise Invalid("email", "This is no e-mail address: a character of it cannot be read.")
    if _is_plain(text):
        name, _, domain = text.partition("@")
        return f"{name}@{domain.lower()}"
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Invalid("email", f"This is no e-mail address: {error}") from error


def _is_plain(text: str) -> bool:
    """Whether an address is of the kind that nearly all are: the library takes it as it is, but slowly."""
    return len(text) <= MOST_PLAIN and _PLAIN_EMAIL.fullmatch(text) is not None and not _RESERVED.search(text)


def phone_of(text: str | None, region: str | None, flags: list[str]) -> str | None:
    """The number as E.164 where its country is known; None where it is none. flags: what is noticed is added."""
    if not text:
        return None
    if sum(character.isdigit() for character in text) < LEAST_DIGITS:
        flags.append("phone_unreadable")
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        flags.append("phone_unverified")
        return _line(text, flags)
    if not phonenumbers.is_valid_number(number):
        flags.append("phone_unverified")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _names(texts: Mapping[str, str], flags: list[str]) -> tuple[str | None, str | None]:
    """First and last name; a name in one field is split before its last word."""
    first, last = _line(texts.get("first_name"), flags), _line(texts.get("last_name"), flags)
    whole = _line(texts.get("name"), flags)
    if whole and not first and not last:
        first, _, last = whole.rpartition(" ") if " " in whole else (whole, "", None)
    return first or None, last or None


# --- text ------------------------------------------------------------------------------------------------------------


def _text(value: object, flags: list[str]) -> str:
    """Any JSON value as text; "" where there is nothing."""
    if value is None or isinstance(value, str):
        return _clean(value or "", flags).strip()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(_text(one, flags) for one in value)
    try:
        return _clean(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flags)
    except (ValueError, RecursionError):
        flags.append("too_deep")
        return ""


def _clean(text: str, flags: list[str]) -> str:
    """Without NUL, which PostgreSQL cannot hold, and with half characters replaced."""
    cleaned = text.replace("\x00", "")
    if not cleaned.isascii():
        # Halves that make a whole are put together, those that don't are replaced.
        whole = cleaned.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")
        cleaned = unicodedata.normalize("NFC", whole)
    if "\x00" in text or "\ufffd" in cleaned:
        flags.append("repaired")
    return cleaned


def _line(text: str | None, flags: list[str]) -> str | None:
    """One line without control characters."""
    if not text:
        return None
    if text.isprintable() and "  " not in text:
        return _short(text.strip(), MOST_TEXT, flags) or None
    visible = "".join(" " if unicodedata.category(one) in {"Cc", "Zl", "Zp"} else one for one in text)
    return _short(" ".join(visible.split()), MOST_TEXT, flags) or None


def _short(text: str, most: int, flags: list[str]) -> str:
    if len(text) > most:
        flags.append("shortened")
    return text[:most]
