"""Refunds over HTTP: who may, what is refused, and that asking twice is one refund."""

import pytest

from choptym.audit.models import Act
from payments.models import IdempotencyKey, Payment, Refund
from payments.prove import find_breaks
from payments.settle import settle_batch
from payments.states import PaymentState
from tests.api.refund_doors import FIELDS, ask, code_of, path_of, token_of
from tests.api.world import World, nothing_changes, read
from tests.factories import fresh, make_attempt, make_payment, make_topup, make_user, paid
from tests.payments.refund_rows import make_refund, make_settled
from tests.payments.staff import acts_about, make_staff
from wallets.models import Account, Entry
from wallets.selectors import wallet_balance


@pytest.mark.invariant("INV-3")
def test_a_part_goes_back_through_the_gateway(world: World, payment: Payment, finance: str) -> None:
    answer = ask(world, payment, finance, {"amount_minor": 1000, "reason": "the soup was cold"})

    refund = Refund.objects.get()
    body = read(answer)
    assert answer.status_code == 202
    assert sorted(body) == FIELDS
    assert (body["id"], body["payment"], body["status"], body["way"]) == (refund.pk, payment.pk, "QUEUED", "GATEWAY")
    assert (body["amount_minor"], body["currency"], body["reason"]) == (1000, "INR", "the soup was cold")
    assert (body["reference"], body["finished_at"]) == (str(refund.reference), None)
    assert answer.headers["Location"] == f"{path_of(payment)}{refund.pk}/"
    assert read(world.send("GET", answer.headers["Location"], Authorization=finance)) == body
    assert [act[1:] for act in acts_about(f"payment:{payment.pk}")] == [("refund_payment", "the soup was cold")]
    assert find_breaks() == {}


def test_without_an_amount_all_that_is_left_goes_back(world: World, payment: Payment, finance: str) -> None:
    make_refund(payment, 1000)

    assert read(ask(world, payment, finance))["amount_minor"] == 1500
    with nothing_changes():
        assert code_of(ask(world, payment, finance, Idempotency_Key="other")) == (409, "nothing_left", [])


def test_into_the_wallet_it_is_done_at_once(world: World, payment: Payment, finance: str) -> None:
    body = read(ask(world, payment, finance, {"reason": "a gesture", "to_wallet": True}))

    assert (body["status"], body["way"], body["amount_minor"]) == ("REFUNDED", "WALLET", 2500)
    assert body["finished_at"] is not None
    assert wallet_balance(world.customer.pk, "INR").amount_minor == 2500


@pytest.mark.invariant("INV-2")
def test_the_same_key_and_body_is_one_refund_with_one_answer(world: World, payment: Payment, finance: str) -> None:
    wish = {"amount_minor": 1000, "reason": "the soup was cold"}
    theirs = make_settled()
    first = ask(world, payment, finance, wish)

    with nothing_changes():
        again = ask(world, payment, finance, wish)
        other = ask(world, payment, finance, {**wish, "amount_minor": 1001})
        elsewhere = ask(world, theirs, finance, wish)

    assert (again.status_code, read(again)) == (202, read(first))
    assert again.headers["Location"] == first.headers["Location"]
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert code_of(other) == code_of(elsewhere) == (422, "idempotency_key_reused", ["Idempotency-Key"])


@pytest.mark.invariant("INV-2")
def test_the_same_key_is_one_refund_even_when_its_answer_was_cleaned_away(
    world: World, payment: Payment, finance: str
) -> None:
    wish = {"amount_minor": 1000, "reason": "the soup was cold"}
    first = ask(world, payment, finance, wish)
    IdempotencyKey.objects.all().delete()

    again = ask(world, payment, finance, wish)

    assert read(again) == read(first)
    assert Refund.objects.count() == 1
    assert Act.objects.count() == 1


