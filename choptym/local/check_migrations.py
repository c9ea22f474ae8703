"""`make check`: is there a change of a model without its migration? Needs no database.

`manage.py makemigrations --check` alone would look for one, and wait until it does not answer.
"""

import os

import django
from django.conf import settings
from django.core.management import call_command

NEEDED = {
    "SECRET_KEY": "only-for-make-check-and-never-to-sign-anything-at-all-42",
    "ALLOWED_HOSTS": "localhost",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "LOCAL_STACK": "true",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")
    for name, value in NEEDED.items():
        os.environ.setdefault(name, value)
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}}
    django.setup()
    call_command("makemigrations", check_changes=True, dry_run=True)


if __name__ == "__main__":
    main()
