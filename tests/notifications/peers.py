"""Those who take our messages in tests: an HTTP sink for texts and push, and a mail server."""

import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import apprise
from django.test import override_settings

from tests.payments.gateways.sandbox import Canned, canned

# Apprise reads its plugins at the first use, and one of them imports what Python has deprecated.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    apprise.Apprise().add("json://127.0.0.1")


@contextmanager
def texts_to(*answers: tuple[int, object]) -> Iterator[Canned]:
    """SMS and push go to this sink, which answers so."""
    with canned(*answers) as sink:
        host = sink.url.removeprefix("http://")
        with override_settings(SMS_URL=f"json://{host}/sms/{{to}}", PUSH_URL=f"json://{host}/push/{{to}}"):
            yield sink


class Mailbox:
    """A mail server that knows just enough, and keeps what it was given. `refuse` is what it says to receivers."""

    def __init__(self, refuse: str = "") -> None:
        self._refuse = refuse
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.mails: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 here\r\n")
            while line := stream.readline():
                word = line.split(b":")[0].strip().upper()
                if word == b"DATA":
                    stream.write(b"354 go on\r\n")
                    lines = list(iter(stream.readline, b".\r\n"))
                    self.mails.append(b"".join(lines).decode())
                stream.write(f"{self._answer(word)}\r\n".encode())

    def _answer(self, word: bytes) -> str:
        if word == b"RCPT TO" and self._refuse:
            return self._refuse
        return "221 bye" if word == b"QUIT" else "250 ok"


@contextmanager
def mailbox(refuse: str = "") -> Iterator[Mailbox]:
    box = Mailbox(refuse)
    try:
        with override_settings(
            EMAIL_HOST="127.0.0.1", EMAIL_PORT=box.port, EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend"
        ):
            yield box
    finally:
        box.close()
