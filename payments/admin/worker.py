"""Workers as they answer their canaries, and the button that forgets one which will not come back."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import ReadOnlyAdmin, badge, page_action, row_id_of
from choptym.lib.who import staff_id_of
from payments.alerts.silence import is_alive
from payments.canaries import forget_by_hand
from payments.models import Worker


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    list_display = ("id", "status", "name", "takes_from", "started_at", "seen_at", "ended_at")
    search_fields = ("name",)
    ordering = ("name",)
    actions_detail = ("forget",)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.forget_view)
        return [path("<int:pk>/forget/", view, name="payments_worker_forget"), *super().get_urls()]

    def has_forget_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("payments.mute_alert")

    @page_action(name="Forget", permission="forget", icon="person_off")
    def forget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:payments_worker_forget", args=(row_id_of(object_id),)))

    def forget_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then have it done."""
        if not self.has_forget_permission(request):
            raise PermissionDenied
        worker = get_object_or_404(Worker, pk=pk)
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            forget_by_hand(pk, actor_id=staff_id_of(request), reason=form.cleaned_data["reason"])
            messages.success(request, f"{worker} is forgotten.")
            return HttpResponseRedirect(reverse("admin:payments_worker_changelist"))
        return ask_before(
            request,
            self,
            form,
            title="Forget",
            explanation="Its alert is over. A worker that lives after all makes itself known again within a minute.",
            things=[worker.name],
            button="Forget",
        )

    @admin.display(description="state")
    def status(self, worker: Worker) -> SafeString:
        if worker.ended_at is not None:
            return badge("ENDED")
        return badge("ANSWERS" if is_alive(worker) else "SILENT")

    @admin.display(description="takes from")
    def takes_from(self, worker: Worker) -> str:
        return ", ".join(worker.queues)
