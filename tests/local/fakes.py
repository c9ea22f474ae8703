"""Small real processes that play the roles of a stack."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from choptym.local.ports import free_port
from choptym.local.probes import http_answers
from choptym.local.role import Role

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(60)"


def web_server(name: str, directory: Path) -> Role:
    port = free_port()
    return Role(
        name=name,
        command=(sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"),
        is_ready=http_answers(f"http://127.0.0.1:{port}/"),
        environment={"HOME": str(directory)},
        directory=directory,
    )


def stubborn(name: str, directory: Path) -> Role:
    """A process that does not listen to SIGTERM."""
    return Role(
        name=name,
        command=(sys.executable, "-c", STUBBORN),
        is_ready=(directory / "deaf").exists,
        environment={},
        directory=directory,
        stop_signal=signal.SIGTERM,
        stop_within_seconds=0.3,
    )


def failing(name: str, directory: Path) -> Role:
    return Role(
        name=name,
        command=(sys.executable, "-c", "raise SystemExit('the disk is made of cheese')"),
        is_ready=lambda: False,
        environment={},
        directory=directory,
    )


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.02)
