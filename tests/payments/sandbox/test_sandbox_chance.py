"""payments.sandbox.chance: the same seed gives the same world, in any order of arrival."""

import random

from hypothesis import given
from hypothesis import strategies as st

from payments.sandbox.chance import Chance
from tests.payments.sandbox.sandbox_client import CamPayMerchant, Control, FapshiMerchant

REFERENCES = [f"order-{number}" for number in range(24)]


def run_world(control: Control, fapshi: FapshiMerchant, seed: int, references: list[str]) -> dict[str, object]:
    """What becomes of these payments: the answer of the call, and the state in the books."""
    control.post("reset", seed=seed)
    control.turn(
        "fapshi", webhook_url=None, approval_delay_ms=5, approval_jitter_ms=10, refusal_rate=0.4, error_rate=0.2,
        wrong_amount_rate=0.2,
    )  # fmt: skip
    answers = {reference: fapshi.pay(externalId=reference).status_code for reference in references}
    control.advance(10)
    facts = {
        entry["reference"]: (entry["gateway_id"], entry["state"], entry["amount_minor"])
        for entry in control.entries("fapshi")
    }
    return {reference: (status, facts.get(reference)) for reference, status in answers.items()}


def test_the_same_seed_gives_the_same_world_in_any_order(control: Control, fapshi: FapshiMerchant) -> None:
    shuffled = random.Random(7).sample(REFERENCES, len(REFERENCES))

    assert run_world(control, fapshi, 1, REFERENCES) == run_world(control, fapshi, 1, shuffled)


def test_another_seed_gives_another_world(control: Control, fapshi: FapshiMerchant) -> None:
    assert run_world(control, fapshi, 1, REFERENCES) != run_world(control, fapshi, 2, REFERENCES)


def test_a_repeated_call_can_have_better_luck(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", error_rate=0.5)

    assert {fapshi.pay(externalId="same").status_code for _ in range(20)} == {200, 500}


def test_gateways_have_luck_of_their_own(control: Control, fapshi: FapshiMerchant, campay: CamPayMerchant) -> None:
    for gateway in ("fapshi", "campay"):
        control.turn(gateway, error_rate=0.5)

    lucky = {
        (fapshi.pay(externalId=reference).ok, campay.collect(external_reference=reference).ok)
        for reference in REFERENCES
    }
    assert len(lucky) == 4


@given(seed=st.integers(), key=st.text(), rate=st.floats(0, 1))
def test_a_roll_is_repeatable_and_a_rate_is_monotonic(seed: int, key: str, rate: float) -> None:
    chance = Chance(seed, "fapshi")
    roll = chance.roll(key, "error")

    assert roll == Chance(seed, "fapshi").roll(key, "error")
    assert 0 <= roll < 1
    assert chance.happens(rate, key, "error") == (roll < rate)
    assert chance.happens(1, key, "error")
    assert not chance.happens(0, key, "error")


def test_rates_are_met_in_the_long_run() -> None:
    chance = Chance(1, "fapshi")

    hits = sum(chance.happens(0.1, f"order-{number}", "error") for number in range(10_000))

    assert 900 < hits < 1_100
