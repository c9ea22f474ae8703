"""The settings of the tests: tests/conftest.py starts real servers and puts their addresses into the environment."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-the-tests-" + "x" * 40)
os.environ.setdefault("ALLOWED_HOSTS", "127.0.0.1,localhost,testserver")
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault("LOCAL_STACK", "true")
os.environ.setdefault("LOG_LEVEL", "WARNING")
# One customer sends what would be many people's; tests of the throttles set their own.
os.environ.setdefault("READ_THROTTLE", "1000000/min")
os.environ.setdefault("WRITE_THROTTLE", "1000000/min")
os.environ.setdefault("STRANGER_THROTTLE", "1000000/min")
# What a test sets is what holds; tests of the profiles switch them on.
os.environ.setdefault("PAYMENT_PROFILES", "false")

from choptym.settings import *  # noqa: F403

# Every test client starts the middleware anew, and would list all static files each time.
WHITENOISE_AUTOREFRESH = True
