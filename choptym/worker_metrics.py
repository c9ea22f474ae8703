"""What workers and beat tell of themselves. Celery loads this in them, and nowhere else."""

import time
from typing import Any

from celery import Task, signals
from prometheus_client import Histogram

from choptym.lib.exposition import serve_figures

TASK_SECONDS = Histogram(
    "choptym_task_seconds",
    "Time that a task ran",
    ["task", "outcome"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)

_began: dict[str, float] = {}


@signals.worker_init.connect
@signals.beat_init.connect
def begin(**_: object) -> None:
    """Let Prometheus ask this process."""
    serve_figures()


@signals.task_prerun.connect
def note_beginning(task_id: str, **_: object) -> None:
    _began[task_id] = time.perf_counter()


@signals.task_postrun.connect
def note_end(task_id: str, task: "Task[Any, Any]", state: str | None = None, **_: object) -> None:
    """`state` is Celery's word: SUCCESS, FAILURE, RETRY and few others."""
    began = _began.pop(task_id, None)
    if began is not None:
        TASK_SECONDS.labels(task.name, (state or "unknown").lower()).observe(time.perf_counter() - began)
