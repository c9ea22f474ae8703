"""One sandbox process for all tests here, reset before each, and a small server that takes its webhooks."""

import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.payments.sandbox.sandbox_client import (
    CamPayMerchant,
    CashfreeMerchant,
    Control,
    FapshiMerchant,
    RazorpayMerchant,
    Receiver,
)

ROOT = Path(__file__).parents[3]
GATEWAYS = ("fapshi", "campay", "razorpay", "cashfree")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    command = [sys.executable, "-m", "payments.sandbox", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("sandbox ready at http://127.0.0.1:")
        yield ready.split()[-1]
        process.terminate()
        assert process.wait(timeout=5) == 0


@pytest.fixture(scope="session")
def shared_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield receiver
    receiver.shutdown()
    receiver.server_close()
    thread.join()


@pytest.fixture(scope="session")
def shared_control(address: str) -> Control:
    return Control(address)


@pytest.fixture
def control(shared_control: Control) -> Control:
    """A fresh sandbox whose payers decide within 20 ms and that tells nobody."""
    shared_control.post("reset", seed=1).raise_for_status()
    for gateway in GATEWAYS:
        shared_control.turn(gateway, webhook_url=None, approval_delay_ms=20).raise_for_status()
    return shared_control


@pytest.fixture
def receiver(control: Control, shared_receiver: Receiver) -> Receiver:
    shared_receiver.events = []
    shared_receiver.status = 200
    for gateway in GATEWAYS:
        url = f"http://127.0.0.1:{shared_receiver.server_port}/webhooks/{gateway}/"
        control.turn(gateway, webhook_url=url).raise_for_status()
    return shared_receiver


@pytest.fixture
def fapshi(control: Control) -> FapshiMerchant:
    return FapshiMerchant(f"{control.address}/fapshi", {"apiuser": "sandbox-user", "apikey": "FAK_TEST_sandbox"})


@pytest.fixture
def fapshi_payouts(control: Control) -> FapshiMerchant:
    return FapshiMerchant(f"{control.address}/fapshi", {"apiuser": "sandbox-payout", "apikey": "FAK_TEST_payout"})


@pytest.fixture
def campay(control: Control) -> CamPayMerchant:
    merchant = CamPayMerchant(f"{control.address}/campay/api", {})
    merchant.login()
    return merchant


@pytest.fixture
def razorpay(control: Control) -> RazorpayMerchant:
    basic = b64encode(b"rzp_test_sandbox:sandbox-razorpay-secret").decode()
    return RazorpayMerchant(f"{control.address}/razorpay/v1", {"Authorization": f"Basic {basic}"})


@pytest.fixture
def cashfree(control: Control) -> CashfreeMerchant:
    credentials = {"x-client-id": "TEST_sandbox", "x-client-secret": "cfsk_ma_test_sandbox"}
    return CashfreeMerchant(f"{control.address}/cashfree/pg", {**credentials, "x-api-version": "2025-01-01"})
