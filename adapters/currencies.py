"""The currencies there are and how many decimals each has (ISO 4217). Amounts are kept in the smallest unit; what a CRM
says of one is read here, too."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UYW UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CODE = re.compile(r"[A-Z]{3}$")
"""What can be a currency, also one that is not among `CODES`."""
MOST_MINOR = 2**63 - 1
"""What is stored of an amount."""
CODES = frozenset(_CODES.split())
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXCEPTIONS = {code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()}


def decimals(currency: str | None) -> int:
    """Decimals of the currency; 2 where it is not known to have another number."""
    return _EXCEPTIONS.get(currency or "", 2)


def to_minor(amount: Decimal, currency: str | None) -> int:
    """An amount in the currency's smallest unit, rounded half to even."""
    return int(amount.scaleb(decimals(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def told_number(value: object) -> Decimal | None:
    """What a CRM sends as a number or as its text; None where it is none."""
    try:
        found = Decimal(str(value)) if value not in (None, "") and not isinstance(value, bool) else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def told_minor(amount: Decimal | None, currency: str | None) -> int | None:
    """What a CRM says of an amount, in the smallest unit; None where it is too large to be one, and where what is named
    is no currency: it must not pass for another one's."""
    if amount is None or (currency is not None and not CODE.match(currency)) or abs(amount.adjusted()) >= 18:
        return None
    minor = to_minor(amount, currency)
    return minor if abs(minor) <= MOST_MINOR else None
