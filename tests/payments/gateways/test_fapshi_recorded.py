"""Fapshi: answers as recorded (invented), down to the odd ones."""

import json
from datetime import UTC, date, datetime

import pytest

from choptym.lib.errors import Busy, NotFound, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import Outcome
from tests.payments.gateways.adapters import make_fapshi
from tests.payments.gateways.bodies import FAPSHI_PAID as PAID
from tests.payments.gateways.sandbox import CREDENTIALS, a_request, canned


def test_sends_the_reference_where_it_comes_back() -> None:
    with canned((200, {"message": "ok", "transId": "Qm4tZ81x", "link": "http://127.0.0.1/x"})) as server:
        request = a_request(operator="orange", return_url="http://127.0.0.1/back", email="a@example.org")
        make_fapshi(server.url).collect(request)
        make_fapshi(server.url).create_link(request)

    (_, path, headers, body), (_, link_path, _, link_body) = server.asked
    assert (path, link_path) == ("/direct-pay", "/initiate-pay")
    assert (headers["apiuser"], headers["apikey"]) == (CREDENTIALS["FAPSHI_API_USER"], CREDENTIALS["FAPSHI_API_KEY"])
    assert json.loads(body) == {
        "amount": 2500, "externalId": request.reference, "userId": request.reference, "email": "a@example.org",
        "message": request.description, "phone": request.phone, "medium": "orange money",
    }  # fmt: skip
    assert json.loads(link_body)["redirectUrl"] == "http://127.0.0.1/back"


def test_leaves_the_medium_out_when_the_number_is_nobodys() -> None:
    with canned((200, {"transId": "Qm4tZ81x"})) as server:
        make_fapshi(server.url).collect(a_request(phone="684000000"))

    assert "medium" not in json.loads(server.asked[0][3])


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 422])
def test_a_refusal_with_a_message_is_final(status: int) -> None:
    with canned((status, {"message": "anything"})) as server, pytest.raises(Rejected) as caught:
        make_fapshi(server.url).collect(a_request())

    assert caught.value.code == "refused"
    assert caught.value.exchange is not None
    assert caught.value.exchange.http_status == status


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b"<html>busy</html>"), (200, b""), (200, {}), (200, []), (200, {"message": "ok"}),
        (200, {"transId": None}),
        (200, {"transId": "../x"}), (200, [{"transId": "Qm4tZ81x"}]), (200, b'{"transId":"a1","transId":"b2"}'),
        (200, b"[" * 100_000), (200, b'{"transId":"Qm4tZ81x","n":' + b"9" * 5000 + b"}"), (200, b'{"a":NaN}'),
        (201, {"transId": "Qm4tZ81x"}), (204, b""), (400, b"<html>"), (403, b"<html>"), (408, {"message": "late"}),
        (409, {"message": "twice"}), (500, {"message": "oops"}), (502, b"<html>"), (503, {}), (504, b""), (520, b"x"),
    ],
)  # fmt: skip
def test_everything_else_after_a_post_is_unknown(status: int, answer: object) -> None:
    with canned((status, answer)) as server, pytest.raises(OutcomeUnknown):
        make_fapshi(server.url).collect(a_request())

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 60), ("-5", 60), ("soon", 60), ("99999999", 60), ("1e3", 60), ("²", 60)],
)
def test_believes_a_sane_retry_after_only(header: str, seconds: float) -> None:
    with canned((429, b"<html>slow down</html>")) as server:
        server.headers["Retry-After"] = header
        with pytest.raises(Busy) as caught:
            make_fapshi(server.url).collect(a_request())

    assert caught.value.retry_after_seconds == seconds


def test_reads_a_date_as_retry_after() -> None:
    with canned((429, {})) as server:
        server.headers["Retry-After"] = f"{datetime.now(UTC).replace(minute=59, second=59):%a, %d %b %Y %H:%M:%S GMT}"
        with pytest.raises(Busy) as caught:
            make_fapshi(server.url).fetch_balance()

    assert caught.value.retry_after_seconds is not None
    assert 0 <= caught.value.retry_after_seconds <= 3600


@pytest.mark.parametrize(
    ("changes", "outcome", "money", "problem"),
    [
        ({}, Outcome.PAID, 2500, False),
        ({"amount": "2500"}, Outcome.PAID, 2500, False),
        ({"amount": 2500.0}, Outcome.PAID, 2500, False),
        ({"amount": "2500.00"}, Outcome.PAID, 2500, False),
        ({"amount": 2500.5}, Outcome.PAID, None, True),
        ({"amount": None}, Outcome.PAID, None, True),
        ({"amount": True}, Outcome.PAID, None, True),
        ({"amount": "-2500"}, Outcome.PAID, None, True),
        ({"amount": "2.5e3"}, Outcome.PAID, None, True),
        ({"amount": 10**30}, Outcome.PAID, None, True),
        ({"amount": [2500]}, Outcome.PAID, None, True),
        ({"transType": "Payout"}, Outcome.PAID, None, True),
        ({"status": "successful"}, Outcome.UNMAPPED, 2500, False),
        ({"status": "REVERSED"}, Outcome.UNMAPPED, 2500, False),
        ({"status": None}, Outcome.UNMAPPED, 2500, False),
        ({"status": "CREATED", "amount": None}, Outcome.WAITING, None, False),
        ({"status": "EXPIRED"}, Outcome.NOT_PAID, 2500, False),
    ],
)
def test_reads_recorded_statuses(
    changes: dict[str, object],
    outcome: Outcome,
    money: int | None,
    problem: bool,
) -> None:
    with canned((200, {**PAID, **changes})) as server:
        status = make_fapshi(server.url).fetch_status("Qm4tZ81x")

    assert (status.outcome, bool(status.problem)) == (outcome, problem)
    assert status.money == (None if money is None else Money(money, "XAF"))
    assert status.reference == "ours-1"


