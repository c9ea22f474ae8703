"""Starts processes, starts again those which die, and stops them all.

One thread starts every process and lives until the last is gone: the kernel sends the death signal
of `launch.py` when the *thread* ends that started the process.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from choptym.local import processes, register
from choptym.local.errors import StackError
from choptym.local.role import Role, launched

TICK_SECONDS = 0.02
PROBE_SECONDS = 0.05
SAY_SECONDS = 1.5  # nobody looks at a silent terminal for longer
STOP_SAY_SECONDS = 1.0  # who pressed Ctrl-C is less patient
BACKOFF_SECONDS = (0.2, 5.0)
STEADY_SECONDS = 30  # one that lived so long starts again at the shortest backoff
TAIL_LINES = 25
RESTART_SECONDS = 180  # under load: those who waited for it come all at once, and stand before the probe

Say = Callable[[str], None]


class Child:
    """A role and the process that has it at the moment."""

    def __init__(self, role: Role, root: Path) -> None:
        self.role = role
        self.log = root / "log" / f"{role.name}.log"
        self._marker = {processes.MARKER: str(root)}
        self.process: subprocess.Popen[bytes] | None = None
        self.is_ready = False
        self.failure: str | None = None
        self.is_held = False
        self._starts = 0
        self._crashes = 0
        self._started_at = 0.0
        self._start_at = 0.0

    def tend(self) -> bool:
        """Start it when it is time, take note when it died; True when the process is another one."""
        if self.failure or time.monotonic() < self._start_at:
            return False
        if self.is_held and self.process is None:
            return False
        if self.process is None:
            self._spawn()
            return True
        if self.process.poll() is None:
            return False
        self._bury(self.process)
        return True

    def stop(self) -> None:
        """Ask, wait, kill."""
        process = self.process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.role.stop_signal)
        try:
            process.wait(self.role.stop_within_seconds)
        except subprocess.TimeoutExpired:
            self.note(f"did not stop within {self.role.stop_within_seconds:g} s, killed")
            process.kill()
            process.wait()
        if left := processes.end_group(process.pid):
            raise StackError(f"{self.role.name}: processes {left} could not be stopped.")

    def become(self, role: Role) -> None:
        """Have this role from the next start on. Called when nothing runs: a start that fails is told of at once."""
        if role.ready_file:
            role.ready_file.unlink(missing_ok=True)
        self.role = role
        self.is_ready = False
        self._starts = self._crashes = 0
        self._start_at = 0.0

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])

    def note(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(f"[local stack] {self.role.name} {text}\n")

    def _spawn(self) -> None:
        role = self.role
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                launched(role.command, role.user, role.stop_signal, nice=role.nice),
                cwd=role.directory,
                env={**role.environment, **self._marker},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._starts += 1
        self._started_at = time.monotonic()

    def _bury(self, dead: subprocess.Popen[bytes]) -> None:
        processes.end_group(dead.pid)  # a server's workers would keep its port
        self.process = None
        if not self.is_ready and self._starts >= self.role.attempts:
            self.failure = f"ended with status {dead.returncode} before it was ready"
            return
        lived_seconds = time.monotonic() - self._started_at
        self._crashes = 1 if lived_seconds > STEADY_SECONDS else self._crashes + 1
        shortest, longest = BACKOFF_SECONDS
        wait_seconds = min(longest, shortest * 2 ** (self._crashes - 1))
        self._start_at = time.monotonic() + wait_seconds
        self.note(f"ended with status {dead.returncode}, starting again in {wait_seconds:g} s")


class Supervisor:
    """Runs roles in batches: started together, stopped in reverse order."""

    def __init__(self, root: Path, on_change: Callable[[], None] = lambda: None) -> None:
        self.root = root
        self._on_change = on_change
        self._batches: list[list[Child]] = []
        self._turn = threading.Lock()
        self._is_tending = True
        self._finished = threading.Event()
        (root / "log").mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    @property
    def pids(self) -> dict[str, int]:
        running = {child.role.name: child.process for batch in self._batches for child in batch}
        return {name: process.pid for name, process in running.items() if process}

    def hold(self, name: str) -> None:
        """Leave this role down when its process ends, until it is let go."""
        self._child(name).is_held = True

    def let_go(self, name: str) -> None:
        self._child(name).is_held = False

    def restart(self, name: str, directory: Path, say: Say = lambda _: None) -> None:
        """Stop a role as a deployment does and start it with the code in `directory`; returns when it is ready."""
        child = self._child(name)
        self.hold(name)
        try:
            child.stop()
            while child.process is not None:  # the thread that started it buries it
                time.sleep(TICK_SECONDS)
            child.become(replace(child.role, directory=directory, ready_within_seconds=RESTART_SECONDS))
        finally:
            self.let_go(name)
        self.wait_ready([child], say)

    def _child(self, name: str) -> Child:
        [child] = [child for batch in self._batches for child in batch if child.role.name == name]
        return child

    def begin(self, roles: Sequence[Role]) -> list[Child]:
        """Start these roles together and return at once."""
        batch = [Child(role, self.root) for role in roles]
        for child in batch:
            if child.log.exists():
                child.log.replace(child.log.with_suffix(".log.1"))
        self._batches.append(batch)
        return batch

    def wait_ready(self, batch: Sequence[Child], say: Say = print) -> None:
        """Return when all are ready. Raises StackError with the log of the one that is not."""
        started_at = said_at = time.monotonic()
        give_up = threading.Event()
        with ThreadPoolExecutor(len(batch)) as probes:
            done = [probes.submit(_wait_for, child, give_up) for child in batch]
            while not all(future.done() for future in done):
                time.sleep(PROBE_SECONDS)
                if any(child.failure for child in batch):
                    give_up.set()
                if time.monotonic() - said_at > SAY_SECONDS:
                    said_at = time.monotonic()
                    waiting = ", ".join(child.role.name for child in batch if not child.is_ready)
                    say(f"waiting for {waiting} ({said_at - started_at:.0f} s)")
        raise_failure(batch)

    def start(self, roles: Sequence[Role], say: Say = print) -> None:
        """Start these roles together and return when all are ready."""
        self.wait_ready(self.begin(roles), say)

    def stop(self, say: Say = lambda _: None) -> None:
        """Stop everything, the last batch first. Raises StackError when something could not be stopped."""
        with self._turn:
            self._is_tending = False
        troubles: list[str] = []
        for batch in reversed(self._batches):
            running = [child for child in batch if child.process]
            if running:
                say(f"stopping {', '.join(child.role.name for child in running)}")
                troubles += _stop_together(running, say)
        self._finished.set()
        self._thread.join()
        if troubles:
            raise StackError(" ".join(troubles))
        register.clear(self.root)

    def _watch(self) -> None:
        while not self._finished.wait(TICK_SECONDS):
            with self._turn:
                if self._is_tending and self._tend():
                    register.write(self.root, self.pids)
                    self._on_change()

    def _tend(self) -> bool:
        """Look after every child; True when a process came or went."""
        changes = [child.tend() for batch in list(self._batches) for child in batch]
        return any(changes)


def raise_failure(children: Sequence[Child]) -> None:
    """Raise StackError with the end of the log of a child that could not be started."""
    for child in children:
        if child.failure:
            raise StackError(f"{child.role.name} {child.failure}. The end of {child.log}:\n{child.tail()}")


def _stop_together(children: Sequence[Child], say: Say) -> list[str]:
    """Stop these at the same time, naming those which take long; return what went wrong."""
    said_at = started_at = time.monotonic()
    with ThreadPoolExecutor(len(children)) as stops:
        runs = {child.role.name: stops.submit(child.stop) for child in children}
        while waiting := [name for name, run in runs.items() if not run.done()]:
            time.sleep(TICK_SECONDS)
            if time.monotonic() - said_at > STOP_SAY_SECONDS:
                said_at = time.monotonic()
                say(f"waiting for {', '.join(waiting)} to stop ({said_at - started_at:.0f} s)")
    return [str(error) for run in runs.values() if (error := run.exception())]


def _wait_for(child: Child, give_up: threading.Event) -> None:
    until = time.monotonic() + child.role.ready_within_seconds
    while not child.failure and not give_up.is_set():
        if child.process and child.role.is_ready():
            child.is_ready = True
            return
        if time.monotonic() > until:
            child.failure = f"was not ready within {child.role.ready_within_seconds:g} s"
        time.sleep(PROBE_SECONDS)
