"""The settings of the gateways: on, off, half configured, and pairs that must not be."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from choptym.lib.outbound import Door
from choptym.settings import env, gateways
from payments.gateways import forget_gateways, get_gateway
from payments.gateways.base import Gateway

FAPSHI = {
    "FAPSHI_BASE_URL": "https://live.fapshi.com", "FAPSHI_API_USER": "user", "FAPSHI_API_KEY": "FAK_live",
    "FAPSHI_WEBHOOK_SECRET": "secret",
}  # fmt: skip
CAMPAY = {
    "CAMPAY_BASE_URL": "https://www.campay.net/api", "CAMPAY_USERNAME": "user", "CAMPAY_PASSWORD": "password",
    "CAMPAY_WEBHOOK_KEY": "key",
}  # fmt: skip
RAZORPAY = {
    "RAZORPAY_BASE_URL": "https://api.razorpay.com/v1", "RAZORPAY_KEY_ID": "rzp_live_x", "RAZORPAY_KEY_SECRET": "key",
    "RAZORPAY_WEBHOOK_SECRET": "secret",
}  # fmt: skip
CASHFREE = {
    "CASHFREE_BASE_URL": "https://api.cashfree.com/pg", "CASHFREE_CLIENT_ID": "id",
    "CASHFREE_CLIENT_SECRET": "cfsk_ma_prod_x",
}  # fmt: skip
PAYOUTS = {"FAPSHI_PAYOUT_USER": "payouts", "FAPSHI_PAYOUT_KEY": "FAK_payouts"}
OPTIONAL = (
    "CAMPAY_TOKEN", "FAPSHI_WEBHOOK_SECRET_PREVIOUS", "RAZORPAY_WEBHOOK_SECRET_PREVIOUS", "RAZORPAY_PAYER_EMAIL",
    "RAZORPAY_PAYER_IP", "CASHFREE_CLIENT_SECRET_PREVIOUS", "CASHFREE_API_VERSION", "FAPSHI_REFUNDS", "CAMPAY_REFUNDS",
    "FAPSHI_PAYOUT_USER", "FAPSHI_PAYOUT_KEY", "FAPSHI_REFUND_ABSENCE_PROVES_AFTER_SECONDS",
)  # fmt: skip


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A clean environment for production; the problems that reading it finds."""
    for name in (*FAPSHI, *CAMPAY, *RAZORPAY, *CASHFREE, *OPTIONAL):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setattr(gateways, "_IS_FOR_DEVELOPMENT", False)
    found: list[str] = []
    monkeypatch.setattr(env, "problems", found)
    return found


def put(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_the_settings_know_what_each_gateway_takes(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, {**FAPSHI, **CAMPAY, **RAZORPAY, **CASHFREE})
    entries = {name: getattr(gateways, f"_{name}")() for name in gateways._FOUND}

    with override_settings(GATEWAYS=entries):
        forget_gateways()
        taken = {name: get_gateway(name).rules.currencies for name in entries}
    forget_gateways()

    assert taken == {name: frozenset({currency}) for name, currency in gateways._CURRENCIES.items()}


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        ({"XAF": ["campay", "razorpay"]}, "'razorpay' in PAYMENT_ROUTE_XAF does not take XAF"),
        ({"INR": ["fapshi"]}, "'fapshi' in PAYMENT_ROUTE_INR does not take INR"),
        ({"mtn": ["cashfree"]}, "'cashfree' in PAYMENT_ROUTE_MTN does not take XAF"),
        ({"orange": ["orange"]}, "'orange' in PAYMENT_ROUTE_ORANGE is none of fapshi, campay, razorpay, cashfree"),
    ],
)
def test_a_route_to_where_it_cannot_lead(problems: list[str], routes: dict[str, list[str]], problem: str) -> None:
    gateways._check_routes(routes)

    assert problems == [problem]


def test_a_route_that_nobody_reads(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, {"PAYMENT_ROUTE_ZZZ": "fapshi", "PAYMENT_ROUTE_XAF": "fapshi"})

    gateways._check_routes({"mtn": ["campay", "fapshi"], "orange": [], "XAF": ["fapshi"], "INR": ["cashfree"]})

    expected = ", ".join(f"PAYMENT_ROUTE_{end}" for end in ("INR", "MTN", "ORANGE", "XAF"))
    assert problems == [f"PAYMENT_ROUTE_ZZZ is unknown; there are {expected}"]


def test_leaves_out_what_is_not_configured(problems: list[str]) -> None:
    assert (gateways._fapshi(), gateways._campay(), gateways._razorpay(), gateways._cashfree()) == (None,) * 4
    assert problems == []