def test_another_key_is_another_refund(world: World, payment: Payment, finance: str) -> None:
    wish = {"amount_minor": 1000, "reason": "the soup was cold"}

    for key in ("one", "two"):
        assert ask(world, payment, finance, wish, Idempotency_Key=key).status_code == 202

    assert Refund.objects.count() == 2


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("key", ["", "k" * 256, "clé"])
def test_no_key_no_refund(world: World, payment: Payment, finance: str, key: str) -> None:
    with nothing_changes():
        answer = ask(world, payment, finance, Idempotency_Key=key)

    assert code_of(answer) == (400, "idempotency_key_invalid", ["Idempotency-Key"])


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("role", ["support", "operators", "customer", "owner", "made inactive", "no staff"])
def test_only_finance_may_see_and_give(world: World, payment: Payment, role: str) -> None:
    refund = make_refund(payment)
    status, code = (401, "authentication_failed") if role == "made inactive" else (403, "permission_denied")
    token = token_of_role(world, role)

    with nothing_changes():
        answers = [
            ask(world, payment, token),
            world.send("GET", path_of(payment), Authorization=token),
            world.send("GET", f"{path_of(payment)}{refund.pk}/", Authorization=token),
            world.send("POST", "/api/payments/999999/refunds/", {"reason": "why"}, Authorization=token),
        ]

    assert [code_of(answer) for answer in answers] == [(status, code, [])] * 4


def token_of_role(world: World, role: str) -> str:
    if role == "owner":
        return f"Token {world.token}"
    if role == "customer":
        return token_of(make_user())
    user = make_staff(role if role in {"support", "operators"} else "finance")
    if role == "made inactive":
        type(user).objects.filter(pk=user.pk).update(is_active=False)
    if role == "no staff":
        type(user).objects.filter(pk=user.pk).update(is_staff=False)
    return token_of(user)


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("token", ["", "Token nobody", "Basic YTpi"])
def test_nobody_without_a_token(world: World, payment: Payment, token: str) -> None:
    refund = make_refund(payment)

    with nothing_changes():
        answers = [ask(world, payment, token), world.send("GET", path_of(payment), Authorization=token)]
        answers.append(world.send("GET", f"{path_of(payment)}{refund.pk}/", Authorization=token))

    assert [answer.status_code for answer in answers] == [401] * 3


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "required", "reason"),
        ({"reason": None}, "null", "reason"),
        ({"reason": ""}, "blank", "reason"),
        ({"reason": "  \n "}, "blank", "reason"),
        ({"reason": "x" * 201}, "max_length", "reason"),
        ({"reason": 0}, "invalid", "reason"),
        ({"reason": ["why"]}, "invalid", "reason"),
        ({"reason": True}, "invalid", "reason"),
        ({"reason": "why", "amount_minor": 0}, "min_value", "amount_minor"),
        ({"reason": "why", "amount_minor": -1}, "min_value", "amount_minor"),
        ({"reason": "why", "amount_minor": 1.5}, "invalid", "amount_minor"),
        ({"reason": "why", "amount_minor": "all"}, "invalid", "amount_minor"),
        ({"reason": "why", "amount_minor": "1_0"}, "invalid", "amount_minor"),
        ({"reason": "why", "amount_minor": "100"}, "invalid", "amount_minor"),
        ({"reason": "why", "amount_minor": 100.0}, "invalid", "amount_minor"),
        ({"reason": "why", "amount_minor": 99}, "refund_too_small", "amount_minor"),
        ({"reason": "why", "amount_minor": True}, "invalid", "amount_minor"),
        ({"reason": "why", "amount_minor": None}, "null", "amount_minor"),
        ({"reason": "why", "amount_minor": [1]}, "invalid", "amount_minor"),
        ({"reason": "why", "amount_minor": 2501}, "amount_too_large", "amount_minor"),
        pytest.param({"reason": "why", "amount_minor": 10**40}, "amount_too_large", "amount_minor", id="huge"),
        ({"reason": "why", "to_wallet": "perhaps"}, "invalid", "to_wallet"),
        ({"reason": "why", "to_wallet": None}, "null", "to_wallet"),
        ({"reason": "why", "amount": 100}, "unknown_field", "amount"),
        ({"reason": "why", "reference": "mine"}, "unknown_field", "reference"),
        ({"reason": "why", "actor_id": 1}, "unknown_field", "actor_id"),
    ],
)
def test_a_body_that_makes_no_sense(
    world: World, payment: Payment, finance: str, body: object, code: str, field: str
) -> None:
    with nothing_changes():
        answer = ask(world, payment, finance, body)

    assert code_of(answer) == (400, code, [field])


