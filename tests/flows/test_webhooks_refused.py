"""Webhooks that no gateway sent, or that make no sense: refused, and without a trace."""

from typing import Any

import pytest

from tests.flows.ends import (
    Purchase,
    assert_not_paid,
    assert_reserved,
    unlucky,
)
from tests.flows.hooks import NOBODYS, assert_delivered, assert_events, events, secret, send, sent_once, signature
from tests.live import Live, eventually

FORGERIES = [
    ("fapshi", "wrong_secret"),
    ("fapshi", "no_secret"),
    ("campay", "wrong_key"),
    ("campay", "expired_token"),
    ("campay", "alg_none"),
    ("razorpay", "wrong_secret"),
    ("razorpay", "no_signature"),
    ("razorpay", "key_secret"),
    ("razorpay", "other_body"),
    ("cashfree", "wrong_secret"),
    ("cashfree", "no_signature"),
    ("cashfree", "old_time"),
    ("cashfree", "other_body"),
]


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize(("method", "kind"), FORGERIES)
def test_a_forged_webhook_is_refused_and_leaves_no_trace(live: Live, method: str, kind: str) -> None:
    purchase = unlucky(live, method, webhook_forged_rate=1, forged_kind=kind, never_approve_rate=1)
    purchase.wait("PENDING")

    eventually(lambda: assert_delivered(purchase, *sent_once(method, "forged", 401)))

    assert events(live, purchase.gateway_id()) == []
    assert_reserved(purchase)
    purchase.move_time("next_check_at")
    purchase.move_time("expires_at")
    purchase.wait("EXPIRED")
    assert_not_paid(purchase, "EXPIRED", "expired", tries=["ACCEPTED"])


@pytest.mark.invariant("INV-2")
def test_a_real_signature_on_a_made_up_body_is_only_a_question(live: Live) -> None:
    purchase = unlucky(live, "campay", webhook_forged_rate=1, forged_kind="replayed", never_approve_rate=1)
    purchase.wait("PENDING")
    eventually(lambda: assert_delivered(purchase, ("forged", 200)))
    eventually(lambda: assert_events(live, purchase.gateway_id(), ("SUCCESSFUL", "MATCHED")))
    eventually(lambda: _assert_asked(live, purchase))

    assert purchase.wait("PENDING")["status"] == "PENDING"
    assert_reserved(purchase)
    purchase.move_time("expires_at")
    purchase.wait("EXPIRED")
    assert_not_paid(purchase, "EXPIRED", "expired", tries=["ACCEPTED"])


def _assert_asked(live: Live, purchase: Purchase) -> None:
    [made] = live.column("SELECT checks_made FROM payments_payment WHERE id = %s", purchase.payment)
    assert made >= 1


def test_nonsense_is_refused_and_not_kept(live: Live) -> None:
    before = live.column("SELECT count(*) FROM payments_webhookevent")
    known, word = secret(live), signature(live)
    nonsense: list[tuple[str, Any, dict[str, str], int, str]] = [
        ("fapshi", b"not json", known, 400, "rejected"),
        ("fapshi", [1, 2], known, 400, "rejected"),
        ("fapshi", {"status": "SUCCESSFUL"}, known, 400, "rejected"),
        ("fapshi", {"transId": "../balance", "status": "SUCCESSFUL"}, known, 400, "rejected"),
        ("fapshi", {"transId": "abcdefgh"}, {}, 401, "bad_signature"),
        ("fapshi", {"transId": "abcdefgh"}, {"x-wh-secret": "sandbox-fapshi-secreT"}, 401, "bad_signature"),
        ("fapshi", b"[" * 70_000, known, 413, "too_large"),
        ("campay", {"signature": word}, {}, 400, "rejected"),
        ("campay", {"signature": "a.b.c", "reference": NOBODYS.format(1)}, {}, 401, "bad_signature"),
        ("campay", {"reference": NOBODYS.format(1), "status": "SUCCESSFUL"}, {}, 401, "bad_signature"),
        ("razorpay", {"event": "order.paid"}, {}, 401, "bad_signature"),
        ("cashfree", {"type": "PAYMENT_SUCCESS_WEBHOOK"}, {}, 401, "bad_signature"),
        ("nobody", {}, {}, 404, "not_found"),
    ]

    answers = [send(live, gateway, body, **headers) for gateway, body, headers, _, _ in nonsense]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [line[3:] for line in nonsense]
    assert live.column("SELECT count(*) FROM payments_webhookevent") == before
