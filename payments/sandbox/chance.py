"""Luck without a stream: every roll is a hash of the seed and of what is rolled for.

So the same seed gives the same world however calls interleave: a payment's fate depends on its own reference, not on
which other payments came first.
"""

import uuid
from hashlib import blake2b
from string import ascii_letters, digits

ALPHANUMERIC = ascii_letters + digits
HEX = "0123456789abcdef"


class Chance:
    def __init__(self, seed: int, gateway: str) -> None:
        self._salt = f"{seed}|{gateway}|"

    def _number(self, key: str, what: str, size: int) -> int:
        # A reference may hold half a character, as JSON can.
        text = f"{self._salt}{key}|{what}".encode(errors="surrogatepass")
        return int.from_bytes(blake2b(text, digest_size=size).digest(), "big")

    def roll(self, key: str, what: str) -> float:
        """A number of [0, 1) that is always the same for this seed, gateway, key and purpose."""
        return (self._number(key, what, 8) >> 11) / (1 << 53)

    def happens(self, rate: float, key: str, what: str) -> bool:
        """True for that share of the keys; free of cost while the rate is 0."""
        return rate > 0 and self.roll(key, what) < rate

    def word(self, alphabet: str, length: int, key: str, what: str) -> str:
        number = self._number(key, what, 32)
        letters = []
        for _ in range(length):
            number, index = divmod(number, len(alphabet))
            letters.append(alphabet[index])
        return "".join(letters)

    def uuid4(self, key: str, what: str) -> str:
        return str(uuid.UUID(int=self._number(key, what, 16), version=4))
