"""What must not be read by those who need it not: telephone numbers, e-mail addresses, secrets."""

import re
from urllib.parse import quote, unquote, urlsplit

# Nine digits from 6 in Cameroon, ten from 6 to 9 in India.
_PHONE = re.compile(r"(?<![0-9A-Za-z-])(?:(?:\+?237)?6[0-9]{8}|(?:\+?91)?[6-9][0-9]{9})(?![0-9A-Za-z-])")
_PARTS = re.compile(r"(?P<country>\+?237(?=[0-9]{9}$)|\+?91(?=[0-9]{10}$))?(?P<national>[0-9]{9,10})")
# Bounded, and a name begins where a word does: strangers choose the text, and an open pattern takes quadratic time.
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-]{1,3})[\w.+-]{0,64}@([\w-]{1,63}\.[\w.-]{1,190})")
# A shorter one is a word that stands elsewhere too.
_LEAST_SECRET = 8

_secrets: set[str] = set()


def keep_secret(value: str) -> None:
    """A value of a setting that hide_secrets() takes out: whole, and each secret in a list, name:secret or address."""
    for one in value.split(","):
        _keep(value, one, one.partition(":")[2], *one.split("{to}"))
        keep_password(one)


def keep_password(address: str) -> None:
    """The same for what is secret in an address."""
    try:
        password = urlsplit(address).password or ""
    except ValueError:  # the reader of the setting says what is wrong with it
        return
    _keep(password, unquote(password), quote(unquote(password), safe=""))


def _keep(*words: str) -> None:
    _secrets.update(word.strip() for word in words if len(word.strip()) >= _LEAST_SECRET)


def hide_secrets(text: str) -> str:
    """Without the values of our own settings that are secret."""
    for secret in sorted((one for one in _secrets if one in text), key=len, reverse=True):
        text = text.replace(secret, "•••")
    return text


def mask_phone(phone: str) -> str:
    """670000012 → 67•••••12, with the country code kept in front when it is there."""
    parts = _PARTS.fullmatch(phone)
    if parts is None:
        return "•••"
    national = parts["national"]
    return f"{parts['country'] or ''}{national[:2]}•••••{national[-2:]}"


def mask_people(text: str) -> str:
    """Telephone numbers and e-mail addresses inside a text."""
    return _EMAIL.sub(r"\1•••@\2", _PHONE.sub(lambda match: mask_phone(match[0]), text))
