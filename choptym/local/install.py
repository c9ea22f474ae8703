"""Install what a lock file pins into .venv, with visible progress; the Makefile runs it with the venv's own pip.

Run by path, with nothing but the standard library: nothing else is there yet.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

SAY_SECONDS = 1.5
TRIES = 3  # an index that hiccups once should not stop anyone


class Progress:
    """Says what pip does: a line a second or so, whatever pip itself prints."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.collected = 0
        self.step = "looking at what is there"
        self.finished = threading.Event()
        self.output: list[str] = []
        threading.Thread(target=self._report, daemon=True).start()

    def read(self, line: str) -> None:
        self.output.append(line)
        word = line.split(maxsplit=2)
        if word[:1] == ["Collecting"]:
            self.collected += 1
            self.step = f"fetching {word[1].split('=')[0]}"
        elif line.startswith("Installing collected"):
            self.step = "unpacking"

    def _report(self) -> None:
        began_at = time.monotonic()
        while not self.finished.wait(SAY_SECONDS):
            seconds = time.monotonic() - began_at
            print(f"  {seconds:4.0f} s  {self.collected}/{self.total} packages, {self.step}", flush=True)


def install(lock: Path, *, again: bool) -> int:
    """Run pip once and return its exit status; on failure its words are shown."""
    total = sum("==" in line and not line.startswith((" ", "#")) for line in lock.read_text().splitlines())
    progress = Progress(total)
    options = ("--no-deps", "--require-hashes", "--progress-bar", "off", "--disable-pip-version-check")
    repair = ("--ignore-installed",) if again else ()
    command = [sys.executable, "-m", "pip", "install", *options, *repair, "-r", str(lock)]
    # pip would take a target or a user directory from its own settings; all else there (the index) is wanted.
    environment = {name: value for name, value in os.environ.items() if name not in {"PIP_USER", "PIP_TARGET"}}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            progress.read(line)
    progress.finished.set()
    if pip.returncode:
        print("".join(progress.output[-25:]), file=sys.stderr)
    return pip.returncode


def main() -> int:
    lock, *stamps = map(Path, sys.argv[1:])
    interrupted = stamps[0].with_name("installing")
    again = interrupted.exists()  # half a package may lie there that pip would take for a whole one
    interrupted.touch()
    print(f"Installing what {lock} pins (about half a minute, once)", flush=True)
    for attempt in range(1, TRIES + 1):
        if install(lock, again=again) == 0:
            interrupted.unlink()
            for stamp in stamps:
                stamp.touch()
            return 0
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
