"""Reminders and letters by a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from auth.accounts import put
from auth.ports import Letter
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import new_account
from fhir_server.interactions.call import Call
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from fhir_server.model.resource import instant
from fhir_server.views.letters import TRIES, Postman, post
from fhir_server.views.outgoing import LETTERS
from fhir_server.views.reminders import Reminders, _when
from tests.fakes.clock import Clock
from tests.fakes.desk import desk_of, found, patient

Json = dict[str, Any]
MINUTE = 60
DAY = 24 * 60


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with desk_of() as opened:
        clock = Clock(opened.services.now() // 60_000_000 * 60_000_000)
        yield replace(opened, services=replace(opened.services, now=clock))


pytestmark = pytest.mark.anyio


def clock_of(desk: Desk) -> Clock:
    clock = desk.services.now
    assert isinstance(clock, Clock)
    return clock


async def keep(desk: Desk, minutes: float, id: str = "a", **more: Any) -> None:
    """Keep an appointment that begins so many minutes from now."""
    start = clock_of(desk).now + round(minutes * MINUTE) * 1_000_000
    taking = [{"actor": {"reference": each}, "status": "accepted"} for each in ("Patient/p", "Practitioner/d")]
    made = {"resourceType": "Appointment", "id": id, "status": "booked", "participant": taking, **more}
    made |= {"start": instant(start), "end": instant(start + 600_000_000)}
    await update(Call(desk.services, LOADER, "test", "Appointment", id, resource=made))


async def told(desk: Desk) -> list[str]:
    messages = await found(desk, "Communication", ("_sort", "sent"))
    return [each["payload"][0]["contentString"] for each in messages]


async def test_a_patient_is_told_once_before_each_lead(desk: Desk) -> None:
    reminders = Reminders(desk, (DAY, 60))
    await reminders.remind()
    await keep(desk, 2 * DAY)
    await reminders.remind()
    assert await told(desk) == []
    clock_of(desk).advance(DAY * MINUTE)
    await reminders.remind()
    await reminders.remind()
    assert len(await told(desk)) == 1
    clock_of(desk).advance((DAY - 60) * MINUTE)
    await Reminders(desk, (DAY, 60)).remind()
    await reminders.remind()
    (first, second) = await told(desk)
    assert first == second
    assert first.startswith("Vous avez un rendez-vous le ")


async def test_what_came_due_while_nobody_looked_is_told_if_it_is_still_to_be(desk: Desk) -> None:
    await Reminders(desk, (60,)).remind()
    await keep(desk, 90, "soon")
    await keep(desk, 75, "over")
    clock_of(desk).advance(80 * MINUTE)
    await Reminders(desk, (60,)).remind()
    (message,) = await found(desk, "Communication")
    assert message["extension"][0]["valueUri"] == "/appointments/soon"


async def test_one_that_cannot_be_told_of_keeps_nobody_from_hearing_of_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def words(appointment: Json) -> str:
        if appointment["id"] == "strange":
            raise ValueError("Ann's appointment")
        return _when(appointment)

    monkeypatch.setattr("fhir_server.views.reminders._when", words)
    reminders = Reminders(desk, (60,))
    await reminders.remind()
    await keep(desk, 90, "strange")
    await keep(desk, 110, "usual")
    clock_of(desk).advance(55 * MINUTE)
    await reminders.remind()
    (message,) = await found(desk, "Communication")
    assert message["extension"][0]["valueUri"] == "/appointments/usual"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a reminder could not be told"
    ]
    assert "Ann" not in caplog.text


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("2030-12-31T23:59:60Z", "31/12/2030 23:59 (UTC)"),
        ("2030-12-31T09:05:00.123456789+01:00", "31/12/2030 09:05 (UTC+01:00)"),
        ("2030-12-31T09:05:00-00:00", "31/12/2030 09:05 (UTC)"),
    ],
)
def test_the_time_is_said_as_it_was_written(start: str, said: str) -> None:
    assert _when({"start": start}) == said


@pytest.mark.parametrize("status", ["cancelled", "pending", "fulfilled", "entered-in-error"])
async def test_only_what_is_confirmed_is_told_of(desk: Desk, status: str) -> None:
    reminders = Reminders(desk, (60,))
    await reminders.remind()
    await keep(desk, 90)
    await keep(desk, 90, status=status)
    clock_of(desk).advance(31 * MINUTE)
    await reminders.remind()
    assert await told(desk) == []


async def test_one_that_was_moved_is_told_of_before_its_new_time(desk: Desk) -> None:
    reminders = Reminders(desk, (60,))
    await reminders.remind()
    await keep(desk, 90)
    await keep(desk, 3 * 60)
    clock_of(desk).advance(31 * MINUTE)
    await reminders.remind()
    assert await told(desk) == []
    clock_of(desk).advance(90 * MINUTE)
    await reminders.remind()
    assert len(await told(desk)) == 1


async def test_who_books_within_the_lead_knows(desk: Desk) -> None:
    reminders = Reminders(desk, (DAY,))
    await reminders.remind()
    await keep(desk, 60)
    clock_of(desk).advance(MINUTE)
    await reminders.remind()
    assert await told(desk) == []


async def posted(desk: Desk, **more: Any) -> None:
    account = replace(await new_account(desk, patient(), confirmed=True), letters=True, **more)
    await desk.services.store.write(lambda tx: put(tx, account))
    await desk.services.store.write(lambda tx: post(tx, "1", account, "password_reset", {}, ""))
    clock_of(desk).advance(10 * MINUTE)


async def waiting(desk: Desk) -> int:
    return len(await desk.services.store.records.scan(LETTERS.name))


async def test_a_letter_is_tried_later_each_time_and_given_up_at_last(desk: Desk) -> None:
    tried: list[int] = []

    async def deliver(letter: Letter) -> None:
        tried.append(clock_of(desk).now)
        raise OSError

    await posted(desk)
    postman = Postman(desk.services.store, desk.services.now, deliver, "")
    for _ in range(10_000):
        await postman.deliver_due()
        clock_of(desk).advance(5)
        if not await waiting(desk):
            break
    assert await waiting(desk) == 0
    pauses = [round((later - sooner) / 1_000_000) for sooner, later in pairwise(tried)]
    assert len(tried) == TRIES
    assert pauses == [5 * 2**n for n in range(10)] + [3600]


@pytest.mark.parametrize("more", [{"letters": False}, {"confirmed_at": None}, {"status": "disabled"}])
async def test_who_does_not_want_letters_any_more_gets_none_that_waited(desk: Desk, more: Json) -> None:
    sent: list[Letter] = []

    async def deliver(letter: Letter) -> None:
        sent.append(letter)

    await posted(desk)
    account = replace(await new_account(desk, patient("b@example.org"), confirmed=True), letters=True)
    await desk.services.store.write(lambda tx: put(tx, account))
    await desk.services.store.write(lambda tx: post(tx, "2", account, "password_reset", {}, ""))
    await desk.services.store.write(lambda tx: put(tx, replace(account, **more)))
    await Postman(desk.services.store, desk.services.now, deliver, "").deliver_due()
    assert [each.to for each in sent] == ["ann@example.org"]
    assert await waiting(desk) == 0
