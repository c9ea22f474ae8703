"""Where a gateway's page sends the customer's browser back to. It knows nothing: only the app shows what is true."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@cache_control(public=True, max_age=3600)
@require_safe
def show_return_page(request: HttpRequest) -> HttpResponse:
    """Thanks, in French and English. What the gateway wrote into the address is not read: it proves nothing."""
    return render(request, "payments/return.html")
