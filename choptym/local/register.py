"""Who runs in this root: one stack at a time, and the processes a killed one left behind.

`lock` names the runner and is freed by the kernel whatever happens to it. `processes.json` names its
processes, each by number and moment of start: together they never mean another process.
"""

import fcntl
import json
import os
import pwd
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from choptym.local import processes
from choptym.local.errors import StackError

RECORD = "processes.json"
LOCK = "lock"
GRACE_SECONDS = 6
WAY_OUT = "remove it as its owner (`sudo make clean`), or work in a clone of your own"


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write the whole file or nothing of it: others read it while we run."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)  # it holds the password of the database
    fresh.write_text(text)
    fresh.replace(path)


def lock(root: Path) -> IO[str]:
    """Take the root for this process until the returned file is closed."""
    _require_ours(root)
    file = (root / LOCK).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with file:
            holder = _holder(file)
        raise StackError(
            f"A stack runs in {root} already, started by process {holder}. Stop it first (Ctrl-C, or `kill {holder}`)."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _holder(file: IO[str]) -> str:
    """Who has the lock. Its number is written a moment after it was taken."""
    for _ in range(40):
        file.seek(0)
        if holder := file.read().strip():
            return holder
        time.sleep(0.05)
    return "unknown"


def _require_ours(root: Path) -> None:
    """Raise StackError unless we may write in this root, and in what an earlier stack made there."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        others = [path for path in (root, *root.iterdir(), *root.glob("log/*")) if not _is_ours(path)]
    except OSError as error:
        raise StackError(f"{root} cannot be used ({error.strerror}): {WAY_OUT}.") from None
    if others:
        raise StackError(f"{others[0]} belongs to {_owner(others[0])} and is not yours to write: {WAY_OUT}.")


def _is_ours(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))


def _owner(path: Path) -> str:
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


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
