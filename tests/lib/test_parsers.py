"""Bodies, read strictly. What the API answers to bad ones is tested in tests/api/test_bad_requests.py."""

import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from choptym.lib.parsers import StrictJSONParser

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=10)
bodies = st.dictionaries(
    texts, st.none() | st.booleans() | st.integers() | texts | st.lists(texts, max_size=3), max_size=4
)


def parse(body: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(body))


@given(body=bodies.filter(lambda body: "\\u0000" not in json.dumps(body, ensure_ascii=False)))
def test_reads_every_object(body: dict[str, Any]) -> None:
    assert parse(json.dumps(body).encode()) == body


@given(body=st.binary(max_size=40))
def test_reads_bytes_or_refuses_them_and_does_nothing_else(body: bytes) -> None:
    with suppress(ParseError):
        assert isinstance(parse(body), dict)


@pytest.mark.parametrize("body", [b"[]", b"1", b'{"a": "\\u0000"}', b'{"a": "\\udc00"}', b'{"a": NaN}', b""])
def test_refuses_what_cannot_be_stored(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)
