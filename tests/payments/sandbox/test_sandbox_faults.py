"""payments.sandbox.faults and traffic: calls that go wrong, and what the books say about them."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.payments.sandbox.sandbox_client import CamPayMerchant, Control, FapshiMerchant


def test_an_error_before_anything_happened_books_nothing(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", error_rate=1)

    answer = fapshi.pay()

    assert (answer.status_code, list(answer.json())) == (500, ["message"])
    assert control.entries("fapshi") == []


def test_an_error_after_the_fact_leaves_a_transaction_that_goes_on(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", error_after_capture_rate=1)

    assert campay.collect(external_reference="lost").status_code == 500
    assert control.wait_for_state("campay", "collected")[0]["reference"] == "lost"


def test_a_proxy_may_answer_in_html(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", html_error_rate=1)

    answer = fapshi.pay()

    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")
    assert control.entries("fapshi") == []


@pytest.mark.parametrize(("knob", "entries"), [("timeout_rate", 0), ("timeout_after_capture_rate", 1)])
def test_an_answer_that_never_comes(control: Control, fapshi: FapshiMerchant, knob: str, entries: int) -> None:
    control.turn("fapshi", **{knob: 1})

    with pytest.raises(requests.ReadTimeout):
        fapshi.post("direct-pay", phone="677000000", amount=500, timeout=0.15)
    time.sleep(0.05)

    assert len(control.entries("fapshi", state="collected")) == entries
    assert len(control.entries("fapshi")) == entries


def test_an_answer_can_be_held_while_its_transaction_goes_on(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", answer_held_ms=400, approval_delay_ms=1)
    started = time.monotonic()

    fapshi.pay()

    assert 0.4 <= time.monotonic() - started < 2
    assert len(control.entries("fapshi", state="collected")) == 1


def test_the_connection_is_dropped_when_the_hold_is_over(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", timeout_after_capture_rate=1, timeout_hold_ms=100)
    started = time.monotonic()

    with pytest.raises(requests.ConnectionError):
        fapshi.pay()

    assert 0.1 <= time.monotonic() - started < 1
    assert len(control.entries("fapshi")) == 1


def test_a_reset_drops_the_connection_at_once(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", reset_rate=1)

    with pytest.raises(requests.ConnectionError):
        fapshi.pay()

    assert control.entries("fapshi") == []


def test_a_caller_who_hangs_up_during_a_hold_is_no_longer_in_flight(control: Control, fapshi: FapshiMerchant) -> None:
    control.override("fapshi", "677000001", timeout_rate=1)
    for _ in range(3):
        with pytest.raises(requests.ReadTimeout):
            fapshi.post("direct-pay", phone="677000001", amount=500, timeout=0.1)
        time.sleep(0.1)

    assert control.books("fapshi")["most_in_flight"] == 1


def test_a_caller_who_hangs_up_during_the_latency_has_still_asked(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", latency_ms=200)

    with pytest.raises(requests.ReadTimeout):
        fapshi.post("direct-pay", phone="677000000", amount=500, timeout=0.05)

    control.wait_for_state("fapshi", "collected")


def test_an_outage_answers_503_to_everything(control: Control, fapshi: FapshiMerchant, campay: CamPayMerchant) -> None:
    control.turn("fapshi", outage=True)

    assert (fapshi.pay().status_code, fapshi.get("balance").status_code) == (503, 503)
    assert campay.collect().status_code == 200


def test_a_rate_limit_answers_429_and_counts_every_call(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", rate_limit_per_second=3)

    assert [fapshi.get("balance").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert "Retry-After" not in fapshi.get("balance").headers
    control.turn("fapshi", retry_after_header=True)
    assert fapshi.get("balance").headers["Retry-After"] == "1"
    control.advance(1)
    assert fapshi.get("balance").status_code == 200
    assert control.books("fapshi")["calls"] == 7


def test_counts_the_most_calls_in_flight_and_in_one_second(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", latency_ms=150)
    headers = dict(fapshi.http.headers)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: requests.get(f"{fapshi.base}/balance", headers=headers, timeout=5), range(8)))

    books = control.books("fapshi")
    assert (books["most_in_flight"], books["most_in_one_second"], books["calls"]) == (8, 8, 8)


def test_latency_delays_the_answer_and_jitter_adds_to_it(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", latency_ms=60, latency_jitter_ms=40)
    started = time.monotonic()

    fapshi.pay()

    assert 0.06 <= time.monotonic() - started < 0.5


def test_reading_one_transaction_can_fail(control: Control, fapshi: FapshiMerchant, campay: CamPayMerchant) -> None:
    control.override("fapshi", "677000001", status_error_rate=1)
    control.override("campay", "677000001", status_error_rate=1)
    trans_id = fapshi.pay("677000001").json()["transId"]
    reference = campay.collect("237677000001").json()["reference"]

    assert fapshi.get(f"payment-status/{trans_id}").status_code == 500
    assert campay.get(f"transaction/{reference}/").status_code == 500
    assert fapshi.get(f"payment-status/{fapshi.pay().json()['transId']}").status_code == 200


def test_one_operator_can_be_down(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", operator_down="mtn")

    campay.collect("237677000000")
    campay.collect("237699000000")

    assert control.wait_for_state("campay", "failed")[0]["operator"] == "mtn"
    assert control.wait_for_state("campay", "collected")[0]["operator"] == "orange"


def test_the_wrong_amount_is_what_the_books_say(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", wrong_amount_rate=1, wrong_amount_delta_minor=-100)
    trans_id = fapshi.pay(amount=2500).json()["transId"]

    [entry] = control.wait_for_state("fapshi", "collected")
    assert (entry["amount_minor"], entry["asked_minor"], entry["fee_minor"]) == (2400, 2500, 72)
    assert fapshi.status(trans_id)["amount"] == 2400


def test_a_payer_may_never_answer(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", never_approve_rate=1)
    trans_id = fapshi.pay().json()["transId"]

    control.advance(48 * 3600)

    assert fapshi.status(trans_id)["status"] == "CREATED"


def test_money_can_arrive_after_a_failure(control: Control, campay: CamPayMerchant) -> None:
    control.turn("campay", refusal_rate=1, success_after_failure_rate=1, late_success_ms=600_000)
    reference = campay.collect().json()["reference"]
    control.wait_for_state("campay", "failed")

    assert campay.status(reference)["status"] == "FAILED"
    control.advance(601)
    assert campay.status(reference)["status"] == "SUCCESSFUL"
    assert control.entries("campay")[0]["state"] == "collected"


def test_links_can_pay_themselves(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", links_pay_themselves=True)

    trans_id = fapshi.link()["transId"]

    control.wait_for_state("fapshi", "collected")
    assert fapshi.status(trans_id)["status"] == "SUCCESSFUL"


def test_a_gateway_of_small_capacity_is_slower_the_more_it_is_asked(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", latency_ms=100, capacity=2)
    headers = dict(fapshi.http.headers)

    began_at = time.monotonic()

    def ask(_number: int) -> float:
        requests.get(f"{fapshi.base}/balance", headers=headers, timeout=5).raise_for_status()
        return time.monotonic() - began_at

    with ThreadPoolExecutor(6) as threads:
        seconds = sorted(threads.map(ask, range(6)))

    rounds = [seconds[0], seconds[2], seconds[4]]
    assert [so >= least for so, least in zip(rounds, (0.1, 0.2, 0.3), strict=True)] == [True] * 3, seconds
    assert seconds[0] < seconds[-1] - 0.15, "the first ones wait for nobody"
