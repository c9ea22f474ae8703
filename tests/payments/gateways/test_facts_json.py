"""What a signed event says survives its row, and nothing else is taken for it."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.errors import Exchange
from choptym.lib.money import CURRENCIES, Money
from payments.gateways.base import Event, Outcome, RefundOutcome, RefundStatus, Status
from payments.gateways.facts_json import Facts, dump_facts, load_facts

MONEY = st.builds(Money, st.integers(0, 10**15), st.sampled_from(CURRENCIES))
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))
STATUS = st.builds(
    Status,
    outcome=st.sampled_from(Outcome),
    money=st.none() | MONEY,
    fee=st.none() | MONEY,
    refunded=st.none() | MONEY,
    occurred_at=TIMES,
    exchange=st.none(),
)
REFUND = st.builds(
    RefundStatus,
    outcome=st.sampled_from(RefundOutcome),
    money=st.none() | MONEY,
    occurred_at=TIMES,
    exchange=st.none(),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PAID = Status(Outcome.PAID, "order_1", "ours", Money(149_900, "INR"), occurred_at=datetime(2026, 1, 2, tzinfo=UTC))


@given(st.none() | STATUS, st.none() | REFUND)
def test_what_is_kept_is_what_was_said(status: Status | None, refund: RefundStatus | None) -> None:
    stored = json.loads(json.dumps(dump_facts(Event("key", "id", status=status, refund=refund))))

    if status is None and refund is None:
        assert stored == {}
        return
    assert load_facts(stored) == Facts(status, refund)


def test_what_was_said_over_the_wire_is_not_kept() -> None:
    said = replace(PAID, exchange=Exchange(1, request={"a": "secret"}))

    assert "exchange" not in dump_facts(Event("key", "id", status=said))["status"]


def test_what_an_earlier_release_did_not_know_has_its_default() -> None:
    stored = dump_facts(Event("key", "id", status=PAID))
    del stored["status"]["refunded"]

    assert load_facts(stored).status == PAID


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "sideways"}, {"outcome": 1}, {"outcome": None}, {"outcome": "done"}, {"transaction_id": None},
        {"money": 149900}, {"money": {"amount_minor": 1}}, {"money": {"amount_minor": "1", "currency": "INR"}},
        {"money": {"amount_minor": True, "currency": "INR"}}, {"money": {"amount_minor": 1.0, "currency": "INR"}},
        {"money": {"amount_minor": 1, "currency": "EUR"}}, {"money": {"amount_minor": 1, "currency": []}},
        {"money": {"amount_minor": 1, "currency": "INR", "more": 1}}, {"fee": "0"}, {"occurred_at": "noon"},
        {"occurred_at": 1767000000}, {"occurred_at": "2026-01-02T00:00:00"}, {"a_new_field": ""}, {"exchange": None},
        {"exchange": ""},
    ],
)  # fmt: skip
def test_a_shape_that_is_not_ours_is_refused(changes: dict[str, object]) -> None:
    stored = dump_facts(Event("key", "id", status=PAID))

    with pytest.raises(ValueError, match=r"."):
        load_facts({"status": {**stored["status"], **changes}})


@pytest.mark.parametrize("missing", ["outcome", "transaction_id", "reference", "money"])
def test_what_must_be_there_must_be_there(missing: str) -> None:
    stored = dump_facts(Event("key", "id", status=PAID))
    del stored["status"][missing]

    with pytest.raises(ValueError, match="miss"):
        load_facts(stored)


@pytest.mark.parametrize("stored", [None, {}, [], "paid", 7, {"status": None}, {"status": []}, {"verdict": {}}])
def test_what_is_no_facts_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        load_facts(stored)


@given(ANY_JSON | st.fixed_dictionaries({"status": ANY_JSON}) | st.fixed_dictionaries({"refund": ANY_JSON}))
def test_nothing_breaks_the_reader(stored: object) -> None:
    with suppress(ValueError):
        load_facts(stored)
