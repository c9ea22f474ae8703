"""The page on which staff refund a payment."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import SELECT, TEXT_AREA, TEXT_INPUT, ThemedAdmin
from choptym.lib.errors import Rejected
from choptym.lib.money import Money
from choptym.lib.who import staff_id_of
from payments.models import Payment, PaymentAttempt, Refund, RefundWay
from payments.refund import refund_payment
from payments.refunds.write import REASON_LENGTH, Wish, can_give_back, check_refund, left_to_refund
from payments.states import AttemptState
from wallets.models import Entry

_BY_GATEWAY = (
    "Through the gateway it goes back to where it came from; the gateway is asked at once, and the customer is told "
    "when it has given it back."
)
_EXPLANATIONS = {
    (RefundWay.GATEWAY, RefundWay.WALLET): f"{_BY_GATEWAY} Into the wallet it is done at once.",
    (RefundWay.GATEWAY,): f"It goes back through the gateway: there is no other way. {_BY_GATEWAY}",
    (RefundWay.WALLET,): "It goes into the customer's wallet, at once: there is no other way.",
    (): "There is nothing to give back by any way.",
}
# The form's own name of what a refusal is about.
_FIELDS = {"amount_minor": "amount", "reason": "reason"}


class RefundForm(ReasonForm):
    """How much, as people write it, of which try, by which way, and why.

    `reference` makes a form that is sent twice one refund. What there is to choose does not depend on what is left, so
    that the second sending is read as the first was.
    """

    amount = forms.CharField(widget=TEXT_INPUT, max_length=20)
    attempt = forms.TypedChoiceField(widget=SELECT, coerce=int, label="Of which try")
    way = forms.ChoiceField(widget=SELECT, choices=RefundWay.choices)
    reference = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    field_order = ["amount", "attempt", "way", "reason", "reference"]

    def __init__(self, data: Any, payment: Payment, attempts: Sequence[PaymentAttempt]) -> None:
        super().__init__(data)
        self.currency = attempts[0].collected_currency if attempts else payment.currency
        self.currencies = {one.pk: one.collected_currency for one in attempts}
        self.fields["reason"] = forms.CharField(
            max_length=REASON_LENGTH, widget=TEXT_AREA, help_text=self.fields["reason"].help_text
        )
        self.fields["amount"].help_text = f"In {self.currency}; at most what is left."
        rest = _first_rest(payment, attempts)
        self.fields["amount"].initial = rest.to_written() if rest else ""
        choices = [(one.pk, _name_of(payment, one)) for one in attempts]
        self._offer("attempt", choices)
        self._offer("way", _ways(payment, attempts))

    def _offer(self, name: str, choices: Sequence[tuple[Any, str]]) -> None:
        """A choice of one is none."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = choices
        if len(choices) < 2:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "amount" in data:
            try:
                currency = self.currencies.get(data.get("attempt", 0), self.currency)
                data["money"] = Money.from_written(data["amount"], currency)
            except ValueError as error:
                self.add_error("amount", str(error))
        return data


def refund_page(request: HttpRequest, model_admin: ThemedAdmin[Any], payment_id: int) -> HttpResponse:
    """Ask how much and why, then refund."""
    if not request.user.has_perm("payments.refund_payment"):
        raise PermissionDenied
    payment = get_object_or_404(Payment.objects.select_related("user", "order"), pk=payment_id)
    attempts = _collected(payment)
    form = RefundForm(request.POST or None, payment, attempts)
    if request.method == "POST" and form.is_valid() and _refund(request, payment, attempts, form):
        return HttpResponseRedirect(reverse("admin:payments_payment_change", args=(payment.pk,)))
    return ask_before(
        request,
        model_admin,
        form,
        title=f"Refund {payment}",
        explanation=_EXPLANATIONS[tuple(RefundWay(way) for way, _ in _ways(payment, attempts))],
        things=[f"{payment.user}, {payment.order or 'a top-up'}, {payment.amount}", *_rests(payment, attempts)],
        button="Refund",
    )


