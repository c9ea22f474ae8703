"""What the commands say when they are called wrongly."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from choptym.local.demo.run import read_payments
from choptym.local.errors import StackError
from choptym.local.role import PROJECT


@pytest.mark.parametrize("said", ["0", "-3", "many", "1.5"])
def test_refuses_a_number_of_payments_that_is_none(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENTS", said)

    with pytest.raises(StackError, match=f"^PAYMENTS={said} must be a whole number of at least 1"):
        read_payments()


def test_manage_says_what_is_wrong_with_the_settings_and_nothing_else() -> None:
    done = run([sys.executable, "manage.py", "migrate"], PROJECT, {"PATH": os.defpath, "SECRET_KEY": "x"})

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Settings: ")
    assert len(done.stderr.splitlines()) == 1


def test_clean_removes_what_was_made_here_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "choptym" / "local").mkdir(parents=True)
    shutil.copy(PROJECT / "choptym/local/clean.py", tmp_path / "choptym/local")
    made = (".venv", ".local", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis")
    for name in (*made, "mine"):
        (tmp_path / name).mkdir()

    done = run([sys.executable, "-I", "choptym/local/clean.py"], tmp_path, {})

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["choptym", "mine"]


def test_a_python_that_is_none_is_named_in_one_line(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "Makefile", tmp_path)

    done = run(["make", "python", "PYTHON=/bin/false"], tmp_path, {"PATH": os.environ["PATH"]})

    assert done.returncode != 0
    assert len(done.stdout.splitlines()) == 3
    assert done.stdout.startswith("ChopTym needs Python 3.11 or newer, and '/bin/false' is: ")


def run(command: list[str], directory: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
