"""Two stacks that start at the same moment are given different ports."""

import subprocess
import sys

import pytest

from choptym.local import ports
from choptym.local.errors import StackError
from choptym.local.role import PROJECT

FIRST, COUNT = 11_000, 4
TAKE_TWO = f"""
from choptym.local import ports
ports.FIRST, ports.LAST = {FIRST}, {FIRST + COUNT - 1}
print(ports.free_port(), ports.free_port(), flush=True)
input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that end with their process")
def test_what_one_process_was_given_no_other_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "FIRST", FIRST)
    monkeypatch.setattr(ports, "LAST", FIRST + COUNT - 1)
    command = [sys.executable, "-c", TAKE_TWO]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}

        ours = {ports.free_port(), ports.free_port()}
        with pytest.raises(StackError, match="No free port"):
            ports.free_port()
        other.communicate("\n")

    assert len(theirs) == len(ours) == COUNT // 2
    assert theirs | ours == set(range(FIRST, FIRST + COUNT))
    assert {ports.free_port(), ports.free_port()} == theirs, "free again, with their process gone"
