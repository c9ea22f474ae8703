"""Every promise of docs/invariants.md is claimed by a test, and every claim is of a promise that is there."""

from tests.architecture.claims import DOCUMENT, claimed, told

ALL = [f"INV-{number}" for number in range(1, 11)]
# What the system does not promise yet; the document says so in bold.
NOT_YET: set[str] = set()


def test_the_document_has_every_promise_in_order() -> None:
    assert list(told()) == ALL
    assert DOCUMENT.read_text().count("**Not yet.**") == len(NOT_YET)


def test_every_promise_has_a_test() -> None:
    assert [name for name in ALL if name not in NOT_YET and name not in claimed()] == []


def test_the_document_names_the_tests_that_claim_its_promises() -> None:
    named = {name: files for name, files in told().items() if files}

    assert named == claimed(), "out of date: .venv/bin/python -m tests.architecture.claims"
