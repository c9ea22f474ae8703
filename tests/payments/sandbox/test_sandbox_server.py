"""payments.sandbox.server: no request makes the sandbox itself fail, and it stops when told."""

import json
import signal
import socket
import subprocess
import sys
import time
import uuid
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.payments.sandbox.sandbox_client import (
    CamPayMerchant,
    CashfreeMerchant,
    Control,
    FapshiMerchant,
    RazorpayMerchant,
)

FIELDS = ("amount", "phone", "from", "to", "externalId", "external_reference", "userId", "email", "medium", "currency",
          "description", "redirectUrl", "redirect_url", "transId", "start_date")  # fmt: skip
INDIAN_FIELDS = ("amount", "currency", "receipt", "notes", "payment", "order_id", "contact", "method", "upi",
                 "payment_id", "customer", "expire_by", "reference_id", "callback_url", "callback_method", "speed",
                 "order_amount", "order_currency", "customer_details", "order_expiry_time", "payment_session_id",
                 "payment_method", "link_id", "link_amount", "link_currency", "link_purpose", "link_expiry_time",
                 "refund_id", "refund_amount", "entity", "entity_id", "entity_simulation", "pagination", "filters",
                 "order_status")  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())
SENSIBLE = st.sampled_from([500, "500", "677000000", "237677000000", "order-1", "a@b.co", "fapshi", "XAF"])
PATHS = (
    "fapshi/direct-pay",
    "fapshi/initiate-pay",
    "fapshi/payout",
    "fapshi/expire-pay",
    "campay/api/token/",
    "campay/api/collect/",
    "campay/api/get_payment_link/",
    "campay/api/withdraw/",
    "campay/api/history/",
)

INDIAN_PATHS = (
    "razorpay/v1/orders",
    "razorpay/v1/payments/create/json",
    "razorpay/v1/payments/validate/vpa",
    "razorpay/v1/payments/{payment}/capture",
    "razorpay/v1/payments/{payment}/refund",
    "razorpay/v1/refunds",
    "razorpay/v1/payment_links",
    "cashfree/pg/orders",
    "cashfree/pg/orders/sessions",
    "cashfree/pg/orders/{order}/refunds",
    "cashfree/pg/links",
    "cashfree/pg/simulate",
    "cashfree/pg/settlements",
    "cashfree/pg/recon",
)
INSIDE = st.sampled_from([
    {"capture": "automatic", "capture_options": {"automatic_expiry_period": 12, "refund_speed": "normal"}},
    {"flow": "intent"}, {"upi": {"channel": "link"}}, {"upi": {"channel": "collect", "upi_id": "a@bank"}},
    {"customer_id": "payer", "customer_phone": "9000000000"}, {"contact": "9000000000"}, {"limit": 10},
    {"start_date": "2025-01-01", "end_date": "2125-01-01"}, {"payment_status": "SUCCESS"}, {},
])  # fmt: skip
INDIAN = st.sampled_from([500, 500.5, 1e300, float("nan"), "INR", "upi", "9000000000", "automatic", "a-id"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(PATHS),
    body=st.dictionaries(st.sampled_from(FIELDS), SENSIBLE | VALUES),
    is_payout=st.booleans(),
)
def test_no_body_makes_the_sandbox_itself_fail(
    control: Control, campay: CamPayMerchant, path: str, body: dict[str, object], is_payout: bool
) -> None:
    user, key = ("sandbox-payout", "FAK_TEST_payout") if is_payout else ("sandbox-user", "FAK_TEST_sandbox")
    headers = {"apiuser": user, "apikey": key, "Authorization": str(campay.http.headers["Authorization"])}

    answer = control.http.post(f"{control.address}/{path}", data=json.dumps(body), headers=headers, timeout=5)

    assert answer.status_code in {200, 400, 403, 404}, answer.text
    assert answer.json()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(INDIAN_PATHS),
    body=st.dictionaries(st.sampled_from(INDIAN_FIELDS), INDIAN | INSIDE | VALUES),
    as_form=st.booleans(),
)
def test_no_body_makes_the_indian_dialects_fail(
    control: Control, razorpay: RazorpayMerchant, cashfree: CashfreeMerchant, path: str, body: dict[str, object],
    as_form: bool,
) -> None:  # fmt: skip
    _, payment = razorpay.pay()
    order, _ = cashfree.pay(order_id=str(uuid.uuid4()))
    headers = {**razorpay.http.headers, **cashfree.http.headers, "x-idempotency-key": "same"}
    if as_form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"

    url = f"{control.address}/{path.format(payment=payment, order=order)}"
    answer = control.http.post(url, data=json.dumps(body), headers=headers, timeout=5)

    assert answer.status_code in {200, 400, 404, 409, 422}, answer.text
    assert answer.json()


@pytest.mark.parametrize("path", ["fapshi", "fapshi/", "fapshi//", "campay/api", "campay/api/transaction//",
                                  "campay/api/transaction/%0d%0aX", "fapshi/payment/", "control", "%00", "razorpay",
                                  "razorpay/v1/orders//payments", "razorpay/l/", "cashfree/pg/orders/a/payments/",
                                  "cashfree/links/x"])  # fmt: skip
def test_no_path_makes_the_sandbox_itself_fail(campay: CamPayMerchant, control: Control, path: str) -> None:
    answer = campay.http.get(f"{control.address}/{path}", timeout=5)

    assert answer.status_code in {200, 403, 404}


def test_a_body_that_is_too_large_or_too_deep_is_refused(fapshi: FapshiMerchant) -> None:
    assert fapshi.http.post(f"{fapshi.base}/direct-pay", data="[" * 100_000, timeout=5).status_code == 400
    assert fapshi.http.post(f"{fapshi.base}/direct-pay", data=" " * 2**21, timeout=5).status_code == 413


def test_a_caller_who_hangs_up_within_a_request_books_nothing(control: Control) -> None:
    parts = urlsplit(control.address)
    with socket.create_connection((parts.hostname, parts.port or 0)) as caller:
        caller.sendall(b"POST /fapshi/direct-pay HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        time.sleep(0.05)
        assert control.books("fapshi")["most_in_flight"] == 1
    time.sleep(0.05)

    assert control.entries("fapshi") == []
    assert control.http.get(f"{control.address}/control", timeout=5).status_code == 200


def test_imports_nothing_of_the_project_but_itself() -> None:
    code = "import sys, payments.sandbox.__main__; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    ours = {"payments", "choptym", "orders", "wallets", "notifications", "django", "celery"}
    loaded = set(answer.stdout.split())
    assert {name for name in loaded if name.split(".")[0] in ours and not name.startswith("payments.sandbox")} == {
        "payments"
    }


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_while_callers_wait(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "payments.sandbox", "--port", "0", "--webhooks", "http://127.0.0.1:9/hooks"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        control = Control(process.stdout.readline().split()[-1])
        assert control.knobs("campay")["webhook_url"] == "http://127.0.0.1:9/hooks/campay/"
        control.turn("fapshi", timeout_rate=1)
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{control.address}/fapshi/balance", timeout=0.1)
        process.send_signal(how)

        assert process.wait(timeout=3) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
