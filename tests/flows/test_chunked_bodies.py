"""Bodies sent in chunks, over real HTTP: the web process says that it wants their length, and nothing is half read."""

import json
import uuid
from collections.abc import Iterator

import pytest
import requests

from tests.flows.hooks import NOBODYS, events, secret
from tests.live import Live


def chunks(body: object) -> Iterator[bytes]:
    """requests sends what it cannot measure in chunks."""
    yield json.dumps(body).encode()


def test_a_signed_webhook_in_chunks_is_told_to_send_its_length(live: Live) -> None:
    body = {"transId": "chunky0001", "status": "SUCCESSFUL", "externalId": NOBODYS.format(1)}
    address, headers = f"{live.stack.web}/webhooks/fapshi/", {"Content-Type": "application/json", **secret(live)}

    refused = requests.post(address, data=chunks(body), headers=headers, timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (411, "length_required")
    assert events(live, "chunky0001") == []

    taken = requests.post(address, data=b"".join(chunks(body)), headers=headers, timeout=10)
    assert taken.status_code == 200


@pytest.mark.parametrize("process", ["web", "events"])
@pytest.mark.parametrize("path", ["/api/checkout/", "/api/wallet/topups/", "/api/cart/", "/api/auth/token/", "/none"])
def test_no_address_reads_a_body_in_chunks(live: Live, process: str, path: str) -> None:
    customer = live.customer()
    headers = {"Authorization": f"Token {customer.token}", "Content-Type": "application/json"}
    headers |= {"Idempotency-Key": str(uuid.uuid4()), "Accept-Language": "fr"}

    answer = requests.post(f"{getattr(live.stack, process)}{path}", data=chunks({}), headers=headers, timeout=10)

    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")
    assert "morceaux" in answer.json()["message"]


def test_without_a_body_no_length_is_wanted(live: Live) -> None:
    """As curl -X POST sends it: neither a length nor chunks."""
    answer = requests.post(f"{live.stack.web}/api/cart/", timeout=10)
    assert answer.status_code == 401
