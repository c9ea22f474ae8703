"""What rises is named; what breathes is not."""

import pytest

from tests.chaos.soak import Figures, _others, _rises

FLAT = (100.0, 104.0, 101.0, 103.0, 100.0, 104.0, 102.0, 101.0, 103.0)
RISING = tuple(100.0 + 3 * number for number in range(9))


@pytest.mark.parametrize("name", ["memory_mib", "open_files", "threads"])
def test_what_rises_is_named(name: str) -> None:
    assert _rises([Figures("beat", name, list(FLAT))], "at rest") == []
    assert _rises([Figures("beat", name, list(RISING))], "at rest") == [
        f"at rest: {name} of beat rose by 18.0 to 124.0"
    ]


def test_what_fills_to_a_known_size_may() -> None:
    """Flower's list of tasks; its files may not."""
    assert _rises([Figures("flower", "memory_mib", list(RISING))], "under load") == []
    assert _rises([Figures("flower", "open_files", list(RISING))], "under load") != []
    assert _rises([Figures("flower", "memory_mib", [100.0 + 9 * number for number in range(9)])], "under load") != []


def test_a_process_that_was_started_again_has_not_stood_still() -> None:
    assert _others({"web": 1, "beat": 2}, {"web": 1, "beat": 2, "worker": 3}) == []
    assert _others({"web": 1, "beat": 2}, {"web": 4}) == ["web", "beat"]
