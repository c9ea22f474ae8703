"""Counting tries: one name in all its spellings, over all processes."""

import pytest
from rest_framework.settings import api_settings

from choptym.lib.jobs import redis
from choptym.lib.throttle import Tries, same
from tests.brokers import without_redis


@pytest.mark.parametrize("spelling", ["ada", " ada", "ADA\t", "\u00a0ada\u2003", "\uff41da"])
def test_one_name_has_one_count(spelling: str) -> None:
    assert same(spelling) == "ada"


def test_too_many_tries_of_a_name_have_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in redis().scan_iter("choptym:tries:login:*"):
        redis().delete(key)
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "login", "3/hour")

    waits = [Tries("login").seconds_to_wait(name) for name in ("ada", " Ada", "ADA ", "ada\t", "bob")]

    assert waits[:3] == [0, 0, 0]
    assert 0 < waits[3] <= 3600
    assert waits[4] == 0
    # What is counted is forgotten when its time is over: nobody else clears it away.
    left = [redis().ttl(key) for key in redis().scan_iter("choptym:tries:login:*")]
    assert len(left) == 2
    assert all(0 < seconds <= 3601 for seconds in left)


def test_without_redis_everybody_may_log_in() -> None:
    with without_redis():
        assert Tries("login").seconds_to_wait("ada") == 0
