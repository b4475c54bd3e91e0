"""Requests that no well-meaning client sends, as Hypothesis strategies: what a parser, a database or a decoder trips
over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from urllib.parse import quote

from hypothesis import strategies as st

LEADS = "/public/leads"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Sent:
    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


NASTY = st.sampled_from(
    [
        "\x00", "a\x00b", "\ud800", "\udfff", "\ud83d\ude00", "\ufeff", "\u202e", "\u2028", "\x1b[31m", "\r\nX: 1",
        "'; --", "<script>", "{{7*7}}", "=1+1", "%00", "%", "\U0010ffff", "é", "İ", "ß" * 600, "x" * 11_000, " ",
        "\t", "null", "NaN", "١٢٣٤٥٦", "¹²³⁴⁵", "🎉" * 50, "a" * 255 + "@example.com", '"a b"@example.com',
        "ada@[127.0.0.1]", "ada@exämple.com", "ada@xn--exmple-cua.com", "@", "a@b", "ada@example.com\n", "+" * 40,
        "../../etc/passwd", "+49" + "0" * 300, "00000", "tel:+49-30-901820;ext=5", "1e400",
    ]
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=40), NASTY, st.lists(NASTY, max_size=3).map("".join))
EMAIL = st.one_of(st.just("ada@example.com"), st.just("eve@example.com"), st.emails(), TEXT)
PHONE = st.one_of(st.just("+49 30 901820"), st.text("0123456789+-() ", max_size=30), TEXT)
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**80), 2**80), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
NAMES = st.one_of(
    st.sampled_from(
        [
            "first_name",
            "last_name",
            "name",
            "company",
            "_next",
            "_gotcha",
            "_idempotency_key",
            "organization_id",
            "form",
        ]
    ),
    TEXT,
)


@st.composite
def fields(draw: st.DrawFn) -> dict[str, object]:
    found: dict[str, object] = draw(st.dictionaries(NAMES, st.one_of(TEXT, ODD), max_size=6))
    if found.get("form") is not None and draw(st.integers(0, 3)):
        del found["form"]  # most are not turned away for a form that there is not
    if draw(st.integers(0, 4)):
        found["email"] = draw(st.one_of(EMAIL, EMAIL, EMAIL, ODD))
    if draw(st.booleans()):
        found["phone"] = draw(st.one_of(PHONE, ODD))
    return found


@st.composite
def json_bodies(draw: st.DrawFn) -> bytes:
    text = json.dumps(draw(fields()), ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 9)) == 0:
        text = text.replace("{", '{"email": "first@example.com", ', 1)  # a name that comes twice
    encoding = draw(st.sampled_from(["utf-8"] * 16 + ["utf-16", "utf-32", "utf-8-sig", "utf-16-le"]))
    return text.encode(encoding, errors="surrogatepass")


@st.composite
def form_bodies(draw: st.DrawFn) -> bytes:
    pairs = [
        (name, str(value)) for name, value in draw(fields()).items() for _ in range(draw(st.sampled_from([1, 1, 1, 2])))
    ]
    joined = "&".join(f"{_escaped(draw, name)}={_escaped(draw, value)}" for name, value in pairs)
    return joined.encode("utf-8", errors="surrogatepass") + draw(st.sampled_from([b"", b"", b"&", b"%", b"%zz=%f"]))


def _escaped(draw: st.DrawFn, text: str) -> str:
    return quote(text.encode("utf-8", errors="surrogatepass")) if draw(st.integers(0, 4)) else text.replace("&", "")


@st.composite
def multipart(draw: st.DrawFn) -> tuple[str, bytes]:
    boundary = draw(st.sampled_from(["x", "----WebKitFormBoundary7MA4YWxk", "'", "a" * 70]))
    parts = b""
    for name, value in draw(fields()).items():
        file = draw(st.sampled_from(["", "", "", '; filename="a.pdf"', "; filename*=UTF-8''%00"]))
        clean = name.encode("utf-8", errors="surrogatepass").replace(b"\r", b"").replace(b"\n", b"").replace(b'"', b"")
        parts += b"--%b\r\nContent-Disposition: form-data; name=\"%b\"%b\r\n\r\n%b\r\n" % (
            boundary.encode(), clean, file.encode(), str(value).encode("utf-8", errors="surrogatepass"),
        )  # fmt: skip
    end = draw(st.sampled_from([b"--%b--\r\n", b"--%b", b"", b"--%b--\r\n--%b--"])).replace(b"%b", boundary.encode())
    return f"multipart/form-data; boundary={boundary}", parts + end


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """(content type, body)"""
    kind = draw(st.integers(0, 10))
    if kind <= 5:
        typed, body = draw(st.sampled_from([JSON, JSON, "application/ld+json", "text/plain", ""])), draw(json_bodies())
    elif kind <= 8:
        typed, body = draw(st.sampled_from([FORM, FORM, f"{FORM}; charset=latin-1"])), draw(form_bodies())
    elif kind == 9:
        typed, body = draw(multipart())
    else:
        typed = draw(
            st.sampled_from([JSON, FORM, "multipart/form-data", "text/xml", "application/octet-stream", "x/y;;="])
        )
        body = draw(st.one_of(st.binary(max_size=200), st.integers(60_000, 70_000).map(lambda size: b"a" * size), DEEP))
    if draw(st.integers(0, 19)) == 0 and body:
        place = draw(st.integers(0, len(body)))
        body = draw(st.sampled_from([body[:place], body[:place] + b"\x00" + body[place:], body[:place] + b"\xff"]))
    return typed, body


DEEP = st.sampled_from([b"[" * 9_000, b'{"email":' * 5_000 + b"1" + b"}" * 5_000, b'{"a":' + b"9" * 5_000 + b"}"])
LATIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Idempotency-Key": st.one_of(st.uuids().map(str), LATIN, st.just("k" * 256), st.just('"quoted"')),
        "Accept": st.sampled_from(["*/*", "application/json", "text/html", "x"]),
        "Content-Encoding": st.sampled_from(["identity", "gzip", "br", ""]),
        "X-Forwarded-For": st.one_of(st.ip_addresses().map(str), LATIN),
        "Origin": st.sampled_from(["null", "https://example.com"]),
        "Cookie": LATIN,
    },
)


@st.composite
def leads(draw: st.DrawFn) -> Sent:
    typed, body = draw(bodies())
    headers = dict(draw(HEADERS)) if draw(st.integers(0, 2)) == 0 else {}
    if draw(st.integers(0, 9)):
        headers["Prefer"] = "respond-async"
    if typed:
        headers["Content-Type"] = typed
    query = draw(
        st.sampled_from(["", "", "", "", "?form=", "?form=1-deadbeefdeadbeef", "?organization_id=9", "?%ff=%00"])
    )
    return Sent("POST", LEADS + query, headers, body)


@st.composite
def others(draw: st.DrawFn) -> Sent:
    """Any route, any method, any query."""
    path = draw(
        st.sampled_from(
            [
                "/integrations/demo/salespeople/stats", "/integrations/demo/owners", "/integrations/demo/raw",
                "/integrations/demo/salespeople/debug/deals", "/integrations/demo/health", "/metrics", "/openapi.json",
                "/docs", "/healthz", "/readyz", "/thanks", LEADS, "/integrations/%00/owners", "/integrations//raw",
                "/%ff", "//evil.example.com/", "/integrations/../metrics", "/static/x",
            ]
        )
    )  # fmt: skip
    names = st.sampled_from(["days", "owner_id", "owner_email", "org_id", "live", "x", "%00"])
    values = st.one_of(
        st.integers(-5, 400).map(str), TEXT.map(lambda text: quote(text.encode("utf-8", "surrogatepass")))
    )
    query = "&".join(f"{name}={value}" for name, value in draw(st.lists(st.tuples(names, values), max_size=4)))
    method = draw(st.sampled_from(["GET"] * 8 + ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"]))
    return Sent(method, f"{path}?{query[:3000]}", dict(draw(HEADERS)))


def mangled(sent: Sent, chance: Random) -> Sent:
    """The same with some bytes of its body cut out, doubled, or replaced."""
    body = sent.body
    for _ in range(chance.randint(1, 3)):
        start = chance.randint(0, len(body))
        end = min(len(body), start + chance.choice((0, 1, 1, 2, 8, 40)))
        put = chance.choice((b"", body[start:end] * 2, bytes([chance.randrange(256)]), chance.choice(BYTES)))
        body = body[:start] + put + body[end:]
    return replace(sent, body=body)


BYTES = (
    b"\x00",
    b"\\ud800",
    b"\\u0000",
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b'"',
    b"\\",
    b"{",
    b"&",
    b"=",
    b"%00",
    b"+",
    b"\r\n",
)
REQUESTS = st.one_of(leads(), leads(), leads(), leads(), leads(), leads(), leads(), others())
