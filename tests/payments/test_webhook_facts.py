"""What the door keeps as facts: only what a gateway that signs its events says."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import Client, override_settings
from structlog.testing import capture_logs

from choptym.lib.money import Money
from payments.gateways import forget_gateways
from payments.gateways.base import Event, Outcome, RefundOutcome, RefundStatus, Status
from payments.gateways.campay import CamPay
from payments.gateways.fapshi import Fapshi
from payments.match import match_batch
from payments.models import WebhookEvent
from tests.factories import a_while_ago, fresh, make_pending
from tests.gateways import switched_on
from tests.payments.books import entries_of
from tests.payments.gateways.sandbox import CREDENTIALS

pytestmark = pytest.mark.django_db


def _believing(event: Event) -> Event:
    """As an adapter might have it that mistakes a secret, or somebody's token, for a signature of the body."""
    money = Money(2500, "XAF")
    status = Status(Outcome.PAID, event.transaction_id, event.reference, money)
    refund = RefundStatus(RefundOutcome.DONE, "r1", "", money, transaction_id=event.transaction_id)
    return replace(event, status=status, refund=refund)


class CredulousFapshi(Fapshi):
    def read_webhook(self, **said: Any) -> Event:
        return _believing(super().read_webhook(**said))


class CredulousCamPay(CamPay):
    def read_webhook(self, **said: Any) -> Event:
        return _believing(super().read_webhook(**said))


@pytest.fixture
def credulous() -> Iterator[None]:
    with switched_on():
        adapters = {"fapshi": CredulousFapshi, "campay": CredulousCamPay}
        entries = {
            name: {**settings.GATEWAYS[name], "adapter": f"{__name__}.{adapters[name].__name__}"} for name in adapters
        }
        with override_settings(GATEWAYS=entries):
            forget_gateways()
            yield
    forget_gateways()


def _send(gateway: str, transaction_id: str) -> int:
    headers: Mapping[str, str] = {}
    if gateway == "fapshi":
        body = {"transId": transaction_id, "status": "SUCCESSFUL", "amount": 2500}
        headers = {"x-wh-secret": CREDENTIALS["FAPSHI_WEBHOOK_SECRET"]}
    else:
        key = CREDENTIALS["CAMPAY_WEBHOOK_KEY"].encode().ljust(32, b"\0")
        now = int(time.time())
        token = jwt.encode({"iat": now, "exp": now + 3600, "source": "CamPay"}, key, algorithm="HS256")
        body = {"reference": transaction_id, "status": "SUCCESSFUL", "amount": "2500", "signature": token}
    answer = Client().post(f"/webhooks/{gateway}/", json.dumps(body), content_type="application/json", headers=headers)
    return answer.status_code


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("credulous")
@pytest.mark.parametrize("gateway", ["fapshi", "campay"])
def test_a_gateway_that_does_not_sign_never_has_facts(gateway: str) -> None:
    transaction_id = "abCD123456" if gateway == "fapshi" else "3f1f9b1e-8d0c-4f6c-a5ab-2f1c6d7a4b11"
    payment, attempt = make_pending(gateway=gateway)
    type(attempt).objects.filter(pk=attempt.pk).update(transaction_id=transaction_id)

    with capture_logs() as logs:
        assert _send(gateway, transaction_id) == 200

    event = WebhookEvent.objects.get(transaction_id=transaction_id)
    assert event.facts == {}
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "an adapter believes what is not signed"
    ]
    WebhookEvent.objects.update(next_look_at=a_while_ago())
    match_batch(gateway)
    assert (fresh(event).state, fresh(payment).state, entries_of(payment)) == ("MATCHED", "PENDING", {})