def may_be_refunded(payment: Payment) -> bool:
    """Whether anything is left of it that could go back by any way."""
    tries: Sequence[PaymentAttempt | None] = _collected(payment) or [None]
    wishes = [
        Wish(reason="", attempt_id=one.pk if one else None, to_wallet=to_wallet)
        for one in tries
        for to_wallet in (False, True)
    ]
    return any(_may_be_written(payment, wish) for wish in wishes)


def _may_be_written(payment: Payment, wish: Wish) -> bool:
    try:
        check_refund(payment, wish)
    except Rejected:
        return False
    return True


def _refund(request: HttpRequest, payment: Payment, attempts: Sequence[PaymentAttempt], form: RefundForm) -> bool:
    data = form.cleaned_data
    only = attempts[0].pk if len(attempts) == 1 else None
    wish = Wish(
        reason=data["reason"],
        amount_minor=data["money"].amount_minor,
        reference=data["reference"],
        attempt_id=data.get("attempt", only),
        to_wallet=data.get("way") == RefundWay.WALLET,
    )
    was_known = Refund.objects.filter(reference=data["reference"]).exists()
    try:
        refund = refund_payment(payment.pk, wish, actor_id=staff_id_of(request))
    except Rejected as error:
        known = [_FIELDS[name] for name in error.fields if name in _FIELDS]
        form.add_error(known[0] if known else None, error.message)
        return False
    told = "was asked for before; nothing was done twice" if was_known else _told(refund)
    messages.success(request, f"{payment.user}: {refund.amount} {told}.")
    return True


def _told(refund: Refund) -> str:
    return f"goes back through {refund.gateway}" if refund.gateway else "is in the wallet"


def _collected(payment: Payment) -> list[PaymentAttempt]:
    """The tries that took money, the one that paid first."""
    took = payment.attempts.filter(state__in=(AttemptState.PAID, AttemptState.SURPLUS), collected_minor__isnull=False)
    return sorted(took, key=lambda one: (one.state != AttemptState.PAID, one.number))


def _ways(payment: Payment, attempts: Sequence[PaymentAttempt]) -> list[tuple[str, str]]:
    """Into the wallet only what had bought something: what buys nothing lies there already."""
    ways = []
    if any(can_give_back(one) for one in attempts):
        ways.append((RefundWay.GATEWAY.value, "back to where it came from"))
    if Entry.objects.filter(reason=f"payment:{payment.pk}:sale").exists():
        ways.append((RefundWay.WALLET.value, "into the wallet"))
    return ways


def _first_rest(payment: Payment, attempts: Sequence[PaymentAttempt]) -> Money | None:
    """What is left of the first try that has something left."""
    tries: Sequence[PaymentAttempt | None] = attempts or [None]
    rests = (_left(payment, one) for one in tries)
    return next((rest for rest in rests if rest is not None and rest.amount_minor > 0), None)


def _rests(payment: Payment, attempts: Sequence[PaymentAttempt]) -> list[str]:
    tries: Sequence[PaymentAttempt | None] = attempts or [None]
    rests = [(one, _left(payment, one)) for one in tries]
    return [
        f"{_name_of(payment, one)}: {rest or 'nothing'} left"
        if one
        else f"paid from the wallet: {rest or 'nothing'} left"
        for one, rest in rests
    ]


def _left(payment: Payment, attempt: PaymentAttempt | None) -> Money | None:
    try:
        return left_to_refund(payment, attempt)
    except Rejected:
        return None


def _name_of(payment: Payment, attempt: PaymentAttempt) -> str:
    took = Money(attempt.collected_minor or 0, attempt.collected_currency)
    why = ", taken too many" if attempt.state == AttemptState.SURPLUS else ""
    return f"try {attempt.number}, {attempt.gateway} collected {took}{why}"
