"""Refusals in the language of the request, and the page to which gateways send people back."""

import pytest
from django.test import Client, override_settings

from payments.charge import charge_payment
from tests.api.world import CHECKOUT, PHONE, TOPUPS, World, nothing_changes, read
from tests.factories import make_payment
from tests.payments.gateways.sandbox import Sandbox


@pytest.mark.parametrize(
    ("path", "body", "code", "sentence"),
    [
        (CHECKOUT, {"method": "paypal", "phone": PHONE}, "unknown_method", "Ce moyen de paiement n'existe pas."),
        (CHECKOUT, {"method": "fapshi"}, "phone_required", "Le numéro qui paie est obligatoire."),
        (
            CHECKOUT,
            {"method": "wallet"},
            "insufficient_balance",
            "Le solde du portefeuille dans cette devise est insuffisant.",
        ),
        (TOPUPS, {"phone": PHONE}, "required", "Ce champ est obligatoire."),  # the framework's own
        (
            TOPUPS,
            {"method": "fapshi", "phone": PHONE, "amount_minor": 99},
            "amount_too_small",
            "Le montant est trop petit pour ce moyen de paiement.",
        ),
    ],
)
@pytest.mark.parametrize("language", ["fr", "fr-CM,fr;q=0.9,en;q=0.5"])
def test_a_refusal_in_french(
    world: World, path: str, body: dict[str, object], code: str, sentence: str, language: str
) -> None:
    answer = world.send("POST", path, body, Accept_Language=language)

    shown = read(answer)
    assert (shown["code"], shown["message"]) == (code, sentence)
    assert list(shown["fields"].values()) == [sentence]


def test_several_faults_each_have_their_sentence(world: World) -> None:
    body = {"method": "paypal", "phone": "1"}

    shown = read(world.send("POST", CHECKOUT, body, Accept_Language="fr"))

    assert shown["code"] == "invalid"
    assert shown["fields"] == {
        "method": "Ce moyen de paiement n'existe pas.",
        "phone": "Ce n'est pas un numéro mobile du pays de ce moyen de paiement "
        "(Cameroun : neuf chiffres commençant par 6 ; Inde : dix chiffres commençant par 6 à 9).",
    }


@pytest.mark.parametrize("language", ["", "en", "de"])
def test_every_other_language_is_english(world: World, language: str) -> None:
    shown = read(world.send("POST", CHECKOUT, {"method": "wallet"}, Accept_Language=language))

    message = "Your wallet does not hold enough XAF."
    assert (shown["message"], shown["fields"]) == (message, {"method": message})


def test_a_payment_says_where_its_events_are(world: World) -> None:
    with override_settings(EVENTS_URL=""):
        payment = read(world.send("POST", CHECKOUT, {"method": "fapshi", "phone": PHONE}))["payment"]
    with override_settings(EVENTS_URL="https://events.example"):
        again = read(world.send("GET", f"/api/payments/{payment['id']}/"))

    path = f"/api/payments/{payment['id']}/events/"
    assert (payment["events_url"], again["events_url"]) == (path, f"https://events.example{path}")


def test_who_comes_back_from_a_gateway_is_sent_to_the_app_and_promised_nothing(db: None) -> None:
    with nothing_changes():
        answer = Client().get("/return/?status=successful&transId=x")

    text = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "You can go back to the app: your order page shows the state of your payment." in text
    assert "la page de votre commande montre l'état de votre paiement." in text
    assert not {"successful", "paid", "réussi", "payée"} & set(text.replace(".", " ").split())
    assert Client().post("/return/").status_code == 405


@pytest.mark.parametrize(
    ("public_url", "back"),
    [("https://pay.example", "https://pay.example/return/"), ("", None)],
    ids=["public", "none"],
)
def test_a_gateway_is_told_that_page(db: None, sandbox: Sandbox, public_url: str, back: str | None) -> None:
    payment = make_payment(by_link=True)

    with override_settings(PUBLIC_URL=public_url):
        charge_payment(payment.pk)

    attempt = payment.attempts.get()
    assert attempt.state == "ACCEPTED"
    assert attempt.request["body"].get("redirectUrl") == back
