"""The readers of webhooks, called directly: whatever is signed, they say no, or what they say fits a row."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from choptym.lib.errors import Rejected
from payments.gateways import get_gateway
from payments.gateways.base import Event
from payments.gateways.facts_json import dump_facts, load_facts
from payments.gateways.masking import mask
from payments.gateways.reading import read_json
from payments.models import WebhookEvent
from tests.hostile.scale import SEED, times
from tests.hostile.signing import Message, sign
from tests.hostile.words import bodies

pytestmark = pytest.mark.usefixtures("silent_gateways")

# As long as the columns of WebhookEvent are: a test holds them against each other.
COLUMNS = {"key": 200, "transaction_id": 100, "reference": 100, "word": 40}
GATEWAYS = ["fapshi", "campay", "razorpay", "cashfree"]
FUZZ = settings(
    max_examples=times(120),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
headers = st.dictionaries(
    st.sampled_from(["x-idempotency-key", "x-razorpay-event-id", "x-webhook-version", "Content-Type"]),
    st.text(max_size=80) | st.just("k" * 64),
    max_size=3,
)


def _as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _read(gateway: str, message: Message) -> Event | None:
    try:
        return get_gateway(gateway).read_webhook(**message.as_arguments())
    except Rejected:
        return None


def _assert_fits_a_row(event: Event) -> None:
    """PostgreSQL would take it, and whoever works on the row reads what was meant."""
    for name in ("key", "transaction_id", "reference", "word"):
        value, most = getattr(event, name), COLUMNS[name]
        assert isinstance(value, str)
        assert len(value) <= most, (name, value)
        assert "\0" not in value
        value.encode()
    facts = dump_facts(event)
    for stored in (event.payload, facts):
        text = json.dumps(stored, allow_nan=False)
        assert "\\u0000" not in text
        assert "\\ud8" not in json.dumps(json.loads(text), ensure_ascii=False)
    if facts:
        said = load_facts(json.loads(json.dumps(facts)))
        assert (said.status, said.refund) == (event.status, event.refund)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_signed_body_of_any_shape_is_refused_or_fits_a_row(gateway: str) -> None:
    kept = []

    @FUZZ
    @seed(SEED)
    @given(body=bodies(gateway), headers=headers)
    def fuzz(body: Any, headers: dict[str, str]) -> None:
        raw = _as_bytes(body)
        event = _read(gateway, sign(gateway, Message(raw, headers)))
        if event is not None:
            kept.append(event)
            _assert_fits_a_row(event)

    fuzz()
    assert len(kept) >= 3, "the fuzzer hardly ever got past the first check"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_what_nobody_signed_is_always_refused(gateway: str) -> None:
    @FUZZ
    @seed(SEED)
    @given(body=bodies(gateway), headers=st.dictionaries(st.text(max_size=30), st.text(max_size=200), max_size=5))
    def fuzz(body: Any, headers: dict[str, str]) -> None:
        raw = _as_bytes(body)
        assert _read(gateway, Message(raw, headers)) is None
        assert _read(gateway, Message(b"", headers, "GET", {"signature": str(body)})) is None

    fuzz()


@FUZZ
@seed(SEED)
@given(raw=st.binary(max_size=200) | st.deferred(lambda: bodies("razorpay")).map(_as_bytes))
def test_json_is_read_or_refused(raw: bytes) -> None:
    try:
        document = read_json(raw)
    except ValueError:
        return
    if isinstance(document, dict):
        assert "\\u0000" not in json.dumps(mask(document), allow_nan=False)


@FUZZ
@seed(SEED)
@given(stored=bodies("facts"))
def test_stored_facts_of_any_shape_are_read_or_refused(stored: Any) -> None:
    try:
        load_facts(stored)
    except ValueError:
        return


def test_the_longest_names_that_cashfree_may_use_make_a_key_that_fits() -> None:
    payment = {"cf_payment_id": "p" * 60, "payment_status": "S" * 60}
    body = {"type": "T" * 60, "data": {"payment": payment, "refund": {"cf_refund_id": "r" * 60}}}
    message = Message(json.dumps(body).encode(), {"x-idempotency-key": "k" * 80})

    event, other = (_read("cashfree", sign("cashfree", one)) for one in (message, _longer(message)))

    assert event is not None
    assert other is not None
    _assert_fits_a_row(event)
    assert event.key != other.key


def _longer(message: Message) -> Message:
    return Message(message.body.replace(b"rrr", b"sss"), message.headers)


def test_the_lengths_are_those_of_the_columns() -> None:
    found = {field.name: field.max_length for field in WebhookEvent._meta.fields if field.name in COLUMNS}

    assert found == COLUMNS
