"""One address."""

from django.urls import path

from tests.bench.textbook.views import webhook

urlpatterns = [path("webhooks/razorpay/", webhook)]
