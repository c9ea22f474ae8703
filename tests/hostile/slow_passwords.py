"""A web process in which a password takes a second to check, as the settings of its own say."""

import hashlib
import time

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from choptym.lib.hashers import FewAtOnce

HASH_SECONDS = 1.0


class Sleeping(PBKDF2PasswordHasher):
    """Asleep it takes the same time on every machine, and no core from those who look at the clock."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        time.sleep(HASH_SECONDS)
        return f"{self.algorithm}${self.iterations}${salt}${hashlib.sha256(password.encode()).hexdigest()}"


class FewSleeping(FewAtOnce, Sleeping):
    """Ours, with that one below it."""
