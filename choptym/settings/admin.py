"""The pages of staff: their looks, and where they find what is no page of ours."""

from choptym.settings import env

# The operators' view of the workers. Empty: no link to it.
FLOWER_URL = env.url("FLOWER_URL", "")
# Who may look at it, as name:password; and whether they may stop workers and revoke tasks there (see flowerconfig.py).
FLOWER_BASIC_AUTH = [one.strip() for one in env.secret("FLOWER_BASIC_AUTH", "").split(",") if one.strip()]
FLOWER_MAY_WRITE = env.flag("FLOWER_MAY_WRITE", default=False)
FLOWER_WITHOUT_LOGIN = env.flag("FLOWER_WITHOUT_LOGIN", default=False)
if any(":" not in one for one in FLOWER_BASIC_AUTH):
    env.problem("FLOWER_BASIC_AUTH must be name:password, with commas between several")

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

UNFOLD = {
    "SITE_TITLE": "ChopTym payments",
    "SITE_HEADER": "ChopTym payments",
    "SITE_SYMBOL": "restaurant",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "payments.admin.overview.favicon"}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["payments.admin.overview.style_sheet"],
    "DASHBOARD_CALLBACK": "payments.admin.overview.add_overview",
    "SIDEBAR": {"show_search": True, "navigation": "payments.admin.menu.menu"},
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

__all__ = [
    "FLOWER_BASIC_AUTH",
    "FLOWER_MAY_WRITE",
    "FLOWER_URL",
    "FLOWER_WITHOUT_LOGIN",
    "LOGIN_REDIRECT_URL",
    "LOGIN_URL",
    "UNFOLD",
]
