"""Every address of the service, and who is let in: the matrix as data. An address without a line fails the tests.

API: a line for each method that an address answers, and the status that each asker gets with an empty body. 400 is the
answer to a body that says nothing, so whoever gets it was let in. The askers, in order: anonymous, inactive, another
customer, staff without a role, support, finance, operators, superuser, and the customer whose rows they are.
"""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

ROLES = ("support", "finance", "operators")
ASKERS = ("anonymous", "inactive", "other", "roleless", *ROLES, "superuser", "customer")  # the owner last: they change

API_TABLE = """
                                                                       who: a   i   o   r   s   f   op  su  c
POST   api/auth/token/                                                400 400 400 400 400 400 400 400 400
GET    api/products/                                                  200 200 200 200 200 200 200 200 200
GET    api/cart/                                                      401 401 200 200 200 200 200 200 200
POST   api/cart/                                                      401 401 400 400 400 400 400 400 400
PATCH  api/cart/<bigint:line_id>/                                     401 401 400 400 400 400 400 400 400
DELETE api/cart/<bigint:line_id>/                                     401 401 404 404 404 404 404 404 204
GET    api/orders/                                                    401 401 200 200 200 200 200 200 200
GET    api/orders/<bigint:order_id>/                                  401 401 404 404 404 404 404 404 200
GET    api/wallet/                                                    401 401 200 200 200 200 200 200 200
GET    api/wallet/transactions/                                       401 401 200 200 200 200 200 200 200
POST   api/wallet/topups/                                             401 401 400 400 400 400 400 400 400
POST   api/checkout/                                                  401 401 400 400 400 400 400 400 400
GET    api/payments/                                                  401 401 200 200 200 200 200 200 200
GET    api/payments/<bigint:payment_id>/                              401 401 404 404 404 404 404 404 200
GET    api/payments/<bigint:payment_id>/events/                       307 307 307 307 307 307 307 307 307
POST   api/payments/<bigint:payment_id>/cancel/                       401 401 404 404 404 404 404 404 200
GET    api/payments/<bigint:payment_id>/refunds/                      401 401 403 403 403 200 403 200 403
POST   api/payments/<bigint:payment_id>/refunds/                      401 401 403 403 403 400 403 400 403
GET    api/payments/<bigint:payment_id>/refunds/<bigint:refund_id>/   401 401 403 403 403 200 403 200 403
POST   api/payment/queue/stop                                         401 401 403 403 403 403 400 400 403
POST   api/payment/queue/drain                                        401 401 403 403 403 403 400 400 403
POST   api/payment/queue/resume                                       401 401 403 403 403 403 400 400 403
POST   api/payment/queue/set                                          401 401 403 403 403 403 400 400 403
POST   api/payment/queue/profile                                      401 401 403 403 403 403 400 400 403
POST   api/payment/queue/clear-completed                              401 401 403 403 403 403 400 400 403
GET    api/payment/queue/status                                       200 200 200 200 200 200 200 200 200
GET    api/payment/metrics                                            200 200 200 200 200 200 200 200 200
GET    api/schema/                                                    200 401 200 200 200 200 200 200 200
GET    api/docs/                                                      200 401 200 200 200 200 200 200 200
GET    health/live                                                    200 200 200 200 200 200 200 200 200
GET    health/ready                                                   200 200 200 200 200 200 200 200 200
GET    health/db                                                      200 200 200 200 200 200 200 200 200
GET    metrics                                                        200 200 200 200 200 200 200 200 200
GET    return/                                                        200 200 200 200 200 200 200 200 200
GET                                                                   302 302 302 302 302 302 302 302 302
GET    webhooks/<slug:gateway>/                                       404 404 404 404 404 404 404 404 404
POST   webhooks/<slug:gateway>/                                       404 404 404 404 404 404 404 404 404
"""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# A view of Django's that answers every method alike: it only sends to the documents.
ANY_METHOD = {""}

# Lists and pages of each model: who sees (v), adds (a) and changes (c) its rows by hand. A superuser sees all, and adds
# and changes where anybody may; nobody deletes.
MODEL_TABLE = """
                                 support finance operators superuser
audit.act                        -       v       v         v
auth.group                       -       -       -         vac
auth.user                        v       v       v         vac
notifications.notification       v       v       v         v
notifications.preference         v       v       vac       vac
orders.cartitem                  v       v       v         v
orders.order                     v       v       v         v
orders.orderitem                 v       v       v         v
orders.product                   v       v       vac       vac
orders.shop                      v       v       vac       vac
payments.alert                   v       v       v         v
payments.bulkupload              v       v       v         v
payments.deadletter              v       v       v         v
payments.idempotencykey          v       v       v         v
payments.payment                 v       v       v         v
payments.paymentattempt          v       v       v         v
payments.queuecontrol            v       v       v         v
payments.reconciliation          v       v       v         v
payments.reconciliationbreak     v       v       v         v
payments.refund                  v       v       v         v
payments.webhookevent            v       v       v         v
payments.worker                  v       v       v         v
wallets.account                  v       v       v         v
wallets.entry                    v       v       v         v
"""

