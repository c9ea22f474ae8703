"""Check a CSV file of refunds or wallet credits and keep it; with --start do what it says, and watch."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from choptym.lib.errors import Rejected
from payments.bulk.read import COLUMNS, FileRefused
from payments.bulk_upload import start_upload, upload_file
from payments.models import BulkKind, BulkLine, BulkUpload
from payments.states import BulkLineState, BulkState

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        headings = "; ".join(f"{kind.label.lower()}: {','.join(columns)}" for kind, columns in COLUMNS.items())
        parser.add_argument("kind", choices=[kind.lower() for kind in BulkKind.values])
        parser.add_argument("file", type=Path, help=f"With a heading line. {headings}")
        parser.add_argument("--by", required=True, help="User name of the member of staff who answers for it.")
        parser.add_argument("--reason", required=True, help="Kept in the audit log.")
        parser.add_argument("--start", action="store_true", help="Do it, and watch until it is finished.")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self._actor(options["by"])
        upload = self._upload(actor, options)
        if not options["start"]:
            self.stdout.write(
                f"Upload {upload.pk} is kept and {upload.state}; start it here with --start, or in the admin."
            )
            return
        try:
            start_upload(upload.pk, actor_id=actor.pk, reason=options["reason"])
        except Rejected as error:
            raise CommandError(error.message) from None
        self._watch(upload)
        refused = BulkLine.objects.filter(upload=upload, state=BulkLineState.REFUSED).order_by("number")
        for line in refused:
            self.stderr.write(f"line {line.number}: {line.message}")
        self.stdout.write(f"{upload.lines_count - len(refused)} done, {len(refused)} refused")
        if refused:
            raise CommandError("some lines were refused", returncode=1)

    def _actor(self, name: str) -> User:
        user = User.objects.filter(username=name, is_staff=True, is_active=True).first()
        if user is None or not user.has_perm("payments.upload_bulk"):
            raise CommandError(f"{name} is no member of staff who may upload such files")
        return user

    def _upload(self, actor: User, options: dict[str, Any]) -> BulkUpload:
        path: Path = options["file"]
        try:
            stored = upload_file(
                kind=BulkKind(options["kind"].upper()),
                content=path.read_bytes(),
                file_name=path.name,
                actor_id=actor.pk,
                reason=options["reason"],
            )
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        except FileRefused as error:
            for problem in error.problems:
                self.stderr.write(f"line {problem.line}, {problem.column}: {problem.message}")
            raise CommandError(f"nothing was kept: {len(error.problems)} problems") from None
        except Rejected as error:
            raise CommandError(error.message) from None
        if not stored.is_new:
            self.stdout.write(f"This file was uploaded before, as number {stored.upload.pk}.")
        return stored.upload

    def _watch(self, upload: BulkUpload) -> None:
        """The workers do it; this only looks."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console()) as progress:
            bar = progress.add_task("lines", total=upload.lines_count)
            while True:
                upload.refresh_from_db()
                counts = dict(BulkLine.objects.filter(upload=upload).values_list("state").annotate(Count("pk")))
                progress.update(bar, completed=upload.lines_count - counts.get(BulkLineState.WAITING, 0))
                if upload.state != BulkState.QUEUED:
                    return
                time.sleep(LOOK_SECONDS)
