"""A real mail server on a port of its own, and what it has received."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from auth.mail import Security
from tests.fakes.patience import PATIENCE


class Mailbox:
    """Receives letters; the next `refusals` are refused for now."""

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[EmailMessage] = []
        self.refusals = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 come back later"
        made = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(made, EmailMessage)
        self.messages.append(made)
        return "250 OK"

    def take(self, to: str) -> str:
        """Wait for a letter to somebody, and return its text."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for made in self.messages:
                if made["To"] == to:
                    self.messages.remove(made)
                    return str(made.get_content()).replace("\r\n", "\n")
            time.sleep(0.02)
        raise AssertionError(f"no letter has come to {to}")


@contextmanager
def mailbox(security: Security = "none", certificate: Path | None = None, password: str = "") -> Iterator[Mailbox]:
    """Run a mail server on the loopback address until the block ends.

    With a `certificate` it offers STARTTLS, or speaks nothing but TLS; with a `password` it wants that of `clinic`.
    """
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        box.port = probe.getsockname()[1]
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"clinic", password.encode()), handled=False)

    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        enable_SMTPUTF8=True,
        ssl_context=context if security == "tls" else None,
        tls_context=context if security == "starttls" else None,
        require_starttls=security == "starttls",
        authenticator=authenticate if password else None,
        auth_required=bool(password),
        auth_require_tls=security == "starttls",
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
