"""The REST API: JSON only, token login, one shape for errors, throttles."""

from choptym.settings import env

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["choptym.lib.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "choptym.lib.api_errors.answer_error",
    "DEFAULT_PAGINATION_CLASS": "choptym.lib.pages.NewestFirst",
    "PAGE_SIZE": 50,
    "DEFAULT_THROTTLE_RATES": {"login": env.text("LOGIN_THROTTLE", "30/min")},
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "ChopTym payments",
    "DESCRIPTION": (
        "Orders, payments and wallets of a food-ordering service. "
        "Amounts are whole minor units beside their currency; XAF has no minor unit. "
        'Errors are {"code", "message", "fields"}.'
    ),
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
}
