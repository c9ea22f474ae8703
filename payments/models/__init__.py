"""Every table of this app. Columns, constraints and names; what is done with them stands in the verbs."""

from payments.models.alert import Alert, AlertCheck, AlertNotice, BooksProof, Severity, Worker
from payments.models.attempt import PaymentAttempt
from payments.models.bulk import BulkKind, BulkLine, BulkUpload
from payments.models.dead_letter import DeadLetter
from payments.models.detour import Detour
from payments.models.event import WebhookEvent
from payments.models.history import History, HistoryKind
from payments.models.idempotency import IdempotencyKey
from payments.models.job import Job
from payments.models.payment import WALLET, Payment, PaymentKind, Priority
from payments.models.reconciliation import BreakKind, Reconciliation, ReconciliationBreak
from payments.models.refund import Refund, RefundSource, RefundWay
from payments.models.sample import Sample
from payments.models.steering import ALL, QueueControl, QueueMode, Steering
from payments.models.tally import Tally, TallyStep

__all__ = [
    "ALL",
    "WALLET",
    "Alert",
    "AlertCheck",
    "AlertNotice",
    "BooksProof",
    "BreakKind",
    "BulkKind",
    "BulkLine",
    "BulkUpload",
    "DeadLetter",
    "Detour",
    "History",
    "HistoryKind",
    "IdempotencyKey",
    "Job",
    "Payment",
    "PaymentAttempt",
    "PaymentKind",
    "Priority",
    "QueueControl",
    "QueueMode",
    "Reconciliation",
    "ReconciliationBreak",
    "Refund",
    "RefundSource",
    "RefundWay",
    "Sample",
    "Severity",
    "Steering",
    "Tally",
    "TallyStep",
    "WebhookEvent",
    "Worker",
]
