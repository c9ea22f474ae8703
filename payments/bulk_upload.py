"""Staff upload a file of refunds or credits, see what it would do, and start or discard it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.failpoints import committing
from choptym.lib.jobs import ring_after_commit
from choptym.lib.states import move
from payments.bulk.check import LONGEST_REASON, check_rows, digest_as_it_stands, digest_of
from payments.bulk.read import read_rows
from payments.models import BulkKind, BulkLine, BulkUpload
from payments.states import BULK_MOVES, BulkState
from payments.tasks import work_on_bulk


@dataclass(frozen=True, slots=True)
class Stored:
    upload: BulkUpload
    is_new: bool  # False: the same file was uploaded before, and nothing was stored


def upload_file(*, kind: BulkKind, content: bytes, file_name: str, actor_id: int, reason: str) -> Stored:
    """Check the whole file and keep its lines. Nothing is done before start_upload().

    The same lines again, in any order, find the upload that they were in, whatever became of it, unless it was
    discarded.
    Commits: the upload, its lines and the line in the audit log together.
    Raises:  FileRefused (every problem of every line), Rejected (no_reason): nothing is kept.
    """
    reason = reason.strip()
    if not reason:
        raise Rejected("Please say why.", code="no_reason", fields={"reason": "Please say why."})
    lines = check_rows(kind, read_rows(kind, content))
    digest = digest_of(kind, lines)
    digests = [digest, digest_as_it_stands(kind, lines)]
    try:
        with committing("bulk.upload"):
            if known := _known(kind, digests):
                return Stored(known, is_new=False)
            upload = BulkUpload.objects.create(
                kind=kind,
                digest=digest,
                file_name=file_name[:200] or "file.csv",
                reason=reason[:LONGEST_REASON],
                uploaded_by_id=actor_id,
                lines_count=len(lines),
            )
            for line in lines:
                line.upload = upload
            BulkLine.objects.bulk_create(lines)
            _record(upload, actor_id, "upload_bulk", reason)
    except IntegrityError:
        if known := _known(kind, digests):  # uploaded twice at once: the other one was first
            return Stored(known, is_new=False)
        raise
    return Stored(upload, is_new=True)


def start_upload(upload_id: int, *, actor_id: int, reason: str) -> BulkUpload:
    """Begin with its lines; from here on it goes on by itself. Started again is no error.

    Commits: the state and the line in the audit log together.
    Raises:  NotAllowed (discarded), Rejected (no_reason).
    """
    upload = BulkUpload.objects.get(pk=upload_id)
    with committing("bulk.start"):
        if move(upload, BulkState.QUEUED, BULK_MOVES, next_attempt_at=clock.now()):
            _record(upload, actor_id, "start_bulk", reason)
            ring_after_commit(work_on_bulk)
    upload.refresh_from_db()
    if upload.state == BulkState.DISCARDED:
        raise NotAllowed("This file was discarded.", code="discarded")
    return upload


def discard_upload(upload_id: int, *, actor_id: int, reason: str) -> BulkUpload:
    """Never do it; the same file may then be uploaded again. Raises NotAllowed (started), Rejected (no_reason)."""
    upload = BulkUpload.objects.get(pk=upload_id)
    with committing("bulk.discard"):
        if not move(upload, BulkState.DISCARDED, BULK_MOVES, finished_at=clock.now()):
            raise NotAllowed("It was started or discarded already.", code="started")
        _record(upload, actor_id, "discard_bulk", reason)
    return upload


def _known(kind: BulkKind, digests: Sequence[str]) -> BulkUpload | None:
    return BulkUpload.objects.filter(kind=kind, digest__in=digests).exclude(state=BulkState.DISCARDED).first()


def _record(upload: BulkUpload, actor_id: int, verb: str, reason: str) -> None:
    details = {"kind": upload.kind, "lines": upload.lines_count, "file": upload.file_name}
    record_act(actor_id=actor_id, verb=verb, about=f"bulk:{upload.pk}", reason=reason, details=details)
