"""The page on which staff credit a customer's wallet."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from choptym.audit.forms import AmountForm
from choptym.audit.page import ask_before
from choptym.lib.admin import ThemedAdmin
from choptym.lib.errors import Rejected
from choptym.lib.who import staff_id_of
from payments.credit import credit_wallet
from wallets.models import Account


class CreditForm(AmountForm):
    """`key` makes a form that is sent twice one credit."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


def credit_page(request: HttpRequest, model_admin: ThemedAdmin[Any], user_id: int) -> HttpResponse:
    """Ask how much and why, then credit."""
    if not request.user.has_perm("wallets.credit_account"):
        raise PermissionDenied
    user = get_object_or_404(User, pk=user_id)
    form = CreditForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            is_new = credit_wallet(
                user_id=user.pk,
                money=data["money"],
                actor_id=staff_id_of(request),
                reason=data["reason"],
                key=data["key"],
            )
        except Rejected as error:
            form.add_error("amount" if "amount" in error.fields else None, error.message)
        else:
            told = "credited" if is_new else "credited before; nothing was done twice"
            messages.success(request, f"{user}: {data['money']} {told}.")
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=(user.pk,)))
    held = Account.objects.filter(user=user).order_by("currency")
    return ask_before(
        request,
        model_admin,
        form,
        title=f"Credit the wallet of {user}",
        explanation="The customer is told, and may spend it at once. It cannot be taken back.",
        things=[f"holds {account.balance}" for account in held] or ["holds nothing yet"],
        button="Credit",
    )
