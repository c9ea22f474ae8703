"""CamPay's two kinds of JWT: tokens that let a caller in, and signatures of callbacks. Not to be confused."""

import hashlib
import time
import warnings

import jwt
from jwt.warnings import InsecureKeyLengthWarning

from payments.sandbox.clock import Clock

PERMANENT_TOKEN = "sandbox-permanent-token"  # noqa: S105 — a made-up one, the same for everyone
CALLBACK_SECONDS = 3600
APP = "sandbox"


def _as_key(secret: str) -> bytes:
    """A short password must not make the library warn about its length."""
    return hashlib.sha256(secret.encode()).digest()


class Tokens:
    """Access tokens. They carry their own end, so they outlive a restart and a reset of the sandbox."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._key = _as_key(secret)
        self._clock = clock
        self._expires_at: dict[str, float] = {}  # of the tokens seen, to decode each only once

    def issue(self, seconds: int) -> str:
        now = int(self._clock.now())
        return jwt.encode({"iat": now, "nbf": now, "exp": now + seconds}, self._key, algorithm="HS256")

    def is_good(self, token: str) -> bool:
        expires_at = self._expires_at.get(token)
        if expires_at is None:
            expires_at = self._expires_at[token] = self._read_end(token)
        return self._clock.now() < expires_at

    def _read_end(self, token: str) -> float:
        try:
            # The library would compare with the machine's clock; ours may be ahead.
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return 0.0
        return float(claims["exp"])


class Callbacks:
    """Signatures of callbacks: they say when and who, and nothing about the payment.

    Signed in real time, however far the sandbox's clock is ahead: the receiver's is not.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._latest: tuple[int, str] = (0, "")

    def sign(self) -> str:
        """A fresh signature. Two of the same second are equal, as the real ones are."""
        now = int(time.time())
        if self._latest[0] != now:
            self._latest = (now, self._encode(now, self._key))
        return self._latest[1]

    def forge(self, kind: str) -> str:
        """What someone without our key might send; "replayed" is a real signature on another body."""
        now = int(time.time())
        if kind == "replayed":
            return self.sign()
        if kind == "expired_token":
            return self._encode(now - 2 * CALLBACK_SECONDS, self._key)
        if kind == "alg_none":
            return self._encode(now, None)
        return self._encode(now, "guessed-" + self._key[::-1])

    def _encode(self, issued_at: int, key: str | None) -> str:
        claims = {"iat": issued_at, "nbf": issued_at, "exp": issued_at + CALLBACK_SECONDS, "source": "CamPay"}
        with warnings.catch_warnings():
            # The real webhook keys are what they are; ours may be as short.
            warnings.simplefilter("ignore", InsecureKeyLengthWarning)
            return jwt.encode(claims, key, algorithm="none" if key is None else "HS256", headers={"app": APP})
