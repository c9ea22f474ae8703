"""The page on which somebody is logged out everywhere."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import ThemedAdmin
from choptym.lib.who import staff_id_of
from choptym.log_out import log_out_everywhere


def log_out_page(request: HttpRequest, model_admin: ThemedAdmin[Any], user_id: int) -> HttpResponse:
    """Ask why, then log them out."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    user = get_object_or_404(User, pk=user_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        log_out_everywhere(user.pk, actor_id=staff_id_of(request), reason=form.cleaned_data["reason"])
        messages.success(request, f"{user} is logged out everywhere.")
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=(user.pk,)))
    return ask_before(
        request,
        model_admin,
        form,
        title=f"Log {user} out everywhere",
        explanation="Whoever is logged in with this name has to log in again, in the app and here. The password stays.",
        things=[f"{user}"],
        button="Log out",
    )
