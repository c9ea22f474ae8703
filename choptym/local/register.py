"""Who runs in this root: one stack at a time, and the processes a killed one left behind.

`lock` names the runner and is freed by the kernel whatever happens to it. `processes.json` names its
processes, each by number and moment of start: together they never mean another process.
"""

import fcntl
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from choptym.local import processes
from choptym.local.errors import StackError

RECORD = "processes.json"
LOCK = "lock"
GRACE_SECONDS = 6


def write_json(path: Path, value: object) -> None:
    """Write the whole file or nothing of it: others read it while we run."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(value, indent=2) + "\n")
    fresh.replace(path)


def lock(root: Path) -> IO[str]:
    """Take the root for this process until the returned file is closed."""
    root.mkdir(parents=True, exist_ok=True)
    file = (root / LOCK).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise StackError(
            f"A stack runs in {root} already, started by process {holder}. Stop it first (Ctrl-C, or `kill {holder}`)."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def write(root: Path, pids: Mapping[str, int]) -> None:
    stats = {role: (pid, processes.read_stat(pid)) for role, pid in pids.items()}
    known = {role: [pid, stat.started if stat else 0] for role, (pid, stat) in stats.items()}
    write_json(root / RECORD, {"boot": processes.boot_id(), "processes": known})


def clear(root: Path) -> None:
    (root / RECORD).unlink(missing_ok=True)


def stop_leftovers(root: Path) -> list[str]:
    """Stop what a killed stack left behind and return the names of those roles. The caller holds the lock."""
    found = _find_leftovers(root)
    pids = [pid for members in found.values() for pid in members]
    for role, members in found.items():
        for pid in members:
            processes.send(pid, signal.SIGINT if role == "postgres" else signal.SIGTERM)
    for pid in processes.wait_gone(pids, GRACE_SECONDS):
        processes.send(pid, signal.SIGKILL)
    if left := processes.wait_gone(pids, 2):
        raise StackError(f"Processes of an earlier run could not be stopped: {left}.")
    clear(root)
    return list(found)


def _find_leftovers(root: Path) -> dict[str, list[int]]:
    try:
        record = json.loads((root / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    if record["boot"] != processes.boot_id():
        return {}
    leftovers = {role: _still_there(root, *known) for role, known in record["processes"].items()}
    return {role: pids for role, pids in leftovers.items() if pids}


def _still_there(root: Path, leader: int, started: int) -> list[int]:
    """Return the living processes of one role: its first, and those of its group that carry our marker."""
    stat = processes.read_stat(leader)
    first = [leader] if stat and stat.started == started else []
    others = [pid for pid in processes.group_members(leader) if pid != leader and processes.has_marker(pid, root)]
    return first + others
