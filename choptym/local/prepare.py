"""Make the tables and the demo's people and menu, in one process: loading Django twice would cost a second."""

import os

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "choptym.settings")
    django.setup()
    call_command("migrate", verbosity=1)
    call_command("seed_demo")


if __name__ == "__main__":
    main()
