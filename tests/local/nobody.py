"""Running our code as an ordinary user, from tests that run as root."""

import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

from choptym.local.role import PROJECT

NOBODY = 65534


def python_for_all() -> str:
    """Return a Python of our version that an ordinary user may run; root's own may lie in its home."""
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, shutil.which("python3", path=os.defpath)):
        if python and as_nobody([python, "-c", same]).returncode == 0:
            return python
    pytest.skip("no Python that an ordinary user may run")


def as_nobody(command: list[str]) -> subprocess.CompletedProcess[str]:
    packages = os.pathsep.join([str(PROJECT), sysconfig.get_path("purelib")])
    return subprocess.run(
        ["/usr/bin/env", *command],  # which says so, rather than raising, when it may not run the command
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
