"""What the world is made of: customers, messages, columns that hold an instant."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from tests.machine.gateways import GATEWAYS_OF
from tests.machine.picture import Row


@dataclass
class Customer:
    id: int
    phone: str
    token: str
    currency: str
    products: list[int]
    asked: list[tuple[str, str, Row, int]] = field(default_factory=list)  # address, key, body, payment


@dataclass(frozen=True)
class Message:
    """One message in Redis: what a worker would be handed."""

    queue: str
    raw: bytes
    task: str
    arguments: list[Any]


def may_be_called(gateway: str) -> Sequence[str]:
    """A payment goes to another gateway of its country while the circuit of its own is open."""
    return next((gateways for gateways in GATEWAYS_OF.values() if gateway in gateways), ())


def columns_of_time() -> dict[str, list[str]]:
    """All columns that hold an instant, by table, so that a new one is not forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, array_agg(column_name::text) FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' GROUP BY table_name
            """
        )
        return dict(cursor.fetchall())


def read_message(queue: str, raw: bytes) -> Message:
    envelope = json.loads(raw)
    arguments, _, _ = json.loads(base64.b64decode(envelope["body"]))
    return Message(queue, raw, envelope["headers"]["task"], arguments)
