"""Commands for finance on a running stack: from a shell of its own, and saying no more than what was done."""

import os
import subprocess
import sys

import pytest

from tests.live import Live


def test_a_shell_can_run_a_command_on_the_stack(live: Live) -> None:
    file = live.stack.root / "stack.env"
    script = f'. "{file}" && "{sys.executable}" manage.py migrate --check && echo "$DATABASE_URL"'

    done = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == live.stack.database_url
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_sandbox_no_gateway_is_said_to_agree(live: Live) -> None:
    told = live.stack.manage("prove_money", "--sandbox", "").stdout

    assert "No gateway was asked." in told
    assert "sandbox's books" not in told


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "notaurl"])
def test_a_sandbox_that_plays_no_gateway_of_ours_is_an_error(live: Live, address: str) -> None:
    assert live.stack.manage("prove_money", "--sandbox", address).returncode == 1
