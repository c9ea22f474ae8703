"""Payments that could not be settled, and the button that lets them try again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import ReadOnlyAdmin, badge, page_action, row_id_of, row_ids_of
from choptym.lib.errors import Rejected
from choptym.lib.who import staff_id_of
from payments.admin.filters import OpenFilter
from payments.find import payments_like
from payments.models import DeadLetter, Payment
from payments.replay import replay_dead_letter

# So many are asked about on one page.
MOST_AT_ONCE = 100


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin[DeadLetter]):
    list_display = ("id", "status", "payment", "why", "created_at", "replayed_at", "replayed_by")
    list_select_related = ("payment", "replayed_by")
    list_filter = (OpenFilter,)
    search_fields = ("pk",)
    search_help_text = "Phone, CT-000123, payment id, reference or user name"
    actions = ("replay_selected",)
    actions_detail = ("replay",)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.replay_view)
        return [path("replay/", view, name="payments_deadletter_replay_page"), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter], search_term: str
    ) -> tuple[QuerySet[DeadLetter], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(payment__in=Payment.objects.filter(payments_like(search_term))), False

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("payments.replay_deadletter")

    @admin.action(description="Replay", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse:
        return _to_replay_page([letter.pk for letter in queryset.order_by("pk")[:MOST_AT_ONCE]])

    @page_action(name="Replay", permission="replay", icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _to_replay_page([row_id_of(object_id)])

    def replay_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the reason, then replay each. Those that somebody else has replayed by now are told of."""
        if not self.has_replay_permission(request):
            raise PermissionDenied
        ids = row_ids_of(request.GET.get("ids", ""), MOST_AT_ONCE)
        letters = list(DeadLetter.objects.filter(pk__in=ids).select_related("payment").order_by("pk"))
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            for letter in letters:
                _replay_one(request, letter, form.cleaned_data["reason"])
            return HttpResponseRedirect(_page_after(letters))
        return ask_before(
            request,
            self,
            form,
            title="Replay",
            explanation="The gateway is asked again, and what it says is booked. A payment is never booked twice.",
            things=[f"{letter.payment}, {letter.payment.amount}: {letter.reason[:120]}" for letter in letters],
            button="Replay",
        )

    @admin.display(description="state")
    def status(self, letter: DeadLetter) -> SafeString:
        return badge("OPEN" if letter.replayed_at is None else "REPLAYED")

    @admin.display(description="reason")
    def why(self, letter: DeadLetter) -> str:
        return letter.reason if len(letter.reason) < 100 else f"{letter.reason[:99]}…"


def _to_replay_page(ids: list[int]) -> HttpResponse:
    address = reverse("admin:payments_deadletter_replay_page")
    return HttpResponseRedirect(f"{address}?ids={','.join(map(str, ids))}")


def _replay_one(request: HttpRequest, letter: DeadLetter, reason: str) -> None:
    try:
        replay_dead_letter(letter.pk, actor_id=staff_id_of(request), reason=reason)
    except Rejected as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{letter.payment} is asked about again.")


def _page_after(letters: list[DeadLetter]) -> str:
    """Where the outcome is seen: the story of the payment, or the list."""
    if len(letters) == 1:
        return reverse("admin:payments_payment_change", args=(letters[0].payment_id,))
    return reverse("admin:payments_deadletter_changelist")
