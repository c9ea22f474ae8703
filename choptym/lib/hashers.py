"""To check a password is slow on purpose. Few are checked at once, so that a flood leaves threads to payments."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from choptym.lib.places import Places

# Of a web process's eight threads at most four: two that work, for which there are hardly more cores, two that wait.
PLACES = Places(most=2, waiting=2, wait_seconds=1.0)


class FewAtOnce(PBKDF2PasswordHasher):
    """Django's own, its hashes included. Whoever checks or sets a password comes by here, whichever the door."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Raises Throttled when no place gets free."""
        with PLACES.taken():
            return super().encode(password, salt, iterations)
