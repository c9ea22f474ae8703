"""Locks and claims of uploads. A line is locked before the payment that it is about."""

from django.conf import settings
from django.db import connection

from choptym.lib.failpoints import commits
from payments.models import BulkLine, BulkUpload
from payments.states import BulkState


@commits("bulk.claim")
def claim_bulk_upload() -> BulkUpload | None:
    """The upload that has been due longest, left alone by others for PAYMENT_LEASE_SECONDS. Commits by itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM payments_bulkupload WHERE state = %(queued)s AND next_attempt_at <= now()
                ORDER BY next_attempt_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE payments_bulkupload upload SET next_attempt_at = now() + make_interval(secs => %(lease)s)
            FROM due WHERE upload.id = due.id RETURNING upload.id
            """,
            {"queued": BulkState.QUEUED, "lease": settings.PAYMENT_LEASE_SECONDS},
        )
        row = cursor.fetchone()
    return BulkUpload.objects.get(pk=row[0]) if row else None


@commits("bulk.give_back")
def give_back_upload(upload: BulkUpload, *, seconds: float) -> None:
    """Due again after `seconds`, if the lease is still ours. Commits by itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_bulkupload SET next_attempt_at = now() + make_interval(secs => %s)
            WHERE id = %s AND state = %s AND next_attempt_at = %s
            """,
            [seconds, upload.pk, BulkState.QUEUED, upload.next_attempt_at],
        )


def lock_line(line_id: int) -> BulkLine:
    return BulkLine.objects.select_for_update(no_key=True, of=("self",)).get(pk=line_id)
