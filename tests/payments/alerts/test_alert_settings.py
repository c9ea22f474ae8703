"""ALERT_URLS: read with its commas, and wrong ones stop the start."""

import os
import subprocess
import sys

import pytest

from choptym.settings import env
from choptym.settings.alerts import addresses


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(env, "problems", found)
    return found


def test_addresses_stand_between_commas_and_may_hold_some(problems: list[str]) -> None:
    text = " json://one/a , mailto://user:pw@example.com?to=a@example.com,b@example.com,json://one/a"

    assert addresses("ALERT_URLS", text) == [
        "json://one/a",
        "mailto://user:pw@example.com?to=a@example.com,b@example.com",
    ]
    assert (addresses("ALERT_URLS", ""), problems) == ([], [])


def test_a_start_with_an_address_that_nobody_knows_stops_and_keeps_its_password() -> None:
    bad = {**os.environ, "ALERT_URLS": "json://fine/x,carrierpigeon://user:s3cret@loft"}

    run = subprocess.run(
        [sys.executable, "-c", "import choptym.settings"], env=bad, capture_output=True, text=True, check=False
    )

    assert run.returncode == 1
    assert "ALERT_URLS: address 2 of 2 is not one that Apprise knows" in run.stderr
    assert "s3cret" not in run.stderr
