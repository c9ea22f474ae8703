"""Addresses of payments."""

from django.contrib.admin import site
from django.urls import path

from payments import refund_views, return_page, steering_views, stream, views, webhook
from payments.admin import dashboard

urlpatterns = [
    path("api/checkout/", views.CheckoutView.as_view()),
    path("api/wallet/topups/", views.TopupView.as_view()),
    path("api/wallet/transactions/", views.StatementView.as_view()),
    path("api/payments/", views.PaymentListView.as_view()),
    path("api/payments/<bigint:payment_id>/", views.PaymentView.as_view(), name="payment"),
    path("api/payments/<bigint:payment_id>/cancel/", views.CancelView.as_view()),
    path("api/payments/<bigint:payment_id>/events/", stream.events),
    path("api/payments/<bigint:payment_id>/refunds/", refund_views.RefundListView.as_view()),
    path("api/payments/<bigint:payment_id>/refunds/<bigint:refund_id>/", refund_views.RefundView.as_view()),
    path("api/payment/queue/status", views.QueueStatusView.as_view()),
    path("api/payment/queue/stop", steering_views.StopView.as_view()),
    path("api/payment/queue/drain", steering_views.DrainView.as_view()),
    path("api/payment/queue/resume", steering_views.ResumeView.as_view()),
    path("api/payment/queue/set", steering_views.SetLimitsView.as_view()),
    path("api/payment/queue/profile", steering_views.ProfileView.as_view()),
    path("api/payment/queue/clear-completed", steering_views.ClearView.as_view()),
    path("api/payment/metrics", views.MetricsView.as_view()),
    path("admin/dashboard/", site.admin_view(dashboard.show_dashboard), name="dashboard"),
    path("admin/dashboard/pictures/", site.admin_view(dashboard.show_pictures), name="dashboard_pictures"),
    path("return/", return_page.show_return_page, name="return"),
    webhook.DOOR,
]
