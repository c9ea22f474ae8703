"""A process that passes a point it was told of dies there, once; and nowhere but in a local stack."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from choptym.lib.failpoints import TAKEN, UNNAMED

BEGIN = "import django; django.setup(); from choptym.lib.failpoints import *; from django.db import connection\n"


def run(directory: Path | str, code: str, *, is_local: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "choptym.settings",
        "FAILPOINTS_DIR": str(directory),
        "PROCESS_ROLE": "nobody",
        "LOCAL_STACK": str(is_local),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
    }
    command = [sys.executable, "-c", BEGIN + code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_dies_once(tmp_path: Path) -> None:
    code = "failpoint('here', 'before'); print('alive')"
    (tmp_path / "here.before").touch()

    first, second = run(tmp_path, code), run(tmp_path, code)

    assert (first.returncode, first.stdout) == (-signal.SIGKILL, "")
    assert (tmp_path / f"here.before{TAKEN}").read_text().startswith("nobody ")
    assert (second.returncode, second.stdout) == (0, "alive\n")


TABLE = "connection.cursor().execute('CREATE TABLE IF NOT EXISTS {0} (n int)')\n"
WRITE = "connection.cursor().execute('INSERT INTO {0} VALUES (1)')"
COUNT = "cursor = connection.cursor(); cursor.execute('SELECT count(*) FROM {0}'); print(cursor.fetchone()[0])"


@pytest.mark.parametrize(("moment", "kept"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("word", ["committing", "around"])
def test_it_dies_before_or_after_the_commit(tmp_path: Path, word: str, moment: str, kept: int) -> None:
    table = f"failpoint_{word}_{moment}"
    (tmp_path / f"name.{moment}").touch()
    told = "from django.db import transaction\n"
    hook = "    transaction.on_commit(lambda: print('told', flush=True))\n" if word == "committing" else ""
    code = f"{told}{TABLE}with {word}('name'):\n{hook}    {WRITE}\n".replace("{0}", table)

    died = run(tmp_path, code)

    assert (died.returncode, died.stdout) == (-signal.SIGKILL, "")
    assert run(tmp_path, COUNT.replace("{0}", table)).stdout == f"{kept}\n"


def test_what_commits_without_a_name_is_noted(tmp_path: Path) -> None:
    code = TABLE + WRITE + "\nwith around('x'):\n    " + WRITE + "\nwith committing('y'):\n    " + WRITE

    assert run(tmp_path, code.replace("{0}", "failpoint_unnamed")).returncode == 0

    assert len((tmp_path / UNNAMED).read_text().splitlines()) == 1


def test_elsewhere_the_settings_refuse(tmp_path: Path) -> None:
    refused = run(tmp_path, "print('alive')", is_local=False)

    assert refused.returncode == 1
    assert "FAILPOINTS_DIR is set, and this is no local stack" in refused.stderr
