"""Files of refunds and wallet credits: upload, look, start, watch, take the result away."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import FILE_INPUT, SELECT, ReadOnlyAdmin, badge, page_action, row_id_of
from choptym.lib.errors import Rejected
from choptym.lib.money import Money
from choptym.lib.who import staff_id_of
from payments.bulk.export import export_lines
from payments.bulk.read import COLUMNS, MAX_BYTES, FileRefused
from payments.bulk_upload import discard_upload, start_upload, upload_file
from payments.models import BulkKind, BulkLine, BulkUpload
from payments.states import BulkLineState, BulkState, RefundState

SHOWN_PROBLEMS = 200
SHOWN_LINES = 200
REFRESH_SECONDS = 2
# The name of the button, what it says before it acts, and after.
_START = ("Start", "Each line is done once. It cannot be stopped.", "Started: it goes on by itself.")
_DISCARD = ("Discard", "Nothing of it is done.", "Discarded: nothing of it is done.")


class UploadForm(ReasonForm):
    """What kind of file, the file, and why."""

    kind = forms.ChoiceField(widget=SELECT, choices=BulkKind.choices)
    file = forms.FileField(widget=FILE_INPUT, help_text="CSV in UTF-8, with a heading line; see above.")
    field_order = ["kind", "file", "reason"]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(f"At most {MAX_BYTES // 1024} KiB.")
        return file


@admin.register(BulkUpload)
class BulkUploadAdmin(ReadOnlyAdmin[BulkUpload]):
    list_display = ("id", "status", "kind", "file_name", "lines_count", "uploaded_by", "created_at", "finished_at")
    list_select_related = ("uploaded_by",)
    list_filter = ("state", "kind")
    change_form_template = "admin/payments/bulkupload/upload.html"
    change_list_template = "admin/payments/bulkupload/list.html"
    actions_detail = ("start", "discard")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload_view), name="payments_bulkupload_upload"),
            path("<int:upload_id>/result.csv", view(self.result_view), name="payments_bulkupload_result"),
            *super().get_urls(),
        ]

    def has_upload_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("payments.upload_bulk")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"may_upload": self.has_upload_permission(request)})

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Check the whole file; either all its problems are shown, or what it would do."""
        if not self.has_upload_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        problems: list[Any] = []
        if request.method == "POST" and form.is_valid():
            try:
                return _store(request, form.cleaned_data)
            except FileRefused as error:
                problems = list(error.problems)
            except Rejected as error:
                form.add_error("reason" if "reason" in error.fields else None, error.message)
        return self._page(request, "form.html", form=form, problems=problems, title="Upload a file")

    def shown_with(self, request: HttpRequest, row_id: int) -> dict[str, Any]:
        return _picture(BulkUpload.objects.get(pk=row_id))

    def result_view(self, request: HttpRequest, upload_id: int) -> StreamingHttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        upload = get_object_or_404(BulkUpload, pk=upload_id)
        return StreamingHttpResponse(
            export_lines(upload),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="bulk-{upload.pk}.csv"'},
        )

    def is_of_use(self, button: str, row_id: int) -> bool:
        return BulkUpload.objects.filter(pk=row_id, state=BulkState.CHECKED).exists()

    @page_action(name="Start", permission="upload", icon="play_arrow")
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(request, object_id, start_upload, _START)

    @page_action(name="Discard", permission="upload", icon="delete")
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(request, object_id, discard_upload, _DISCARD)

    def _act(self, request: HttpRequest, object_id: str, verb: Any, words: tuple[str, str, str]) -> HttpResponse:
        name, explanation, done = words
        upload = get_object_or_404(BulkUpload, pk=row_id_of(object_id))
        if upload.state != BulkState.CHECKED:
            messages.warning(request, f"This file is {upload.state} already: nothing was done.")
            return HttpResponseRedirect(_page_of(upload))
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                verb(upload.pk, actor_id=staff_id_of(request), reason=form.cleaned_data["reason"])
            except Rejected as error:
                messages.error(request, error.message)
            else:
                messages.success(request, done)
            return HttpResponseRedirect(_page_of(upload))
        things = [f"{_lines(upload.lines_count)} of {upload.file_name}", *_totals(upload)]
        return ask_before(
            request, self, form, title=f"{name} this file?", explanation=explanation, things=things, button=name
        )

    def _page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        headings = {kind.label: ",".join(columns) for kind, columns in COLUMNS.items()}
        everywhere = {**self.admin_site.each_context(request), "opts": self.opts, "headings": headings}
        context["problems"], more = context["problems"][:SHOWN_PROBLEMS], len(context["problems"]) - SHOWN_PROBLEMS
        return TemplateResponse(
            request, f"admin/payments/bulkupload/{template}", {**everywhere, **context, "more": max(more, 0)}
        )

    @admin.display(description="state")
    def status(self, upload: BulkUpload) -> SafeString:
        return badge(upload.state)


