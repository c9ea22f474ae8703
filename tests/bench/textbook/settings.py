"""Django's and Celery's settings: what a good tutorial sets."""

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["TEXTBOOK_DATABASE_URL"])

SECRET_KEY = "x" * 50
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.bench.textbook.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "tests.bench.textbook"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path.strip("/"),
        "USER": _database.username,
        "PASSWORD": _database.password,
        "HOST": _database.hostname,
        "PORT": _database.port,
        "CONN_MAX_AGE": None,
    }
}
# No migrations: the tables are made as the models are.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

WEBHOOK_SECRET = os.environ["TEXTBOOK_WEBHOOK_SECRET"]
SMS_URL = os.environ["TEXTBOOK_SMS_URL"]

CELERY_BROKER_URL = os.environ["TEXTBOOK_REDIS_URL"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
