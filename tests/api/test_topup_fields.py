"""What a top-up refuses before any money is asked for, and in which words."""

import pytest
from django.conf import settings

from payments.models import Payment
from tests.api.refund_doors import code_of
from tests.api.world import CHECKOUT, PHONE, TOPUPS, World, nothing_changes, read

TOPUP = {"method": "fapshi", "phone": PHONE, "amount_minor": 500}


@pytest.mark.parametrize("wrong", [{"curency": "INR"}, {"links": True}, {"amount": 5}, {"Currency": "INR"}])
def test_a_misspelt_field_takes_no_money(world: World, wrong: dict[str, object]) -> None:
    with nothing_changes():
        answer = world.send("POST", TOPUPS, {**TOPUP, **wrong})

    message = "There is no such field."
    assert answer.status_code == 400
    assert read(answer) == {"code": "unknown_field", "message": message, "fields": dict.fromkeys(wrong, message)}


@pytest.mark.parametrize(
    ("amount_minor", "code"),
    [(0, "min_value"), (-500, "min_value"), (settings.ORDER_MAX_AMOUNT_MINOR + 1, "max_value")],
)
def test_an_amount_out_of_bounds_takes_no_money(world: World, amount_minor: int, code: str) -> None:
    with nothing_changes():
        answer = world.send("POST", TOPUPS, {**TOPUP, "amount_minor": amount_minor})

    assert code_of(answer) == (400, code, ["amount_minor"])


def test_the_highest_amount_is_taken(world: World) -> None:
    answer = world.send("POST", TOPUPS, {**TOPUP, "amount_minor": settings.ORDER_MAX_AMOUNT_MINOR})

    assert answer.status_code == 202


def test_a_topup_without_a_method_or_by_link_is_read_as_before(world: World) -> None:
    body = {"phone": PHONE, "amount_minor": 500, "currency": "XAF"}

    answers = [
        world.send("POST", TOPUPS, one, Idempotency_Key=str(number))
        for number, one in enumerate([body, {**body, "link": True}, {**body, "method": "campay"}])
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [read(answer)["payment"]["method"] for answer in answers][2] == "campay"


def test_a_checkout_tells_the_number_of_its_order(world: World) -> None:
    body = read(world.send("POST", CHECKOUT, {"method": "fapshi", "phone": PHONE}))

    order = Payment.objects.get(pk=body["payment"]["id"]).order
    assert order is not None
    assert (body["order"], body["order_number"]) == (order.pk, order.number)


@pytest.mark.parametrize(
    ("changed", "code", "english", "french"),
    [
        (
            {"currency": "EUR"},
            "invalid_choice",
            "Unknown currency; there are XAF, INR.",
            "Cette devise n'est pas acceptée.",
        ),
        (
            {"amount_minor": 99},
            "amount_too_small",
            "Fapshi takes 100 FCFA or more.",
            "Le montant est trop petit pour ce moyen de paiement.",
        ),
        (
            {"method": "campay", "currency": "INR"},
            "currency_not_supported",
            "CamPay does not take INR.",
            "Ce moyen de paiement n'accepte pas cette devise.",
        ),
    ],
)
def test_a_refusal_reads_well_in_both_languages(
    world: World, changed: dict[str, object], code: str, english: str, french: str
) -> None:
    shown = [read(world.send("POST", TOPUPS, {**TOPUP, **changed}, Accept_Language=one)) for one in ("en", "fr")]

    assert [(one["code"], one["message"]) for one in shown] == [(code, english), (code, french)]
    assert [list(one["fields"].values()) for one in shown] == [[english], [french]]


def test_a_body_that_is_no_json_is_refused_in_french(world: World) -> None:
    shown = read(world.send("POST", TOPUPS, raw="{", Accept_Language="fr"))

    assert (shown["code"], shown["message"]) == ("parse_error", "Le corps de la requête n'est pas du JSON valable.")