def test_makes_an_adapter_of_a_whole_entry(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, {**FAPSHI, "FAPSHI_WEBHOOK_SECRET_PREVIOUS": "old", "FAPSHI_MAX_CONCURRENT": "7", **CAMPAY})

    fapshi, campay = gateways._fapshi(), gateways._campay()

    assert fapshi is not None
    assert campay is not None
    assert problems == []
    assert fapshi["max_concurrent"] == 7
    assert fapshi["options"]["webhook_secrets"] == ("secret", "old")
    assert campay["options"]["absence_proves_after_seconds"] is None
    assert fapshi["door"]["pool_size"] == 20


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"FAPSHI_API_USER": "user"}, "FAPSHI is half configured: FAPSHI_BASE_URL, FAPSHI_API_KEY not set"),
        (
            {"CAMPAY_BASE_URL": "https://www.campay.net/api"},
            "CAMPAY is half configured: CAMPAY_USERNAME, CAMPAY_PASSWORD",
        ),
        ({**FAPSHI, "FAPSHI_API_KEY": "FAK_TEST_x"}, "FAPSHI_API_KEY is a test key"),
        ({**FAPSHI, "FAPSHI_BASE_URL": "https://sandbox.fapshi.com"}, "FAPSHI_API_KEY is a live key"),
        ({**FAPSHI, "FAPSHI_BASE_URL": "http://live.fapshi.com"}, "FAPSHI_BASE_URL must be https://"),
        ({**FAPSHI, "FAPSHI_WEBHOOK_SECRET": ""}, "FAPSHI_WEBHOOK_SECRET is not set"),
        ({**CAMPAY, "CAMPAY_WEBHOOK_KEY": ""}, "CAMPAY_WEBHOOK_KEY is not set"),
        ({**CAMPAY, "CAMPAY_BASE_URL": "https://demo.campay.net/api"}, "CAMPAY_BASE_URL is the demo host"),
        ({**RAZORPAY, "RAZORPAY_KEY_ID": "rzp_test_x"}, "RAZORPAY_KEY_ID is a test key"),
        ({**RAZORPAY, "RAZORPAY_WEBHOOK_SECRET": ""}, "RAZORPAY_WEBHOOK_SECRET is not set"),
        ({**RAZORPAY, "RAZORPAY_KEY_SECRET": ""}, "RAZORPAY is half configured: RAZORPAY_KEY_SECRET not set"),
        ({**RAZORPAY, "RAZORPAY_BASE_URL": "http://api.razorpay.com/v1"}, "RAZORPAY_BASE_URL must be https://"),
        ({**CASHFREE, "CASHFREE_CLIENT_SECRET": "cfsk_ma_test_x"}, "CASHFREE_CLIENT_ID or CASHFREE_CLIENT_SECRET is"),
        ({**CASHFREE, "CASHFREE_CLIENT_ID": "TEST1"}, "CASHFREE_CLIENT_ID or CASHFREE_CLIENT_SECRET is"),
        ({**CASHFREE, "CASHFREE_CLIENT_SECRET": ""}, "CASHFREE is half configured: CASHFREE_CLIENT_SECRET not set"),
        (
            {**CASHFREE, "CASHFREE_BASE_URL": "https://sandbox.cashfree.com/pg", "CASHFREE_CLIENT_SECRET": "old"},
            "CASHFREE_BASE_URL is the sandbox host",
        ),
        (
            {**FAPSHI, "FAPSHI_REFUNDS": "payout"},
            "FAPSHI_REFUNDS=payout needs FAPSHI_PAYOUT_USER and FAPSHI_PAYOUT_KEY",
        ),
        ({**FAPSHI, "FAPSHI_REFUNDS": "cash"}, "FAPSHI_REFUNDS='cash' is neither wallet nor payout"),
        ({**CAMPAY, "CAMPAY_REFUNDS": "Payout"}, "CAMPAY_REFUNDS='Payout' is neither wallet nor payout"),
        ({**FAPSHI, "FAPSHI_REFUNDS": "payout", "FAPSHI_PAYOUT_USER": "u"}, "FAPSHI_PAYOUT_KEY is not set"),
        ({**FAPSHI, "FAPSHI_PAYOUT_KEY": "FAK_payouts"}, "FAPSHI_PAYOUT_USER is not set"),
        ({**FAPSHI, **PAYOUTS, "FAPSHI_PAYOUT_KEY": "FAK_live"}, "FAPSHI_PAYOUT_KEY is FAPSHI_API_KEY"),
        ({**FAPSHI, **PAYOUTS, "FAPSHI_PAYOUT_KEY": "FAK_TEST_x"}, "one of FAPSHI_PAYOUT_KEY and FAPSHI_API_KEY is"),
        (
            {**FAPSHI, **PAYOUTS, "FAPSHI_REFUND_ABSENCE_PROVES_AFTER_SECONDS": "1"},
            "FAPSHI_REFUND_ABSENCE_PROVES_AFTER_SECONDS must be 0, or no less",
        ),
        ({**FAPSHI, "FAPSHI_TOTAL_TIMEOUT_SECONDS": "3600"}, "FAPSHI_TOTAL_TIMEOUT_SECONDS must be"),
        ({**FAPSHI, "FAPSHI_MAX_CONCURRENT": "many"}, "FAPSHI_MAX_CONCURRENT='many' is not a whole number"),
    ],
)
def test_names_what_is_wrong(
    problems: list[str], monkeypatch: pytest.MonkeyPatch, values: dict[str, str], expected: str
) -> None:
    put(monkeypatch, values)

    for read in (gateways._fapshi, gateways._campay, gateways._razorpay, gateways._cashfree):
        read()

    assert len(problems) == 1
    assert problems[0].startswith(expected)


