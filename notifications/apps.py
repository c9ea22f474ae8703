"""What customers are told, and whether it was sent."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
