"""Refunds: what became of each, and the button that ends one by hand."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import SELECT, ReadOnlyAdmin, badge, page_action, row_id_of
from choptym.lib.errors import Rejected
from choptym.lib.who import staff_id_of
from payments.admin.filters import GatewayFilter, RefundsInNeedFilter
from payments.admin.refund_advice import advice_about
from payments.find import payments_like, refunds_like
from payments.models import Payment, Refund
from payments.refund import may_be_resolved, resolve_refund

_YES, _NO = "yes", "no"


class ResolveForm(ReasonForm):
    """What the gateway's own pages say. Nothing is chosen beforehand."""

    was_given = forms.ChoiceField(
        label="Was it given back?",
        widget=SELECT,
        choices=[("", "–"), (_YES, "yes, the customer has it"), (_NO, "no, and it never will be")],
    )
    field_order = ["was_given", "reason"]


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin[Refund]):
    list_display = (
        "id", "status", "money", "way", "gateway", "of_payment", "asked_by", "why", "created_at", "finished_at",
    )  # fmt: skip
    list_select_related = ("payment", "asked_by")
    list_filter = (RefundsInNeedFilter, "state", "way", GatewayFilter)
    search_fields = ("pk",)
    search_help_text = "Our reference, the gateway's id, or what a payment is found by"
    readonly_fields = ("of_payment", "money", "to_do")
    actions_detail = ("resolve",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Refund], search_term: str
    ) -> tuple[QuerySet[Refund], bool]:
        if not search_term.strip():
            return queryset, False
        of_payment = Q(payment__in=Payment.objects.filter(payments_like(search_term)))
        return queryset.filter(refunds_like(search_term) | of_payment), False

    def has_resolve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("payments.refund_payment")

    def is_of_use(self, button: str, row_id: int) -> bool:
        refund = Refund.objects.filter(pk=row_id).first()
        return button != "resolve" or (refund is not None and may_be_resolved(refund))

    @page_action(name="Resolve", permission="resolve", icon="gavel")
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        refund = get_object_or_404(Refund.objects.select_related("payment__user"), pk=row_id_of(object_id))
        form = ResolveForm(request.POST or None)
        if request.method == "POST" and form.is_valid() and _resolve(request, refund, form):
            return HttpResponseRedirect(reverse("admin:payments_payment_change", args=(refund.payment_id,)))
        return ask_before(
            request,
            self,
            form,
            title=f"Resolve refund {refund.pk}",
            explanation="For a refund of which the gateway's API does not tell. Look it up on the gateway's own pages "
            "first: what is said here is booked and stays so. After “no” the payment can be refunded again. "
            "“No” also calls off a refund that was not sent yet.",
            things=[
                f"{refund.payment.user}, {refund.payment}: {refund.amount} through {refund.gateway}",
                f"it is {refund.state}",
                f"our reference {refund.reference}, the gateway's {refund.gateway_refund_id or '–'}",
                refund.problem or "the gateway has said nothing against it",
            ],
            button="Resolve",
        )

    @admin.display(description="state")
    def status(self, refund: Refund) -> SafeString:
        return badge(refund.state)

    @admin.display(description="amount")
    def money(self, refund: Refund) -> SafeString:
        return format_html('<span class="ct-money">{}</span>', refund.amount)

    @admin.display(description="what to do")
    def to_do(self, refund: Refund) -> str:
        return advice_about(refund)

    @admin.display(description="payment")
    def of_payment(self, refund: Refund) -> SafeString:
        link = reverse("admin:payments_payment_change", args=(refund.payment_id,))
        return format_html('<a href="{}" class="ct-link">{}</a>', link, refund.payment)

    @admin.display(description="reason")
    def why(self, refund: Refund) -> str:
        return refund.reason if len(refund.reason) < 60 else f"{refund.reason[:59]}…"


def _resolve(request: HttpRequest, refund: Refund, form: ResolveForm) -> bool:
    was_given = form.cleaned_data["was_given"] == _YES
    try:
        ended = resolve_refund(
            refund.pk, actor_id=staff_id_of(request), was_given=was_given, reason=form.cleaned_data["reason"]
        )
    except Rejected as error:
        form.add_error(None, error.message)
        return False
    messages.success(request, f"{ended} is {ended.state}.")
    return True
