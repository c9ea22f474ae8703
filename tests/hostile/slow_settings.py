"""The settings of a web process that checks passwords as in a deployment, only that each takes a second."""

from choptym.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.hostile.slow_passwords.FewSleeping"]