# Our own pages and Django's others: x is let in. A superuser always is.
PAGE_TABLE = """
                                                                          roleless support finance operators
                                                                          x        x       x       x
autocomplete/                                                             -        x       x       x
dashboard/                                                                -        x       x       x
dashboard/pictures/                                                       -        x       x       x
jsi18n/                                                                   x        x       x       x
logout/                                                                   x        x       x       x
password_change/                                                          x        x       x       x
password_change/done/                                                     x        x       x       x
r/<path:content_type_id>/<path:object_id>/                                x        x       x       x
search/                                                                   x        x       x       x
auth/user/<id>/password/                                                  -        -       -       -
auth/user/<path:object_id>/credit/                                        -        -       x       -
auth/user/<path:object_id>/log_out_everywhere/                            -        -       -       -
notifications/notification/<path:object_id>/send_again/                   -        x       -       x
notifications/notification/send_again/                                    -        x       -       x
orders/product/<path:object_id>/restock/                                  -        -       -       x
payments/alert/<int:pk>/mute/                                             -        -       -       x
payments/alert/<path:object_id>/mute/                                     -        -       -       x
payments/bulkupload/<int:upload_id>/result.csv                            -        x       x       x
payments/bulkupload/<path:object_id>/discard/                             -        -       x       -
payments/bulkupload/<path:object_id>/start/                               -        -       x       -
payments/bulkupload/upload/                                               -        -       x       -
payments/deadletter/<path:object_id>/replay/                              -        -       x       x
payments/deadletter/replay/                                               -        -       x       x
payments/payment/<bigint:payment_id>/review/<str:decision>/               -        -       x       -
payments/payment/<bigint:payment_id>/surplus/<bigint:attempt_id>/         -        -       x       -
payments/payment/<path:object_id>/refund/                                 -        -       x       -
payments/payment/without-outcome/                                         -        x       x       x
payments/queuecontrol/act/<str:act>/                                      -        -       -       x
payments/queuecontrol/clear/                                              -        -       -       x
payments/queuecontrol/profile/                                            -        -       -       x
payments/reconciliation/<int:pk>/breaks.csv                               -        x       x       x
payments/reconciliation/<path:object_id>/download/                        -        x       x       x
payments/reconciliation/<path:object_id>/run_again/                       -        -       x       -
payments/reconciliation/ask/                                              -        -       x       -
payments/reconciliation/reconcile_a_day/                                  -        -       x       -
payments/reconciliationbreak/<path:object_id>/book_fee/                   -        -       x       -
payments/reconciliationbreak/<path:object_id>/close/                      -        -       x       -
payments/reconciliationbreak/close/                                       -        -       x       -
payments/reconciliationbreak/fee/                                         -        -       x       -
payments/refund/<path:object_id>/resolve/                                 -        -       x       -
payments/worker/<int:pk>/forget/                                          -        -       -       x
payments/worker/<path:object_id>/forget/                                  -        -       -       x
"""
# Open to all: the page that asks who one is. What is no page is 404 to staff, and the login page to all others.
OPEN_PAGES = {"login/"}
NO_PAGE = {"(?P<url>.*)$"}
OF_MODELS = (
    "",
    "add/",
    "<path:object_id>/",
    "<path:object_id>/change/",
    "<path:object_id>/delete/",
    "<path:object_id>/history/",
)


def routes(patterns: list[URLPattern | URLResolver] | None = None, prefix: str = "") -> Iterator[str]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        else:
            yield route


def api_table() -> dict[tuple[str, str], dict[str, int]]:
    """Status by (method, route) and asker."""
    _, *lines = API_TABLE.strip("\n").splitlines()
    found = {}
    for line in lines:
        match = re.fullmatch(r"([A-Z]+) +(\S*?) *((?: +[0-9]{3}){9})", line)
        assert match, line
        found[match[1], match[2]] = dict(zip(ASKERS, map(int, match[3].split()), strict=True))
    return found


def model_table() -> dict[str, dict[str, str]]:
    names, *lines = MODEL_TABLE.strip("\n").splitlines()
    return {line.split()[0]: dict(zip(names.split(), line.split()[1:], strict=True)) for line in lines}


def page_table() -> dict[str, dict[str, bool]]:
    names, *lines = PAGE_TABLE.strip("\n").splitlines()
    found = {}
    for line in lines:
        route, marks = line[:74].strip(), line[74:].split()
        found[route] = dict(zip(names.split(), (mark == "x" for mark in marks), strict=True)) | {"superuser": True}
    return found


def admin_routes() -> set[str]:
    """Below admin/, without those that every model has."""
    below = {route.removeprefix("admin/") for route in routes() if route.startswith("admin/")}
    every = {f"{name.replace('.', '/')}/{end}" for name in model_table() for end in OF_MODELS}
    lists = {route for route in below if "app_label" in route}
    return below - every - lists