@pytest.mark.parametrize("raw", ["", "[]", "null", '{"reason": "a", "reason": "b"}', '{"reason": "\\u0000"}', "{"])
def test_a_body_that_is_none(world: World, payment: Payment, finance: str, raw: str) -> None:
    with nothing_changes():
        answer = world.send("POST", path_of(payment), raw=raw, Authorization=finance)

    assert answer.status_code == 400
    assert read(answer)["code"]


@pytest.mark.parametrize("state", [state for state in PaymentState if state != "SETTLED"])
def test_what_is_not_settled_is_not_refunded(world: World, finance: str, state: PaymentState) -> None:
    payment = make_payment(state=state)

    with nothing_changes():
        assert code_of(ask(world, payment, finance)) == (409, "not_settled", [])


def test_what_lies_in_the_wallet_is_not_put_there_again(world: World, finance: str) -> None:
    topup = make_settled_topup(world)

    with nothing_changes():
        for wish in ({"reason": "why"}, {"reason": "why", "to_wallet": True}):
            assert code_of(ask(world, topup, finance, wish)) == (409, "already_in_wallet", [])


def make_settled_topup(world: World) -> Payment:
    from_fapshi = make_topup(user=world.customer, state=PaymentState.PENDING)
    settle(from_fapshi)
    return fresh(from_fapshi)


def settle(payment: Payment) -> None:
    make_attempt(payment)
    settle_batch([paid(payment)])


@pytest.mark.invariant("INV-3")
def test_what_the_customer_has_spent_is_not_sent_back(world: World, finance: str) -> None:
    topup = make_topup(user=world.customer, state=PaymentState.PENDING, gateway="razorpay", currency="INR")
    settle(topup)
    Account.objects.filter(user=world.customer, currency="INR").update(balance_minor=4999)

    with nothing_changes():
        assert code_of(ask(world, topup, finance)) == (409, "insufficient_balance", [])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"reason": "why", "amount_minor": 2501}, "Le montant est trop élevé."),
        ({"reason": "why", "amount": 1}, "Ce champ n'existe pas."),
        ({}, "Ce champ est obligatoire."),
    ],
)
def test_a_refusal_in_french(world: World, payment: Payment, finance: str, body: object, sentence: str) -> None:
    shown = read(ask(world, payment, finance, body, Accept_Language="fr"))

    assert (shown["message"], list(shown["fields"].values())) == (sentence, [sentence])


def test_every_code_of_a_refund_has_its_french(world: World, payment: Payment, finance: str) -> None:
    make_refund(payment, None)
    waiting, topup = make_payment(), make_settled_topup(world)

    said = [read(ask(world, one, finance, Accept_Language="fr"))["message"] for one in (payment, waiting, topup)]

    assert said == [
        "Tout a déjà été remboursé.",
        "Ce paiement n'a rien encaissé : il n'y a rien à rembourser.",
        "Cet argent est déjà dans le portefeuille du client.",
    ]


def test_what_is_refused_may_be_asked_again_with_the_same_key(world: World, payment: Payment, finance: str) -> None:
    assert ask(world, payment, finance, {"reason": "why", "amount_minor": 9999}).status_code == 400

    assert ask(world, payment, finance, {"reason": "why", "amount_minor": 999}).status_code == 202
    assert Entry.objects.filter(reason__startswith="refund:").count() == 2
