"""What the network door tells of each request that left it."""

from collections.abc import Callable

import pytest

from choptym.lib.errors import Unavailable
from choptym.lib.outbound import Door
from tests.lib.peers import answer_with, free_port, serve, stay_silent

Told = list[tuple[str, str, str, float]]


def door_that_tells() -> tuple[Door, Told]:
    told: Told = []
    note: Callable[[str, str, str, float], None] = lambda *what: told.append(what)  # noqa: E731
    return Door(total_seconds=0.4, read_seconds=0.2, tell=note), told


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "2xx"), (204, "2xx"), (404, "4xx"), (429, "429"), (500, "5xx"), (503, "5xx")]
)
def test_an_answer_is_told_by_its_kind(status: int, outcome: str) -> None:
    door, told = door_that_tells()
    with serve(answer_with(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())) as peer:
        door.call("GET", f"{peer.url}/orders/7", headers={})

    assert [what[:3] for what in told] == [("GET", f"{peer.url}/orders/7", outcome)]
    assert 0 < told[0][3] < 1


def test_silence_after_the_request_is_no_answer() -> None:
    door, told = door_that_tells()
    with serve(stay_silent) as peer, pytest.raises(Unavailable):
        door.call("POST", peer.url, headers={}, body=b"{}")

    assert [what[2] for what in told] == ["no_answer"]
    assert told[0][3] >= 0.1


def test_what_nobody_listens_to_was_not_sent() -> None:
    door, told = door_that_tells()
    with pytest.raises(Unavailable):
        door.call("POST", f"http://127.0.0.1:{free_port()}", headers={}, body=b"{}")

    assert [what[2] for what in told] == ["not_sent"]
