"""Install what a lock file pins into .venv, with visible progress; the Makefile runs it with the venv's own pip.

Run by path, with nothing but the standard library and pip: nothing else is there yet.
"""

import fcntl
import os
import re
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import IO

from pip._vendor.packaging.markers import Marker

SAY_SECONDS = 1.5
TRIES = 3  # an index that hiccups once should not stop anyone
PATIENCE = ("--retries", "2", "--timeout", "15")
PINNED = re.compile(r"([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]+))?")
NO_INDEX = re.compile(r"NewConnectionError|ConnectTimeoutError|ConnectionError|ProxyError|NameResolutionError")


class Progress:
    """Says what pip does: a line a second or so, whatever pip itself prints."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted = wanted
        self.collected = 0
        self.step = ""
        self.finished = threading.Event()
        self.output: list[str] = []
        self._began_at = time.monotonic()
        threading.Thread(target=self._report, daemon=True).start()

    def read(self, line: str) -> None:
        self.output.append(line)
        word = line.split(maxsplit=3)
        if word[:1] == ["Collecting"]:
            self.collected += 1
            self.step = word[1].split("=")[0]
        elif word[:2] == ["Requirement", "already"]:
            self.collected += 1
        elif line.startswith("Installing collected"):
            self.step = "unpacking"

    def say(self, text: str) -> None:
        print(f"  {time.monotonic() - self._began_at:4.0f} s  {text}", flush=True)

    def reached_no_index(self) -> bool:
        """Did pip fail before the first package, because nobody answered?"""
        return self.collected <= 1 and any(NO_INDEX.search(line) for line in self.output)

    def _report(self) -> None:
        while not self.finished.wait(SAY_SECONDS):
            total = len(self.wanted)
            if self.step == "unpacking":  # pip says nothing until the last one
                self.say(f"{len(installed() & self.wanted)}/{total} packages unpacked")
            else:
                self.say(f"{min(self.collected, total)}/{total} packages, fetching {self.step or 'the first'}")


def read_wanted(lock: Path) -> set[str]:
    """Return name==version of what the lock pins for this Python and this system."""
    pinned = (PINNED.match(line) for line in lock.read_text().splitlines())
    found = (match.groups() for match in pinned if match)
    return {_known_as(name, version) for name, version, marker in found if not marker or Marker(marker).evaluate()}


def installed() -> set[str]:
    """Return name==version of what lies there whole: pip writes RECORD last."""
    records = Path(sysconfig.get_path("purelib")).glob("*.dist-info/RECORD")
    return {_known_as(*record.parent.name.removesuffix(".dist-info").rsplit("-", 1)) for record in records}


def _known_as(name: str, version: str = "") -> str:
    return f"{re.sub('[-_.]+', '-', name).lower()}=={version}"


def install(lock: Path, *, again: bool) -> Progress | None:
    """Run pip once; on failure its words are shown and returned."""
    progress = Progress(read_wanted(lock))
    options = ("--no-deps", "--require-hashes", "--progress-bar", "off", "--disable-pip-version-check", *PATIENCE)
    repair = ("--ignore-installed",) if again else ()
    command = [sys.executable, "-m", "pip", "install", *options, *repair, "-r", str(lock)]
    # pip would take a target or a user directory from its own settings; all else there (the index) is wanted.
    environment = {name: value for name, value in os.environ.items() if name not in {"PIP_USER", "PIP_TARGET"}}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            progress.read(line)
    progress.finished.set()
    if pip.returncode == 0:
        progress.say(f"{len(progress.wanted)}/{len(progress.wanted)} packages installed")
        return None
    print("".join(progress.output[-3 if progress.reached_no_index() else -25 :]), file=sys.stderr, flush=True)
    return progress


def main() -> int:
    """One at a time: who had to wait finds it done, if it was the same that the other one wanted."""
    lock, *stamps = map(Path, sys.argv[1:])
    with stamps[0].with_name("install.lock").open("w") as turn:
        if _had_to_wait(turn) and _is_done(stamps):
            return 0
        return _install(lock, stamps)


def _had_to_wait(turn: IO[str]) -> bool:
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("Another make installs here: waiting for it", flush=True)
        fcntl.flock(turn, fcntl.LOCK_EX)
        return True
    return False


def _is_done(stamps: list[Path]) -> bool:
    """Not if the other one failed or was killed: its stamps may be those of an older lock file."""
    return all(stamp.exists() for stamp in stamps) and not _interrupted(stamps).exists()


def _interrupted(stamps: list[Path]) -> Path:
    return stamps[0].with_name("installing")


def _install(lock: Path, stamps: list[Path]) -> int:
    interrupted = _interrupted(stamps)
    again = interrupted.exists()  # half a package may lie there that pip would take for a whole one
    interrupted.touch()
    print(f"Installing what {lock} pins (about half a minute, once)", flush=True)
    for attempt in range(1, TRIES + 1):
        failure = install(lock, again=again)
        if failure is None:
            interrupted.unlink()
            for stamp in stamps:
                stamp.touch()
            return 0
        if failure.reached_no_index():
            print("No package index answers: is there a network, and a proxy or mirror in `pip config list`?")
            return 1
        if attempt < TRIES:
            print(f"  did not work, trying again in {attempt * 2} s", flush=True)
            time.sleep(attempt * 2)
    print("The packages could not be installed: see above. Is a package index reachable (pip config)?", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The next make goes on.")
