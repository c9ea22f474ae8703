"""/api/schema/: what drf-spectacular's own view would answer, made once, the same for everybody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import gettext_lazy, trans_real
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.views import SpectacularAPIView
from rest_framework.test import APIRequestFactory

from choptym import api_document

pytestmark = pytest.mark.django_db

ACCEPTED = ["*/*", "application/yaml", "application/vnd.oai.openapi+json", "application/json,*/*"]


@pytest.fixture(autouse=True)
def unmade(silent_gateways: None) -> Iterator[None]:
    """Others make it with other gateways."""
    api_document._document.cache_clear()
    yield
    api_document._document.cache_clear()


def ask(path: str = "/api/schema/", **headers: str) -> Any:
    return Client(headers=headers).get(path)


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_it_is_what_the_generator_makes(accepted: str) -> None:
    own = SpectacularAPIView.as_view()(APIRequestFactory().get("/api/schema/", headers={"Accept": accepted})).render()

    answer = ask(Accept=accepted)

    assert answer.status_code == 200
    assert answer.content == own.content
    assert len(answer.content) > 50_000
    for header in ("Content-Type", "Content-Disposition"):
        assert answer[header] == own[header]
    assert "Accept" in answer["Vary"]


@pytest.mark.parametrize("query", ["version=9", "version=%0a", "lang=fr", "lang=xx-nobody", "version=%0d%0aA:b&lang="])
def test_a_query_changes_nothing(query: str) -> None:
    answer = ask(f"/api/schema/?{query}")

    assert (answer.status_code, answer.content) == (200, ask().content)
    assert "xx-nobody" not in trans_real._translations  # type: ignore[attr-defined]


def test_it_is_english_whoever_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectacular_settings, "DESCRIPTION", gettext_lazy("Password"))

    answer = ask(Accept_Language="fr")

    assert b"description: Password\n" in answer.content


def test_it_is_made_once_also_for_those_who_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = SchemaGenerator.get_schema

    def count(*of: Any, **how: Any) -> Any:
        made.append(1)
        return make(*of, **how)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(SchemaGenerator, "get_schema", count)

    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(ask, [f"/api/schema/?a={number}" for number in range(5)]))

    assert {answer.status_code for answer in answers} == {200}
    assert made == [1]


def test_who_has_it_is_told_so() -> None:
    tag = ask()["ETag"]

    again, other = ask(If_None_Match=tag), ask(If_None_Match=tag, Accept="application/json")

    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200
    assert other["ETag"] != tag


def test_the_page_shows_it() -> None:
    page = ask("/api/docs/", Accept="text/html")

    assert page.status_code == 200
    assert 'url: "/api/schema/"' in page.content.decode().replace("\\u002D", "-")
