"""Texts without Apprise: what its json:// would send, over connections that stay open."""

import json
import socket
import time
from collections.abc import Callable

import apprise
import pytest

from notifications.channels import DeliveryFailed, Letter
from notifications.channels.texts import send_to
from tests.lib.peers import OK, Peer, answer_with, free_port, serve
from tests.payments.gateways.sandbox import canned

LETTER = Letter(address="677000001", subject="Commande CT-000042 payée", text="Merci !\nNous avons reçu 2 500 FCFA.")


def test_it_is_what_apprise_sends() -> None:
    with canned((200, {})) as sink:
        address = f"json{sink.url.removeprefix('http')}/sms/237677000001"
        send_to(address, LETTER)
        theirs = apprise.Apprise()
        theirs.add(address)
        assert theirs.notify(title=LETTER.subject, body=LETTER.text)

    ours, apprises = sink.asked
    assert ours[:2] == apprises[:2]
    assert json.loads(ours[3]) == json.loads(apprises[3])
    for name in ("User-Agent", "Content-Type", "Accept", "Host"):
        assert ours[2][name] == apprises[2][name]


def test_a_token_arrives_as_it_is() -> None:
    with canned((200, {})) as sink:
        send_to(f"json{sink.url.removeprefix('http')}/push/a%2Fb%3Fc", LETTER)

    assert sink.asked[0][1] == "/push/a%2Fb%3Fc"


def test_the_connection_stays_open() -> None:
    with serve(answer_with(OK)) as peer:
        for _ in range(3):
            send_to(f"json{peer.url.removeprefix('http')}/sms/1", LETTER)

    assert (len(peer.requests), peer.connections) == (3, 1)


def _closing_after_one(peer: Peer, connection: socket.socket, _number: int) -> None:
    if peer.read(connection):
        connection.sendall(OK)


def test_a_connection_that_was_closed_meanwhile_is_no_failure() -> None:
    with serve(_closing_after_one) as peer:
        for _ in range(2):
            send_to(f"json{peer.url.removeprefix('http')}/sms/1", LETTER)
            time.sleep(0.05)

    assert (len(peer.requests), peer.connections) == (2, 2)


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500])
def test_what_is_not_taken_failed(status: int) -> None:
    with canned((status, {})) as sink, pytest.raises(DeliveryFailed, match="the provider did not take it") as failure:
        send_to(f"json{sink.url.removeprefix('http')}/sms/1", LETTER)

    assert not failure.value.is_final
    assert len(sink.asked) == 1


def test_nobody_there_is_a_failure() -> None:
    with pytest.raises(DeliveryFailed, match="the provider did not take it"):
        send_to(f"json://127.0.0.1:{free_port()}/sms/1", LETTER)


@pytest.mark.parametrize(
    "written", [lambda host: f"json://user:word@{host}/sms/1", lambda host: f"json://{host}/sms/1?+X-Key=secret"]
)
def test_an_address_that_says_more_is_left_to_apprise(written: Callable[[str], str]) -> None:
    with canned((200, {})) as sink:
        send_to(written(sink.url.removeprefix("http://")), LETTER)

    [(_, path, headers, body)] = sink.asked
    assert path == "/sms/1"
    assert headers.get("Authorization", "") + headers.get("X-Key", "") in {"Basic dXNlcjp3b3Jk", "secret"}
    assert json.loads(body)["title"] == LETTER.subject
