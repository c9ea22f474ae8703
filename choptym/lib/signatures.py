"""Who sent this? Checks that take the same time whether the guess is close or far."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
from jwt.types import Options

from choptym.lib import clock
from choptym.lib.errors import BadSignature

LEEWAY_SECONDS = 60  # between the other side's clock and ours
_NOT_BY_PYJWT: Options = {
    "verify_aud": False, "verify_iss": False, "verify_iat": False, "verify_exp": False, "verify_nbf": False,
}  # fmt: skip


def is_same(given: str | bytes, expected: str | bytes) -> bool:
    """Compare in constant time. Both sides are hashed first, so not even the length shows."""
    return hmac.compare_digest(_digest(given), _digest(expected))


def any_secret_matches(given: str | bytes, secrets: Iterable[str]) -> bool:
    """Try every secret, in order to replace one without an outage. An empty secret matches nothing."""
    matches = [is_same(given, secret) and bool(secret) for secret in secrets]
    return any(matches)


def is_hmac_hex(given: str, message: bytes, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets made this HMAC-SHA256 of exactly these bytes, in lower-case hexadecimal digits."""
    return any_secret_matches(given, [_hmac(secret, message).hex() if secret else "" for secret in secrets])


def is_hmac_base64(given: str, message: bytes, secrets: Iterable[str]) -> bool:
    """The same in Base64, with the usual alphabet and padding."""
    made = [base64.b64encode(_hmac(secret, message)).decode() if secret else "" for secret in secrets]
    return any_secret_matches(given, made)


def is_recent(timestamp: str, within_seconds: float) -> bool:
    """Whether a time as digits, in seconds (ten) or milliseconds (thirteen), lies at most this far off, either way."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 13):
        return False
    seconds = int(timestamp) / (1000 if len(timestamp) > 11 else 1)
    return abs(clock.known().timestamp() - seconds) <= within_seconds


def read_hs256(token: str, keys: Iterable[str]) -> Mapping[str, object]:
    """The claims of a JWT that one of the keys signed with HS256. exp and nbf count when present; no claim is required.

    Raises BadSignature.
    """
    for key in keys:
        if not key:
            continue
        # HMAC fills a short key up with zero bytes anyway; doing it here keeps PyJWT from warning at every call.
        padded = key.encode().ljust(32, b"\0")
        try:
            claims = dict(jwt.decode(token, padded, algorithms=["HS256"], options=_NOT_BY_PYJWT))
            if _is_in_time(claims):
                return claims
        except (jwt.PyJWTError, ArithmeticError, ValueError, TypeError, RecursionError):
            continue  # the next key may be the one
    raise BadSignature("no key made this signature, or it is out of date")


def _is_in_time(claims: Mapping[str, Any]) -> bool:
    """By the time of all our processes; PyJWT would ask this machine's clock. Raises when a claim is no number."""
    now = clock.known().timestamp()
    is_over = "exp" in claims and int(claims["exp"]) <= now - LEEWAY_SECONDS
    is_early = "nbf" in claims and int(claims["nbf"]) > now + LEEWAY_SECONDS
    return not (is_over or is_early)


def _hmac(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode(), message, "sha256")


def _digest(text: str | bytes) -> bytes:
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).digest()
