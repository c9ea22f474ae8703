"""The pages of staff: their looks, and what the menu at the left leads to."""

from typing import Any

from django.urls import reverse_lazy

from choptym.settings import env

# The operators' view of the workers. Empty: no link to it.
FLOWER_URL = env.url("FLOWER_URL", "")


LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"


def _rows(title: str, icon: str, model: str, *, badge: str | None = None) -> dict[str, Any]:
    """A line of the menu that leads to the list of a model ("payments.payment"), for those who may see it."""
    app, name = model.split(".")
    line: dict[str, Any] = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }
    return line | ({"badge": badge, "badge_variant": "danger"} if badge else {})


def _away(title: str, icon: str, link: object) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link, "active": lambda request: False}


def _is_operator(request: Any) -> bool:
    return bool(request.user.has_perm("payments.replay_deadletter"))


_MENU = {
    "": [{"title": "Today", "icon": "monitoring", "link": reverse_lazy("admin:index")}],
    "Payments": [
        _rows("Payments", "payments", "payments.payment"),
        _rows("Dead letters", "mark_email_unread", "payments.deadletter", badge="payments.admin.overview.dead_letters"),
        _rows("Tries at gateways", "sync_alt", "payments.paymentattempt"),
        _rows("Webhook events", "webhook", "payments.webhookevent"),
        _rows("Idempotency keys", "key", "payments.idempotencykey"),
    ],
    "Orders": [
        _rows("Orders", "receipt_long", "orders.order"),
        _rows("Products", "lunch_dining", "orders.product"),
        _rows("Shops", "storefront", "orders.shop"),
        _rows("Carts", "shopping_cart", "orders.cartitem"),
    ],
    "Books": [
        _rows("Accounts and wallets", "account_balance_wallet", "wallets.account"),
        _rows("Entries", "swap_horiz", "wallets.entry"),
    ],
    "Customers": [
        _rows("People", "group", "auth.user"),
        _rows("Messages", "sms", "notifications.notification"),
        _rows("Preferences", "tune", "notifications.preference"),
    ],
    "House": [
        _rows("Audit log", "history_edu", "audit.act"),
        _rows("Roles", "badge", "auth.group"),
        _away("API documents", "menu_book", reverse_lazy("docs")),
        *([_away("Workers (Flower)", "engineering", FLOWER_URL) | {"permission": _is_operator}] if FLOWER_URL else []),
    ],
}

UNFOLD = {
    "SITE_TITLE": "ChopTym payments",
    "SITE_HEADER": "ChopTym payments",
    "SITE_SYMBOL": "restaurant",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["payments.admin.overview.style_sheet"],
    "DASHBOARD_CALLBACK": "payments.admin.overview.add_overview",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [{"title": title, "separator": bool(title), "items": lines} for title, lines in _MENU.items()],
    },
    # Leaf green, as on the shop windows.
    "COLORS": {
        "primary": {
            "50": "oklch(98.2% .018 155.826)",
            "100": "oklch(96.2% .044 156.743)",
            "200": "oklch(92.5% .084 155.995)",
            "300": "oklch(87.1% .15 154.449)",
            "400": "oklch(79.2% .209 151.711)",
            "500": "oklch(62.7% .194 149.214)",
            "600": "oklch(52.7% .154 150.069)",
            "700": "oklch(44.8% .119 151.328)",
            "800": "oklch(39.3% .095 152.535)",
            "900": "oklch(33.3% .075 152.934)",
            "950": "oklch(26.6% .065 152.934)",
        },
    },
}

__all__ = ["FLOWER_URL", "LOGIN_REDIRECT_URL", "LOGIN_URL", "UNFOLD"]
