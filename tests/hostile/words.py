"""Bodies of webhooks, true to shape and not: the strategies that the fuzzers draw from."""

from typing import Any

from hypothesis import strategies as st

UUID = "3f1f9b1e-8d0c-4f6c-a5ab-2f1c6d7a4b11"
ORDER, PAYMENT = "order_Ab3dEf6hIj9kLm", "pay_Ab3dEf6hIj9kQq"

odd_texts = st.sampled_from([
    "", " ", "None", "null", "NA", "\x00", "\ud800", "é" * 40, "☃" * 300, "a" * 5000, "9" * 30, "-1", "1e9", "1.5",
    "NaN", "Infinity", "٣", "²", "2026-11-05T25:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    UUID, ORDER, PAYMENT, "SUCCESS", "SUCCESSFUL", "captured", "XAF", "INR", "../x", "' OR 1=1 --", "\u202e", "a@b.c",
    "+237677000001",
])  # fmt: skip
odd_numbers = st.sampled_from([
    0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**15, 10**40, 1.5, -0.0, 1e308, True, False,
]) | st.integers()  # fmt: skip
scalars = st.none() | odd_texts | odd_numbers | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | odd_texts, inner, max_size=3),
    max_leaves=5,
)
ids = st.sampled_from([UUID, UUID.upper(), ORDER, "plink_Ab3dEf6hIj9kLm", PAYMENT, "rfnd_Ab3dEf6hIj9kQq", "abCD123456"])
times = st.sampled_from(["2026-11-05T10:00:00+05:30", "2026-11-05", "2026-11-05 10:00:00", 1767000125, 10**12])
amounts = st.sampled_from([2500, 149900, "2500", "2500.00", "1499.00", 1499.0, "0", "-5", "1e3", 10**17])


def _field(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what belongs there."""
    return st.one_of(good, good, good, good, anything)


def _object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    known = st.fixed_dictionaries({}, optional={name: _field(good) for name, good in fields.items()})
    more = st.dictionaries(st.text(max_size=8) | st.just("k" * 200), anything, max_size=2)
    return _field(st.builds(lambda one, two: {**two, **one}, known, more))


def _words(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*words, "w" * 60])


def _whole(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({name: _field(good) for name, good in fields.items()})


_texts = st.sampled_from(["mtn", "677000001", "ARN123", "r" * 300, "i" * 64, "NA"])
_notes = _object(reference=ids)
_pay = _object(
    id=ids, order_id=ids, status=_words("captured", "failed", "refunded", "authorized"), amount=amounts,
    currency=_words("INR", "XAF"), fee=amounts, amount_refunded=amounts, captured=st.booleans(), created_at=times,
    method=_texts, notes=_notes, acquirer_data=_object(rrn=_texts, arn=_texts), error_reason=_texts,
)  # fmt: skip
_refund = _object(
    id=ids, payment_id=ids, status=_words("created", "processed", "failed"), amount=amounts, created_at=times,
    currency=_words("INR"), receipt=ids, notes=_notes, acquirer_data=_object(arn=_texts),
)  # fmt: skip
_long_ids = st.sampled_from(["p" * 60, "5114910634577", 5114910634577])
_cash_pay = _object(
    cf_payment_id=_long_ids, payment_status=_words("SUCCESS", "FAILED"), payment_amount=amounts,
    payment_currency=_words("INR"), payment_time=times, bank_reference=_texts, payment_group=_texts,
)  # fmt: skip
_cash_refund = _object(
    cf_refund_id=_long_ids, refund_id=ids | _long_ids, order_id=ids, refund_status=_words("SUCCESS", "PENDING"),
    refund_amount=amounts, refund_currency=_words("INR"), cf_payment_id=_long_ids, refund_type=_words("AUTO_REFUND"),
    processed_at=times, refund_arn=_texts, refund_reason=_texts,
)  # fmt: skip
_money = _object(amount_minor=odd_numbers, currency=_words("INR", "XAF"))
_facts = _object(
    outcome=_words("paid", "not_paid", "waiting", "done"), transaction_id=ids, reference=ids, money=_money, fee=_money,
    refunded=_money, occurred_at=times, is_automatic=st.booleans(), gateway_refund_id=ids, word=_texts,
)  # fmt: skip

_BODIES: dict[str, st.SearchStrategy[Any]] = {
    "fapshi": _whole(
        transId=ids, status=_words("SUCCESSFUL", "FAILED"), amount=amounts, externalId=ids, userId=ids,
        medium=_texts, payerName=_texts, email=st.just("a@b.example"), dateConfirmed=times, transType=_texts,
    ),
    "campay": st.fixed_dictionaries(
        {"reference": st.just(UUID) | ids, "status": _words("SUCCESSFUL", "FAILED") | scalars},
        optional={
            "amount": amounts | scalars, "external_reference": ids | scalars, "endpoint": _words("collect", "withdraw"),
            "operator": scalars, "phone_number": scalars, "currency": scalars,
        },
    ),
    "razorpay": _whole(
        event=_words("payment.captured", "order.paid", "payment_link.paid", "refund.processed", "payment.failed"),
        payload=_whole(
            payment=_object(entity=_pay), order=_object(entity=_object(id=ids, receipt=ids)),
            payment_link=_object(entity=_object(id=ids, reference_id=ids)), refund=_object(entity=_refund),
        ),
    ),
    "cashfree": _whole(
        type=_words(
            "PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_LINK_EVENT", "REFUND_STATUS_WEBHOOK", "AUTO_REFUND_STATUS_WEBHOOK"
        ),
        event_time=times,
        data=_whole(
            order=_object(order_id=ids, order_amount=amounts, order_currency=_words("INR"), transaction_id=_long_ids,
                          transaction_status=_words("SUCCESS"), order_tags=_object(link_id=ids)),
            payment=_cash_pay, refund=_cash_refund, auto_refund=_cash_refund, link_id=ids, link_status=_words("PAID"),
            link_currency=_words("INR"), link_amount_paid=amounts, dispute=_object(dispute_id=_long_ids),
        ),
    ),
    "facts": _object(status=_facts, refund=_facts),
}  # fmt: skip


def bodies(gateway: str) -> st.SearchStrategy[Any]:
    """What this gateway sends, more or less; now and then something else altogether, or bare bytes."""
    shaped = _BODIES[gateway]
    return st.one_of(shaped, shaped, shaped, anything) if gateway == "facts" else st.one_of(
        shaped, shaped, shaped, shaped, anything, st.binary(max_size=60)
    )  # fmt: skip
