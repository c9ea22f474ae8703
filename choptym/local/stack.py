"""The whole stack as one object: `with Stack(root) as stack:` starts everything, and stops it in the end."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from choptym.local import processes, register
from choptym.local.environment import Addresses, local_defaults, make_environment
from choptym.local.errors import StackError
from choptym.local.role import PROJECT, Role, launched
from choptym.local.roles import Roles
from choptym.local.servers import Servers
from choptym.local.supervisor import SAY_SECONDS, Child, Say, Supervisor, raise_failure

DESCRIPTION = "stack.json"
ENVIRONMENT = "stack.env"
# Limits, times and switches that commands must know as the processes do.
STEERED_BY = ("PAYMENT_", "FAPSHI_", "CAMPAY_", "RAZORPAY_", "CASHFREE_", "RECONCILE_", "ALERT_", "WORKER_")


class Stack:
    """PostgreSQL, Redis, the sandbox and all our processes, with data and logs under `root`.

    `environ` replaces the environment of this process; what is set in it wins over the local
    defaults. Two stacks with two roots do not meet. `started_as` may replace how a process of ours is started.
    """

    def __init__(
        self,
        root: Path = PROJECT / ".local",
        environ: Mapping[str, str] | None = None,
        started_as: Callable[[Role], Role] = lambda role: role,
    ) -> None:
        self.root = root.resolve()
        self.code = PROJECT  # another checkout: the tables are made and the processes started by its code
        self.addresses = Addresses()
        self.environment: dict[str, str] = {}
        self.metrics: dict[str, str] = {}
        self.database_url = ""
        self.redis_url = ""
        self._environ = dict(os.environ if environ is None else environ)
        self._started_as = started_as
        self._lock: IO[str] | None = None
        self._supervisor: Supervisor | None = None
        self._is_up = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def web(self) -> str:
        return self.addresses.web

    @property
    def events(self) -> str:
        return self.addresses.events

    @property
    def sandbox(self) -> str:
        return self.addresses.sandbox

    @property
    def flower(self) -> str:
        return self.addresses.flower

    @property
    def sink(self) -> str:
        return self.addresses.sink

    @property
    def pids(self) -> dict[str, int]:
        return self._supervisor.pids if self._supervisor else {}

    def start(self, say: Say = lambda _: None) -> None:
        """Start everything; returns when every process is ready. Raises StackError, and then nothing runs."""
        self._lock = register.lock(self.root)
        try:
            self._clean_up(say)
            self._supervisor = Supervisor(self.root, on_change=self._write_description)
            self._start_servers(self._supervisor, say)
            self._start_processes(self._supervisor, say)
        except BaseException:
            self.stop(say)
            raise
        self._is_up = True
        self._write_description()

    def stop(self, say: Say = lambda _: None) -> None:
        """Stop everything. Safe to call again."""
        self._is_up = False
        if not self._lock:  # refused: what runs in this root belongs to another stack
            return
        try:
            if self._supervisor:
                self._supervisor.stop(say)
        finally:
            self._supervisor = None
            self._remove_description()
            self._lock.close()
            self._lock = None

    @contextmanager
    def held_down(self, role: str) -> Iterator[None]:
        """Whatever ends the process of this role while the block runs: it is started again only afterwards."""
        if self._supervisor is None:
            raise StackError("The stack does not run.")
        self._supervisor.hold(role)
        try:
            yield
        finally:
            self._supervisor.let_go(role)

    def restart(self, role: str, code: Path) -> None:
        """Stop this role as a deployment does and start it again with this code; returns when it is ready."""
        if self._supervisor is None:
            raise StackError("The stack does not run.")
        self._supervisor.restart(role, code)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` in the environment of the stack."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )

    def _clean_up(self, say: Say) -> None:
        self._remove_description()
        if leftovers := register.stop_leftovers(self.root):
            say(f"stopped what an earlier run left: {', '.join(leftovers)}")

    def _start_servers(self, supervisor: Supervisor, say: Say) -> None:
        servers = Servers(self.root, self._environ)
        servers.start(supervisor, say)
        self.database_url, self.redis_url = servers.database_url, servers.redis_url
        say("PostgreSQL and Redis are ready")

    def _start_processes(self, supervisor: Supervisor, say: Say) -> None:
        self.environment = make_environment(self.root, self._environ, self.addresses, self.database_url, self.redis_url)
        roles = Roles(self.root, self.addresses, self.environment, self.code)
        self.metrics = roles.metrics
        loading = [*supervisor.begin(roles.outside_world()), *supervisor.begin([*map(self._started_as, roles.ours())])]
        self._prepare_tables(loading, say)
        supervisor.wait_ready([*loading, *supervisor.begin([*map(self._started_as, roles.last())])], say)

    def _prepare_tables(self, loading: Sequence[Child], say: Say) -> None:
        """Migrate and seed while the processes load; give up as soon as one of them fails."""
        log = self.root / "log" / "prepare.log"
        command = (sys.executable, "-m", "choptym.local.prepare")
        environment = {**self.environment, processes.MARKER: str(self.root), "PROCESS_ROLE": "prepare"}
        with log.open("w") as output:
            preparing = subprocess.Popen(
                launched(command, None, signal.SIGTERM),
                cwd=self.code,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _watch_preparation(preparing, log, loading, say)
        finally:
            preparing.kill()
            preparing.wait()
        if preparing.returncode != 0:
            raise StackError(f"The tables could not be made. The end of {log}:\n{log.read_text()[-3000:]}")
        say("tables, menu and customers are there")

    def _write_description(self) -> None:
        if self._is_up:
            register.write_json(self.root / DESCRIPTION, self.describe())
            register.write_text(self.root / ENVIRONMENT, self._shell_lines())

    def _remove_description(self) -> None:
        for name in (DESCRIPTION, ENVIRONMENT):
            (self.root / name).unlink(missing_ok=True)

    def _shell_lines(self) -> str:
        """Return what a shell needs to run `manage.py` on this stack, with what was given in place of our defaults."""
        names = {
            *local_defaults(self.root, self.addresses, self.database_url, self.redis_url),
            *(name for name in self.environment if name.startswith(STEERED_BY)),
        }
        ours = {name: self.environment[name] for name in names if name in self.environment}
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(ours.items()))

    def describe(self) -> dict[str, object]:
        """Return what `stack.json` says."""
        names = ("web", "events", "sandbox", "flower", "sink", "database_url", "redis_url")
        return {**{name: getattr(self, name) for name in names}, "metrics": self.metrics, "pids": self.pids}


def _watch_preparation(preparing: subprocess.Popen[bytes], log: Path, loading: Sequence[Child], say: Say) -> None:
    said_at = started_at = time.monotonic()
    while preparing.poll() is None:
        time.sleep(0.05)
        raise_failure(loading)
        if time.monotonic() - said_at > SAY_SECONDS:
            said_at = time.monotonic()
            say(f"making tables, menu and customers ({said_at - started_at:.0f} s): {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1].strip() if lines else "loading"
