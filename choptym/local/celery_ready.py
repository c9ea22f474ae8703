"""The Celery app, which makes a file once the worker or beat is ready; asking `inspect ping` would cost seconds."""

import os
from pathlib import Path

from celery import signals

from choptym.celery import app

__all__ = ["app"]

READY_FILE = "CHOPTYM_READY_FILE"


@signals.worker_ready.connect
@signals.beat_init.connect
def make_ready_file(**_: object) -> None:
    if path := os.environ.get(READY_FILE):
        Path(path).touch()
