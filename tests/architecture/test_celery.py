"""Celery is set as a payment system on Redis needs it, and every task has a queue that a worker reads."""

import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from celery.app.defaults import NAMESPACES, flatten
from django.conf import settings

from choptym.celery import app
from choptym.lib.drain import DRAIN_SECONDS, SEATS_EACH
from choptym.local.environment import Addresses
from choptym.local.role import Role
from choptym.local.roles import MOST_CHARGES, Roles
from payments import tasks

app.loader.import_default_modules()
OURS = sorted(name for name in app.tasks if not name.startswith("celery."))


# Each with the reason in docs/adr/0008 and its neighbours; a change here is a change of what survives a crash.
MUST_BE: dict[str, object] = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_disable_rate_limits": True,
    "worker_eta_task_limit": None,
    "task_ignore_result": True,
    "result_backend": None,
    "task_always_eager": False,
    "task_create_missing_queues": False,
    "task_default_exchange": "",
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_send_sent_event": False,
    "broker_connection_max_retries": None,
    "broker_connection_retry_on_startup": True,
    "enable_utc": True,
    "timezone": "UTC",
}
# What begins so is called by the clock.
TICKS = ("sweep_", "expire_", "tidy_", "prove_", "check_", "watch_", "take_")
TRANSPORT: dict[str, object] = {
    "visibility_timeout": 180,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "unacked_restore_limit": 500,
    "unacked_mutex_expire": 60,
    "queue_order_strategy": "choptym.queue_order:MostlySorted",
    "priority_steps": [0],
    "socket_keepalive": True,
    "health_check_interval": 10,
}


@pytest.mark.parametrize(("name", "value"), MUST_BE.items())
def test_celery_is_set_for_money(name: str, value: object) -> None:
    assert app.conf[name] == value


def test_the_broker_is_set_for_money() -> None:
    options: dict[str, Any] = app.conf.broker_transport_options

    assert {name: options.get(name) for name in TRANSPORT} == TRANSPORT
    assert options["global_keyprefix"] == settings.KEY_PREFIX
    assert options["socket_timeout"] > 1, "shorter than Redis's own wait for a message"
    assert "retry_on_timeout" not in options, "it publishes twice"


def test_no_setting_of_celery_is_misspelt() -> None:
    known = {f"CELERY_{option[0].upper()}" for option in flatten(NAMESPACES)}

    assert sorted({name for name in dir(settings) if name.startswith("CELERY_")} - known) == []


def test_a_message_waits_longer_than_the_longest_call() -> None:
    longest_seconds = settings.PAYMENT_LEASE_SECONDS + DRAIN_SECONDS

    assert longest_seconds < app.conf.broker_transport_options["visibility_timeout"]


def test_the_queues_sort_by_their_priority() -> None:
    by_priority = [queue for _, queue in sorted(settings.QUEUE_OF_PRIORITY.items(), reverse=True)]

    assert by_priority == sorted(by_priority)
    assert [queue.name for queue in app.conf.task_queues] == settings.QUEUES


@pytest.mark.parametrize("name", OURS)
def test_a_task_has_a_queue(name: str) -> None:
    """By its route, or because it is about payments of one priority, which its first word or its publisher names."""
    is_routed = any(fnmatch(name, pattern) for pattern in settings.ROUTES)
    by_priority = {tasks.charge_due.name, tasks.charge_payment.name, tasks.pay_from_wallet.name}

    assert is_routed != (name in by_priority)
    assert app.amqp.router.route({}, name)["queue"].name in settings.QUEUES


@pytest.mark.parametrize("queue", settings.QUEUE_OF_PRIORITY.values())
def test_the_bell_of_a_priority_hangs_at_its_own_queue(queue: str) -> None:
    assert app.amqp.router.route({}, tasks.charge_due.name, args=(queue,))["queue"].name == queue


def test_every_route_leads_a_task_somewhere() -> None:
    idle = [pattern for pattern in settings.ROUTES if not any(fnmatch(name, pattern) for name in OURS)]

    assert idle == []


def test_beat_calls_tasks_that_are_there_with_a_message_that_expires() -> None:
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE

    assert {entry["task"] for entry in schedule.values()} - set(OURS) == set()
    assert [name for name, entry in schedule.items() if not entry["options"]["expires"]] == []


def test_every_sweeper_is_on_the_schedule() -> None:
    sweepers = {name for name in OURS if name.rpartition(".")[2].startswith(TICKS)}

    by_beat = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    by_row = {entry["task"] for entry in settings.PERIODIC_JOBS.values()}
    assert by_beat & by_row == set()
    assert sweepers == by_beat | by_row


def option(role: Role, name: str) -> str:
    return role.command[role.command.index(name) + 1]


def test_every_queue_is_read_by_a_worker_of_the_local_stack(tmp_path: Path) -> None:
    roles = Roles(tmp_path, Addresses(), {"MAX_CONCURRENT_PAYMENTS": "10"}).ours()
    read = {role.name: option(role, "-Q").split(",") for role in roles if "-Q" in role.command}

    # The highest has a worker of its own besides: no crowd of others is ever before it there.
    assert read.pop("worker-high") == [min(settings.QUEUE_OF_PRIORITY.values())]
    assert sorted(queue for queues in read.values() for queue in queues) == sorted(settings.QUEUES)


@pytest.mark.parametrize("most", [10, 400])
def test_there_are_threads_for_as_many_charges_as_may_be_ordered_while_all_is_running(
    tmp_path: Path, most: int
) -> None:
    roles = Roles(tmp_path, Addresses(), {"MAX_CONCURRENT_PAYMENTS": str(most)}).ours()
    threads = {role.name: int(option(role, "-c")) for role in roles if "-Q" in role.command}
    crews = {role.name: int(role.environment["CHARGE_THREADS"]) for role in roles if "charge" in role.name}

    assert crews["worker-charge"] > max(most, MOST_CHARGES)
    # The drains of every priority, and one more for whoever asks whether it lives.
    assert threads["worker-charge"] > len(settings.QUEUE_OF_PRIORITY) * SEATS_EACH
    assert threads["worker-high"] > SEATS_EACH
    # Every gateway's share of each kind of drain, so that one that hangs leaves the others theirs (INV-9).
    drains = [name for name, route in settings.ROUTES.items() if route["queue"] == "webhooks"]
    assert threads["worker-confirm"] >= len(drains) * SEATS_EACH * 4


def test_celery_is_told_no_setting_but_its_own() -> None:
    """Flower shows what every worker is told: gateways' users, addresses of mail servers and all."""
    told = {name.removeprefix("CELERY_").lower() for name in dir(settings) if name.startswith("CELERY_")}
    shown = set(app.conf.table(censored=False))

    assert shown <= told | {"deprecated_settings"}
    assert {"broker_url", "task_acks_late"} <= shown  # by the name under which Celery hides the password


def test_a_worker_loads_no_pages() -> None:
    """They are a seventh of its memory, and nobody asks it for one."""
    told = "from choptym.celery import app; app.loader.import_default_modules(); import sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", told],
        env={**os.environ, "PROCESS_ROLE": "worker-charge"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()

    assert "payments.tasks" in loaded
    pages = ("choptym.urls", "payments.admin", "orders.admin", "payments.views", "drf_spectacular.views")
    assert [name for name in loaded if name.startswith(pages)] == []
