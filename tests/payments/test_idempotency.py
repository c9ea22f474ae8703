"""The same request twice gets the same answer once."""

from collections.abc import Callable

import pytest

from choptym.lib.errors import KeyReused, NotAllowed, Rejected
from payments.idempotency import LONGEST_KEY, Reply, answer_once
from payments.models import IdempotencyKey
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-2")]

Ask = Callable[..., Reply]


@pytest.fixture
def done() -> list[int]:
    return []


@pytest.fixture
def ask(done: list[int]) -> Ask:
    user = make_user()

    def act() -> Reply:
        done.append(1)
        return Reply(status=202, body={"payment": {"id": len(done)}}, location=f"/api/payments/{len(done)}/")

    def ask(key: str = "k", path: str = "/api/checkout/", user_id: int = user.pk, **body: object) -> Reply:
        return answer_once(user_id=user_id, key=key, path=path, body=body, act=act)

    return ask


def test_acts_once_and_replays_the_answer(ask: Ask, done: list[int]) -> None:
    first, second = ask(method="fapshi"), ask(method="fapshi")

    assert (first.is_replay, second.is_replay) == (False, True)
    assert (second.status, second.body, second.location) == (202, {"payment": {"id": 1}}, "/api/payments/1/")
    assert done == [1]
    assert IdempotencyKey.objects.count() == 1


def test_the_order_of_the_fields_does_not_matter(ask: Ask) -> None:
    ask(method="fapshi", phone="677000001")

    assert ask(phone="677000001", method="fapshi").is_replay


@pytest.mark.parametrize("changed", [{"method": "campay"}, {"path": "/api/wallet/topups/"}, {"link": True}])
def test_another_request_with_the_same_key_is_refused(ask: Ask, done: list[int], changed: dict[str, str]) -> None:
    ask(method="fapshi")

    with pytest.raises(KeyReused) as caught:
        ask(**{"method": "fapshi", **changed})

    assert (caught.value.code, caught.value.http_status) == ("idempotency_key_reused", 422)
    assert done == [1]


def test_keys_are_each_customers_own(ask: Ask, done: list[int]) -> None:
    ask()

    assert ask(user_id=make_user().pk).is_replay is False
    assert len(done) == 2


def test_another_key_is_another_request(ask: Ask) -> None:
    ask("a")

    assert ask("b").is_replay is False


def test_a_refusal_is_not_kept_and_the_key_may_be_used_again() -> None:
    user = make_user()

    def refuse() -> Reply:
        raise NotAllowed("no", code="sold_out")

    with pytest.raises(NotAllowed):
        answer_once(user_id=user.pk, key="k", path="/", body={}, act=refuse)

    assert not IdempotencyKey.objects.exists()
    reply = answer_once(user_id=user.pk, key="k", path="/", body={"other": 1}, act=lambda: Reply(202, {}))
    assert reply.is_replay is False


@pytest.mark.invariant("INV-4")
def test_what_was_done_and_its_answer_are_kept_together() -> None:
    user = make_user()

    def act() -> Reply:
        make_user(first_name="left over")
        return Reply(status=202, body={"not json": object()})

    with pytest.raises(TypeError):
        answer_once(user_id=user.pk, key="k", path="/", body={}, act=act)

    assert not type(user).objects.filter(first_name="left over").exists()


@pytest.mark.parametrize("key", ["a", "~" * LONGEST_KEY, "0 !{}", "3f1f9b1e-8d0c-4f6c-a5ab-2f1c6d7a4b11"])
def test_takes_every_printable_key(ask: Ask, key: str) -> None:
    assert ask(key).is_replay is False
    assert ask(key).is_replay is True


@pytest.mark.parametrize("key", ["", "x" * (LONGEST_KEY + 1), "é", "a\nb", "a\x00", "☃"])
def test_refuses_a_key_that_is_none(ask: Ask, done: list[int], key: str) -> None:
    with pytest.raises(Rejected) as caught:
        ask(key)

    assert caught.value.code == "idempotency_key_invalid"
    assert list(caught.value.fields) == ["Idempotency-Key"]
    assert done == []
