"""Asking a gateway about many payments, several at a time, in threads that know no database."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

import structlog
from django.conf import settings

from choptym.lib.deadline import moment
from choptym.lib.drain import SEATS_EACH
from choptym.lib.errors import Busy, NotFound, Rejected, Unavailable
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from payments import in_force
from payments.gateways import get_gateway
from payments.gateways.base import Gateway, Status
from payments.gateways.threads import gateway_threads
from payments.locks import Check
from payments.states import WAITING_STATES
from payments.throttle.limits import limits_of

log = structlog.get_logger(__name__)

# Answers that come so soon after another one are settled together with it, while others are still awaited: the longer,
# the more these are.
GATHER_SECONDS, GATHER_OF_MANY_SECONDS, MANY = 0.2, 0.5, 20
# Rather a few at a time than one by one.
LEAST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one check. No status: the gateway shows nothing of it, or did not answer."""

    check: Check
    status: Status | None = None
    is_absent: bool = False  # the gateway answered, and knows no such attempt
    wait_seconds: float | None = None  # when it asked us to come back later


def ask_all(
    gateway: str, checks: Sequence[Check], began: float, claim_more: Callable[[int], Sequence[Check]] = lambda _: []
) -> Iterator[list[Answer]]:
    """The answers as they come. In the place of those who were answered others are asked about, if there are more."""
    if not checks:
        return
    refuse_in_transaction()
    ask, waiting = gateway_threads(gateway).submit, set[Future[Answer]]()
    while checks or waiting:
        give_back_connections()
        waiting |= {ask(_ask, gateway, check, began) for check in checks}
        wait(waiting, return_when=FIRST_COMPLETED)
        done, waiting = wait(waiting, timeout=GATHER_OF_MANY_SECONDS if len(waiting) >= MANY else GATHER_SECONDS)
        yield [future.result() for future in done]
        room, began = room_at(gateway, len(waiting)), moment()
        checks = claim_more(room) if room else []


def room_at(gateway: str, waiting: int) -> int:
    """How many more may be claimed. Half of a gateway's slots are for charges, and the rest for all who drain here."""
    ours = max(1, limits_of(gateway).most // (2 * SEATS_EACH))
    most = min(in_force.current().batch_size, ours)
    room = min(most, ours - waiting)
    return room if room >= LEAST_SHARE * most else 0


def _ask(gateway: str, check: Check, began: float) -> Answer:
    """Runs in a thread of its own, without the database."""
    if moment() >= began + settings.PAYMENT_LEASE_SECONDS:
        return Answer(check)  # it waited for a thread too long: somebody else may be asking by now
    try:
        return _query(get_gateway(gateway), check)
    except NotFound:
        pass
    except Busy as error:
        return Answer(check, wait_seconds=error.retry_after_seconds)
    except (Unavailable, Rejected) as error:
        log.warning("status not to be had", payment=check.payment_id, gateway=gateway, error=str(error))
    except Exception:  # one answer that we cannot read must not keep back the rest of its batch
        log.exception("status not readable", payment=check.payment_id, gateway=gateway)
    return Answer(check)


def _query(adapter: Gateway, check: Check) -> Answer:
    if not check.transaction_id:
        assert check.started_at is not None  # noqa: S101 - claim_checks() joins it with the attempt
        found = adapter.find(check.reference, since=check.started_at, is_link=check.by_link)
        return Answer(check, status=found, is_absent=found is None)
    if check.by_link and check.state not in WAITING_STATES:
        # Nobody waits for this page any more: close it, and hear what is true then.
        return Answer(check, status=adapter.expire_link(check.transaction_id))
    return Answer(check, status=adapter.fetch_status(check.transaction_id, is_link=check.by_link))
