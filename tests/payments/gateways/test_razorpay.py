"""Razorpay: the contract, and what only its dialect of the sandbox can do."""

import pytest

from choptym.lib.errors import NotSent
from payments.gateways.base import Outcome
from payments.gateways.razorpay import Razorpay
from tests.payments.gateways.adapters import make_razorpay
from tests.payments.gateways.contract import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_faults import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refunds import *  # noqa: F403 — the suite itself
from tests.payments.gateways.sandbox import Peer, Sandbox


@pytest.fixture
def peer(gateway_sandbox: Sandbox) -> Peer:
    url = f"{gateway_sandbox.url}/razorpay/v1"
    return Peer(
        name="razorpay",
        sandbox=gateway_sandbox,
        make=lambda base_url=url, **options: make_razorpay(base_url, **options),
        unknown_id="order_Ab3dEf6hIj9kLm",
        malformed_id="pay_Ab3dEf6hIj9kLm",
        busy_seconds=None,
        failed_link_is=Outcome.WAITING,
        finds_pending=True,
        currency="INR",
        paid_word="captured",
        declined=(Outcome.WAITING, "failed"),
        failed_link_word="created",
        operator="upi",
        instructions="",
        when_down=NotSent,
        events=("payment.captured", "order.paid"),
    )


@pytest.fixture
def gateway(peer: Peer) -> Razorpay:
    made = peer.make()
    assert isinstance(made, Razorpay)
    return made
