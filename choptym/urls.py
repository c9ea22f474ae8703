"""Every address of the service: one line per app."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerView

import choptym.lib.converters  # noqa: F401 - registers <bigint:…> for the addresses below
from choptym import health
from choptym.api_document import ApiDocumentView
from choptym.login import LoginView, log_staff_in

urlpatterns = [
    path("", include("orders.urls")),
    path("", include("wallets.urls")),
    path("", include("payments.urls")),
    path("api/auth/token/", LoginView.as_view()),
    path("api/schema/", ApiDocumentView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("health/db", health.db),
    path("metrics", health.metrics),
    path("admin/login/", log_staff_in),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="docs")),
]

handler400 = "choptym.lib.api_errors.bad_request"
handler404 = "choptym.lib.api_errors.page_not_found"
handler500 = "choptym.lib.api_errors.server_error"
