"""What one process of the local stack is: its command, when it is ready, how it is stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from choptym.local import launch

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class User:
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(repr=False)  # holds secrets
    directory: Path = PROJECT  # whose code it runs
    ready_file: Path | None = None  # which the process makes when it is ready, if that is how it tells
    user: User | None = None  # None: the user who runs the stack
    nice: int = 0  # how far it lets others go first on a busy machine; 19 is the most
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_seconds: float = 15
    ready_within_seconds: float = 60
    attempts: int = 1  # how often the first start may be tried


def launched(command: tuple[str, ...], user: User | None, stop_signal: signal.Signals, *, nice: int = 0) -> list[str]:
    """Wrap a command in `launch.py`: as this user, tied to this process, and so much nicer than it."""
    name = f"{user.uid}:{user.gid}" if user else "-"
    own = (str(os.getpid()), str(int(stop_signal)), name, str(nice))
    return [sys.executable, "-I", "-S", launch.__file__, *own, *command]


def run_as(user: User | None, command: tuple[str, ...], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a short command, named by its whole path, to its end as this user."""
    return subprocess.run(
        launched(command, user, signal.SIGTERM), cwd=directory, capture_output=True, text=True, check=False
    )
