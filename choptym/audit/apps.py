"""The audit log."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "choptym.audit"
    label = "audit"
    verbose_name = "Audit log"
