"""One stack in one root, and what a killed one leaves behind."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from choptym.local import processes, register
from choptym.local.errors import StackError
from choptym.local.role import PROJECT
from choptym.local.stack import Stack
from tests.local.fakes import wait_until
from tests.local.nobody import as_nobody, python_for_all

TAKES_THE_LOCK = """
import sys
from pathlib import Path
from choptym.local import register
from choptym.local.errors import StackError

try:
    register.lock(Path(sys.argv[1]))
except StackError as error:
    print(error)
"""


def start_runner(root: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a small stack and return it with what it found left over, once it is ready."""
    runner = subprocess.Popen(
        [sys.executable, "-m", "tests.local.runner", str(root)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout
    found = runner.stdout.readline().strip()
    while (line := runner.stdout.readline()) and line != "ready\n":
        pass
    assert line, "the runner ended"
    return runner, found


def kill(runner: subprocess.Popen[str]) -> None:
    runner.kill()
    runner.communicate()


def recorded(root: Path) -> dict[str, int]:
    known = json.loads((root / "processes.json").read_text())["processes"]
    return {role: pid for role, (pid, _) in known.items()}


def test_a_start_after_kill_9_stops_what_was_left_and_uses_its_data(tmp_path: Path) -> None:
    first, found = start_runner(tmp_path)
    assert found == "left over:"
    before = recorded(tmp_path)
    kill(first)
    wait_until(lambda: not processes.is_alive(before["postgres"]) and not processes.is_alive(before["redis"]))
    assert processes.is_alive(before["stubborn"])  # it did not listen to the kernel's signal either

    second, found = start_runner(tmp_path)

    assert found == "left over: stubborn"
    assert not processes.is_alive(before["stubborn"])
    after = recorded(tmp_path)
    kill(second)
    os.kill(after["stubborn"], signal.SIGKILL)
    wait_until(lambda: not any(processes.is_alive(pid) for pid in after.values()))


def test_two_stacks_in_one_root_are_refused(tmp_path: Path) -> None:
    with register.lock(tmp_path), pytest.raises(StackError, match=f"started by process {os.getpid()}"):
        register.lock(tmp_path)

    register.lock(tmp_path).close()


def test_whoever_begins_at_the_same_moment_is_named_too(tmp_path: Path) -> None:
    with (tmp_path / register.LOCK).open("a+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # and its number is not written yet
        writing = threading.Timer(0.3, (tmp_path / register.LOCK).write_text, ["4711"])
        writing.start()

        with pytest.raises(StackError, match="started by process 4711"):
            register.lock(tmp_path)
        writing.join()


def test_leaves_a_process_alone_that_only_has_the_same_number(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        register.write(tmp_path, {"web": stranger.pid})
        record = json.loads((tmp_path / "processes.json").read_text())
        record["processes"]["web"][1] -= 1  # started a moment earlier: another process
        (tmp_path / "processes.json").write_text(json.dumps(record))

        assert register.stop_leftovers(tmp_path) == []
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_a_record_of_an_earlier_boot_means_nothing(tmp_path: Path) -> None:
    register.write(tmp_path, {"web": os.getpid()})
    record = json.loads((tmp_path / "processes.json").read_text())
    (tmp_path / "processes.json").write_text(json.dumps(record | {"boot": "before"}))

    assert register.stop_leftovers(tmp_path) == []


def test_a_refused_start_touches_nothing_of_the_stack_that_runs(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{}")
    refused = Stack(tmp_path, {})

    with register.lock(tmp_path):
        with pytest.raises(StackError, match="runs in"):
            refused.start()
        refused.stop()

    assert (tmp_path / "stack.json").read_text() == "{}"


def test_what_it_writes_about_the_stack_is_for_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("older")

    register.write_json(tmp_path / "stack.json", {"database_url": "hidden"})

    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "stack.json").read_text()) == {"database_url": "hidden"}


def test_a_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StackError, match=r"file/\.local cannot be used \(Not a directory\): remove it as its owner"):
        register.lock(tmp_path / "file" / ".local")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to somebody else")
@pytest.mark.parametrize("foreign", ["", "log", "log/web.log"])
def test_a_root_of_somebody_else_is_refused_in_one_sentence(tmp_path: Path, foreign: str) -> None:
    root = tmp_path / ".local"
    (root / "log").mkdir(parents=True)
    (root / "log" / "web.log").touch()
    for path in (root, root / "log", root / "log" / "web.log"):
        os.chown(path, 65534, 65534)
    os.chown(root / foreign, 0, 0)

    done = as_nobody([python_for_all(), "-c", TAKES_THE_LOCK, str(root)])

    assert done.stdout == (
        f"{root / foreign} belongs to root and is not yours to write:"
        " remove it as its owner (`sudo make clean`), or work in a clone of your own.\n"
    ), done.stderr
