"""What is loaded is not looked through for garbage, in no process of ours that serves or works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TELL = "\nimport gc; print(gc.get_freeze_count(), gc.get_threshold()[0], gc.isenabled())"


@pytest.mark.parametrize(
    "begin",
    [
        "import choptym.wsgi",
        "import choptym.asgi",
        "import choptym.celery, choptym.worker_garbage; from celery import signals\nsignals.worker_ready.send(None)",
        "import choptym.celery, choptym.worker_garbage; from celery import signals\nsignals.beat_init.send(None)",
    ],
)
def test_it_is_set_aside_once_all_is_loaded(begin: str) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    told = subprocess.run(
        [sys.executable, "-c", begin + TELL], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    frozen, look_after, is_enabled = told.stdout.split()
    assert int(frozen) > 10_000
    assert (int(look_after), is_enabled) == (7_000, "True")


def test_workers_and_beat_load_it() -> None:
    code = "import choptym.celery; print(*choptym.celery.app.conf.imports)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert "choptym.worker_garbage" in told.stdout.split()
