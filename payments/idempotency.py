"""The same request twice gets the same answer once: the Idempotency-Key of the API."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from choptym.lib.errors import KeyReused, Rejected, StillRunning
from choptym.lib.failpoints import committing
from payments.locks import try_lock_key
from payments.models import IdempotencyKey

LONGEST_KEY = 255
WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request is answered with."""

    status: int
    body: dict[str, Any]
    location: str = ""
    is_replay: bool = False


def answer_once(*, user_id: int, key: str, path: str, body: Mapping[str, Any], act: Callable[[], Reply]) -> Reply:
    """Run `act` in a transaction and keep its reply under `key`, or give the reply that is kept.

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
        kept = IdempotencyKey.objects.filter(user_id=user_id, key=key).first()
        if kept is not None:
            return _replay(kept, fingerprint)
        reply = act()
        IdempotencyKey.objects.create(
            user_id=user_id,
            key=key,
            fingerprint=fingerprint,
            status=reply.status,
            body=reply.body,
            location=reply.location,
        )
    return reply


def _check(key: str) -> None:
    problem = ""
    if not key:
        problem = "The header Idempotency-Key is required."
    elif len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        problem = f"The header Idempotency-Key takes up to {LONGEST_KEY} printable ASCII characters."
    if problem:
        raise Rejected(problem, code="idempotency_key_invalid", fields={"Idempotency-Key": problem})


def _replay(kept: IdempotencyKey, fingerprint: str) -> Reply:
    if kept.fingerprint != fingerprint:
        message = "This Idempotency-Key was used for another request."
        raise KeyReused(message, fields={"Idempotency-Key": message})
    return Reply(status=kept.status, body=kept.body, location=kept.location, is_replay=True)
