"""The REST API: JSON only, token login, one shape for errors, throttles."""

from choptym.settings import env

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["choptym.lib.tokens.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["choptym.lib.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "choptym.lib.negotiation.PlainNegotiation",
    "DEFAULT_SCHEMA_CLASS": "choptym.lib.openapi.Schema",
    "EXCEPTION_HANDLER": "choptym.lib.api_errors.answer_error",
    "DEFAULT_PAGINATION_CLASS": "choptym.lib.pages.NewestFirst",
    "PAGE_SIZE": 50,
    "DEFAULT_THROTTLE_CLASSES": ["choptym.lib.throttle.RequestThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "login": env.rate("LOGIN_THROTTLE", "30/min"),
        # Many customers share the address of their operator: this one only slows whoever tries many names.
        "login_address": env.rate("LOGIN_ADDRESS_THROTTLE", "600/min"),
        # More than a person with an app can do, and less than a program can: for each customer by themselves.
        "read": env.rate("READ_THROTTLE", "600/min"),
        "write": env.rate("WRITE_THROTTLE", "120/min"),
        # Without a login there is only the address, and five thousand may be behind one.
        "stranger": env.rate("STRANGER_THROTTLE", "20000/min"),
    },
    "NUM_PROXIES": env.integer("NUM_PROXIES", 1, minimum=0),
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# Whoever follows a payment is told when to ask again, so that all who wait ask so often together. One such answer
# takes about one millisecond of a core.
STATUS_READS_PER_SECOND = env.integer("STATUS_READS_PER_SECOND", 100, minimum=1)

SPECTACULAR_SETTINGS = {
    "TITLE": "ChopTym payments",
    "DESCRIPTION": (
        "Orders, payments and wallets of a food-ordering service. "
        "Amounts are whole minor units beside their currency; XAF has no minor unit. "
        'Errors are {"code", "message", "fields"}. Log in at /api/auth/token/, then send `Authorization: Token …`. '
        "Times are ISO 8601 with their offset. New fields and new codes may be added; none changes its meaning."
    ),
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,  # our PATCH wants what it names
    "PATH_CONVERTER_OVERRIDES": {"bigint": {"type": "integer", "format": "int64", "minimum": 1}},
    "PREPROCESSING_HOOKS": ["payments.openapi.add_event_stream"],
    "POSTPROCESSING_HOOKS": [],  # enums have the names that their fields give them
}
