"""What the processes are told."""

from pathlib import Path

import pytest

from choptym.local.environment import Addresses, make_environment
from choptym.settings import gateways

DATABASE, REDIS = "postgresql://here/choptym", "redis://here/0"


def told(root: Path, **environ: str) -> dict[str, str]:
    return make_environment(root, environ, Addresses(), DATABASE, REDIS)


def test_what_is_set_wins_over_the_local_defaults(tmp_path: Path) -> None:
    environment = told(tmp_path, FAPSHI_BASE_URL="https://live.example", MAX_CONCURRENT_PAYMENTS="50", HOME="/home/me")

    assert environment["FAPSHI_BASE_URL"] == "https://live.example"
    assert environment["MAX_CONCURRENT_PAYMENTS"] == "50"
    assert environment["HOME"] == "/home/me"
    assert environment["DATABASE_URL"] == DATABASE


def test_who_asks_for_profiles_gets_them(tmp_path: Path) -> None:
    assert told(tmp_path)["MAX_CONCURRENT_PAYMENTS"] == "10"
    assert told(tmp_path, PAYMENT_PROFILES="false")["MAX_CONCURRENT_PAYMENTS"] == "10"
    assert "MAX_CONCURRENT_PAYMENTS" not in told(tmp_path, PAYMENT_PROFILES="true")
    assert told(tmp_path, PAYMENT_PROFILES="true", MAX_CONCURRENT_PAYMENTS="7")["MAX_CONCURRENT_PAYMENTS"] == "7"


def test_the_sandbox_speaks_for_every_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in told(tmp_path).items():
        monkeypatch.setenv(name, value)

    entries = [gateways._fapshi(), gateways._campay(), gateways._razorpay(), gateways._cashfree()]

    assert all(entry is not None and entry["rate_per_second"] >= 100 for entry in entries)


def test_blank_is_as_good_as_not_set(tmp_path: Path) -> None:
    assert told(tmp_path, REDIS_URL=" ")["REDIS_URL"] == REDIS


def test_a_secret_in_a_file_keeps_the_default_away(tmp_path: Path) -> None:
    environment = told(tmp_path, CAMPAY_PASSWORD_FILE="/run/secrets/campay")

    assert "CAMPAY_PASSWORD" not in environment


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first, second = told(tmp_path), told(tmp_path)

    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert len(first["SECRET_KEY"]) >= 50
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600
    assert first["SECRET_KEY"] != told(tmp_path.parent)["SECRET_KEY"]
