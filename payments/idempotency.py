"""The same request twice gets the same answer once: the Idempotency-Key of the API."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from choptym.lib import clock
from choptym.lib.errors import KeyReused, Rejected, StillRunning
from choptym.lib.failpoints import committing
from payments.locks import try_lock_key

LONGEST_KEY = 255
WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request is answered with."""

    status: int
    body: dict[str, Any]
    location: str = ""
    is_replay: bool = False
    last: Callable[[], None] | None = None  # what is still to be done: others wait for the rows it locks


def answer_once(*, user_id: int, key: str, path: str, body: Mapping[str, Any], act: Callable[[], Reply]) -> Reply:
    """Run `act` in a transaction and keep its reply under `key`, or give the reply that is kept.

    What the reply leaves to be done `last` is the last of the transaction, and may refuse like `act`.

    The reply is stored in the transaction of what it answers for, so after a crash either both exist or neither.
    A refusal (an error from `act`) is not kept: nothing was done, and the same key may be used once more.
    Commits: what `act` did, with the reply.
    Locks:   the key, for the length of the transaction.
    Raises:  Rejected (no key), KeyReused (another body or address), StillRunning, and what `act` raises.
    """
    _check(key)
    fingerprint = hashlib.sha256(json.dumps([path, body], sort_keys=True).encode()).hexdigest()
    with committing("request"):
        if not try_lock_key(user_id, key):
            raise StillRunning("The first request with this key is still running.", retry_after_seconds=WAIT_SECONDS)
        kept = _read(user_id, key)
        if kept is not None:
            return _replay(kept, fingerprint)
        reply = act()
        _keep(user_id, key, fingerprint, reply)
        if reply.last is not None:
            reply.last()
    return reply


def _read(user_id: int, key: str) -> tuple[str, Reply] | None:
    """The fingerprint of the request that had this key, and what it was answered."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT fingerprint, status, body, location FROM payments_idempotencykey WHERE user_id = %s AND key = %s
            """,
            [user_id, key],
        )
        row = cursor.fetchone()
    return (row[0], Reply(row[1], json.loads(row[2]), row[3], is_replay=True)) if row else None


def _keep(user_id: int, key: str, fingerprint: str, reply: Reply) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_idempotencykey (user_id, key, fingerprint, status, body, location, created_at)
            VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s)
            """,
            [user_id, key, fingerprint, reply.status, json.dumps(reply.body), reply.location, clock.now()],
        )


def _check(key: str) -> None:
    problem = ""
    if not key:
        problem = "The header Idempotency-Key is required."
    elif len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        problem = f"The header Idempotency-Key takes up to {LONGEST_KEY} printable ASCII characters."
    if problem:
        raise Rejected(problem, code="idempotency_key_invalid", fields={"Idempotency-Key": problem})


def _replay(kept: tuple[str, Reply], fingerprint: str) -> Reply:
    if kept[0] != fingerprint:
        message = "This Idempotency-Key was used for another request."
        raise KeyReused(message, fields={"Idempotency-Key": message})
    return kept[1]
