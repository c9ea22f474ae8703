"""Cashfree: the contract, and what only its dialect of the sandbox can do."""

import pytest

from choptym.lib.errors import NotSent
from payments.gateways.base import Outcome
from payments.gateways.cashfree import Cashfree
from tests.payments.gateways.adapters import make_cashfree
from tests.payments.gateways.contract import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_faults import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refunds import *  # noqa: F403 — the suite itself
from tests.payments.gateways.sandbox import Peer, Sandbox


@pytest.fixture
def peer(gateway_sandbox: Sandbox) -> Peer:
    url = f"{gateway_sandbox.url}/cashfree/pg"
    return Peer(
        name="cashfree",
        sandbox=gateway_sandbox,
        make=lambda base_url=url, **options: make_cashfree(base_url, **options),
        unknown_id="00000000-0000-4000-8000-000000000000",
        malformed_id="a.b",
        busy_seconds=1,
        failed_link_is=Outcome.WAITING,
        finds_pending=True,
        currency="INR",
        paid_word="PAID",
        declined=(Outcome.WAITING, "ACTIVE"),
        failed_link_word="ACTIVE",
        operator="upi",
        instructions="",
        when_down=NotSent,
        events=("PAYMENT_SUCCESS_WEBHOOK",),
        tells_fee=False,
        history_is_complete=False,
    )


@pytest.fixture
def gateway(peer: Peer) -> Cashfree:
    made = peer.make()
    assert isinstance(made, Cashfree)
    return made
