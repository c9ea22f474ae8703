"""Several clocks tick at once: a period has one sample all the same, and nobody fails."""

import pytest

from payments.models import Sample
from payments.samples import take_sample
from tests.races.track import at_once, slowed

pytestmark = pytest.mark.usefixtures("silent_gateways")


def test_of_four_at_once_one_sample_of_a_period_is_kept() -> None:
    with slowed("payments_sample", "INSERT"):
        answers = at_once(*[take_sample] * 4)

    assert set(answers) <= {True, False}, answers
    assert answers.count(True) > 1, "all have looked before the first one wrote"
    assert Sample.objects.count() <= 2, "two only when a period ended meanwhile"
