"""Words and signs of numbers: units, currencies, scales, fractions, and what tells the part a number plays."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(text: str) -> dict[str, str]:
    """Rows of a key and the words that mean it: `USD: dollar dollars`."""
    rows = [row.split(":") for row in text.strip().splitlines()]
    return {word: key.strip() for key, words in rows for word in words.split()}


SYMBOLS: Final = _table(
    """
    USD: $
    EUR: €
    GBP: £
    JPY: ¥
    INR: ₹
    RUB: ₽
    KRW: ₩
    TRY: ₺
    ILS: ₪
    """
)
MONEY_WORDS: Final = _table(
    """
    USD: dollar dollars bucks buck cents cent
    EUR: euro euros
    GBP: pound pounds sterling quid
    JPY: yen
    CNY: yuan renminbi
    INR: rupee rupees
    CHF: franc francs
    HUF: forint forints
    PLN: zloty
    SEK: krona kronor
    NOK: krone kroner
    CZK: koruna
    BRL: real reais
    ZAR: rand
    MXN: peso pesos
    ILS: shekel shekels
    TRY: lira
    RUB: ruble rubles
    AED: dirham dirhams
    """
)
CODES: Final = _words(
    """
    AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HRK HUF IDR ILS INR ISK JPY KES KRW MXN MYR NGN
    NOK NZD PEN PHP PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR
    """
)
TIME_UNITS: Final = _table(
    """
    second: sec secs seconds
    minute: minute minutes min mins
    hour: hour hours hr hrs h
    day: day days d
    week: week weeks wk wks w
    fortnight: fortnight fortnights
    month: month months mo mos
    quarter: quarter quarters qtr
    year: year years yr yrs
    decade: decade decades
    """
)
SCALES: Final = {
    "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "k": 1_000,
    "m": 1_000_000, "mn": 1_000_000, "bn": 1_000_000_000, "mil": 1_000_000, "grand": 1_000,
}  # fmt: skip
ONES: Final = {
    word: number
    for number, word in enumerate(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
        eighteen nineteen
        """.split()  # noqa: SIM905
    )
} | {"nil": 0, "nought": 0, "dozen": 12, "score": 20}
TENS: Final = {
    word: 10 * number
    for number, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
FRACTIONS: Final = _words(
    """
    half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh sevenths eighth
    eighths ninth ninths tenth tenths
    """
)
MULTIPLES: Final = _words(
    """
    double doubled doubles doubling triple tripled triples tripling treble trebled quadruple quadrupled quadrupling
    quintupled halve halved halving twice thrice twofold threefold fourfold fivefold tenfold fold times multiple
    multiples multiplied multiply dozens hundreds thousands millions scores once
    """
)
VAGUE: Final = _words(
    """
    couple pair trio several few many numerous countless handful plenty lots loads bunch majority minority both duo
    multitude various umpteen
    """
)
ORDINAL_WORDS: Final = _words(
    """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth twentieth secondly thirdly
    """
)
BASE_WORDS: Final = _words(
    """
    median average mean usual usually baseline norm normal normally typical typically than versus vs against from
    previous previously before prior compared
    """
)
CHANGES: Final = _words(
    """
    drop rise fall increase decrease gain change growth dip decline loss jump reduction uplift difference gap swing
    slide
    """
)
APPROXIMATE: Final = _words(
    """
    about around roughly approximately approx nearly almost some circa ca over above under below least most beyond
    exceeding exceeded exceeds plus near barely minimum maximum max min upwards
    """
)
BY: Final = _words(
    """
    by up down another extra additional further gained lost added plus minus
    """
)
"""Before a number: it is a change."""
CHANGED: Final = _words(
    """
    more fewer less extra additional higher lower above below up down better worse ahead behind short
    """
)
"""After a number: it is a change."""
