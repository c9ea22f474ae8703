"""Whether all ends are the same, and what they must be."""

import difflib
import json
from collections.abc import Sequence
from typing import Any

from tests.anyorder.crowd import Crowd, End
from tests.anyorder.digest import Digest, Kept, summary_of
from tests.anyorder.plans import told_in
from tests.anyorder.stories import LIES, Story

# What a person's decision leaves behind: two messages in place of one, and why it came to that.
_DECIDED = ["payment_accepted", "payment_under_review"]


def judge(crowd: Crowd, *, but: Sequence[tuple[str, str]] = ()) -> None:
    """Every payment of the crowd has come to the end of its story, and all to the same one.

    Where it may hang on what reached us, and when:
    - what `but` names: (table, column), whose reason the test tells
    - a refund that was begun at the gateway is only known by its own events: without any of them nobody here hears of
      it (but for the reconciliation, see tests/payments/reconciliation)
    - who asks before the money is booked, and hears that some of it went back already, leaves it to a person; what the
      person accepts is then the same in all but the words to the customer
    """
    classes: dict[tuple[bool, bool], Digest] = {}
    for end in crowd.ends():
        for table, column in but:
            for row in end.digest[table]:
                del row[column]
        told = told_in(end.member.plan)
        heard = not crowd.story.refunds or bool(told & set(crowd.story.refunds))
        assert_ended(crowd.story, end)
        is_first_end = classes.setdefault((heard, end.member.was_decided), end.digest)
        assert_same(is_first_end, end)
        assert_kept(crowd.story, end)
    for heard in (True, False):
        if (heard, True) in classes and (heard, False) in classes:
            assert without_words(classes[heard, True]) == without_words(classes[heard, False])
    assert crowd.new_breaks() == []


def assert_ended(story: Story, end: End) -> None:
    expected = dict(story.ends_after(told_in(end.member.plan)))
    if end.member.was_decided:
        others = [kind for kind in expected["told"] if kind != "payment_settled"]
        expected["told"] = sorted([*_DECIDED, *others])
    assert summary_of(end.digest) == expected, f"{story.name}: after {end.member.plan}"


def assert_same(expected: Digest, end: End) -> None:
    assert _plain(end.digest) == _plain(expected), f"after {end.member.plan}:\n{_difference(expected, end.digest)}"


def assert_kept(story: Story, end: End) -> None:
    """Each event that was told, however often, is kept once, and nothing is left to do for it."""
    expected = sorted(_kept(end, name) for name in told_in(end.member.plan))
    assert end.events == expected, f"{story.name}: after {end.member.plan}"


def _kept(end: End, name: str) -> Kept:
    if lie := LIES.get(name):
        return (lie.word, "MATCHED" if lie.is_ours else "UNCLAIMED", lie.is_ours)
    return (end.member.read[name].word, "MATCHED", True)


def without_words(digest: Digest) -> dict[str, Any]:
    """Without what is said of it: messages, and the reason why a person had to look."""
    payments = [{**payment, "problem": ""} for payment in digest["payments"]]
    return {**digest, "payments": payments, "told": []}


def number_of_ends(ends: Sequence[End]) -> int:
    return len({_plain(end.digest) for end in ends})


def _plain(digest: Digest) -> str:
    return json.dumps(digest, sort_keys=True)


def _difference(one: Digest, other: Digest) -> str:
    before, after = (json.dumps(digest, indent=1, sort_keys=True).splitlines() for digest in (one, other))
    return "\n".join(
        line for line in difflib.unified_diff(before, after, n=0, lineterm="") if not line.startswith("@@")
    )
