"""The page before an act: what will happen, to what, and why."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.template.response import TemplateResponse

from choptym.lib.admin import ThemedAdmin


def ask_before(
    request: HttpRequest,
    model_admin: ThemedAdmin[Any],
    form: forms.Form,
    *,
    title: str,
    explanation: str,
    things: Sequence[str],
    button: str,
) -> TemplateResponse:
    """Ask for what the act needs. `things` are what it is done to, a line each."""
    request.current_app = model_admin.admin_site.name
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "form": form,
        "explanation": explanation,
        "things": things,
        "button": button,
    }
    return TemplateResponse(request, "audit/act.html", context)
