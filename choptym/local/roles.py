"""The table of processes: what runs in a local stack, and how many threads each has."""

import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from choptym.local.celery_ready import READY_FILE
from choptym.local.environment import Addresses
from choptym.local.ports import HOST, free_port
from choptym.local.probes import file_exists, http_answers
from choptym.local.role import PROJECT, Role

CHARGE_QUEUES = "p1.high,p2.medium,p3.normal"
HIGH_QUEUE = "p1.high"
# For the drains, three queues with two each; the calls to gateways have threads of their own (payments/hand_out.py).
CHARGE_THREADS, HIGH_THREADS = 8, 4
# As many as the busiest profile charges at once (payments/profiles.py), and a quarter more.
MOST_CHARGES = 100
# Two drains of a kind for each gateway, and nobody waits for another gateway's (payments/tasks.py).
CONFIRM_THREADS = 4 * 4 * 2
NOTIFY_THREADS = 2
MAINTENANCE_THREADS = 2
REPORT_THREADS = 2
WORKER_STOP_SECONDS = 20  # longer than a call to a gateway usually takes; the row outlives what is cut off
# Workers whose tasks Flower shows one by one; of the others it shows the queues.
WATCHED = ("charge", "high", "confirm")
# Who is waited for answers first when the machine is busy: web, events, and the servers behind them.
BACKGROUND_NICE = 5
BACKGROUND_READY_SECONDS = 180  # whatever else the machine is busy with goes first, too
WEB_PROCESSES = 2
# One for each request that has come in; only so many are at work as there are places (choptym/lib/lanes.py).
WEB_THREADS = 2048
BACKLOG = 2048
# Open at a time, of each process. A phone keeps its connection while it waits, and the next one must still come in.
CONNECTIONS = 8192
METRICS_FILES = "PROMETHEUS_MULTIPROC_DIR"


class Roles:
    """Builds the roles of one stack from its addresses and its environment."""

    def __init__(self, root: Path, addresses: Addresses, environment: Mapping[str, str], code: Path = PROJECT) -> None:
        self._root = root
        self._code = code  # of our own processes; the outside world has no releases of ours
        self._addresses = addresses
        # Every role has a port of its own; what the user's shell says of this would be said to all of them.
        ours = {"METRICS_PORT", "METRICS_HOST", METRICS_FILES}
        self._environment = {name: value for name, value in environment.items() if name not in ours}
        self.metrics = {"web": f"{addresses.web}/metrics", "events": f"{addresses.events}/metrics"}

    def outside_world(self) -> list[Role]:
        """The gateways, and those who receive our messages."""
        at = self._addresses
        sandbox = ("payments.sandbox", "--host", HOST, "--port", str(at.sandbox_port))
        sink = ("choptym.local.sink", "--http-port", str(at.sink_port), "--smtp-port", str(at.smtp_port))
        return [
            self._http("sandbox", (*sandbox, "--webhooks", f"{at.web}/webhooks"), f"{at.sandbox}/control/fapshi"),
            self._http("sink", (*sink, "--file", str(self._root / "sink.jsonl")), f"{at.sink}/messages.json"),
        ]

    def ours(self) -> list[Role]:
        """Everything of ours that may start before the tables are there."""
        most = max(MOST_CHARGES, int(self._environment.get("MAX_CONCURRENT_PAYMENTS") or 0))
        crew = most + most // 4
        return [
            self._web(),
            self._events(),
            self._worker("high", HIGH_QUEUE, HIGH_THREADS, crew=most // 4),
            self._worker("charge", CHARGE_QUEUES, CHARGE_THREADS, crew=crew),
            self._worker("confirm", "webhooks", CONFIRM_THREADS),
            self._worker("notify", "notifications", NOTIFY_THREADS),
            self._worker("maintenance", "maintenance", MAINTENANCE_THREADS),
            self._worker("reports", "reports", REPORT_THREADS),
        ]

    def last(self) -> list[Role]:
        """The clock, with whose first tick the workers look at the tables; and Flower, which asks the workers once."""
        return [
            self._celery("beat", ("beat", "-l", "WARNING")),
            self._flower(),
        ]

    def _web(self) -> Role:
        at = self._addresses
        threads = ("--workers", str(WEB_PROCESSES), "--blocking-threads", str(WEB_THREADS))
        command = ("--interface", "wsgi", "choptym.wsgi:application", "--port", str(at.web_port), *threads)
        role = self._http("web", ("granian", *command, *_GRANIAN), f"{at.web}/health/live")
        shutil.rmtree(files := self._root / "metrics-web", ignore_errors=True)  # of processes that are gone
        return replace(role, directory=self._code, environment={**role.environment, METRICS_FILES: str(files)})

    def _events(self) -> Role:
        at = self._addresses
        command = ("--interface", "asginl", "choptym.asgi:application", "--port", str(at.events_port), "--workers", "1")
        role = self._http("events", ("granian", *command, *_GRANIAN), f"{at.events}/health/live")
        return replace(role, directory=self._code)

    def _flower(self) -> Role:
        """Who may look, and what they may do, stands in flowerconfig.py."""
        at = self._addresses
        options = ("--conf=flowerconfig.py", f"--address={HOST}", f"--port={at.flower_port}")
        role = self._http("flower", ("celery", "-A", "choptym", "flower", *options), f"{at.flower}/healthcheck")
        return replace(role, directory=self._code, nice=BACKGROUND_NICE, ready_within_seconds=BACKGROUND_READY_SECONDS)

    def _worker(self, name: str, queues: str, threads: int, *, crew: int = 0) -> Role:
        pool = ("-P", "threads", "-c", str(threads), "-Q", queues, "-n", f"{name}@%h")
        quiet = ("--without-gossip", "--without-mingle", "-l", "WARNING")
        events = ("--task-events",) if name in WATCHED else ()
        role = self._celery(f"worker-{name}", ("worker", *pool, *quiet, *events))
        return replace(role, environment={"CHARGE_THREADS": str(crew), **role.environment}) if crew else role

    def _celery(self, name: str, command: tuple[str, ...]) -> Role:
        ready, port = self._root / f"{name}.ready", free_port()
        self.metrics[name] = f"http://{HOST}:{port}/metrics"
        return Role(
            name=name,
            command=(sys.executable, "-m", "celery", "-A", "choptym.local.celery_ready", *command),
            is_ready=file_exists(ready),
            ready_file=ready,
            directory=self._code,
            environment={**self._told(name), READY_FILE: str(ready), "METRICS_PORT": str(port)},
            stop_signal=signal.SIGTERM,  # a thread pool finishes its tasks only on SIGTERM to the main process
            stop_within_seconds=WORKER_STOP_SECONDS,
            nice=BACKGROUND_NICE,
            ready_within_seconds=BACKGROUND_READY_SECONDS,
        )

    def _http(self, name: str, command: tuple[str, ...], url: str) -> Role:
        return Role(
            name=name,
            command=(sys.executable, "-m", *command),
            is_ready=http_answers(url),
            environment=self._told(name),
        )

    def _told(self, name: str) -> dict[str, str]:
        return {**self._environment, "PROCESS_ROLE": name}


_GRANIAN = (
    # "auto" waits without end for a first byte to tell the version by; so whoever connects and says nothing stays.
    *("--http", "1"),
    *("--host", HOST, "--backlog", str(BACKLOG), "--backpressure", str(CONNECTIONS)),
    *("--no-ws", "--no-access-log", "--log-level", "warning"),
    *("--respawn-failed-workers", "--workers-kill-timeout", "3"),
)
