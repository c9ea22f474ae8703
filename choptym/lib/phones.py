"""Phone numbers of Cameroon: nine digits beginning with 6, as the gateways want them."""

import phonenumbers

REGION = "CM"


def national_number(text: str) -> str | None:
    """The nine digits of a mobile number written in any usual way (+237 6…, 00237…, 6…); None when it is none."""
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return None
    digits = str(number.national_number)
    is_mobile = number.country_code == 237 and len(digits) == 9 and digits.startswith("6")
    return digits if is_mobile and not number.extension else None


def masked(phone: str) -> str:
    """A number as it may be shown in logs: 67•••••12."""
    return f"{phone[:2]}•••••{phone[-2:]}" if len(phone) > 4 else "•••"
