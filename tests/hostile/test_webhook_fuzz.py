"""Real webhooks of the sandbox, changed: without a signature nothing changes, with one only what the rules allow."""

import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from structlog.testing import capture_logs

from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.models import Payment, WebhookEvent
from payments.prove import find_breaks
from tests.api.world import picture
from tests.factories import a_while_ago, fresh, make_payment
from tests.gateways import switched_on
from tests.hostile.mutations import Mutation, mutations
from tests.hostile.scale import luck, times
from tests.hostile.signing import Message, sign
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.signed import INDIANS, make_indian, take_up
from tests.payments.tricks import turn, turned
from wallets.models import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

GATEWAYS = ("fapshi", "campay", "razorpay", "cashfree")
SIGNED = INDIANS
EVENTS = "payments_webhookevent"
# Of a message that a socket makes itself.
OF_THE_WIRE = {"host", "content-length", "connection", "accept", "accept-encoding", "user-agent"}


@pytest.fixture
def peers(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox as all four gateways; what it would send is kept there until it is taken."""
    with switched_on(gateway_sandbox.url, RAZORPAY_PAYER_EMAIL="a@b.example"):
        yield gateway_sandbox


def _charged(sandbox: Sandbox, gateway: str, **knobs: object) -> Payment:
    payment = make_indian(gateway) if gateway in INDIANS else make_payment(gateway=gateway)
    turn(sandbox, payment, **{"approval_delay_ms": 0, **knobs})
    charge_payment(payment.pk)
    assert fresh(payment).state == "PENDING"
    return payment


def _real(sandbox: Sandbox, gateway: str, payments: Sequence[Payment]) -> list[Message]:
    """What the gateway says of these payments once they are paid, one message for each, in their order."""
    found: dict[str, Message] = {}
    names = {str(payment.attempts.get().transaction_id): payment.pk for payment in payments}
    for _ in range(100):
        for held in sandbox.ask("POST", f"/control/{gateway}/webhooks/take", {})["webhooks"]:
            headers = {name: one for name, one in held["headers"].items() if name.lower() not in OF_THE_WIRE}
            found[held["gateway_id"]] = Message(held["body"].encode(), headers, held["method"], held["query"])
        if set(names) <= set(found):
            return [found[name] for name in names]
        time.sleep(0.05)
    raise AssertionError(f"{gateway} told nothing of {set(names) - set(found)}")


def _send(gateway: str, message: Message) -> int:
    path = f"/webhooks/{gateway}/" + (f"?{urlencode(message.query)}" if message.query else "")
    headers = {name: one for name, one in message.headers.items() if name.lower() != "content-type"}
    kind = next((one for name, one in message.headers.items() if name.lower() == "content-type"), "application/json")
    client = Client(raise_request_exception=False)
    answer: Any = client.generic(message.method, path, message.body, content_type=kind, headers=headers)
    return int(answer.status_code)


def _work(gateway: str) -> None:
    """Whatever the workers would do about these events. Time stands still inside a test's transaction."""
    take_up(gateway)
    Payment.objects.filter(gateway=gateway, next_check_at__isnull=False).update(next_check_at=a_while_ago())
    while confirm_batch(gateway):
        pass


def _changed_tables(before: dict[str, tuple[int, str]]) -> set[str]:
    after = picture()
    return {table for table in after if after[table] != before[table]}


def _assert_refused(gateway: str, changed: Sequence[Mutation]) -> None:
    """All of them, and not a row of any table is another one."""
    before = picture()
    answers = {one.name: _send(gateway, one.message) for one in changed}
    assert {name: status for name, status in answers.items() if not 400 <= status < 500} == {}
    assert _changed_tables(before) == set()


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", SIGNED)
def test_a_signed_webhook_that_was_changed_is_refused_and_changes_no_row(peers: Sandbox, gateway: str) -> None:
    with turned(peers, gateway, webhooks_held=True):
        payment = _charged(peers, gateway)
        [real] = _real(peers, gateway, [payment])
    changed = mutations(real, luck("unsigned", gateway), times(90))

    _assert_refused(gateway, [one for one in changed if one.is_covered])

    before = picture()
    loose = {one.name: _send(gateway, one.message) for one in changed if not one.is_covered}
    assert max(loose.values()) < 500, loose
    assert _changed_tables(before) <= {EVENTS, f"{EVENTS}_id_seq"}  # the same signed fact, under other headers
    take_up(gateway)
    assert fresh(payment).state in {"PENDING", "SETTLED"}
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", ["fapshi", "campay"])
def test_a_hint_that_was_changed_books_nothing_while_the_gateway_says_otherwise(peers: Sandbox, gateway: str) -> None:
    with turned(peers, gateway, webhooks_held=True):
        told = _charged(peers, gateway)
        [real] = _real(peers, gateway, [told])
    waiting = _charged(peers, gateway, never_approve_rate=1)
    known = told.attempts.get().transaction_id
    claim = real.body.replace(known.encode(), waiting.attempts.get().transaction_id.encode())
    assert claim != real.body, "the message is now about the payment that nobody has paid"
    changed = mutations(Message(claim, real.headers), luck("hints", gateway), times(90))
    before = picture()

    answers = {one.name: _send(gateway, one.message) for one in changed}

    assert max(answers.values()) < 500, answers
    assert 200 in answers.values()
    assert _changed_tables(before) <= {EVENTS}
    Payment.objects.filter(pk=told.pk).update(next_check_at=None)
    _work(gateway)
    assert (fresh(waiting).state, Entry.objects.count()) == ("PENDING", 0)
    assert _changed_tables(before) <= {EVENTS, "payments_payment", "payments_paymentattempt"}


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-3")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_gateway_gone_mad_books_only_what_the_rules_allow_and_holds_nobody_up(peers: Sandbox, gateway: str) -> None:
    """The same changes, signed anew: whoever has the secret may lie, and still nothing breaks."""
    with turned(peers, gateway, webhooks_held=True):
        victim, honest = _charged(peers, gateway), _charged(peers, gateway)
        lied_about, true = _real(peers, gateway, [victim, honest])
    changed = mutations(lied_about, luck("resigned", gateway), times(90))
    answers = {one.name: _send(gateway, sign(gateway, one.message)) for one in changed}
    assert _send(gateway, true) == 200

    with capture_logs() as logs:
        _work(gateway)

    assert max(answers.values()) < 500, answers
    assert 200 in answers.values()
    assert [line for line in logs if line.get("exc_info") or "exception" in line] == []
    assert not WebhookEvent.objects.filter(gateway=gateway, state="NEW").exists()
    assert fresh(honest).state == "SETTLED"
    _assert_booked_by_the_rules(victim)
    assert set(find_breaks()) <= {"set_aside"}


def _assert_booked_by_the_rules(victim: Payment) -> None:
    """Settled with exactly what was asked for, or left to a person; never another amount, and never twice."""
    captures = Entry.objects.filter(reason=f"payment:{victim.pk}:capture")
    state = fresh(victim).state
    assert state in {"SETTLED", "REVIEW", "PENDING"}
    assert [entry.amount_minor for entry in captures] == ([victim.amount_minor] if state == "SETTLED" else [])