def _store(request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
    stored = upload_file(
        kind=BulkKind(data["kind"]),
        content=data["file"].read(),
        file_name=data["file"].name,
        actor_id=staff_id_of(request),
        reason=data["reason"],
    )
    if stored.is_new:
        messages.success(request, "Every line is good. Look at the totals, then start it.")
    else:
        messages.warning(request, "This file was uploaded before: here it is. Nothing is done twice.")
    return HttpResponseRedirect(_page_of(stored.upload))


def _page_of(upload: BulkUpload) -> str:
    return reverse("admin:payments_bulkupload_change", args=(upload.pk,))


def _picture(upload: BulkUpload) -> dict[str, Any]:
    """What the page of an upload shows: how far it is, its totals and its lines."""
    counts = dict(BulkLine.objects.filter(upload=upload).values_list("state").annotate(Count("pk")))
    ended = upload.lines_count - counts.get(BulkLineState.WAITING, 0)
    lines = BulkLine.objects.filter(upload=upload).select_related("payment", "user", "refund")
    shown = [
        {"line": line, "tone": badge(line.state), "money": _money(line), "refund": _refund_badge(line)}
        for line in lines.order_by("-state", "number")[:SHOWN_LINES]
    ]
    return {
        "title": f"{upload.get_kind_display()} from {upload.file_name}",
        "subtitle": None,
        "upload": upload,
        "state": badge(upload.state),
        "ended": ended,
        "counts": [(badge(state), count) for state, count in sorted(counts.items())],
        "totals": _totals(upload),
        "lines": shown,
        "more_lines": max(upload.lines_count - SHOWN_LINES, 0),
        "refresh_seconds": REFRESH_SECONDS if upload.state == BulkState.QUEUED else 0,
    }


def _money(line: BulkLine) -> str:
    minor = line.refund.amount_minor if line.refund else line.amount_minor
    return "the whole rest" if minor is None else str(Money(minor, line.currency))


def _refund_badge(line: BulkLine) -> SafeString | str:
    return badge(line.refund.state) if line.refund else ""


def _totals(upload: BulkUpload) -> list[str]:
    """Before its end what the lines that name an amount sum up to; afterwards what was given, the whole rests too."""
    lines = BulkLine.objects.filter(upload=upload)
    if upload.state == BulkState.FINISHED:
        came_to_nothing = Q(refund__state=RefundState.FAILED)
        return _sums("done:", lines.filter(state=BulkLineState.DONE).exclude(came_to_nothing)) + _sums(
            "failed at the gateway:", lines.filter(came_to_nothing)
        )
    whole = lines.filter(amount_minor=None, refund=None).count()
    rests = f"{_lines(whole)} to give back the whole rest of {pluralize(whole, 'its payment,their payments')}"
    return _sums("in all", lines) + ([rests] if whole else [])


def _sums(name: str, lines: QuerySet[BulkLine]) -> list[str]:
    """A line that named no amount counts with what its refund came to."""
    moved = lines.values_list("currency").annotate(total=Sum(Coalesce("refund__amount_minor", "amount_minor")))
    return [f"{name} {Money(total, currency)}" for currency, total in moved.order_by("currency") if total]


def _lines(count: int) -> str:
    return f"{count:,} line{pluralize(count)}"
