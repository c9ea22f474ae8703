"""A message that nobody can read ends no worker, and does not come again."""

import base64
import json
import uuid
from typing import Any

import pytest
import redis

from tests.live import Live, eventually

QUEUES = {"p3.normal": "worker-charge", "notifications": "worker-notify"}
TASKS = {"p3.normal": "payments.tasks.charge_due", "notifications": "notifications.tasks.deliver_notifications"}
PREFIX = "pay:"

BODIES = {"two things": [1, 2], "nothing in it": [], "a number": 5, "null": None, "an object": {"a": 1}, "text": "abc"}
HEADERS: dict[str, dict[str, Any]] = {
    "a time limit that is none": {"timelimit": "x"},
    "an id that is a list": {"id": [1]},
    "a task that is a list": {"task": ["a"]},
    "an id that is none": {"id": None},
}


def envelope(queue: str, body: object = ((), {}, {}), **headers: Any) -> str:
    """As kombu writes it."""
    number = str(uuid.uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(json.dumps(body).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": TASKS[queue], "id": number, "root_id": number, **headers},
            "properties": {
                "correlation_id": number,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
            },
        }
    )


@pytest.mark.invariant("INV-1")
@pytest.mark.parametrize("queue", QUEUES)
def test_what_cannot_be_read_is_refused(live: Live, queue: str) -> None:
    before = live.stack.pids[QUEUES[queue]]
    messages = {name: envelope(queue, body) for name, body in BODIES.items()}
    messages |= {name: envelope(queue, **headers) for name, headers in HEADERS.items()}
    tags = {name: json.loads(message)["properties"]["delivery_tag"] for name, message in messages.items()}

    with redis.Redis.from_url(live.stack.redis_url) as broker:
        broker.lpush(PREFIX + queue, *messages.values())

        def are_gone() -> None:
            assert broker.llen(PREFIX + queue) == 0
            assert [name for name, tag in tags.items() if broker.hexists(f"{PREFIX}unacked", tag)] == []

        eventually(are_gone)

    customer = live.customer()
    assert customer.wait(customer.pay())["status"] == "SETTLED"
    eventually(lambda: told(live, customer.phone))
    assert live.stack.pids[QUEUES[queue]] == before, "it ended and was started again"


def told(live: Live, phone: str) -> None:
    assert live.messages(phone) != []
