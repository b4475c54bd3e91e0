# ruff: noqa: E501  (tables of names read best as they are)
"""Names of the demo world: people in many alphabets, companies, products, places. All addresses are reserved ones."""

from __future__ import annotations

from dataclasses import dataclass

SELLER_DOMAIN = "nordlicht.example"

# (first name, last name, both in plain letters for an e-mail address), by culture
_PEOPLE: tuple[tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]], ...] = (
    (
        (("Anna", "anna"), ("Jürgen", "juergen"), ("Sabine", "sabine"), ("Lukas", "lukas"), ("Käthe", "kaethe"),
         ("Matthias", "matthias"), ("Leonie", "leonie"), ("Björn", "bjoern"), ("Miriam", "miriam"), ("Tobias", "tobias")),
        (("Müller-Lüdenscheidt", "mueller-luedenscheidt"), ("Schröder", "schroeder"), ("Weiß", "weiss"), ("Krause", "krause"),
         ("Brandt", "brandt"), ("Großmann", "grossmann"), ("Jäger", "jaeger"), ("Vogel", "vogel"), ("Lindner", "lindner"),
         ("Hoffmann", "hoffmann"), ("von der Heide", "vonderheide"), ("Böttcher", "boettcher"), ("Seidel", "seidel")),
    ),
    (
        (("Zofia", "zofia"), ("Łukasz", "lukasz"), ("Agnieszka", "agnieszka"), ("Paweł", "pawel"), ("Małgorzata", "malgorzata")),
        (("Zieliński", "zielinski"), ("Wójcik", "wojcik"), ("Kowalczyk", "kowalczyk"), ("Dąbrowska", "dabrowska"),
         ("Szczęsny", "szczesny"), ("Łuczak", "luczak")),
    ),
    (
        (("Luka", "luka"), ("Željka", "zeljka"), ("Goran", "goran"), ("Ana", "ana"), ("Đorđe", "dorde")),
        (("Žižek", "zizek"), ("Kovačević", "kovacevic"), ("Horvat", "horvat"), ("Đurić", "duric"), ("Novak", "novak")),
    ),
    (
        (("Sean", "sean"), ("Siobhán", "siobhan"), ("Grace", "grace"), ("Emma", "emma"), ("James", "james"), ("Olivia", "olivia"),
         ("Ethan", "ethan"), ("Maya", "maya")),
        (("O'Brien", "obrien"), ("Smith-Jones", "smith-jones"), ("Taylor", "taylor"), ("Nguyen", "nguyen"), ("McAllister", "mcallister"),
         ("Carter", "carter"), ("D'Arcy", "darcy"), ("Washington", "washington"), ("Okafor", "okafor")),
    ),
    (
        (("Chloé", "chloe"), ("Étienne", "etienne"), ("Noël", "noel"), ("Inès", "ines"), ("Jean-François", "jean-francois")),
        (("Lefèvre", "lefevre"), ("Dupont", "dupont"), ("Rousseau", "rousseau"), ("de La Fontaine", "delafontaine"), ("Gauthier", "gauthier")),
    ),
    (
        (("Giulia", "giulia"), ("Niccolò", "niccolo"), ("María José", "maria-jose"), ("Íñigo", "inigo"), ("Begoña", "begona")),
        (("Dell'Acqua", "dellacqua"), ("Núñez", "nunez"), ("Rossi", "rossi"), ("Ibáñez", "ibanez"), ("Bianchi", "bianchi")),
    ),
    (
        (("Αλέξανδρος", "alexandros"), ("Ελένη", "eleni"), ("Γιώργος", "giorgos")),
        (("Αλεξίου", "alexiou"), ("Παπαδόπουλος", "papadopoulos"), ("Νικολάου", "nikolaou")),
    ),
    (
        (("Thị Mai", "thi-mai"), ("Văn Hùng", "van-hung"), ("Thị Lan", "thi-lan")),
        (("Nguyễn", "nguyen"), ("Trần", "tran"), ("Phạm", "pham")),
    ),
    (
        (("太郎", "taro"), ("花子", "hanako"), ("健", "ken"), ("さくら", "sakura")),
        (("山田", "yamada"), ("佐藤", "sato"), ("鈴木", "suzuki"), ("髙橋", "takahashi")),
    ),
    (
        (("محمد", "mohammed"), ("ليلى", "layla"), ("דנה", "dana")),
        (("الفارسي", "alfarsi"), ("حداد", "haddad"), ("לוי", "levi")),
    ),
)  # fmt: skip
CULTURE_WEIGHTS = (0.42, 0.09, 0.06, 0.2, 0.07, 0.07, 0.03, 0.02, 0.02, 0.02)
_JAPANESE, _VIETNAMESE = 8, 7

