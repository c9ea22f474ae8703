"""Two more buttons of the queue's page: which profile holds, and the clean-up."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import SELECT, ThemedAdmin
from choptym.lib.errors import Rejected
from choptym.lib.who import staff_id_of
from payments import in_force
from payments.housekeeping.kept import KEPT
from payments.housekeeping.order import order_clean_up
from payments.profiles import NAMES
from payments.steering.pin_profile import AUTO, pin_profile

PERMISSION = "payments.steer_queue"


class ProfileForm(ReasonForm):
    """Which profile, and why."""

    profile = forms.ChoiceField(widget=SELECT, choices=[(AUTO, "by clock and load"), *((name, name) for name in NAMES)])
    field_order = ["profile", "reason"]


def choose_profile(model_admin: ThemedAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Ask which profile and why, then have it hold."""
    _check(request)
    now = in_force.current()
    form = ProfileForm(request.POST or None, initial={"profile": in_force.pinned_profile() or AUTO})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        held = pin_profile(data["profile"], actor_id=staff_id_of(request), reason=data["reason"])
        messages.success(request, f"The profile is {held}.")
        if not settings.PAYMENT_PROFILES:
            messages.warning(request, "PAYMENT_PROFILES is off: the figures are those of the settings.")
        return _back()
    return ask_before(
        request,
        model_admin,
        form,
        title="Choose the profile",
        explanation="Its figures hold until somebody says otherwise. A figure that a variable of the environment or a "
        "person has set goes before it.",
        things=[f"now: {now.profile}, {now.max_concurrent} charges at once, batches of {now.batch_size}"],
        button="Choose",
    )


def clear(model_admin: ThemedAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Ask why, then have the workers clean up."""
    _check(request)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            order_clean_up(actor_id=staff_id_of(request), reason=form.cleaned_data["reason"])
        except Rejected as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "The clean-up begins within seconds; the log of the maintenance worker tells.")
        return _back()
    return ask_before(
        request,
        model_admin,
        form,
        title="Clear completed",
        explanation="What is completed and past its retention is moved into the history or deleted, in small steps "
        "that give way to payments. What is open, payments, orders and the books stay.",
        things=[kept.name for kept in KEPT],
        button="Clear",
    )


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:payments_queuecontrol_changelist"))
