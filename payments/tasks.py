"""What the queue runs: an id in, one verb, no more. Every task may run twice, at once, or never: the rows decide."""

import time
from datetime import datetime

import structlog
from celery import Task, current_app, shared_task
from django.utils import timezone

from choptym.lib.jobs import answer, publish, ring
from payments import charge, confirm, expire, match, prove, selectors, settle, strangers, stuck, sweep
from payments.bulk import work
from payments.housekeeping import jobs, months, tidy
from payments.models import WALLET, Reconciliation
from payments.reconciliation import ask
from payments.reconciliation import run as reconciliation
from payments.refunds import send
from payments.states import EventState

log = structlog.get_logger(__name__)

# A drain hands over to a fresh message after this long, so that a restart never waits for an endless one.
DRAIN_SECONDS = 20


@shared_task
def charge_payment(payment_id: int) -> None:
    """Ask the gateway to collect this payment, if its turn has come."""
    charge.charge_payment(payment_id)


@shared_task
def pay_from_wallet(payment_id: int) -> None:
    """Pay this order from the wallet of its customer."""
    settle.pay_from_wallet(payment_id)


def task_for(gateway: str) -> "Task[[int], None]":
    """Which of the two takes a payment by this method forward."""
    return pay_from_wallet if gateway == WALLET else charge_payment


@shared_task
def process_events(gateway: str) -> None:
    """Answer this gateway's bell, then match its webhook events with their payments until none waits."""
    answer(process_events, gateway)
    end = time.monotonic() + DRAIN_SECONDS
    while match.match_batch(gateway):
        ring(confirm_payments, gateway)
        if time.monotonic() > end:
            publish(process_events, gateway)
            return


@shared_task
def look_up_strangers(gateway: str) -> None:
    """Look at a few events that name nothing of ours. The bell stays rung meanwhile: one such task at a time."""
    try:
        strangers.look_up_strangers(gateway)
    finally:
        answer(look_up_strangers, gateway)


@shared_task
def confirm_payments(gateway: str) -> None:
    """Answer this gateway's bell, then ask it about what is due until nothing is."""
    answer(confirm_payments, gateway)
    end = time.monotonic() + DRAIN_SECONDS
    while confirm.confirm_batch(gateway):
        if time.monotonic() > end:
            publish(confirm_payments, gateway)
            return


@shared_task
def sweep_charges() -> int:
    """Put payments on the queue again that are due and of which no message speaks."""
    forgotten = list(sweep.forgotten_charges())
    for payment_id, gateway, queue in forgotten:
        publish(task_for(gateway), payment_id, queue=queue)
    return len(forgotten)


@shared_task
def sweep_events() -> None:
    """Ring again for every gateway of which a webhook event waits."""
    for gateway in selectors.gateways_with_events(EventState.NEW):
        publish(process_events, gateway)
    for gateway in selectors.gateways_with_events(EventState.PARKED):
        ring(look_up_strangers, gateway)


@shared_task
def sweep_confirmations() -> None:
    """Ring again for every gateway of which a payment's status is due."""
    for gateway in selectors.gateways_to_ask():
        publish(confirm_payments, gateway)


@shared_task
def send_refunds(gateway: str) -> None:
    """Answer this gateway's bell, then give back what is due, or ask what became of it, until nothing is."""
    answer(send_refunds, gateway)
    end = time.monotonic() + DRAIN_SECONDS
    while send.send_refunds(gateway):
        if time.monotonic() > end:
            publish(send_refunds, gateway)
            return


@shared_task
def sweep_refunds() -> None:
    """Ring again for every gateway of which a refund is due."""
    for gateway in selectors.gateways_with_refunds():
        ring(send_refunds, gateway)


@shared_task
def expire_payments() -> None:
    """Give up on what was not paid in time."""
    expire.expire_batch()


@shared_task
def work_on_bulk() -> None:
    """Answer the bell, then work through the bulk uploads that are due, a chunk at a time."""
    answer(work_on_bulk)
    end = time.monotonic() + DRAIN_SECONDS
    while work.work_on_chunk():
        if time.monotonic() > end:
            publish(work_on_bulk)
            return


@shared_task
def sweep_bulk() -> None:
    """Ring again when a bulk upload is due."""
    if selectors.is_bulk_due():
        ring(work_on_bulk)


@shared_task
def reconcile_day(reconciliation_id: int) -> None:
    """Hold a gateway's lists of one day against ours, and have the gateway asked about what does not agree."""
    result = reconciliation.reconcile_day(reconciliation_id)
    if result is not None and result.mended:
        ring(confirm_payments, result.gateway)


@shared_task
def sweep_days() -> None:
    """Let the last days be compared with the gateways' lists, each once a day."""
    for reconciliation_id in ask.ask_for_due_days():
        publish(reconcile_day, reconciliation_id)


@shared_task
def sweep_reconciliations() -> None:
    """Tell the workers of every day that is due: asked for, to be tried or looked at again, or left by a dead one."""
    due = Reconciliation.objects.filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")
    for reconciliation_id in due.values_list("pk", flat=True)[:20]:
        publish(reconcile_day, reconciliation_id)


@shared_task
def sweep_missed_days(slot: str) -> None:
    """Let the days be compared that were due in this slot, should nobody have asked for them then."""
    for reconciliation_id in ask.ask_for_due_days(datetime.fromisoformat(slot)):
        publish(reconcile_day, reconciliation_id)


@shared_task
def tidy_up() -> bool:
    """Move or delete what is past its retention. True: something is left for another run."""
    return tidy.tidy_up()


@shared_task
def tidy_months() -> None:
    """Make the months of the history ahead, and take away the old ones."""
    months.keep_months()


@shared_task
def prove_books() -> None:
    """Check the books; a break is an error in the log with its name and place."""
    for name, places in prove.prove_books().breaks.items():
        log.error("the books do not balance", kind=name, places=places[:20], count=len(places))


@shared_task
def prove_outcomes() -> None:
    """Tell of captured money that has no outcome yet and should."""
    stuck.report_stuck()


@shared_task
def sweep_jobs() -> None:
    """Ring for every job of which a slot is to be run."""
    for name in jobs.due_jobs():
        ring(run_job, name)


@shared_task
def run_job(name: str) -> None:
    """Answer the bell, then run one slot of this job: once, however many beats and messages there are."""
    answer(run_job, name)
    run = jobs.claim_job(name)
    if run is None:
        return
    task = current_app.tasks[run.task]
    try:
        is_left = task(*([run.slot_at.isoformat()] if run.is_told_its_slot else []))
    except Exception as error:
        jobs.fail_job(run, f"{type(error).__name__}: {error}")
        raise
    if is_left:
        jobs.leave_job(run)
    else:
        jobs.finish_job(run)