_KIND_OF_FIRM = (
    "Adler", "Alpen", "Anker", "Aurora", "Basalt", "Birken", "Brücken", "Delta", "Diamant", "Donau", "Eichen", "Elbe",
    "Falken", "Feder", "Fjord", "Fuchs", "Glas", "Granit", "Hafen", "Hanse", "Helio", "Horizont", "Iris", "Isar",
    "Kiesel", "Komet", "Kranich", "Kupfer", "Linden", "Luchs", "Magnet", "Mosel", "Neckar", "Nova", "Orion", "Pfeil",
    "Polar", "Quarz", "Rhein", "Saphir", "Silber", "Spree", "Sturm", "Tannen", "Ulmen", "Vektor", "Weser", "Zeder",
)  # fmt: skip
_TRADE = (
    "Logistik", "Systems", "Medical", "Energy", "Foods", "Robotics", "Textil", "Chemie", "Software", "Optics", "Bau",
    "Automotive", "Media", "Water", "Pharma", "Electronics", "Retail", "Marine", "Packaging", "Steel", "Insurance",
    "Telecom", "Travel", "Papier", "Security", "Aviation", "Furniture", "Cosmetics", "Tools", "Seeds", "Lighting", "Labs",
)  # fmt: skip
INDUSTRIES = (
    "Transport", "Technology", "Health care", "Energy", "Food", "Manufacturing", "Textiles", "Chemicals", "Technology",
    "Manufacturing", "Construction", "Automotive", "Media", "Utilities", "Health care", "Electronics", "Retail",
    "Transport", "Packaging", "Metals", "Finance", "Telecommunications", "Travel", "Paper", "Services", "Aerospace",
    "Furniture", "Consumer goods", "Manufacturing", "Agriculture", "Electronics", "Research",
)  # fmt: skip
"""Industry of each trade, in the same order."""
_TOWN = (
    "Berlin", "Lyon", "Kraków", "Porto", "Aarhus", "Graz", "Leeds", "Austin", "Osaka", "Zagreb", "Patras", "Gent",
    "Malmö", "Tampere", "Bologna", "Sevilla",
)  # fmt: skip
FIRM_NAMES = len(_KIND_OF_FIRM) * len(_TRADE) * len(_TOWN)
_STEP = 10_007
"""Prime to FIRM_NAMES, so that stepping by it meets every name once before any comes again."""
_ODD_EVERY, _ODD_AT = 50, 3
ODD_FIRMS = (
    "🚀 Rakete & Söhne 🛰️", '=HYPERLINK("https://attacker.example","Invoice")', "株式会社 山田製作所", "+49 Hotline Service",
    "Αλεξίου Ναυτιλιακή", "شركة الفارسي للتجارة", "@import Handel", "-Minus & Co.", "Ｆｕｌｌｗｉｄｔｈ Ltd", "O'Brien; DROP TABLE deals;--",
)  # fmt: skip
"""Company names that break careless software; the ones that begin with =, +, - or @ probe for formula injection."""

_COUNTRIES: tuple[tuple[str, str, float], ...] = (
    ("DE", "EUR", 0.44), ("AT", "EUR", 0.08), ("FR", "EUR", 0.07), ("NL", "EUR", 0.05), ("IT", "EUR", 0.05), ("ES", "EUR", 0.04),
    ("HR", "EUR", 0.03), ("GR", "EUR", 0.02), ("US", "USD", 0.12), ("GB", "GBP", 0.08), ("JP", "JPY", 0.02),
)  # fmt: skip
COUNTRIES = tuple(code for code, _, _ in _COUNTRIES)
CURRENCIES = ("EUR", "USD", "GBP", "JPY")
CURRENCY_OF_COUNTRY = tuple(CURRENCIES.index(currency) for _, currency, _ in _COUNTRIES)
COUNTRY_WEIGHTS = tuple(weight for _, _, weight in _COUNTRIES)
PER_EURO = (1.0, 1.08, 0.85, 160.0)
"""Roughly how many units of each currency a euro is worth, for amounts of a natural size."""


@dataclass(frozen=True, slots=True)
class PersonName:
    first: str
    last: str
    mailbox: str

    @property
    def full(self) -> str:
        return f"{self.first} {self.last}"


def person_name(culture: int, first: float, last: float) -> PersonName:
    """A person of this culture; first, last: draws in [0, 1)."""
    firsts, lasts = _PEOPLE[culture]
    given, given_plain = firsts[int(first * len(firsts))]
    family, family_plain = lasts[int(last * len(lasts))]
    # Family names stand first in Japan and Vietnam.
    shown = (family, given) if culture in (_JAPANESE, _VIETNAMESE) else (given, family)
    return PersonName(*shown, f"{given_plain}.{family_plain}")


def firm_name(index: int) -> str:
    """Name of a company; no two companies share one."""
    if index % _ODD_EVERY == _ODD_AT:
        again, which = divmod(index // _ODD_EVERY, len(ODD_FIRMS))
        return ODD_FIRMS[which] + (f" {again + 1}" if again else "")
    again, place = divmod(index, FIRM_NAMES)
    place = place * _STEP % FIRM_NAMES
    place, town = divmod(place, len(_TOWN))
    kind, trade = divmod(place, len(_TRADE))
    return f"{_KIND_OF_FIRM[kind]} {_TRADE[trade]} {_TOWN[town]}" + (f" {again + 1}" if again else "")


def firm_industry(index: int) -> str:
    return INDUSTRIES[index % FIRM_NAMES * _STEP % FIRM_NAMES // len(_TOWN) % len(_TRADE)]


def firm_domain(index: int) -> str:
    return f"company{index}.example.com"


def misspelt(name: str, way: float) -> str:
    """The same name as a second person would have typed it."""
    ways = (
        f"{name} GmbH", name.upper(), name.replace(" ", "  ", 1), f"{name} ", name.replace("ü", "ue").replace("ö", "oe"),
        name.replace("e", "é", 1), name[:-1] if len(name) > 4 else name + ".", name.replace(" ", "-", 1),
    )  # fmt: skip
    written = ways[int(way * len(ways))]
    return written if written != name else f"{name}, Inc."
