"""One entry per gateway: adapter, address, credentials, limits, timeouts. Without address and credentials it is off.

GATEWAYS[name] holds `adapter` (dotted path), `options` and `door` (what the adapter and its choptym.lib.outbound.Door
are made with), `rate_per_second` and `max_concurrent` (for payments.throttle, across all workers).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from choptym.settings import env
from choptym.settings.payments import PAYMENT_EXPIRES_AFTER_SECONDS, PAYMENT_LEASE_SECONDS, PAYMENT_ROUTES

__all__ = ["GATEWAYS"]

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_IS_FOR_DEVELOPMENT = env.flag("DEBUG", default=False) or env.flag("LOCAL_STACK", default=False)


def _is_on(name: str, *, required: dict[str, str], address: str) -> bool:
    """All set: on. None set: off. Some set: a problem."""
    missing = [variable for variable, value in required.items() if not value]
    if missing and len(missing) < len(required):
        env.problem(f"{name} is half configured: {', '.join(missing)} not set")
    if missing:
        return False
    parts = urlsplit(address)
    if parts.scheme == "http" and not _IS_FOR_DEVELOPMENT and parts.hostname not in _LOOPBACK:
        env.problem(f"{name}_BASE_URL must be https://")
    return True


def _secrets(name: str, variable: str) -> tuple[str, ...]:
    """The secret and, while it is being replaced, the one before."""
    secrets = (env.secret(variable, ""), env.secret(f"{variable}_PREVIOUS", ""))
    if not secrets[0]:
        env.problem(f"{variable} is not set: without it no webhook of {name} can be believed")
    return tuple(secret for secret in secrets if secret)


def _seconds(variable: str, default: str) -> float:
    return float(env.decimal(variable, default))


def _absence(prefix: str, default: str) -> float | None:
    """After this long, "no such reference" proves that a lost request was never executed. 0: it never does."""
    seconds = _seconds(f"{prefix}_ABSENCE_PROVES_AFTER_SECONDS", default)
    if 0 < seconds < PAYMENT_LEASE_SECONDS:
        env.problem(
            f"{prefix}_ABSENCE_PROVES_AFTER_SECONDS must be 0, or no less than PAYMENT_LEASE_SECONDS "
            f"({PAYMENT_LEASE_SECONDS}): until then the request may still be sent"
        )
    return seconds or None


def _pays_out(prefix: str) -> bool:
    """What becomes of a refund: "payout" sends the money to the payer's number, "wallet" leaves it with us."""
    policy = env.text(f"{prefix}_REFUNDS", "wallet")
    if policy not in {"wallet", "payout"}:
        env.problem(f"{prefix}_REFUNDS={policy!r} is neither wallet nor payout")
    return policy == "payout"


def _entry(prefix: str, adapter: str, options: dict[str, Any], rate_per_second: str) -> dict[str, Any]:
    total_seconds = _seconds(f"{prefix}_TOTAL_TIMEOUT_SECONDS", "30")
    if not 0 < total_seconds < PAYMENT_LEASE_SECONDS:
        env.problem(
            f"{prefix}_TOTAL_TIMEOUT_SECONDS must be above 0 and below PAYMENT_LEASE_SECONDS ({PAYMENT_LEASE_SECONDS}):"
            " a claim must outlive its call"
        )
    rate = _seconds(f"{prefix}_RATE_PER_SECOND", rate_per_second)
    if rate <= 0:
        env.problem(f"{prefix}_RATE_PER_SECOND must be above 0")
    return {
        "adapter": adapter,
        "options": options,
        "door": {
            "pool_size": env.integer(f"{prefix}_POOL_SIZE", 20, minimum=1, maximum=500),
            "wait_seconds": _seconds(f"{prefix}_POOL_WAIT_SECONDS", "30"),
            "connect_seconds": _seconds(f"{prefix}_CONNECT_TIMEOUT_SECONDS", "3"),
            "read_seconds": _seconds(f"{prefix}_READ_TIMEOUT_SECONDS", "20"),
            "total_seconds": total_seconds,
        },
        "rate_per_second": rate,
        "max_concurrent": env.integer(f"{prefix}_MAX_CONCURRENT", 20, minimum=1),
    }


