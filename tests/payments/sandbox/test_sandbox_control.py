"""payments.sandbox.control, knobs and books: what is shown, what is refused, what a reset leaves."""

from typing import Any

import pytest

from tests.payments.sandbox.sandbox_client import CamPayMerchant, Control, FapshiMerchant


def test_shows_every_knob_and_takes_some(control: Control) -> None:
    before = control.knobs("fapshi")

    answer = control.turn("fapshi", error_rate=0.25, operator_down="orange")

    assert answer.status_code == 200
    assert answer.json() == control.knobs("fapshi") == {**before, "error_rate": 0.25, "operator_down": "orange"}
    assert control.knobs("campay")["error_rate"] == 0


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"no_such_knob": 1}, "unknown_knob", "no_such_knob"),
        ({"amount_form": "number"}, "unknown_knob", "amount_form"),
        ({"error_rate": 1.5}, "bad_value", "error_rate"),
        ({"error_rate": True}, "bad_value", "error_rate"),
        ({"error_rate": "1"}, "bad_value", "error_rate"),
        ({"latency_ms": -1}, "bad_value", "latency_ms"),
        ({"latency_ms": 1.5}, "bad_value", "latency_ms"),
        ({"outage": 1}, "bad_value", "outage"),
        ({"operator_down": "camtel"}, "bad_value", "operator_down"),
        ({"operator_down": ["mtn"]}, "bad_value", "operator_down"),
        ({"rate_limit_per_second": 0}, "bad_value", "rate_limit_per_second"),
        ({"webhook_url": "ftp://x"}, "bad_value", "webhook_url"),
        ({"phones": []}, "bad_value", "phones"),
        ({"phones": {"237677000000": None}}, "bad_value", "phones.237677000000"),
        ({"phones": {"677000000": {"refusal_rate": 1}}}, "bad_value", "phones.677000000"),
        ({"phones": {"677000000": {"knobs": {}, "times": 0}}}, "bad_value", "phones.677000000.times"),
        ({"phones": {"677000000": {"knobs": {"refusal_rate": 2}}}}, "bad_value", "refusal_rate"),
        ({"phones": {"677000000": {"knobs": {"outage": True}}}}, "not_per_phone", "outage"),
    ],
    ids=str,
)
def test_refuses_a_bad_change_and_changes_nothing(
    control: Control, changes: dict[str, Any], code: str, field: str
) -> None:
    before = control.knobs("fapshi")

    answer = control.turn("fapshi", **{"refusal_rate": 0.5, **changes})

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
    assert control.knobs("fapshi") == before


def test_refuses_what_is_not_there_or_not_json(control: Control) -> None:
    assert control.http.get(f"{control.address}/control/stripe", timeout=5).status_code == 404
    assert control.http.get(f"{control.address}/nowhere", timeout=5).status_code == 404
    assert control.http.patch(f"{control.address}/control/fapshi", data="[", timeout=5).status_code == 400
    assert control.post("reset", seed="x").status_code == 400
    assert control.post("clock", advance_seconds=-1).status_code == 400


def test_an_override_holds_for_one_phone_and_the_next_calls_only(control: Control, fapshi: FapshiMerchant) -> None:
    control.override("fapshi", "677000001", times=2, error_rate=1)
    control.override("fapshi", "677000002", refusal_rate=1)

    assert [fapshi.pay("677000001").status_code for _ in range(3)] == [500, 500, 200]
    assert fapshi.pay("677000003").status_code == 200
    assert list(control.knobs("fapshi")["phones"]) == ["677000002"]
    control.turn("fapshi", phones={"677000002": None})
    assert control.knobs("fapshi")["phones"] == {}


def test_an_override_stays_with_the_transaction_for_life(control: Control, campay: CamPayMerchant) -> None:
    control.override("campay", "677000001", times=1, refusal_rate=1, amount_form="number")
    first, second = (campay.collect("237677000001").json()["reference"] for _ in range(2))

    assert control.wait_for_state("campay", "failed")[0]["gateway_id"] == first
    assert control.wait_for_state("campay", "collected")[0]["gateway_id"] == second
    assert campay.status(first)["amount"] == 500
    assert campay.status(second)["amount"] == "500.00"


def test_books_can_be_filtered(control: Control, fapshi: FapshiMerchant) -> None:
    control.override("fapshi", "677000001", refusal_rate=1)
    for phone in ("677000000", "677000001", "677000002"):
        fapshi.pay(phone, externalId=f"to-{phone}")
    control.wait_for_state("fapshi", "collected", 2)
    control.wait_for_state("fapshi", "failed")

    def references(**wanted: Any) -> list[str]:
        return [entry["reference"] for entry in control.entries("fapshi", **wanted)]

    assert references(state="failed") == references(phone="677000001") == ["to-677000001"]
    assert references(since_entry=2) == references(reference="to-677000002") == ["to-677000002"]
    assert references(limit=1) == ["to-677000000"]
    books = control.books("fapshi", limit=0)
    assert (books["entries"], books["calls"]) == ([], 3)
    assert books["totals"] == {
        "collection.collected": {"entries": 2, "amount_minor": 1000},
        "collection.failed": {"entries": 1, "amount_minor": 500},
    }


def test_an_entry_shows_everything_the_proof_needs(control: Control, fapshi: FapshiMerchant) -> None:
    trans_id = fapshi.pay("699000000", amount=1000, externalId="order-1").json()["transId"]

    [entry] = control.wait_for_state("fapshi", "collected")
    assert entry.pop("created_at") < entry.pop("closed_at")
    assert entry == {
        "number": 1, "kind": "collection", "reference": "order-1", "gateway_id": trans_id, "of_gateway_id": None,
        "amount_minor": 1000, "asked_minor": 1000, "currency": "XAF", "phone": "699000000", "operator": "orange",
        "state": "collected", "fee_minor": 30,
    }  # fmt: skip


def test_a_reset_empties_the_world_but_keeps_the_webhook_address(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", refusal_rate=1, webhook_url="http://127.0.0.1:9/", approval_delay_ms=10_000)
    control.override("fapshi", "677000001", error_rate=1)
    fapshi.pay()
    before = control.books("fapshi")["opened_at"]

    assert control.post("reset", seed=3).json() == {"seed": 3}

    knobs = control.knobs("fapshi")
    assert (knobs["refusal_rate"], knobs["approval_delay_ms"], knobs["phones"]) == (0, 100, {})
    assert knobs["webhook_url"] == "http://127.0.0.1:9/"
    books = control.books("fapshi")
    assert books.pop("opened_at") > before
    assert books == {
        "entries": [], "totals": {}, "in_flight": 0, "most_in_flight": 0, "most_in_one_second": 0, "calls": 0,
        "turned_away": 0, "webhooks_held": 0,
    }  # fmt: skip
    control.advance(60)
    assert control.webhooks("fapshi") == []