def test_reads_all_that_a_paid_status_says() -> None:
    with canned((200, PAID)) as server:
        status = make_fapshi(server.url).fetch_status("Qm4tZ81x")

    assert status.fee == Money(75, "XAF")
    assert (status.operator, status.operator_reference) == ("orange", "699887766")
    assert status.occurred_at == datetime(2026, 11, 5, 9, 31, 12, tzinfo=UTC)
    assert status.exchange is not None
    assert status.exchange.response["payerName"] == status.exchange.response["webhook"] == "•••"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, []),
        (200, [PAID, PAID]),
        (200, [[PAID]]),
        (200, "PAID"),
        (200, {**PAID, "transId": "Another1"}),
        (404, b"<"),
    ],
)
def test_changes_nothing_on_a_status_that_makes_no_sense(status: int, answer: object) -> None:
    with canned((status, answer)) as server, pytest.raises(Unavailable):
        make_fapshi(server.url).fetch_status("Qm4tZ81x")


def test_a_404_with_a_message_is_not_found() -> None:
    with canned((404, {"message": "nothing"})) as server, pytest.raises(NotFound):
        make_fapshi(server.url).fetch_status("Qm4tZ81x")


def test_finds_the_paid_one_when_a_reference_was_used_twice() -> None:
    rows = [
        {**PAID, "transId": "First111", "status": "FAILED"},
        PAID,
        {**PAID, "transId": "Other111", "externalId": "x"},
    ]
    rows[2]["userId"] = "y"
    with canned((200, rows)) as server:
        found = make_fapshi(server.url).find("ours-1", since=datetime.now(UTC))

    assert found is not None
    assert (found.transaction_id, found.problem) == ("Qm4tZ81x", "")
    assert server.asked[0][1] == "/transaction/ours-1"


def test_points_out_a_reference_that_was_paid_twice() -> None:
    with canned((200, [PAID, {**PAID, "transId": "Second22"}])) as server:
        found = make_fapshi(server.url).find("ours-1", since=datetime.now(UTC))

    assert found is not None
    assert found.problem == "paid more than once: Qm4tZ81x, Second22"


def test_finds_nothing_on_404_and_does_not_take_nonsense_for_nothing() -> None:
    with canned((404, {"message": "no such user"}), (200, {"message": "?"})) as server:
        gateway = make_fapshi(server.url)
        assert gateway.find("ours-1", since=datetime.now(UTC)) is None
        with pytest.raises(Unavailable):
            gateway.find("ours-1", since=datetime.now(UTC))


@pytest.mark.parametrize(
    "listed", [["?"], [PAID, None], [{"transId": "Qm4tZ81x", "status": "SUCCESSFUL"}], [{**PAID, "transId": "A"}, {}]]
)
def test_does_not_take_rows_that_it_cannot_read_for_nothing(listed: object) -> None:
    """Absence is a proof after a while: then the customer would be charged a second time."""
    with canned((200, listed)) as server, pytest.raises(Unavailable):
        make_fapshi(server.url).find("ours-1", since=datetime.now(UTC))


def test_says_when_the_history_may_lack_lines() -> None:
    rows = [{**PAID, "transId": f"T{number:07}"} for number in range(100)]
    with canned((200, rows)) as server:
        history = make_fapshi(server.url, has_payouts=False).history(date(2026, 11, 5))

    assert (len(history.lines), history.is_complete) == (100, False)
    assert len(server.asked) == 9
    assert server.asked[0][1] == "/search?start=2026-11-05&end=2026-11-06&sort=asc&limit=100"


def test_leaves_lines_of_other_days_out_of_the_history() -> None:
    rows = [
        {**PAID, "transId": f"T{number:07}", "dateInitiated": f"2026-11-0{4 + number // 40}"} for number in range(100)
    ]
    with canned((200, rows)) as server:
        history = make_fapshi(server.url, has_payouts=False).history(date(2026, 11, 5))

    assert (len(history.lines), history.is_complete) == (40, True)
    assert len(server.asked) == 1


def test_marks_payouts_in_the_history() -> None:
    with canned((200, [{**PAID, "transType": "Payout"}])) as server:
        (line,) = make_fapshi(server.url, has_payouts=False).history(date(2026, 11, 5))

    assert line.is_collection is False


@pytest.mark.parametrize(("balance", "francs"), [(152000, 152_000), ("7.90", 7), (0, 0)])
def test_rounds_the_balance_down(balance: object, francs: int) -> None:
    with canned((200, {"service": "Shop", "balance": balance, "currency": "XAF"})) as server:
        assert make_fapshi(server.url).fetch_balance() == Money(francs, "XAF")
