"""What `make` says while it installs, run as make runs it."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from choptym.local import install
from choptym.local.role import PROJECT

LOCK = """\
one==1.0 \\
    --hash=sha256:00
Two.Words==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:00
never==3.0 ; python_full_version < '3.0' \\
    --hash=sha256:00
    # via one==1.0
"""


def test_counts_only_what_applies_here(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(LOCK)

    assert install.read_wanted(tmp_path / "lock") == {"one==1.0", "two-words==2.0"}


def test_sees_what_lies_there_whole() -> None:
    wanted = install.read_wanted(PROJECT / "requirements-local.lock")

    assert len(wanted & install.installed()) == len(wanted)


def test_counts_what_is_fetched_and_what_was_there_before() -> None:
    progress = install.Progress({"one==1.0", "two==2.0"})
    progress.finished.set()

    progress.read("Requirement already satisfied: one==1.0 in …\n")
    progress.read("Collecting two==2.0 (from -r lock (line 2))\n")
    assert (progress.collected, progress.step) == (2, "two")

    progress.read("Installing collected packages: two\n")
    assert progress.step == "unpacking"


def test_whoever_comes_second_waits_and_finds_it_done(tmp_path: Path) -> None:
    with (tmp_path / "install.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [sys.executable, "-I", str(PROJECT / "choptym/local/install.py"), "no lock file", "stamp"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout is not None
        assert second.stdout.readline() == "Another make installs here: waiting for it\n"
        (tmp_path / "stamp").touch()

    rest, _ = second.communicate(timeout=20)
    assert (rest, second.returncode) == ("", 0)


def test_what_the_first_one_left_half_done_is_not_taken_for_done(tmp_path: Path) -> None:
    """Its stamp may be that of an older lock file."""
    stamp = tmp_path / "stamp"
    stamp.touch()
    assert install._is_done([stamp])

    (tmp_path / "installing").touch()
    assert not install._is_done([stamp])


def test_an_index_that_nobody_answers_for_is_said_last_and_soon(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("choptym-nothing==1.0 --hash=sha256:" + "0" * 64 + "\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment |= {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_CONFIG_FILE": os.devnull}
    began_at = time.monotonic()

    done = subprocess.run(
        [sys.executable, "-I", str(PROJECT / "choptym/local/install.py"), "lock", "stamp"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("No package index answers: is there a network")
    assert time.monotonic() - began_at < 15
    assert (tmp_path / "installing").exists()
    assert not (tmp_path / "stamp").exists()
