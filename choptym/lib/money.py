"""Amounts: a whole number of minor units beside their currency. XAF has no minor unit."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Self

# Digits after the point, as ISO 4217 lists them. 2500 XAF is amount_minor=2500; 25.00 INR is amount_minor=2500.
MINOR_DIGITS = {"XAF": 0, "INR": 2}
CURRENCIES = tuple(MINOR_DIGITS)
# How people write an amount, in English and in French.
_WRITTEN = {"XAF": ("{} FCFA", "{} FCFA"), "INR": ("₹{}", "{} ₹")}
_FRENCH_MARKS = str.maketrans({",": " ", ".": ","})
# How people type one: digits, in groups of three if they like. An editor may put any of these spaces between them.
_TYPED = re.compile(r"(?:[0-9]{1,15}|[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3}){1,4})(?:\.[0-9]+)?")
_HOW_TO_TYPE = {
    "XAF": "Write 2500: digits only, for FCFA has no smaller unit. No commas, no points.",
    "INR": "Write 15.50: a point before the paise, no commas.",
}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency. `amount_minor` counts the smallest unit that the currency has."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        digits = MINOR_DIGITS[self.currency]
        return f"{Decimal(self.amount_minor).scaleb(-digits):,.{digits}f} {self.currency}"

    @classmethod
    def from_written(cls, text: str, currency: str) -> Self:
        """Read what a person typed: "2500", "12 500", "15.50". Raises ValueError with a sentence for that person.

        A comma is refused, never guessed at: it stands before the decimals in one country and between the thousands
        in the next.
        """
        text = text.strip()
        if not _TYPED.fullmatch(text) or len(text.partition(".")[2]) > MINOR_DIGITS[currency]:
            raise ValueError(_HOW_TO_TYPE[currency])
        return cls.from_major(re.sub(r"\s", "", text), currency)

    def to_written(self) -> str:
        """As from_written() reads it: 12500 or 15.50."""
        digits = MINOR_DIGITS[self.currency]
        return f"{Decimal(self.amount_minor).scaleb(-digits):.{digits}f}"

    @classmethod
    def from_major(cls, amount: str | int | float | Decimal, currency: str) -> Self:
        """Read a provider's number ("5.00", 5, 5.0). Raises ValueError when it is none, or a fraction would be lost."""
        try:
            major = Decimal(str(amount))
        except InvalidOperation:
            raise ValueError(f"{amount!r} is not a number") from None
        if not major.is_finite() or abs(major) >= 10**15:
            raise ValueError(f"{amount!r} is not an amount")
        minor = major.scaleb(MINOR_DIGITS[currency])
        if minor != minor.to_integral_value():
            raise ValueError(f"{amount} {currency} has a fraction smaller than the minor unit")
        return cls(int(minor), currency)


def written(money: Money, language: str) -> str:
    """The amount as people read it: 5,000 FCFA in English, 5 000 FCFA in French; ₹1,499.00 and 1 499,00 ₹.

    The French space is a plain one: it is in every SMS alphabet.
    """
    digits = MINOR_DIGITS[money.currency]
    number = f"{Decimal(money.amount_minor).scaleb(-digits):,.{digits}f}"
    english, french = _WRITTEN[money.currency]
    return french.format(number.translate(_FRENCH_MARKS)) if language == "fr" else english.format(number)
