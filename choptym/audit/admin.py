"""The audit log as staff read it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from choptym.audit.models import Act
from choptym.lib.admin import ReadOnlyAdmin


@admin.register(Act)
class ActAdmin(ReadOnlyAdmin[Act]):
    list_display = ("at", "actor", "verb", "about", "reason")
    list_display_links = ("at",)
    list_select_related = ("actor",)
    search_fields = ("about",)
    search_help_text = "What it was about (payment:42), or who did it"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Act], search_term: str
    ) -> tuple[QuerySet[Act], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(about=term) | queryset.filter(actor__username=term), False
