"""The pages on which staff decide about captured money: payments under review, and a try that took money too many."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse

from choptym.audit.forms import AmountForm, ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import ReadOnlyAdmin
from choptym.lib.errors import Rejected
from choptym.lib.tones import BAD, WARNING
from choptym.lib.who import staff_id_of
from payments.credit_surplus import credit_surplus, surplus_candidates
from payments.models import DeadLetter, Payment, PaymentAttempt
from payments.review import accept_payment, credit_payment, fail_payment, needs_amount, return_payment
from payments.states import AttemptState, PaymentState
from payments.stuck import read_stuck

PERMISSION = "payments.review_payment"


class CollectedForm(AmountForm):
    """What the gateway's own pages say it collected, and why we decide as we do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = self.fields["amount"].help_text
        self.fields["amount"].help_text = f"What the gateway's own pages say it collected. {told}"


@dataclass(frozen=True, slots=True)
class Decision:
    """A button on the page of a payment under review, and what it says before it acts."""

    button: str
    explanation: str
    verb: Callable[..., Payment]
    asks_amount: bool = True
    tone: str = ""  # of the button, where it cannot be taken back


_DECISIONS = {
    "accept": Decision(
        "Accept",
        "What was collected pays the order at its price. What is missing is let off; what is too much stays in the "
        "customer's wallet. Not for another currency, and not when the order is gone and cannot be taken up again.",
        accept_payment,
    ),
    "credit": Decision(
        "Credit the wallet",
        "What was collected goes into the customer's wallet, in its own currency. The order is cancelled.",
        credit_payment,
    ),
    "return": Decision(
        "Give it back",
        "What was collected goes back through its gateway, if that gives money back; else into the customer's wallet. "
        "The order is cancelled.",
        return_payment,
        tone=WARNING,
    ),
    "fail": Decision(
        "Nothing was collected",
        "The payment failed and the order is cancelled. Only if the gateway's own pages show that no money came: the "
        "customer is told so.",
        fail_payment,
        asks_amount=False,
        tone=BAD,
    ),
}


class ReviewPages(ReadOnlyAdmin[Payment]):
    """The payment's admin with these pages; its story page gets their buttons."""

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        ours = [
            path("<bigint:payment_id>/review/<str:decision>/", wrap(self.review_view), name="payments_review"),
            path("<bigint:payment_id>/surplus/<bigint:attempt_id>/", wrap(self.surplus_view), name="payments_surplus"),
            path("without-outcome/", wrap(self.stuck_view), name="payments_stuck"),
        ]
        return [*ours, *super().get_urls()]

    def shown_with(self, request: HttpRequest, row_id: int) -> dict[str, Any]:
        if not request.user.has_perm(PERMISSION):
            return {}
        return {"review_buttons": _review_buttons(row_id), "surplus_buttons": _surplus_buttons(row_id)}

    def review_view(self, request: HttpRequest, payment_id: int, decision: str) -> HttpResponse:
        """Ask for the reason, and for the amount where the gateway's answer did not tell it; then decide."""
        _only_reviewers(request)
        if decision not in _DECISIONS:
            raise Http404
        chosen = _DECISIONS[decision]
        payment = get_object_or_404(Payment, pk=payment_id)
        attempt = payment.attempts.filter(state=AttemptState.PAID).first()
        asks = chosen.asks_amount and attempt is not None and needs_amount(attempt)
        form = _form(request, asks_amount=asks)
        if request.method == "POST" and form.is_valid():
            known = {"collected": form.cleaned_data.get("money")} if chosen.asks_amount else {}

            def decide() -> object:
                return chosen.verb(
                    payment.pk, actor_id=staff_id_of(request), reason=form.cleaned_data["reason"], **known
                )

            if _try(request, form, decide, f"{payment}: decided."):
                return _to_story(payment.pk)
        return ask_before(
            request,
            self,
            form,
            title=f"{chosen.button}: {payment}",
            explanation=chosen.explanation,
            things=[f"asked for {payment.amount} by {payment.gateway}", payment.problem],
            button=chosen.button,
        )

    def surplus_view(self, request: HttpRequest, payment_id: int, attempt_id: int) -> HttpResponse:
        """Ask how much this try took, then credit it."""
        _only_reviewers(request)
        attempt = get_object_or_404(PaymentAttempt, pk=attempt_id, payment=payment_id)
        form = _form(request, asks_amount=True)
        if request.method == "POST" and form.is_valid():

            def credit() -> object:
                data = form.cleaned_data
                return credit_surplus(
                    attempt.pk, money=data["money"], actor_id=staff_id_of(request), reason=data["reason"]
                )

            if _try(request, form, credit, f"{attempt}: credited."):
                return _to_story(payment_id)
        return ask_before(
            request,
            self,
            form,
            title=f"Credit what try {attempt.number} took",
            explanation="Another try of this payment has its money already. What this one took goes into the wallet.",
            things=[f"{attempt} at {attempt.gateway}, {attempt.state}", f"the gateway's id {attempt.transaction_id}"],
            button="Credit the wallet",
        )

    def stuck_view(self, request: HttpRequest) -> HttpResponse:
        """Which captured money has no outcome yet, by name."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        minutes = settings.PAYMENT_OUTCOME_WITHIN_SECONDS // 60
        context = {
            **self.admin_site.each_context(request),
            "title": "Money without outcome",
            "explanation": f"Captured, and after {minutes} min no order, wallet credit or refund.",
            "kinds": [(kind.replace("_", " "), found) for kind, found in read_stuck().items() if found.count],
        }
        return TemplateResponse(request, "admin/payments/stuck.html", context)


def _only_reviewers(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _form(request: HttpRequest, *, asks_amount: bool) -> ReasonForm:
    return (CollectedForm if asks_amount else ReasonForm)(request.POST or None)


def _try(request: HttpRequest, form: forms.Form, act: Callable[[], object], done: str) -> bool:
    try:
        act()
    except Rejected as error:
        form.add_error("amount" if "amount" in error.fields and "amount" in form.fields else None, error.message)
        return False
    messages.success(request, done)
    return True


def _to_story(payment_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:payments_payment_change", args=(payment_id,)))


def _review_buttons(payment_id: int) -> list[tuple[str, str, str]]:
    if not Payment.objects.filter(pk=payment_id, state=PaymentState.REVIEW).exists():
        return []
    return [
        (decision.button, reverse("admin:payments_review", args=(payment_id, name)), decision.tone)
        for name, decision in _DECISIONS.items()
    ]


def _surplus_buttons(payment_id: int) -> list[tuple[str, str]]:
    """Where settlement could not be done, one for each try that may have taken money too many."""
    if not DeadLetter.objects.filter(payment=payment_id, replayed_at__isnull=True).exists():
        return []
    return [
        (f"Credit try {attempt.number}", reverse("admin:payments_surplus", args=(payment_id, attempt.pk)))
        for attempt in surplus_candidates(payment_id)
    ]
