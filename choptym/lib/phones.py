"""Mobile numbers in national form, as the gateways want them: nine digits in Cameroon, ten in India.

Their lengths differ, so a national number alone says whose it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import phonenumbers


@dataclass(frozen=True, slots=True)
class Country:
    """How mobile numbers look there. phonenumbers reads the spelling; what the gateways take is decided here."""

    calling_code: int
    pattern: re.Pattern[str]
    says: str


COUNTRIES: Mapping[str, Country] = {
    "CM": Country(237, re.compile(r"6[0-9]{8}"), "a mobile number of Cameroon (nine digits beginning with 6)"),
    "IN": Country(91, re.compile(r"[6-9][0-9]{9}"), "a mobile number of India (ten digits beginning with 6 to 9)"),
}


# What phonenumbers would read besides is never meant: letters as the keys of a telephone, other scripts' digits,
# "tel:", an extension. It would ask a stranger to pay.
_WRITTEN = re.compile("[0-9 \u00a0\u202f+().\\-/]*")


def national_number(text: str, region: str = "") -> str | None:
    """The digits of a mobile number of this country ("": of any), written in any usual way; None when it is none."""
    for name in [region] if region else COUNTRIES:
        number = _read(text, name)
        if number is not None:
            return number
    return None


def region_of(number: str) -> str:
    """The country of a national number; "" when it is none."""
    return next((name for name, country in COUNTRIES.items() if country.pattern.fullmatch(number)), "")


def international_number(number: str) -> str | None:
    """A national number with its country before it, digits only: 237677000001. None when it is of no country."""
    region = region_of(number)
    return f"{COUNTRIES[region].calling_code}{number}" if region else None


def _read(text: str, region: str) -> str | None:
    if not _WRITTEN.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text.replace("\u202f", " "), region)
    except phonenumbers.NumberParseException:
        return None
    digits, country = str(number.national_number), COUNTRIES[region]
    is_mobile = number.country_code == country.calling_code and country.pattern.fullmatch(digits)
    return digits if is_mobile else None


def masked(phone: str) -> str:
    """A number as it may be shown in logs: 67•••••12."""
    return f"{phone[:2]}•••••{phone[-2:]}" if len(phone) > 4 else "•••"
