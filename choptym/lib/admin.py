"""What the pages of staff have in common. The only file that knows the admin's theme, which has no types."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.admin import ShowFacets, SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from choptym.lib.tones import tone_of

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ThemedAdmin
    from django.contrib.admin import TabularInline as ThemedInline
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    from django.forms import ClearableFileInput, Select, Textarea, TextInput
    from django.forms import ModelForm as ThemedForm

    InfinitePaginator = Paginator
    action: Any
    FILE_INPUT, SELECT, TEXT_AREA, TEXT_INPUT = ClearableFileInput(), Select(), Textarea(), TextInput()
    DATE_INPUT, TIME_INPUT = TextInput(attrs={"type": "date"}), TextInput(attrs={"type": "datetime-local"})
else:
    from django import forms
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.decorators import action
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    from unfold.paginator import InfinitePaginator
    from unfold.widgets import (
        UnfoldAdminFileFieldWidget,
        UnfoldAdminSelectWidget,
        UnfoldAdminTextareaWidget,
        UnfoldAdminTextInputWidget,
    )

    FILE_INPUT, SELECT = UnfoldAdminFileFieldWidget(), UnfoldAdminSelectWidget()
    TEXT_AREA, TEXT_INPUT = UnfoldAdminTextareaWidget(attrs={"rows": 3}), UnfoldAdminTextInputWidget()
    DATE_INPUT = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    TIME_INPUT = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})

    class _Named:
        """Takes the name of its model, as the types do."""

        def __class_getitem__(cls, _: object) -> type:
            return cls

    class ThemedAdmin(_Named, ModelAdmin):
        pass

    class ThemedInline(_Named, TabularInline):
        pass

    class ThemedForm(_Named, forms.ModelForm):
        pass


M = TypeVar("M", bound=Model)
F = TypeVar("F", bound=Callable[..., Any])


def badge(state: str) -> SafeString:
    """A state as a coloured word."""
    return format_html('<span class="ct-badge ct-{}">{}</span>', tone_of(state), state)


def when(at: datetime) -> str:
    """A time as every page shows it: 22 Nov 2026 09:33:12 WAT."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def page_action(*, name: str, permission: str, icon: str) -> Callable[[F], F]:
    """A button on the page of one row. It leads to a page of its own that asks for the reason."""
    decorate: Callable[[F], F] = action(description=name, permissions=[permission], icon=icon)
    return decorate


def row_id_of(text: str) -> int:
    """The id in the address of a page, as the admin spells it there; 0, which no row has, when it is none."""
    text = unquote(text)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def row_ids_of(text: str, most: int) -> list[int]:
    """The ids in a list with commas between them: the first so many words that are ids."""
    return [row_id for word in text.split(",") if (row_id := row_id_of(word))][:most]


_YEARS = frozenset({"year", "iso_year"})


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 4 and text != "0000"


class StaffAdmin(ThemedAdmin[M]):
    """Newest first, and the same cost whether the table has ten rows or ten million: nothing is counted."""

    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = InfinitePaginator
    list_disable_select_all = True
    list_fullwidth = True

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *arguments: Any, **options: Any
    ) -> "Paginator[Any]":
        """Of the list; the history of a row, which is short, is counted."""
        kind = self.paginator if queryset.model is self.model else Paginator
        return kind(queryset, *arguments, **options)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nothing is ever deleted here: what is not wanted any more is switched off."""
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> M | None:
        """Django finds a row by other spellings of its id too, which the rest of the page could not read."""
        return super().get_object(request, object_id, from_field) if row_id_of(object_id) else None

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:  # type: ignore[override]
        """Not a range, nor a year that is none, which no page links to: Django meets them too late to refuse them."""
        words = lookup.split("__")
        is_odd = "range" in words or (not _YEARS.isdisjoint(words) and not _is_year(value))
        return not is_odd and super().lookup_allowed(lookup, value, request)

    def response_action(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:
        if not all(row_id_of(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest("What is selected is no row.")
        return super().response_action(request, queryset)

    def shown_with(self, request: HttpRequest, row_id: int) -> dict[str, Any]:
        """What the template of a row's page needs beside the row."""
        return {}

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        response = super().changeform_view(request, object_id, form_url, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data is not None and object_id is not None:
            response.context_data |= self.shown_with(request, row_id_of(object_id))
        return response

    def is_of_use(self, button: str, row_id: int) -> bool:
        """Whether this button would do anything to this row; others are not shown."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: object) -> list[Any]:
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row_id = row_id_of(str(object_id))
        return [button for button in buttons if self.is_of_use(button.method.__name__, row_id)]


class ReadOnlyAdmin(StaffAdmin[M]):
    """Rows that only verbs may write: nobody adds, changes or deletes one by hand, superusers included.

    The page of a row shows every column, after what is named in `readonly_fields`.
    """

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        return (*self.readonly_fields, *(field.name for field in self.opts.fields if not field.primary_key))

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        return self.get_readonly_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class ReadOnlyInline(ThemedInline[Any, Any]):
    """Such rows on the page of the row that they belong to."""

    extra = 0
    can_delete = False
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OneOfFilter(SimpleListFilter):
    """A filter over names that are known without asking the table for every one that it holds."""

    names: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in self.names]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(**{self.parameter_name or "": self.value()}) if self.value() else queryset


__all__ = [
    "DATE_INPUT",
    "FILE_INPUT",
    "SELECT",
    "TEXT_AREA",
    "TEXT_INPUT",
    "TIME_INPUT",
    "AdminPasswordChangeForm",
    "OneOfFilter",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "StaffAdmin",
    "ThemedAdmin",
    "ThemedForm",
    "UserChangeForm",
    "UserCreationForm",
    "badge",
    "page_action",
    "row_id_of",
    "row_ids_of",
    "when",
]
