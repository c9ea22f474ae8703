"""The adapters as the tests make them, with the sandbox's credentials."""

from choptym.lib.outbound import Door
from payments.gateways.campay import CamPay
from payments.gateways.cashfree import Cashfree
from payments.gateways.fapshi import Fapshi
from payments.gateways.razorpay import Razorpay
from tests.payments.gateways.sandbox import CREDENTIALS

NOWHERE = "http://unused.invalid"


def make_fapshi(
    base_url: str = NOWHERE,
    *,
    is_stranger: bool = False,
    read_seconds: float = 5,
    secrets: tuple[str, ...] = (CREDENTIALS["FAPSHI_WEBHOOK_SECRET"],),
    pays_out: bool = True,
    has_payouts: bool = True,
) -> Fapshi:
    return Fapshi(
        base_url=base_url,
        api_user=CREDENTIALS["FAPSHI_API_USER"],
        api_key="FAK_TEST_wrong" if is_stranger else CREDENTIALS["FAPSHI_API_KEY"],
        webhook_secrets=secrets,
        payouts={
            "user": CREDENTIALS["FAPSHI_PAYOUT_USER"],
            "key": "FAK_TEST_wrong" if is_stranger else CREDENTIALS["FAPSHI_PAYOUT_KEY"],
            "are_refunds": pays_out,
            "absence_proves_after_seconds": 900,
        }
        if has_payouts
        else None,
        door=Door(read_seconds=read_seconds, total_seconds=10),
    )


def make_campay(
    base_url: str = NOWHERE,
    *,
    is_stranger: bool = False,
    read_seconds: float = 5,
    keys: tuple[str, ...] = (CREDENTIALS["CAMPAY_WEBHOOK_KEY"],),
    permanent_token: str = "",
    trusts_refusals: bool = True,
    pays_out: bool = True,
) -> CamPay:
    return CamPay(
        base_url=base_url,
        username=CREDENTIALS["CAMPAY_USERNAME"],
        password="wrong" if is_stranger else CREDENTIALS["CAMPAY_PASSWORD"],
        webhook_keys=keys,
        permanent_token=permanent_token,
        trusts_refusals=trusts_refusals,
        pays_out=pays_out,
        door=Door(read_seconds=read_seconds, total_seconds=10),
    )


def make_razorpay(
    base_url: str = NOWHERE,
    *,
    is_stranger: bool = False,
    read_seconds: float = 5,
    secrets: tuple[str, ...] = (CREDENTIALS["RAZORPAY_WEBHOOK_SECRET"],),
    payer_defaults: dict[str, str] | None = None,
) -> Razorpay:
    return Razorpay(
        base_url=base_url,
        key_id=CREDENTIALS["RAZORPAY_KEY_ID"],
        key_secret="wrong" if is_stranger else CREDENTIALS["RAZORPAY_KEY_SECRET"],
        webhook_secrets=secrets,
        absence_proves_after_seconds=120,
        payer_defaults=payer_defaults,
        door=Door(read_seconds=read_seconds, total_seconds=10),
    )


def make_cashfree(
    base_url: str = NOWHERE,
    *,
    is_stranger: bool = False,
    read_seconds: float = 5,
    secrets: tuple[str, ...] = (CREDENTIALS["CASHFREE_CLIENT_SECRET"],),
) -> Cashfree:
    return Cashfree(
        base_url=base_url,
        client_id=CREDENTIALS["CASHFREE_CLIENT_ID"],
        client_secrets=("cfsk_ma_test_wrong",) if is_stranger else secrets,
        absence_proves_after_seconds=120,
        door=Door(read_seconds=read_seconds, total_seconds=10),
    )
