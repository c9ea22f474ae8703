"""With which settings Flower starts, and what it forgets of an error. Each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from choptym.local.environment import Addresses
from choptym.local.roles import Roles

ROOT = Path(__file__).parents[2]
LOOK = """
import json, runpy, django
django.setup()
told = runpy.run_path("flowerconfig.py")
print(json.dumps([told["basic_auth"], told["read_only"], told["enable_events"]]))
"""
FAIL = """
import django
django.setup()
import runpy
runpy.run_path("flowerconfig.py")
from flower.events import EventsState
state = EventsState(max_tasks_in_memory=10)
for number, event in enumerate([
    {"type": "task-received", "name": "payments.tasks.charge_payment", "args": "(42,)"},
    {"type": "task-failed", "exception": "IntegrityError('Key (phone)=(677000111)')", "traceback": "row 677000111"},
]):
    state.event({"uuid": "u", "hostname": "charge@h", "timestamp": number, "local_received": number, "clock": number,
                 "pid": 1, "utcoffset": 0, **event})
task = state.tasks["u"]
print(repr((task.state, task.exception, task.traceback, task.args)))
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLOWER_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**inherited, "DJANGO_SETTINGS_MODULE": "choptym.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"FLOWER_BASIC_AUTH": "ada:one, bob:two"}, [["ada:one", "bob:two"], True, False]),
        ({"FLOWER_BASIC_AUTH": "ada:one", "FLOWER_MAY_WRITE": "true"}, [["ada:one"], False, False]),
        ({"FLOWER_WITHOUT_LOGIN": "true", "FLOWER_MAY_WRITE": "true"}, [[], True, False]),
    ],
)
def test_writing_takes_a_login_and_a_word(environment: dict[str, str], told: list[object]) -> None:
    ended = run(LOOK, **environment)

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == told


@pytest.mark.parametrize("environment", [{}, {"FLOWER_MAY_WRITE": "true"}, {"FLOWER_BASIC_AUTH": "ada"}])
def test_it_does_not_start_without_a_login(environment: dict[str, str]) -> None:
    ended = run(LOOK, **environment)

    assert ended.returncode != 0
    assert "FLOWER_BASIC_AUTH" in ended.stderr.splitlines()[-1]


def test_the_command_that_everybody_knows_finds_the_file_and_refuses() -> None:
    command = ["celery", "-A", "choptym", "flower", "--port=0"]

    ended = run(f"import sys; from celery.__main__ import main; sys.argv = {command}; main()")

    assert ended.returncode != 0
    assert "FLOWER_BASIC_AUTH is not set" in ended.stderr


def test_of_an_error_only_its_kind_is_kept() -> None:
    ended = run(FAIL, FLOWER_BASIC_AUTH="ada:one")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "('FAILURE', 'IntegrityError', None, '(42,)')"


def test_the_password_is_not_in_the_command_line(tmp_path: Path) -> None:
    _, flower = Roles(tmp_path, Addresses(), {"MAX_CONCURRENT_PAYMENTS": "10"}).last()

    assert "--conf=flowerconfig.py" in flower.command
    assert not [word for word in flower.command if "auth" in word]


def test_only_the_workers_that_operators_watch_send_task_events(tmp_path: Path) -> None:
    workers = Roles(tmp_path, Addresses(), {"MAX_CONCURRENT_PAYMENTS": "10"}).ours()

    watched = {role.name for role in workers if "--task-events" in role.command}
    assert watched == {"worker-charge", "worker-high", "worker-confirm"}