def test_takes_a_permanent_token_instead_of_a_password(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    base_url, key = CAMPAY["CAMPAY_BASE_URL"], CAMPAY["CAMPAY_WEBHOOK_KEY"]
    put(monkeypatch, {"CAMPAY_BASE_URL": base_url, "CAMPAY_TOKEN": "forever", "CAMPAY_WEBHOOK_KEY": key})

    entry = gateways._campay()

    assert entry is not None
    assert entry["options"]["permanent_token"] == "forever"
    assert problems == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9000/fapshi", "http://localhost/fapshi"])
def test_allows_plain_http_on_the_same_machine(
    problems: list[str], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    put(monkeypatch, {**FAPSHI, "FAPSHI_BASE_URL": address})

    assert gateways._fapshi() is not None
    assert problems == []


def test_makes_the_gateways_in_india(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, {**RAZORPAY, "RAZORPAY_WEBHOOK_SECRET_PREVIOUS": "old", "RAZORPAY_PAYER_EMAIL": "a@shop.example"})
    put(monkeypatch, {**CASHFREE, "CASHFREE_CLIENT_SECRET_PREVIOUS": "cfsk_ma_prod_old"})

    razorpay, cashfree = gateways._razorpay(), gateways._cashfree()

    assert razorpay is not None
    assert cashfree is not None
    assert problems == []
    assert razorpay["options"]["webhook_secrets"] == ("secret", "old")
    assert razorpay["options"]["payer_defaults"] == {"email": "a@shop.example"}
    assert cashfree["options"]["client_secrets"] == ("cfsk_ma_prod_x", "cfsk_ma_prod_old")
    assert (cashfree["options"]["version"], cashfree["options"]["open_seconds"]) == ("2025-01-01", 1800)


def test_a_live_secret_does_not_go_to_the_sandbox(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "_IS_FOR_DEVELOPMENT", True)
    put(monkeypatch, {**CASHFREE, "CASHFREE_BASE_URL": "https://sandbox.cashfree.com/pg"})

    gateways._cashfree()

    assert problems == ["CASHFREE_CLIENT_SECRET is a live secret and CASHFREE_BASE_URL the sandbox host"]


def test_test_keys_are_for_development(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "_IS_FOR_DEVELOPMENT", True)
    put(monkeypatch, {**RAZORPAY, "RAZORPAY_KEY_ID": "rzp_test_x"})

    assert gateways._razorpay() is not None
    assert problems == []


def test_gives_nothing_back_by_payout_unless_told_to(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, {**FAPSHI, **CAMPAY})
    neither = (gateways._fapshi(), gateways._campay())
    put(monkeypatch, PAYOUTS)
    still_neither = gateways._fapshi()
    put(monkeypatch, {"FAPSHI_REFUNDS": "payout", "CAMPAY_REFUNDS": "payout"})
    both = (gateways._fapshi(), gateways._campay())

    assert problems == []
    assert [_can_refund(entry) for entry in (*neither, still_neither, *both)] == [False, False, False, True, True]
    assert both[0] is not None
    assert both[0]["options"]["payouts"] == {
        "user": "payouts", "key": "FAK_payouts", "are_refunds": True, "absence_proves_after_seconds": 900.0,
    }  # fmt: skip


def test_takes_the_payout_credentials_from_files(
    problems: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in PAYOUTS.items():
        (tmp_path / name).write_text(f"{value}\n")
        put(monkeypatch, {f"{name}_FILE": str(tmp_path / name)})
    put(monkeypatch, {**FAPSHI, "FAPSHI_REFUNDS": "payout", "FAPSHI_REFUND_ABSENCE_PROVES_AFTER_SECONDS": "0"})

    entry = gateways._fapshi()

    assert problems == []
    assert _can_refund(entry)
    assert entry is not None
    assert entry["options"]["payouts"]["key"] == "FAK_payouts"
    assert entry["options"]["payouts"]["absence_proves_after_seconds"] is None


def _can_refund(entry: dict[str, Any] | None) -> bool:
    assert entry is not None
    module, _, adapter = entry["adapter"].rpartition(".")
    made: Gateway = getattr(import_module(module), adapter)(door=Door(**entry["door"]), **entry["options"])
    return made.rules.can_refund
