"""Settings from the environment: typed, and all their problems told at once."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from choptym.settings import env


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(env, "problems", [])
    for name in ("THING", "THING_FILE"):
        monkeypatch.delenv(name, raising=False)
    return env.problems


@pytest.fixture
def thing(monkeypatch: pytest.MonkeyPatch, problems: list[str]) -> "SetThing":
    return SetThing(monkeypatch)


class SetThing:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, value: str, name: str = "THING") -> None:
        self._monkeypatch.setenv(name, value)


def test_a_default_is_taken_when_there_is_nothing(problems: list[str], thing: SetThing) -> None:
    thing("  ")

    assert (env.text("THING", "a"), env.integer("THING", 3), env.flag("THING", default=True)) == ("a", 3, True)
    assert (env.decimal("THING", "1.5"), env.words("THING", "a, b"), env.url("THING", "")) == (
        Decimal("1.5"),
        ["a", "b"],
        "",
    )
    assert problems == []


def test_without_a_default_it_is_required(problems: list[str]) -> None:
    env.text("THING")
    env.integer("THING")
    env.secret("THING")

    assert problems == ["THING is not set"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("x", "THING='x' is not a whole number"),
        ("1.5", "THING='1.5' is not a whole number"),
        ("0", "THING=0 is below 1"),
        ("11", "THING=11 is above 10"),
    ],
)
def test_a_number_that_is_none_or_out_of_bounds(problems: list[str], thing: SetThing, value: str, problem: str) -> None:
    thing(value)

    env.integer("THING", 5, minimum=1, maximum=10)

    assert problems == [problem]


@pytest.mark.parametrize("value", ["x", "NaN", "Infinity", "-1"])
def test_a_decimal_that_is_none(problems: list[str], thing: SetThing, value: str) -> None:
    thing(value)

    env.decimal("THING", "1", minimum=Decimal(0))

    assert len(problems) == 1


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("TRUE", True), ("yes", True), ("on", True), ("0", False), ("No", False)]
)
def test_a_flag_in_its_usual_spellings(problems: list[str], thing: SetThing, value: str, expected: bool) -> None:
    thing(value)

    assert env.flag("THING", default=not expected) is expected
    assert problems == []


def test_a_flag_that_is_none(problems: list[str], thing: SetThing) -> None:
    thing("maybe")

    env.flag("THING", default=True)

    assert problems == ["THING='maybe' is neither true nor false"]


def test_an_address_without_a_scheme_that_fits_and_without_its_password(problems: list[str], thing: SetThing) -> None:
    thing("ftp://user:secret@host/x/")

    env.url("THING")

    assert problems == ["THING='ftp://***@host/x' must begin with one of http://, https://"]


def test_a_secret_comes_from_a_file(problems: list[str], thing: SetThing, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    thing(str(tmp_path / "secret"), "THING_FILE")

    assert env.secret("THING") == "s3cret"
    assert problems == []


def test_a_secret_from_two_places_or_from_no_file(problems: list[str], thing: SetThing, tmp_path: Path) -> None:
    thing("a")
    thing(str(tmp_path / "none"), "THING_FILE")

    env.secret("THING")

    assert problems[0] == "THING and THING_FILE are both set: choose one"
    assert problems[1].startswith("THING_FILE=")
    assert len(problems) == 2


def test_a_start_with_bad_settings_names_all_problems_at_once() -> None:
    bad = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("FAPSHI", "CAMPAY"))},
        "SECRET_KEY": "",
        "PAYMENT_BATCH_SIZE": "lots",
        "PAYMENT_RETRY_ATTEMPTS": "0",
        "DEBUG": "maybe",
        "REDIS_URL": "http://127.0.0.1",
        "LOG_LEVEL": "LOUD",
        "FAPSHI_API_USER": "half",
        "PAYMENT_ROUTE_XAF": "campay,razorpay",
    }

    run = subprocess.run(
        [sys.executable, "-c", "import choptym.settings"], env=bad, capture_output=True, text=True, check=False
    )

    assert run.returncode == 1
    line = run.stderr.strip().splitlines()[-1]
    assert line.startswith("django.core.exceptions.ImproperlyConfigured: Settings: ")
    for problem in (
        "SECRET_KEY is not set",
        "PAYMENT_BATCH_SIZE='lots' is not a whole number",
        "PAYMENT_RETRY_ATTEMPTS=0 is below 1",
        "DEBUG='maybe' is neither true nor false",
        "REDIS_URL='http://127.0.0.1' must begin with one of redis://, rediss://, unix://",
        "LOG_LEVEL='LOUD' is none of DEBUG, INFO, WARNING, ERROR",
        "FAPSHI is half configured: FAPSHI_BASE_URL, FAPSHI_API_KEY not set",
        "'razorpay' in PAYMENT_ROUTE_XAF does not take XAF",
    ):
        assert problem in line
    assert "make up" not in line


def test_a_start_without_any_settings_says_where_a_laptop_has_them() -> None:
    with_nothing = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    run = subprocess.run(
        [sys.executable, "-c", "import choptym.settings"], env=with_nothing, capture_output=True, text=True, check=False
    )

    assert run.returncode == 1
    line = run.stderr.strip().splitlines()[-1]
    assert "DATABASE_URL is not set" in line
    assert line.endswith("(on a laptop: start `make up`, then `. .local/stack.env`)")
