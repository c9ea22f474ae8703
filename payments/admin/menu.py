"""The menu at the left: what this member of staff may see, with a number where somebody is needed."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from payments.overview import overview

# Title of a group: (title, icon, model) of each of its lines.
_LISTS = {
    "Payments": (
        ("Payments", "payments", "payments.payment"),
        ("Refunds", "undo", "payments.refund"),
        ("Dead letters", "mark_email_unread", "payments.deadletter"),
        ("Tries at gateways", "sync_alt", "payments.paymentattempt"),
        ("Webhook events", "webhook", "payments.webhookevent"),
        ("Idempotency keys", "key", "payments.idempotencykey"),
    ),
    "Orders": (
        ("Orders", "receipt_long", "orders.order"),
        ("Products", "lunch_dining", "orders.product"),
        ("Shops", "storefront", "orders.shop"),
        ("Carts", "shopping_cart", "orders.cartitem"),
    ),
    "Books": (
        ("Accounts and wallets", "account_balance_wallet", "wallets.account"),
        ("Entries", "swap_horiz", "wallets.entry"),
        ("Bulk files", "upload_file", "payments.bulkupload"),
        ("Reconciliations", "fact_check", "payments.reconciliation"),
        ("Breaks", "rule", "payments.reconciliationbreak"),
    ),
    "Customers": (
        ("People", "group", "auth.user"),
        ("Messages", "sms", "notifications.notification"),
        ("Preferences", "tune", "notifications.preference"),
    ),
    "House": (
        ("Queue", "tune", "payments.queuecontrol"),
        ("Alerts", "notifications_active", "payments.alert"),
        ("Workers", "memory", "payments.worker"),
        ("Audit log", "history_edu", "audit.act"),
        ("Roles", "badge", "auth.group"),
    ),
}


# How many rows of a list wait for somebody.
def menu(request: HttpRequest) -> list[dict[str, Any]]:
    first = [{"title": "Today", "icon": "monitoring", "link": reverse("admin:index")}]
    if request.user.has_perm("payments.view_payment"):
        first.append({"title": "Dashboard", "icon": "ssid_chart", "link": reverse("dashboard")})
    groups: list[dict[str, Any]] = [{"title": "", "items": first}]
    for title, lists in _LISTS.items():
        lines = [_line(*line) for line in lists if _may_see(request, line[2])]
        if title == "House":
            lines += _elsewhere(request)
        groups.append({"title": title, "items": lines, "separator": True})
    return groups


def _may_see(request: HttpRequest, model: str) -> bool:
    app, name = model.split(".")
    return request.user.has_perm(f"{app}.view_{name}")


def _line(title: str, icon: str, model: str) -> dict[str, Any]:
    line = {"title": title, "icon": icon, "link": reverse(f"admin:{model.replace('.', '_')}_changelist")}
    if waiting := _waiting().get(model):
        variant = "warning" if model == "payments.payment" else "danger"
        line |= {"badge": str(waiting), "badge_variant": variant}
    return line


def _waiting() -> dict[str, int]:
    """How many rows of each kind need somebody."""
    now = overview.get()
    return {
        "payments.payment": now.in_review,
        "payments.deadletter": now.dead_letters,
        "payments.refund": now.refunds_in_need,
        "payments.reconciliationbreak": now.open_breaks,
        "payments.alert": now.open_alerts,
    }


def _elsewhere(request: HttpRequest) -> Iterable[dict[str, Any]]:
    yield _away("API documents", "menu_book", reverse("docs"))
    if settings.FLOWER_URL and request.user.has_perm("payments.replay_deadletter"):
        yield _away("Workers (Flower)", "engineering", settings.FLOWER_URL)


def _away(title: str, icon: str, link: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link, "active": _never}


def _never(request: HttpRequest) -> bool:
    return False
