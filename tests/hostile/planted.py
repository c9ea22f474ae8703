"""Values that are unmistakable, in every form in which they could come out again."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from tests.architecture.test_environment import EXAMPLE

SECRET_NAMES = re.findall(r"^# secret: [^\n]*\n(?:#[^\n]*\n)*([A-Z][A-Z0-9_]*)=", EXAMPLE, re.MULTILINE)
# With a form of their own: planted by the world that the values go into.
ADDRESSES = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SMS_URL", "PUSH_URL", "ALERT_URLS", "FLOWER_BASIC_AUTH"}
# Instead of CamPay's user name and password, which ask for a token of their own.
UNUSED = {"CAMPAY_TOKEN"}
JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}")


def planted(name: str) -> str:
    """The same at every run, and like nothing else."""
    word = name.lower().replace("_", "-")
    return f"planted-{word}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


@dataclass
class Values:
    """What must not be found, by name."""

    secrets: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    mails: dict[str, str] = field(default_factory=dict)

    def leaks(self, places: Mapping[str, str], *, people: bool = True) -> list[str]:
        """What was found where. Without `people` phones and addresses may be there."""
        looked_for = dict(self.secrets)
        if people:
            looked_for |= self.phones | self.mails
        forms = {name: set(forms_of(value)) for name, value in looked_for.items()}
        found = [
            f"{name} in {place}: …{_around(text, form)}…"
            for place, text in places.items()
            for lowered in [text.lower()]
            for name, all_forms in forms.items()
            for form in sorted(all_forms)
            if form in lowered
        ]
        return found + [f"a token in {place}: {seen[0][:30]}" for place, text in places.items() for seen in _jwts(text)]


def _jwts(text: str) -> Iterator[re.Match[str]]:
    yield from JWT.finditer(text)


def _around(text: str, form: str) -> str:
    at = text.lower().index(form)
    return text[max(at - 150, 0) : at + len(form) + 50].replace("\n", "⏎")


def forms_of(value: str) -> Iterator[str]:
    """In small letters: what is looked through is made small too."""
    spellings = [value]
    if value.isdigit():
        spellings = [value, f"{value[:3]} {value[3:6]} {value[6:]}", " ".join(re.findall("..?", value))]
        spellings += [f"{value[:3]}-{value[3:6]}-{value[6:]}", f"{value[0]} {value[1:3]} {value[3:5]} {value[5:7]}"]
    for spelling in spellings:
        yield spelling.lower()
        yield quote(spelling, safe="").lower()
        yield quote_plus(spelling).lower()
        yield json.dumps(spelling)[1:-1].lower()
        yield spelling.encode().hex()
    for offset in range(3):  # wherever it begins inside what was encoded
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * offset + value.encode()).decode().rstrip("=")
            yield text[(0, 2, 3)[offset] : -2 or None].lower()
