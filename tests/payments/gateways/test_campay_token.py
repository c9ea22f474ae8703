"""CamPay: the access token, shared by threads, refused in mid-life, or not to be had."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from choptym.lib.errors import Busy, NotSent, Rejected
from payments.gateways.campay import CamPay
from tests.payments.gateways.adapters import make_campay
from tests.payments.gateways.bodies import CAMPAY_ID as REFERENCE
from tests.payments.gateways.sandbox import a_request, canned

TOKEN = (200, {"token": "t1", "expires_in": 3600})
PUSHED = (200, {"reference": REFERENCE, "ussd_code": "*126#", "operator": "mtn"})


def test_gets_a_new_token_and_repeats_when_the_old_one_is_refused_in_mid_life() -> None:
    with canned(TOKEN, (401, b"<html>"), (200, {"token": "t2", "expires_in": 3600}), PUSHED) as server:
        accepted = make_campay(server.url).collect(a_request())

    assert accepted.transaction_id == REFERENCE
    assert [path for _, path, _, _ in server.asked] == ["/token/", "/collect/", "/token/", "/collect/"]
    assert [headers.get("Authorization") for _, _, headers, _ in server.asked] == [None, "Token t1", None, "Token t2"]
    assert server.asked[1][3] == server.asked[3][3]


def test_repeats_once_only() -> None:
    refused = (401, {"detail": "Invalid token."})
    with canned(TOKEN, refused, TOKEN, refused) as server, pytest.raises(Rejected) as caught:
        make_campay(server.url).collect(a_request())

    assert caught.value.code == "gateway_credentials"
    assert len(server.asked) == 4


def test_uses_a_permanent_token_without_asking_for_one() -> None:
    with canned(PUSHED, (401, {"detail": "Invalid token."})) as server:
        gateway = make_campay(server.url, permanent_token="forever")
        gateway.collect(a_request())
        with pytest.raises(Rejected):
            gateway.collect(a_request())

    assert [headers["Authorization"] for _, _, headers, _ in server.asked] == ["Token forever"] * 2


@pytest.mark.parametrize("lifetime", [None, 60, "61", -1, "soon"])
def test_uses_a_short_token_for_the_call_at_hand(lifetime: object) -> None:
    with canned((200, {"token": "t1", "expires_in": lifetime}), PUSHED) as server:
        assert make_campay(server.url).collect(a_request()).transaction_id == REFERENCE


@pytest.mark.parametrize("answer", [(500, {}), (200, b"<html>"), (200, {"token": ""}), (302, b""), (404, {})])
def test_was_not_sent_when_there_is_no_token(answer: tuple[int, object]) -> None:
    with canned(answer) as server, pytest.raises(NotSent):
        make_campay(server.url).collect(a_request())

    assert [path for _, path, _, _ in server.asked] == ["/token/"]


def test_is_busy_when_the_token_is() -> None:
    with canned((429, {})) as server, pytest.raises(Busy):
        make_campay(server.url).collect(a_request())


def test_does_not_queue_threads_up_behind_a_token_that_fails() -> None:
    with canned((500, {})) as server:
        gateway = make_campay(server.url)
        began = time.monotonic()
        with ThreadPoolExecutor(20) as threads:
            failures = list(threads.map(lambda _: _failure(gateway), range(20)))

    assert failures == [NotSent] * 20
    assert len(server.asked) == 1
    assert time.monotonic() - began < 1


def _failure(gateway: CamPay) -> type[Exception] | None:
    try:
        gateway.fetch_balance()
    except Exception as error:  # noqa: BLE001 — whatever it is, the test compares it
        return type(error)
    return None
