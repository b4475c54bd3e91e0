"""How many decimals a currency has (ISO 4217). Amounts are kept in its smallest unit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

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
