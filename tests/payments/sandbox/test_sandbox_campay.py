"""payments.sandbox.dialects.campay, over HTTP."""

import uuid
from typing import Any

import jwt
import pytest
import requests

from tests.payments.sandbox.sandbox_client import CamPayMerchant, Control, Receiver, eventually

# The documented default key is short, as real ones may be.
pytestmark = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")


def test_refuses_a_wrong_password_with_an_array(campay: CamPayMerchant) -> None:
    answer = campay.post("token/", username="sandbox-user", password="wrong")

    assert answer.status_code == 400
    assert isinstance(answer.json()["non_field_errors"], list)


def test_wants_the_scheme_token_and_not_bearer(campay: CamPayMerchant) -> None:
    token = str(campay.http.headers["Authorization"]).split()[1]

    for header, status in (("Bearer " + token, 401), ("Token x", 401), ("", 401), ("Token " + token, 200)):
        answer = requests.get(f"{campay.base}/balance/", headers={"Authorization": header}, timeout=5)
        assert answer.status_code == status, header


def test_a_token_lives_for_an_hour(control: Control, campay: CamPayMerchant) -> None:
    control.advance(3590)
    assert campay.get("balance/").status_code == 200
    control.advance(20)
    assert campay.get("balance/").status_code == 401
    campay.login()
    assert campay.get("balance/").status_code == 200


def test_a_token_can_be_refused_in_mid_life(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", unauthorized_rate=1)

    assert campay.collect().status_code == 401
    assert control.entries("campay") == []


def test_redirects_a_path_without_its_slash(campay: CamPayMerchant) -> None:
    answer = campay.get("balance", allow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (301, "/campay/api/balance/")
    assert campay.get("nothing").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"phone": "677000000"}, "ER101"),
        ({"phone": "+237677000000"}, "ER101"),
        ({"phone": 237677000000}, "ER101"),
        ({"phone": "237620000000"}, "ER102"),
        ({"amount": "10.5"}, "ER201"),
        ({"amount": 10.0}, "ER201"),
        ({"amount": "0"}, "ER201"),
        ({"amount": "-5"}, "ER201"),
        ({"description": "<b>hello"}, "malicious_payload_rejected"),
        ({"currency": "EUR"}, None),
    ],
    ids=str,
)
def test_refuses_what_the_documents_refuse_and_books_nothing(
    control: Control, campay: CamPayMerchant, body: dict[str, Any], code: str | None
) -> None:
    answer = campay.collect(**body)

    assert (answer.status_code, answer.json().get("error_code")) == (400, code)
    assert control.entries("campay") == []


def test_a_push_ends_successful_and_shows_gross_and_net(control: Control, campay: CamPayMerchant) -> None:
    reference = str(uuid.uuid4())
    created = campay.collect(amount=1500, external_reference=reference, external_user="order-7").json()

    assert (created["ussd_code"], created["operator"]) == ("*126#", "mtn")
    assert uuid.UUID(created["reference"]).version == 4
    control.wait_for_state("campay", "collected")
    shown = campay.status(created["reference"])
    assert (shown["status"], shown["amount"], shown["app_amount"]) == ("SUCCESSFUL", "1500.00", "1470.00")
    assert (shown["external_reference"], shown["external_user"]) == (reference, "order-7")
    assert (shown["operator"], shown["endpoint"], shown["reason"]) == ("MTN", "collect", "None")


@pytest.mark.parametrize(("form", "amount"), [("number", 500), ("string", "500"), ("dotted", "500.00")])
@pytest.mark.parametrize("nothing", ["None", "", None])
def test_amounts_and_absent_values_take_the_forms_that_were_seen(
    control: Control, campay: CamPayMerchant, form: str, amount: object, nothing: str | None
) -> None:
    control.turn("campay", amount_form=form, none_form=nothing, ussd_form="sentence")

    created = campay.collect().json()
    shown = campay.status(created["reference"])

    assert (shown["amount"], shown["reason"]) == (amount, nothing)
    assert "*126#" in created["ussd_code"]
    assert "#150*50#" in created["ussd_code"]


@pytest.mark.parametrize(("reading", "statuses", "entries"), [
    ("accept", [200, 200], 2), ("replay", [200, 200], 1), ("reject", [200, 400], 1),
])  # fmt: skip
def test_a_repeated_reference_is_read_as_the_knob_says(
    control: Control, campay: CamPayMerchant, reading: str, statuses: list[int], entries: int
) -> None:
    control.turn("campay", duplicate_reference=reading)

    answers = [campay.collect(external_reference="same") for _ in range(2)]

    assert [answer.status_code for answer in answers] == statuses
    assert len(control.entries("campay")) == entries
    assert (answers[0].json() == answers[1].json()) == (reading == "replay")


