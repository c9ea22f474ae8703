"""Whoever asks too much waits; everybody else does not, and nobody does when Redis is away."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import AsyncRequestFactory, Client
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import Throttled
from rest_framework.settings import api_settings

from choptym.lib import jobs
from choptym.lib.jobs import redis
from payments import stream
from tests.brokers import without_redis
from tests.factories import make_user
from tests.payments.staff import make_staff

pytestmark = pytest.mark.django_db
LOGIN = "/api/auth/token/"


@pytest.fixture(autouse=True)
def _counts_begin_anew() -> None:
    for key in redis().scan_iter("choptym:tries:*"):
        redis().delete(key)


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(**some: str) -> None:
        for scope, rate in some.items():
            monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, scope, rate)

    return put


@pytest.fixture
def no_redis() -> Iterator[None]:
    """Nobody listens there."""
    with without_redis():
        yield
    jobs._broker_rests_until = 0.0


def customer() -> Client:
    return Client(headers={"Authorization": f"Token {Token.objects.create(user=make_user()).key}"})


def log_in(name: str, **headers: str) -> int:
    body = {"username": name, "password": "a guess"}
    return Client().post(LOGIN, body, content_type="application/json", headers=headers).status_code


def staff_log_in(name: str, **headers: str) -> Any:
    return Client().post("/admin/login/", {"username": name, "password": "a guess"}, headers=headers)


def test_a_customer_who_asks_too_much_waits_alone(rates: Callable[..., None]) -> None:
    rates(read="3/hour", write="2/hour")
    eager, calm = customer(), customer()

    reads = [eager.get(path) for path in ("/api/cart/", "/api/wallet/", "/api/orders/", "/api/payments/")]
    writes = [eager.post("/api/checkout/", {}, content_type="application/json").status_code for _ in range(3)]

    assert [answer.status_code for answer in reads] == [200, 200, 200, 429]
    assert writes == [400, 400, 429]
    assert calm.get("/api/payments/").status_code == 200
    refused = reads[-1]
    assert (set(refused.json()), refused.json()["code"]) == ({"code", "message", "fields"}, "throttled")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600


def test_waiting_costs_the_database_no_question_of_its_own(
    rates: Callable[..., None], django_assert_num_queries: Callable[[int], Any]
) -> None:
    rates(read="1/hour")
    client = customer()
    client.get("/api/payments/")

    with django_assert_num_queries(1):  # whose token it is
        assert client.get("/api/payments/").status_code == 429


def test_who_follows_a_payment_again_and_again_is_counted_as_a_reader(rates: Callable[..., None]) -> None:
    rates(read="2/min")
    token = Token.objects.create(user=make_user()).key
    request = AsyncRequestFactory().get("/api/payments/1/events/", headers={"Authorization": f"Token {token}"})

    for _ in range(2):
        assert stream._own_payment(request, 1) is None
    with pytest.raises(Throttled):
        stream._own_payment(request, 1)


def test_a_stranger_is_counted_by_address_and_customers_behind_it_are_not(rates: Callable[..., None]) -> None:
    rates(stranger="2/hour")

    menu = [Client().get("/api/products/").status_code for _ in range(3)]

    assert menu == [200, 200, 429]
    assert customer().get("/api/cart/").status_code == 200
    assert Client().get("/api/products/", headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 200


def test_a_gateway_is_never_counted(silent_gateways: None, rates: Callable[..., None]) -> None:
    rates(stranger="1/hour", write="1/hour", read="1/hour")

    told = {Client().post("/webhooks/fapshi/", "{}", content_type="application/json").status_code for _ in range(5)}

    assert 429 not in told


@pytest.mark.parametrize("said", ["203.0.113.{}, 198.51.100.7", "{}, 198.51.100.7", "x{},  198.51.100.7 "])
def test_an_address_that_somebody_makes_up_does_not_count(rates: Callable[..., None], said: str) -> None:
    """One proxy is believed: what it wrote last is the address, whatever stands before it."""
    rates(login_address="3/hour")

    answers = [log_in(f"name {number}", **{"X-Forwarded-For": said.format(number)}) for number in range(5)]

    assert answers == [401, 401, 401, 429, 429]


@pytest.mark.parametrize("door", ["API", "admin"])
def test_another_address_of_the_same_network_is_no_other_client(rates: Callable[..., None], door: str) -> None:
    """Whoever has IPv6 has 2**64 of them."""
    rates(login_address="2/hour")

    def knock(number: int, address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return (
            log_in(f"n{number}", **headers) if door == "API" else int(staff_log_in(f"n{number}", **headers).status_code)
        )

    one_network = [knock(number, f"2001:db8:0:7:{number:x}::{number:x}") for number in range(1, 5)]
    others = [knock(5, "2001:db8:0:8::1"), knock(6, "::ffff:198.51.100.9"), knock(7, "198.51.100.9")]
    last = knock(8, "::ffff:198.51.100.9")

    let_in = 401 if door == "API" else 200
    assert one_network == [let_in, let_in, 429, 429]
    assert others == [let_in] * 3
    assert last == 429, "IPv4 within IPv6 is that address"


def test_a_stranger_does_not_get_another_count_by_another_address_of_theirs(rates: Callable[..., None]) -> None:
    rates(stranger="2/hour")

    menu = [
        Client().get("/api/products/", headers={"X-Forwarded-For": f"2001:db8::{number:x}"}).status_code
        for number in range(1, 4)
    ]

    assert menu == [200, 200, 429]


def test_without_a_proxy_the_header_is_not_read(rates: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    rates(login_address="2/hour")
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 0, raising=False)

    assert [log_in(f"n{one}", **{"X-Forwarded-For": f"203.0.113.{one}"}) for one in range(3)] == [401, 401, 429]


def test_a_name_has_one_budget_at_both_doors_from_all_addresses(rates: Callable[..., None]) -> None:
    rates(login="4/hour")

    first = [log_in(" Admin" if one % 2 else "admin", **{"X-Forwarded-For": f"198.51.100.{one}"}) for one in range(2)]
    then = [staff_log_in("ADMIN", **{"X-Forwarded-For": f"198.51.101.{one}"}) for one in range(3)]

    assert first == [401, 401]
    assert [answer.status_code for answer in then] == [200, 200, 429]
    assert 0 < int(then[-1].headers["Retry-After"]) <= 3600
    assert staff_log_in("another").status_code == 200


def test_the_right_password_waits_too(rates: Callable[..., None]) -> None:
    """Or whoever guesses would see which guess was right."""
    rates(login="1/hour")
    staff = make_staff()
    staff.set_password("the right one")
    staff.save()
    staff_log_in(staff.username)

    answer = Client().post("/admin/login/", {"username": staff.username, "password": "the right one"})

    assert answer.status_code == 429
    assert "sessionid" not in answer.cookies


def test_processes_count_together(rates: Callable[..., None]) -> None:
    """Two tries of another process, and the third is one too many here."""
    rates(login="2/hour")
    program = "from choptym.lib.throttle import Tries; print([Tries('login').seconds_to_wait('ada') for _ in 'ab'])"
    environ = {**os.environ, "LOGIN_THROTTLE": "2/hour"}
    code = f"import django; django.setup(); {program}"

    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[0, 0]"
    assert log_in("ada") == 429


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nobody_waits_and_nobody_is_slowed(rates: Callable[..., None]) -> None:
    rates(read="1/hour", login="1/hour", stranger="1/hour")
    client = customer()
    client.get("/api/payments/")  # finds that Redis is away
    began = time.monotonic()

    assert {client.get("/api/wallet/").status_code for _ in range(5)} == {200}
    assert {log_in("ada") for _ in range(3)} == {401}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("rate", ["lots", "0/min", "30", "30/week", "-1/min"])
def test_a_rate_that_is_none_stops_the_start(rate: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import choptym.settings"],
        env={**os.environ, "READ_THROTTLE": rate},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"READ_THROTTLE='{rate}' is no rate, such as 30/min" in done.stderr