def _fapshi() -> dict[str, Any] | None:
    url, user = env.url("FAPSHI_BASE_URL", ""), env.secret("FAPSHI_API_USER", "")
    key = env.secret("FAPSHI_API_KEY", "")
    required = {"FAPSHI_BASE_URL": url, "FAPSHI_API_USER": user, "FAPSHI_API_KEY": key}
    if not _is_on("FAPSHI", required=required, address=url):
        return None
    host, is_test_key = urlsplit(url).hostname, key.startswith("FAK_TEST_")
    if host == "live.fapshi.com" and is_test_key:
        env.problem("FAPSHI_API_KEY is a test key and FAPSHI_BASE_URL the live host")
    if host == "sandbox.fapshi.com" and not is_test_key:
        env.problem("FAPSHI_API_KEY is a live key and FAPSHI_BASE_URL the sandbox host")
    options = {
        "base_url": url,
        "api_user": user,
        "api_key": key,
        "webhook_secrets": _secrets("Fapshi", "FAPSHI_WEBHOOK_SECRET"),
        "absence_proves_after_seconds": _absence("FAPSHI", "120"),
        "payouts": _fapshi_payouts(collecting_key=key),
    }
    return _entry("FAPSHI", "payments.gateways.fapshi.Fapshi", options, "20")


def _fapshi_payouts(collecting_key: str) -> dict[str, Any] | None:
    """A service of its own, with its own user and key. Set without the policy: earlier payouts are still tracked."""
    pays_out = _pays_out("FAPSHI")
    user, key = env.secret("FAPSHI_PAYOUT_USER", ""), env.secret("FAPSHI_PAYOUT_KEY", "")
    absence = _absence("FAPSHI_REFUND", "900")
    if bool(user) != bool(key):
        env.problem(f"{'FAPSHI_PAYOUT_KEY' if user else 'FAPSHI_PAYOUT_USER'} is not set: payouts need user and key")
        return None
    if not user:
        if pays_out:
            env.problem("FAPSHI_REFUNDS=payout needs FAPSHI_PAYOUT_USER and FAPSHI_PAYOUT_KEY")
        return None
    if key == collecting_key:
        env.problem("FAPSHI_PAYOUT_KEY is FAPSHI_API_KEY: a service of Fapshi collects or pays out, never both")
    elif key.startswith("FAK_TEST_") != collecting_key.startswith("FAK_TEST_"):
        env.problem("one of FAPSHI_PAYOUT_KEY and FAPSHI_API_KEY is a test key, the other a live one")
    return {"user": user, "key": key, "are_refunds": pays_out, "absence_proves_after_seconds": absence}


def _campay() -> dict[str, Any] | None:
    url, username = env.url("CAMPAY_BASE_URL", ""), env.secret("CAMPAY_USERNAME", "")
    password, token = env.secret("CAMPAY_PASSWORD", ""), env.secret("CAMPAY_TOKEN", "")
    required = {"CAMPAY_BASE_URL": url, "CAMPAY_USERNAME": username, "CAMPAY_PASSWORD": password}
    if token:  # a permanent one: no user name and password needed
        required = {"CAMPAY_BASE_URL": url, "CAMPAY_TOKEN": token}
    if not _is_on("CAMPAY", required=required, address=url):
        return None
    if urlsplit(url).hostname == "demo.campay.net" and not _IS_FOR_DEVELOPMENT:
        env.problem("CAMPAY_BASE_URL is the demo host; it is for DEBUG or LOCAL_STACK only")
    options = {
        "base_url": url,
        "username": username,
        "password": password,
        "permanent_token": token,
        "webhook_keys": _secrets("CamPay", "CAMPAY_WEBHOOK_KEY"),
        # Its history leaves out what is pending, so absence proves nothing by default.
        "absence_proves_after_seconds": _absence("CAMPAY", "0"),
        "trusts_refusals": env.flag("CAMPAY_TRUSTS_REFUSALS", default=True),
        "pays_out": _pays_out("CAMPAY"),  # with the same credentials; its dashboard must permit withdrawals
    }
    return _entry("CAMPAY", "payments.gateways.campay.CamPay", options, "20")