def test_demands_a_uuid4_when_told_to(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", uuid4_required=True)

    assert campay.collect(external_reference="order-1").status_code == 400
    assert campay.collect(external_reference=str(uuid.uuid1())).status_code == 400
    assert campay.collect(external_reference=str(uuid.uuid4())).status_code == 200


def test_the_demo_cap_and_the_orange_minimum(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", demo_cap=25)

    assert campay.collect(amount=26).json()["error_code"] == "ER201"
    assert campay.collect("237699000000", amount=9).json()["error_code"] == "ER201"
    assert campay.collect("237699000000", amount=10).status_code == 200


def test_limits_pushes_to_one_number_in_ten_minutes(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", pushes_per_number=2)

    assert [campay.collect().status_code for _ in range(3)] == [200, 200, 400]
    assert campay.collect("237677000001").status_code == 200
    control.advance(601)
    assert campay.collect().status_code == 200


def test_an_unknown_reference_is_404(campay: CamPayMerchant) -> None:
    assert campay.get(f"transaction/{uuid.uuid4()}/").status_code == 404


def test_a_link_is_unknown_until_its_payer_starts(control: Control, campay: CamPayMerchant) -> None:
    created = campay.post(
        "get_payment_link/", amount="500", currency="XAF", external_reference="link-1",
        redirect_url="https://shop.example/ok", failure_redirect_url="https://shop.example/no?x=1",
    ).json()  # fmt: skip

    assert campay.get(f"transaction/{created['reference']}/").status_code == 404
    declined = requests.post(created["link"], data={"action": "decline", "phone": "677000000"}, timeout=5)
    assert "https://shop.example/no?x=1&amp;external_reference=link-1&amp;status=FAILED" in declined.text
    requests.post(created["link"], data={"action": "pay", "phone": "677000000"}, timeout=5)
    control.wait_for_state("campay", "collected")
    assert campay.status(created["reference"])["status"] == "SUCCESSFUL"


def test_a_link_may_come_without_a_reference(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", link_has_reference=False)

    assert list(campay.post("get_payment_link/", amount="500").json()) == ["link"]


def test_withdraws_from_the_operators_own_float(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", mtn_float_minor=400, payout_fee_basis_points=0)

    def withdraw(to: str) -> requests.Response:
        return campay.post("withdraw/", amount="500", to=to, description="back", external_reference="w-1")

    assert withdraw("237677000000").json()["error_code"] == "ER301"
    assert withdraw("237699000000").json()["status"] == "PENDING"
    assert control.wait_for_state("campay", "paid_back")[0]["kind"] == "payout"
    assert campay.get("balance/").json()["orange_balance"] == 100_000_000 - 500
    control.turn("campay", withdraw_permitted=False)
    assert withdraw("237699000000").status_code == 403


def test_a_failed_withdrawal_gives_the_float_back(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", payout_failure_rate=1)

    campay.post("withdraw/", amount="500", to="237677000000", description="back", external_reference="w-1")

    control.wait_for_state("campay", "failed")
    assert campay.get("balance/").json()["mtn_balance"] == 100_000_000


def test_the_history_holds_final_rows_without_our_reference(control: Control, campay: CamPayMerchant) -> None:
    paid = campay.collect(amount=1500, external_user="order-7").json()["reference"]
    control.wait_for_state("campay", "collected")
    control.override("campay", "677000009", never_approve_rate=1)
    campay.collect("237677000009")
    today = control.http.get(f"{control.address}/control", timeout=5).json()["now"][:10]

    [row] = campay.post("history/", start_date=today, end_date=today).json()
    assert (row["reference_uuid"], row["external_user"], row["credit"]) == (paid, "order-7", "1470.00")
    assert "external_reference" not in row
    control.turn("campay", history_form="object")
    assert len(campay.post("history/", start_date=today, end_date=today).json()["data"]) == 1
    assert campay.post("history/", start_date="x", end_date=today).status_code == 400


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_calls_back_when_final_with_a_signature_that_covers_nothing(
    control: Control, campay: CamPayMerchant, receiver: Receiver, method: str
) -> None:
    control.turn("campay", callback_method=method)
    reference = campay.collect(external_reference="order-1").json()["reference"]

    [event] = receiver.wait_for(1)
    fields = event["fields"]
    assert (event["method"], event["path"]) == (method, "/webhooks/campay/")
    assert (fields["status"], fields["reference"], fields["endpoint"]) == ("SUCCESSFUL", reference, "collect")
    assert fields["external_reference"] == "order-1"
    assert jwt.get_unverified_header(fields["signature"]) == {"alg": "HS256", "app": "sandbox", "typ": "JWT"}
    claims = jwt.decode(fields["signature"], "sandbox-campay-key", algorithms=["HS256"])
    assert set(claims) == {"iat", "nbf", "exp", "source"}
    assert (claims["exp"] - claims["iat"], claims["source"]) == (3600, "CamPay")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("wrong_key", jwt.InvalidSignatureError),
        ("expired_token", jwt.ExpiredSignatureError),
        ("alg_none", jwt.InvalidAlgorithmError),
        ("replayed", None),
    ],
)
def test_forged_callbacks_claim_success_in_four_ways(
    control: Control, campay: CamPayMerchant, receiver: Receiver, kind: str, error: type[Exception] | None
) -> None:
    control.turn("campay", webhook_forged_rate=1, forged_kind=kind, never_approve_rate=1)
    campay.collect()

    [event] = receiver.wait_for(1)
    assert event["fields"]["status"] == "SUCCESSFUL"
    if error is None:
        jwt.decode(event["fields"]["signature"], "sandbox-campay-key", algorithms=["HS256"])
    else:
        with pytest.raises(error):
            jwt.decode(event["fields"]["signature"], "sandbox-campay-key", algorithms=["HS256"])
    assert control.entries("campay")[0]["state"] == "pending"
    eventually(lambda: [line["kind"] for line in control.webhooks("campay")] == ["forged"])
