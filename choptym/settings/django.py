"""Django itself: apps, middleware, authentication, time, languages."""

from pathlib import Path

from choptym.settings import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# True only in the stack that make demo, make up and make test start: demo customers and known passwords live there.
LOCAL_STACK = env.flag("LOCAL_STACK", default=False)
# Where a test says at which points processes are to kill themselves (docs/adr/0032). Empty: there are no such points.
FAILPOINTS_DIR = env.text("FAILPOINTS_DIR", "")
if FAILPOINTS_DIR and not LOCAL_STACK:
    env.problem("FAILPOINTS_DIR is set, and this is no local stack: processes would kill themselves")
DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY")
if SECRET_KEY and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10 or SECRET_KEY.startswith("django-insecure-")):
    env.problem("SECRET_KEY is weak: take 50 characters by chance or more")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost" if LOCAL_STACK else "")
if not ALLOWED_HOSTS:
    env.problem("ALLOWED_HOSTS is not set")
# Its pages show settings and the variables of every frame.
if DEBUG and not set(ALLOWED_HOSTS) <= {"127.0.0.1", "localhost", "[::1]", "testserver"}:
    env.problem("DEBUG=true is only for a host that nobody else reaches: ALLOWED_HOSTS=127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
# Requests that a web process works on at a time: short ones, such as looks at a payment and webhooks, and all others.
WEB_SHORT_PLACES = env.integer("WEB_SHORT_PLACES", 4, minimum=1, maximum=200)
WEB_PLACES = env.integer("WEB_PLACES", 8, minimum=1, maximum=200)
# Where customers reach us: return addresses of payment links are built from it.
PUBLIC_URL = env.url("PUBLIC_URL", "")
# Where the event-stream process listens; the web process sends clients there. Empty: a proxy routes by path.
EVENTS_URL = env.url("EVENTS_URL", "")

# Who works in the background answers no request: without the admin's pages it is some 13 MB smaller.
PROCESS_ROLE = env.text("PROCESS_ROLE", "choptym")
IS_WORKER = PROCESS_ROLE.startswith("worker") or PROCESS_ROLE == "beat"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig" if IS_WORKER else "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "choptym.audit",
    "orders",
    "wallets",
    "notifications",
    "payments",
]

MIDDLEWARE = [
    "choptym.lib.timing.time_requests",
    "django.middleware.security.SecurityMiddleware",
    "payments.webhook.go_straight",
    "payments.look.look_straight",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "choptym.lib.malformed.refuse_malformed",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "choptym.lib.throttle.WaitPage",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "choptym.urls"
WSGI_APPLICATION = "choptym.wsgi.application"
ASGI_APPLICATION = "choptym.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "choptym.lib.tokens.TokensEnd"},
]
PASSWORD_HASHERS = ["choptym.lib.hashers.FewAtOnce"]
if LOCAL_STACK:
    # 200 customers are made at every first start, all with one known password: a slow hash would only cost time there.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
TIME_ZONE = "Africa/Douala"
USE_I18N = True
USE_TZ = True
# One way to show a time, with its zone: choptym/formats.
FORMAT_MODULE_PATH = "choptym.formats"

STATIC_URL = "static/"
# A deployment collects the static files once; a local stack serves them from where they are.
STATIC_ROOT = None if LOCAL_STACK else BASE_DIR / ".static"
WHITENOISE_USE_FINDERS = LOCAL_STACK

# The largest body we read: an order is a few hundred bytes.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not (LOCAL_STACK or DEBUG)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if LOCAL_STACK or DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
SECURE_CONTENT_TYPE_NOSNIFF = True
# Addresses of the admin hold what staff searched for: no Referer carries them into a log, nginx's neither.
SECURE_REFERRER_POLICY = "strict-origin"
X_FRAME_OPTIONS = "DENY"
