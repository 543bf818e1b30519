"""Letters: an outbox that keeps nobody waiting, and a real mail server that gets them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiosmtplib
import pytest

from auth.mail import TRIES, MailServer, Outbox, Security, by_printing, by_smtp, message
from auth.ports import Letter
from tests.fakes.certificate import certificate_in
from tests.fakes.mailbox import Mailbox, mailbox

LETTER = Letter("zoé@example.org", "Confirmer l'adresse", "Voilà le code :\n\nabc\n")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


def server_of(box: Mailbox) -> MailServer:
    return MailServer("127.0.0.1", box.port, "Clinic <no-reply@clinic.example>", "none")


async def test_a_letter_arrives_as_it_was_written(box: Mailbox) -> None:
    outbox = Outbox(by_smtp(server_of(box)), pytest.fail)
    await outbox.send(LETTER)
    await outbox.close()
    (made,) = box.messages
    assert (made["To"], made["Subject"], made["From"]) == (LETTER.to, LETTER.subject, server_of(box).sender)
    assert made.get_content().replace("\r\n", "\n") == LETTER.text
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["Message-ID"].endswith("@clinic.example>")


async def test_a_server_that_is_busy_is_tried_again(box: Mailbox) -> None:
    box.refusals = TRIES - 1
    outbox = Outbox(by_smtp(server_of(box)), pytest.fail, pause=0.001)
    await outbox.send(LETTER)
    await outbox.close()
    assert len(box.messages) == 1


async def test_a_letter_that_cannot_go_is_told_without_names_and_stops_no_other() -> None:
    lost: list[str] = []
    went: list[Letter] = []

    async def deliver(letter: Letter) -> None:
        if letter is LETTER:
            raise ConnectionRefusedError(f"nobody listens for {letter.to}")
        went.append(letter)

    outbox = Outbox(deliver, lost.append, pause=0.001)
    other = Letter("a@b.example", "x", "y")
    for letter in (LETTER, other):
        await outbox.send(letter)
    await outbox.close()
    assert (lost, went) == (["ConnectionRefusedError"], [other])


async def test_sending_waits_for_nobody() -> None:
    lost: list[str] = []

    async def never(letter: Letter) -> None:
        await asyncio.sleep(60)

    outbox = Outbox(never, lost.append)
    started = asyncio.get_running_loop().time()
    for _ in range(1002):
        await outbox.send(LETTER)
    assert asyncio.get_running_loop().time() - started < 0.5
    assert lost == ["too many letters wait"] * 2
    await outbox.close(0.01)
    assert "not delivered before the end" in lost[-1]


async def test_the_mailbox_for_development_shows_the_letter() -> None:
    shown: list[str] = []
    await by_printing(shown.append)(LETTER)
    assert LETTER.to in shown[0]
    assert LETTER.text in shown[0]


@pytest.mark.parametrize("subject", ["a\nBcc: evil@example.org", "a\r\nX: y"])
def test_no_header_is_smuggled_in(subject: str) -> None:
    with pytest.raises(ValueError):
        message(Letter("a@b.example", subject, ""), "no-reply@clinic.example")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_in(tmp_path_factory.mktemp("mail"))


async def sent(box: Mailbox, security: Security, password: str = "") -> None:
    """Hand a letter in once."""
    await by_smtp(MailServer("127.0.0.1", box.port, "no-reply@clinic.example", security, "clinic", password))(LETTER)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_letters_go_encrypted_to_a_server_that_proves_who_it_is(
    security: Security, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mailbox(security, certificate, "amber lantern") as box:
        await sent(box, security, "amber lantern")
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await sent(box, security, "another")
    assert [made["To"] for made in box.messages] == [LETTER.to]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_gets_no_letter(security: Security, certificate: Path) -> None:
    with mailbox(security, certificate) as box, pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
        await sent(box, security)
    assert box.messages == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_letters_do_not_go_in_clear_because_somebody_took_the_offer_of_tls_away(
    box: Mailbox, security: Security
) -> None:
    with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
        await sent(box, security)
    assert box.messages == []
