"""The net is fine enough: a planted value is found in every dress."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.hostile.planted import ADDRESSES, SECRET_NAMES, UNUSED, Values, planted

VALUES = Values(
    secrets={"key": "planted-Key/with+signs="},
    phones={"phone": "673914862"},
    mails={"mail": "planted.ama@mail.example"},
)
KEY, PHONE = VALUES.secrets["key"], VALUES.phones["phone"]


@pytest.mark.parametrize(
    "text",
    [
        f"key={KEY}",
        KEY.upper(),
        quote(KEY, safe=""),
        json.dumps({"a": KEY}),
        *(base64.b64encode(f"{'x' * more}:{KEY}:more".encode()).decode() for more in range(4)),
        *(base64.urlsafe_b64encode(f"{'x' * more}{KEY}".encode()).decode() for more in range(3)),
        f"to +237{PHONE}",
        "673 914 862",
        "6 73 91 48 62",
        "673-914-862",
        base64.b64encode(f"237{PHONE}".encode()).decode(),
        "mail to planted.ama%40mail.example",
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3MDAwMDAwMDB9.c2lnbmF0dXJl",
    ],
)
def test_it_is_found(text: str) -> None:
    assert VALUES.leaks({"a place": f"before {text} after"})


@pytest.mark.parametrize("text", ["", "67•••••62", "pla•••@mail.example", "673914860", "planted-key", "0" * 5000])
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert not VALUES.leaks({"a place": text})


def test_every_secret_of_the_example_is_planted() -> None:
    assert {"SECRET_KEY", "FAPSHI_API_KEY", "CASHFREE_CLIENT_SECRET_PREVIOUS"} < set(SECRET_NAMES)
    assert set(SECRET_NAMES) >= (ADDRESSES | UNUSED) - {"DATABASE_URL", "REDIS_URL"}
    assert len({planted(name) for name in SECRET_NAMES}) == len(SECRET_NAMES)
