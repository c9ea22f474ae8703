"""What the processes of the local stack are told. What is set already wins over everything here."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from choptym.local.ports import HOST, free_port

SANDBOX_RATE = "1000"
PASSWORD = "choptym"  # noqa: S105 - of everyone whom seed_demo makes, only in a local stack


@dataclass(frozen=True, slots=True)
class Addresses:
    """A free port for each process that listens."""

    web_port: int = field(default_factory=free_port)
    events_port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    flower_port: int = field(default_factory=free_port)
    sink_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)

    @property
    def web(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    @property
    def events(self) -> str:
        return f"http://{HOST}:{self.events_port}"

    @property
    def sandbox(self) -> str:
        return f"http://{HOST}:{self.sandbox_port}"

    @property
    def flower(self) -> str:
        return f"http://{HOST}:{self.flower_port}"

    @property
    def sink(self) -> str:
        return f"http://{HOST}:{self.sink_port}"


def given(environ: Mapping[str, str], name: str) -> str | None:
    """Return what the environment says about `name`; blank is as good as not set."""
    return environ.get(name, "").strip() or None


def make_environment(
    root: Path, environ: Mapping[str, str], addresses: Addresses, database_url: str, redis_url: str
) -> dict[str, str]:
    """Return the environment of every process: the local defaults, under what is set already."""
    defaults = local_defaults(root, addresses, database_url, redis_url)
    if (given(environ, "PAYMENT_PROFILES") or "").lower() in {"1", "true", "yes", "on"}:
        del defaults["MAX_CONCURRENT_PAYMENTS"]  # asked for by name: what is not set follows the profile
    missing = {name: value for name, value in defaults.items() if not _is_given(environ, name)}
    return {**environ, **missing}


def local_defaults(root: Path, addresses: Addresses, database_url: str, redis_url: str) -> dict[str, str]:
    """Return what a local stack is told of itself."""
    return {
        **_project(addresses, database_url, redis_url),
        **_gateways(addresses.sandbox),
        "SECRET_KEY": _secret_key(root),
    }


def _is_given(environ: Mapping[str, str], name: str) -> bool:
    return given(environ, name) is not None or given(environ, f"{name}_FILE") is not None


def _project(addresses: Addresses, database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "PUBLIC_URL": addresses.web,
        "EVENTS_URL": addresses.events,
        "FLOWER_URL": addresses.flower,
        "FLOWER_BASIC_AUTH": f"admin:{PASSWORD}",
        "SANDBOX_URL": addresses.sandbox,
        "EMAIL_URL": f"smtp://{HOST}:{addresses.smtp_port}",
        "SMS_URL": f"json://{HOST}:{addresses.sink_port}/sms/{{to}}",
        "PUSH_URL": f"json://{HOST}:{addresses.sink_port}/push/{{to}}",
        "ALERT_URLS": f"json://{HOST}:{addresses.sink_port}/alerts/operators",
        "LOCAL_STACK": "true",
        "LOGIN_THROTTLE": "10000/min",
        "LOGIN_ADDRESS_THROTTLE": "100000/min",  # the demo's 200 customers log in at once, from one address
        # Demo, tests and benchmarks are few customers who do the work of many.
        "READ_THROTTLE": "1000000/min",
        "WRITE_THROTTLE": "1000000/min",
        "STRANGER_THROTTLE": "1000000/min",
        "MAX_CONCURRENT_PAYMENTS": "10",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",  # as in deploy/Dockerfile
    }


def _gateways(sandbox: str) -> dict[str, str]:
    """Where the sandbox speaks each dialect, and the credentials it takes."""
    return {
        "FAPSHI_BASE_URL": f"{sandbox}/fapshi",
        "FAPSHI_API_USER": "sandbox-user",
        "FAPSHI_API_KEY": "FAK_TEST_sandbox",
        "FAPSHI_WEBHOOK_SECRET": "sandbox-fapshi-secret",
        "CAMPAY_BASE_URL": f"{sandbox}/campay/api",
        "CAMPAY_USERNAME": "sandbox-user",
        "CAMPAY_PASSWORD": "sandbox-password",
        "CAMPAY_WEBHOOK_KEY": "sandbox-campay-key",
        "RAZORPAY_BASE_URL": f"{sandbox}/razorpay/v1",
        "RAZORPAY_KEY_ID": "rzp_test_sandbox",
        "RAZORPAY_KEY_SECRET": "sandbox-razorpay-secret",
        "RAZORPAY_WEBHOOK_SECRET": "sandbox-razorpay-webhook",
        "CASHFREE_BASE_URL": f"{sandbox}/cashfree/pg",
        "CASHFREE_CLIENT_ID": "TEST_sandbox",
        "CASHFREE_CLIENT_SECRET": "cfsk_ma_test_sandbox",
        # The sandbox takes any rate; those of the settings are what real accounts are given.
        **{f"{name}_RATE_PER_SECOND": SANDBOX_RATE for name in ("FAPSHI", "CAMPAY", "RAZORPAY", "CASHFREE")},
    }


def _secret_key(root: Path) -> str:
    """Return the key of this root: made once, so that logins outlive a restart."""
    path = root / "secret-key"
    if not path.exists():
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        fresh.replace(path)
    return path.read_text()
