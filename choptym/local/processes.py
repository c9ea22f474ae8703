"""What the kernel says about processes: who is alive, since when, in which group, marked as ours or not."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARKER = "CHOPTYM_STACK"  # environment variable of every process of a stack: the path of its root

PROC = Path("/proc")
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Stat:
    state: str
    group: int
    started: int  # clock ticks since boot; with the pid, the identity of a process


def read_stat(pid: int) -> Stat | None:
    """Return what `/proc` says about a living process, None when there is none (or no `/proc`)."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold anything; the fields after it may not.
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Stat(state=fields[0], group=int(fields[2]), started=int(fields[19]))


def boot_id() -> str:
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return ""


def is_alive(pid: int) -> bool:
    if PROC.joinpath("self/stat").exists():
        return read_stat(pid) is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def has_marker(pid: int, root: Path) -> bool:
    """Was this process started by a stack with this root? Read from its own environment."""
    try:
        variables = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{MARKER}={root}".encode() in variables


def group_members(group: int) -> list[int]:
    """Return the living processes of a process group."""
    members = []
    for entry in PROC.glob("[0-9]*"):
        stat = read_stat(int(entry.name))
        if stat is not None and stat.group == group:
            members.append(int(entry.name))
    return members


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Wait until these processes are gone; return those which are not after `seconds`."""
    until = time.monotonic() + seconds
    left = [pid for pid in pids if is_alive(pid)]
    while left and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        left = [pid for pid in left if is_alive(pid)]
    return left


def end_group(group: int, seconds: float = 2) -> list[int]:
    """Kill what is left of a group of ours; return those which are still there after `seconds`."""
    members = group_members(group)
    for pid in members:
        send(pid, signal.SIGKILL)
    return wait_gone(members, seconds)