def _razorpay() -> dict[str, Any] | None:
    url, key_id = env.url("RAZORPAY_BASE_URL", ""), env.secret("RAZORPAY_KEY_ID", "")
    key_secret = env.secret("RAZORPAY_KEY_SECRET", "")
    required = {"RAZORPAY_BASE_URL": url, "RAZORPAY_KEY_ID": key_id, "RAZORPAY_KEY_SECRET": key_secret}
    if not _is_on("RAZORPAY", required=required, address=url):
        return None
    # One host serves both modes, so only the key tells that no real money moves.
    if key_id.startswith("rzp_test_") and not _IS_FOR_DEVELOPMENT:
        env.problem("RAZORPAY_KEY_ID is a test key; it is for DEBUG or LOCAL_STACK only")
    payer = {"email": env.text("RAZORPAY_PAYER_EMAIL", ""), "ip": env.text("RAZORPAY_PAYER_IP", "")}
    options = {
        "base_url": url,
        "key_id": key_id,
        "key_secret": key_secret,
        "webhook_secrets": _secrets("Razorpay", "RAZORPAY_WEBHOOK_SECRET"),
        "absence_proves_after_seconds": _absence("RAZORPAY", "120"),
        "open_seconds": PAYMENT_EXPIRES_AFTER_SECONDS,
        "payer_defaults": {name: value for name, value in payer.items() if value},
    }
    return _entry("RAZORPAY", "payments.gateways.razorpay.Razorpay", options, "10")


def _cashfree() -> dict[str, Any] | None:
    url, client_id = env.url("CASHFREE_BASE_URL", ""), env.secret("CASHFREE_CLIENT_ID", "")
    secret = env.secret("CASHFREE_CLIENT_SECRET", "")
    required = {"CASHFREE_BASE_URL": url, "CASHFREE_CLIENT_ID": client_id, "CASHFREE_CLIENT_SECRET": secret}
    if not _is_on("CASHFREE", required=required, address=url):
        return None
    host = urlsplit(url).hostname
    if host == "api.cashfree.com" and (secret.startswith("cfsk_ma_test_") or client_id.startswith("TEST")):
        env.problem("CASHFREE_CLIENT_ID or CASHFREE_CLIENT_SECRET is a test one and CASHFREE_BASE_URL the live host")
    if host == "sandbox.cashfree.com" and secret.startswith("cfsk_ma_prod_"):
        env.problem("CASHFREE_CLIENT_SECRET is a live secret and CASHFREE_BASE_URL the sandbox host")
    if host == "sandbox.cashfree.com" and not _IS_FOR_DEVELOPMENT:
        env.problem("CASHFREE_BASE_URL is the sandbox host; it is for DEBUG or LOCAL_STACK only")
    options = {
        "base_url": url,
        "client_id": client_id,
        "client_secrets": _secrets("Cashfree", "CASHFREE_CLIENT_SECRET"),  # webhooks are signed with it too
        "absence_proves_after_seconds": _absence("CASHFREE", "120"),
        "open_seconds": PAYMENT_EXPIRES_AFTER_SECONDS,
        "version": env.text("CASHFREE_API_VERSION", "2025-01-01"),
    }
    # Its table, for most accounts: 200 new orders and 400 status queries a minute.
    return _entry("CASHFREE", "payments.gateways.cashfree.Cashfree", options, "3")


# In the order in which they are tried when nothing else decides.
_FOUND = {"fapshi": _fapshi(), "campay": _campay(), "razorpay": _razorpay(), "cashfree": _cashfree()}
GATEWAYS: dict[str, dict[str, Any]] = {name: entry for name, entry in _FOUND.items() if entry is not None}

# What each collects in; also those that are off may stand in a route.
_CURRENCIES = {"fapshi": "XAF", "campay": "XAF", "razorpay": "INR", "cashfree": "INR"}


def _check_routes(routes: Mapping[str, Sequence[str]]) -> None:
    """Operators are of Cameroon: theirs are routes for XAF."""
    for key, names in routes.items():
        variable, currency = f"PAYMENT_ROUTE_{key.upper()}", key if key in _CURRENCIES.values() else "XAF"
        for name in names:
            if name not in _CURRENCIES:
                env.problem(f"{name!r} in {variable} is none of {', '.join(_CURRENCIES)}")
            elif _CURRENCIES[name] != currency:
                env.problem(f"{name!r} in {variable} does not take {currency}")
    env.refuse_others("PAYMENT_ROUTE_", {key.upper() for key in routes})


_check_routes(PAYMENT_ROUTES)
