"""The table of processes: what runs in a local stack, and how many threads each has."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from choptym.local.celery_ready import READY_FILE
from choptym.local.environment import Addresses
from choptym.local.ports import HOST
from choptym.local.probes import file_exists, http_answers
from choptym.local.role import Role

CHARGE_QUEUES = "p1.high,p2.medium,p3.normal"
SPARE_THREADS = 2
CONFIRM_THREADS = 8
NOTIFY_THREADS = 2
MAINTENANCE_THREADS = 2
REPORT_THREADS = 2
WORKER_STOP_SECONDS = 20  # longer than a call to a gateway usually takes; the row outlives what is cut off
# Workers whose tasks Flower shows one by one; of the others it shows the queues.
WATCHED = ("charge", "confirm")
WEB_PROCESSES = 2
WEB_THREADS = 8
BACKLOG = 2048


class Roles:
    """Builds the roles of one stack from its addresses and its environment."""

    def __init__(self, root: Path, addresses: Addresses, environment: Mapping[str, str]) -> None:
        self._root = root
        self._addresses = addresses
        self._environment = environment

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
        most = int(self._environment["MAX_CONCURRENT_PAYMENTS"])
        # More than may charge at once: who finds every slot taken puts its payment off and looks at the next one, so
        # that a crowd for one gateway does not stand before the payments of another (INV-9).
        charge_threads = most + max(SPARE_THREADS, most // 4)
        return [
            self._web(),
            self._events(),
            self._worker("charge", CHARGE_QUEUES, charge_threads),
            self._worker("confirm", "webhooks", CONFIRM_THREADS),
            self._worker("notify", "notifications", NOTIFY_THREADS),
            self._worker("maintenance", "maintenance", MAINTENANCE_THREADS),
            self._worker("reports", "reports", REPORT_THREADS),
        ]

    def last(self) -> list[Role]:
        """The clock, with whose first tick the workers look at the tables; and Flower, which asks the workers once."""
        return [
            self._celery("beat", ("beat", "-s", str(self._root / "beat-schedule"), "-l", "WARNING")),
            self._flower(),
        ]

    def _web(self) -> Role:
        at = self._addresses
        threads = ("--workers", str(WEB_PROCESSES), "--blocking-threads", str(WEB_THREADS))
        command = ("--interface", "wsgi", "choptym.wsgi:application", "--port", str(at.web_port), *threads)
        return self._http("web", ("granian", *command, *_GRANIAN), f"{at.web}/health/live")

    def _events(self) -> Role:
        at = self._addresses
        command = ("--interface", "asginl", "choptym.asgi:application", "--port", str(at.events_port), "--workers", "1")
        return self._http("events", ("granian", *command, *_GRANIAN), f"{at.events}/health/live")

    def _flower(self) -> Role:
        """Who may look, and what they may do, stands in flowerconfig.py."""
        at = self._addresses
        options = ("--conf=flowerconfig.py", f"--address={HOST}", f"--port={at.flower_port}")
        return self._http("flower", ("celery", "-A", "choptym", "flower", *options), f"{at.flower}/healthcheck")

    def _worker(self, name: str, queues: str, threads: int) -> Role:
        pool = ("-P", "threads", "-c", str(threads), "-Q", queues, "-n", f"{name}@%h")
        quiet = ("--without-gossip", "--without-mingle", "-l", "WARNING")
        events = ("--task-events",) if name in WATCHED else ()
        return self._celery(f"worker-{name}", ("worker", *pool, *quiet, *events))

    def _celery(self, name: str, command: tuple[str, ...]) -> Role:
        ready = self._root / f"{name}.ready"
        return Role(
            name=name,
            command=(sys.executable, "-m", "celery", "-A", "choptym.local.celery_ready", *command),
            is_ready=file_exists(ready),
            environment={**self._told(name), READY_FILE: str(ready)},
            stop_signal=signal.SIGTERM,  # a thread pool finishes its tasks only on SIGTERM to the main process
            stop_within_seconds=WORKER_STOP_SECONDS,
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
    *("--host", HOST, "--backlog", str(BACKLOG), "--no-ws", "--no-access-log", "--log-level", "warning"),
    *("--respawn-failed-workers", "--workers-kill-timeout", "3"),
)
