"""The sink takes what Apprise and Django's e-mail send."""

import smtplib
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from choptym.local.ports import HOST, free_port
from choptym.local.probes import http_answers
from choptym.local.role import Role
from choptym.local.supervisor import Supervisor


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    http, smtp = free_port(), free_port()
    options = ("--http-port", str(http), "--smtp-port", str(smtp), "--file", str(tmp_path / "sink.jsonl"))
    supervisor = Supervisor(tmp_path)
    command = (sys.executable, "-m", "choptym.local.sink", *options)
    supervisor.start([Role("sink", command, http_answers(f"http://{HOST}:{http}/"), {})])
    yield http, smtp
    supervisor.stop()


def test_shows_messages_of_every_channel(ports: tuple[int, int], tmp_path: Path) -> None:
    http, smtp = ports
    base = f"http://{HOST}:{http}"
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Reçu", "shop@choptym.example", "ama@choptym.example"
    mail.set_content("Merci, 2 500 FCFA payés.")

    requests.post(f"{base}/sms/237670000000", json={"title": "", "message": "Payé <b>"}, timeout=5).raise_for_status()
    requests.post(f"{base}/push", json={"title": "Paid", "message": "Thanks"}, timeout=5).raise_for_status()
    with smtplib.SMTP(HOST, smtp) as server:
        server.send_message(mail)

    answer = requests.get(f"{base}/messages.json", params={"since": 1}, timeout=5).json()
    page = requests.get(base, timeout=5).text
    assert answer["counts"] == {"sms": 1, "push": 1, "email": 1}
    assert [(message["channel"], message["to"]) for message in answer["messages"]] == [
        ("push", ""),
        ("email", "ama@choptym.example"),
    ]
    assert "237670000000" in page
    assert "Payé &lt;b&gt;" in page
    assert "Merci, 2 500 FCFA payés." in page
    assert len((tmp_path / "sink.jsonl").read_text().splitlines()) == 3


def test_refuses_nonsense(ports: tuple[int, int]) -> None:
    base = f"http://{HOST}:{ports[0]}"

    assert requests.post(f"{base}/sms", data=b"{", timeout=5).status_code == 400
    assert requests.post(f"{base}/sms", json=[1], timeout=5).status_code == 400
    assert requests.get(f"{base}/messages.json?since=x", timeout=5).status_code == 400
