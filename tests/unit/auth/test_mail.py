"""Letters: an outbox that keeps nobody waiting, and a real mail server that gets them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from auth.mail import TRIES, MailServer, Outbox, by_printing, by_smtp, message
from auth.ports import Letter
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
