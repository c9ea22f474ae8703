"""Reading a gateway's lists of one day. Network, and nothing else."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import structlog

from choptym.lib import clock
from choptym.lib.errors import NotFound, Rejected, Unavailable
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from payments.gateways import get_gateway
from payments.gateways.base import Outcome
from payments.gateways.threads import gateway_threads
from payments.reconciliation.facts import Job, Reading

log = structlog.get_logger(__name__)

T = TypeVar("T")
_DAY = timedelta(days=1)
# By Rules.phone_region: where the gateways are it is tomorrow before it is in UTC.
_ZONES = {"CM": ZoneInfo("Africa/Douala"), "IN": ZoneInfo("Asia/Kolkata")}


def days_around(day: date, read_at: datetime, region: str) -> list[date]:
    """The day and its neighbours, without those that have not begun in this region."""
    today = read_at.astimezone(_ZONES[region]).date()
    return [on for on in (day, day - _DAY, day + _DAY) if on <= today]


def read_day(job: Job, after_each_call: Callable[[], None]) -> Reading:
    """The lists of the day and of both its neighbours: in which zone a gateway's days count is not documented, and a
    payment that began before midnight may end after it.

    Network: three calls, six where settlements are told, with no transaction open.
    Raises:  Unavailable, Rejected.
    """
    adapter, read_at = get_gateway(job.gateway), clock.now()
    days = days_around(job.day, read_at, adapter.rules.phone_region)

    def each(read: Callable[[date], T]) -> list[T]:
        answers = []
        for on in days:
            refuse_in_transaction()
            give_back_connections()
            answers.append(read(on))
            after_each_call()
        return answers

    of_day, *around = each(adapter.history)
    settled = each(adapter.settlements) if adapter.rules.tells_settlements else []
    return Reading(
        day=job.day,
        lines=of_day.lines,
        around=[line for history in around for line in history],
        settled=list(dict.fromkeys(line for lines in settled for line in lines)),  # neighbours repeat lines
        is_complete=of_day.is_complete and all(history.is_complete for history in around),
        read_at=read_at,
    )


def read_references(gateway: str, transaction_ids: list[str]) -> dict[str, str]:
    """Which reference of ours the gateway's own record of each of these has: a list may leave it out.

    Network: one status query each, several at a time.
    """
    if not transaction_ids:
        return {}
    refuse_in_transaction()
    give_back_connections()
    adapter = get_gateway(gateway)

    def ask(transaction_id: str) -> str:
        """Runs in a thread of its own, without the database."""
        try:
            status = adapter.fetch_status(transaction_id)
        except (NotFound, Unavailable, Rejected) as error:
            log.info("the gateway tells nothing about a line", transaction=transaction_id, error=str(error))
            return ""
        return status.reference if status.outcome is Outcome.PAID else ""

    answers = gateway_threads(gateway).map(ask, transaction_ids)
    return {one: reference for one, reference in zip(transaction_ids, answers, strict=True) if reference}
