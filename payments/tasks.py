"""What the queue runs: an id in, one verb, no more. Every task may run twice, at once, or never: the rows decide."""

import time
from datetime import datetime

import structlog
from celery import current_app, shared_task
from django.conf import settings

from choptym.lib.drain import DRAIN_SECONDS, SEATS_EACH, drain
from choptym.lib.jobs import answer, publish, ring
from choptym.lib.seats import Seats
from payments import (
    canaries,
    charge,
    confirm,
    expire,
    hand_out,
    match,
    prove,
    samples,
    selectors,
    settle,
    strangers,
    stuck,
)
from payments.alerts import check, tell
from payments.alerts.books import note_proof
from payments.bulk import work
from payments.housekeeping import jobs, months, tidy
from payments.reconciliation import ask
from payments.reconciliation import run as reconciliation
from payments.refunds import send
from payments.states import EventState
from payments.steering import loop
from payments.tally import fold

log = structlog.get_logger(__name__)

_strangers = Seats(SEATS_EACH)


@shared_task
def charge_due(queue: str) -> None:
    """Have every payment charged, or paid from the wallet, that is due on this queue, until none is due or in hand."""
    drain(charge_due, queue, work=lambda: _hand_out(queue))


def _hand_out(queue: str) -> int:
    count = hand_out.hand_out(queue)
    if not hand_out.count_free(hand_out.priority_of(queue)):
        answer(charge_due, queue)  # another process may have a thread free
    return count or int(hand_out.is_busy(queue))


@shared_task
def charge_payment(payment_id: int) -> None:
    """As the release before told of each payment; its messages may still lie in a queue."""
    charge.charge_payment(payment_id)


@shared_task
def pay_from_wallet(payment_id: int) -> None:
    """As the release before told of each payment by wallet."""
    settle.pay_from_wallet(payment_id)


@shared_task
def process_events(gateway: str) -> None:
    """Match this gateway's webhook events with their payments until none waits."""
    drain(process_events, gateway, work=lambda: _match_and_ring(gateway))


def _match_and_ring(gateway: str) -> int:
    matched = match.match_batch(gateway)
    if matched and selectors.is_to_be_asked(gateway):  # what was told is settled already, and leaves nothing to ask
        ring(confirm_payments, gateway)
    return matched


@shared_task
def look_up_strangers(gateway: str) -> None:
    """Look at a few events that name nothing of ours. The bell stays rung meanwhile: one such task at a time."""
    try:
        with _strangers.sitting(gateway) as has_seat:
            if has_seat:
                strangers.look_up_strangers(gateway)
    finally:
        answer(look_up_strangers, gateway)


@shared_task
def confirm_payments(gateway: str) -> None:
    """Ask this gateway about what is due until nothing is."""
    drain(confirm_payments, gateway, work=lambda: confirm.confirm_batch(gateway))


@shared_task
def sweep_charges() -> None:
    """Ring again for every queue on which a payment is due and in nobody's hand."""
    for queue in hand_out.queues_with_charges():
        publish(charge_due, queue)


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
    """Give back what is due, or ask what became of it, until nothing is."""
    drain(send_refunds, gateway, work=lambda: send.send_refunds(gateway))


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
    for reconciliation_id in selectors.reconciliations_due(20):
        publish(reconcile_day, reconciliation_id)


@shared_task
def sweep_limits() -> None:
    """Let the control loop look at queue and gateways."""
    loop.steer()


@shared_task
def take_sample() -> None:
    """Keep the figures of this moment for the dashboard, and forget a few of long ago."""
    if samples.take_sample():
        samples.forget_old_samples(limit=samples.FORGOTTEN_AT_ONCE)


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
def tidy_tally() -> None:
    """Fold the tally's steps into its totals."""
    fold.fold_tally()


@shared_task
def prove_books() -> None:
    """Check the books; a break is an error in the log with its name and place, and an alert."""
    proof = prove.prove_books()
    note_proof(proof.breaks)
    for name, places in proof.breaks.items():
        log.error("the books do not balance", kind=name, places=places[:20], count=len(places))


@shared_task
def prove_outcomes() -> None:
    """Tell of captured money that has no outcome yet and should."""
    stuck.report_stuck()


@shared_task
def check_alerts() -> None:
    """Look at the rules, if it is time, and have told what is to be told."""
    check.check_alerts(check.REST)
    _have_alerts_told()


@shared_task
def watch_workers() -> None:
    """Send the workers their canaries, and look which of them answer."""
    if settings.PAYMENT_QUEUE_MONITORING:
        for name in canaries.ask_workers():
            publish(answer_canary, name, queue=canaries.canary_queue(name))
        canaries.forget_workers()
    check.check_alerts(check.WORKERS)
    _have_alerts_told()


@shared_task
def answer_canary(worker: str) -> None:
    """Only the pool of this worker takes from the queue that this came by."""
    canaries.note_sighting(worker)


@shared_task
def tell_alerts() -> None:
    """Answer the bell, then tell of alerts until nothing is due."""
    answer(tell_alerts)
    end = time.monotonic() + DRAIN_SECONDS
    while tell.tell_batch() and time.monotonic() < end:
        pass


def _have_alerts_told() -> None:
    """By the worker that should; by another one when that does not."""
    if tell.is_left_lying():
        publish(tell_alerts, queue="maintenance")
    elif tell.has_due():
        ring(tell_alerts)


@shared_task
def sweep_jobs() -> None:
    """Ring for every job of which a slot is to be run."""
    for name in jobs.due_jobs():
        ring(run_job, name)


@shared_task
def run_job(name: str) -> None:
    """Answer the bell, then run one slot of this job: once, however many beats and messages there are."""
    answer(run_job, name)
    jobs.run_job(name, current_app.tasks.__getitem__)
