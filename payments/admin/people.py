"""People and roles: Django's own pages in the admin's theme, with the ways to what a customer did."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from rest_framework.authtoken.models import TokenProxy

from choptym.lib.admin import (
    AdminPasswordChangeForm,
    StaffAdmin,
    UserChangeForm,
    UserCreationForm,
    page_action,
    row_id_of,
)
from choptym.lib.tokens import end_tokens
from payments.admin.credit import credit_page
from payments.admin.log_out import log_out_page

admin.site.unregister(User)
admin.site.unregister(Group)
# A token is as good as its owner's password: nobody reads one.
admin.site.unregister(TokenProxy)

_LISTS = (
    ("Payments", "payments_payment", "q={name}"),
    ("Orders", "orders_order", "q={name}"),
    ("Wallet", "wallets_account", "q={name}"),
    ("Messages", "notifications_notification", "q={name}"),
)


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Another password, or none any more: of that Django tells no validator of passwords."""

    def save(self, commit: bool = True) -> User:
        with transaction.atomic():
            user: User = super().save(commit)
            end_tokens(user)
        return user


@admin.register(User)
class PersonAdmin(DjangoUserAdmin, StaffAdmin[User]):  # type: ignore[type-arg]
    """A customer or a member of staff. Nobody is deleted: who is not wanted any more is made inactive."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = PasswordForm
    list_display = ("username", "email", "is_active", "is_staff", "last_login", "date_joined")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("username__exact", "email__exact")
    search_help_text = "User name or e-mail address"
    ordering = ("-pk",)
    readonly_fields = ("what_they_did", "last_login", "date_joined")

    filter_horizontal = ()
    # Rights come with roles, never one by one: who may do what stays short enough to be checked.
    fieldsets = (
        ("What they did", {"fields": ("what_they_did",)}),
        (None, {"fields": ("username", "password", "email", "first_name", "last_name")}),
        ("Staff", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    actions_detail = ("credit", "log_out_everywhere")

    def has_credit_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("wallets.credit_account")

    @page_action(name="Credit wallet", permission="credit", icon="add_card")
    def credit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return credit_page(request, self, row_id_of(object_id))

    def has_log_out_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.has_change_permission(request)

    @page_action(name="Log out everywhere", permission="log_out", icon="logout")
    def log_out_everywhere(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return log_out_page(request, self, row_id_of(object_id))

    @admin.display(description="lists")
    def what_they_did(self, user: User) -> SafeString:
        links = (
            (f"{reverse(f'admin:{model}_changelist')}?{query.format(name=user.get_username())}", title)
            for title, model, query in _LISTS
        )
        return format_html_join(" · ", '<a href="{}" class="ct-link">{}</a>', links)


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, StaffAdmin[Group]):
    ordering = ("name",)
