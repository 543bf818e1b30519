"""Sockets of subscriptions: nobody hears on by a grant that has ended, or cannot be asked for, or beyond a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from auth.errors import Unauthenticated
from auth.rights import EVERYTHING
from fhir_server.interactions.call import Principal
from fhir_server.subscriptions.binding_sockets import BindingSockets
from realtime.bus.memory import MemoryBus
from realtime.codes import ENDED, FAULT, POLICY
from realtime.limits import Limits
from realtime.ports import Member

ANN = Principal("Patient/1", EVERYTHING, account="1", scopes=("user/Patient.rs",))
WHO = Member("1", "", "grant", 1 << 60, ANN)


class Admission:
    """Says of a grant what `answer` does."""

    def __init__(self, answer: Callable[[], Principal]) -> None:
        self.answer = answer
        self.asked: list[Sequence[str] | None] = []

    async def standing(self, grant: str, ends: int, scopes: Sequence[str] | None) -> Any:
        self.asked.append(scopes)
        principal = self.answer()
        return SimpleNamespace(principal=principal, grant=SimpleNamespace(id=grant, purpose=None, expires=ends))


def ended() -> Principal:
    raise Unauthenticated("it was revoked")


def fault() -> Principal:
    raise OSError("the disk is full of Ann's secrets")


def hall(admission: Admission) -> BindingSockets:
    sight = SimpleNamespace(services=SimpleNamespace(now=lambda: 0))
    auth = SimpleNamespace(admission=admission)
    return BindingSockets(cast(Any, sight), cast(Any, auth), MemoryBus(), Limits(unbound=1))


async def closing(sockets: BindingSockets, who: Member[Principal] | None = WHO, address: str = "") -> dict[str, Any]:
    """Serve a socket until it closes by itself, and return how; {} when it is still open a moment later."""
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def transmit(message: Any) -> None:
        sent.append(message)

    serving = asyncio.create_task(sockets.serve(who, address, receive, transmit))
    await asyncio.wait({serving}, timeout=0.2)
    if not serving.done():
        await sockets.attendance.close()
        return {}
    return sent[-1]


@pytest.mark.parametrize(("answer", "code"), [(ended, ENDED), (fault, FAULT)])
async def test_a_socket_whose_grant_does_not_stand_when_it_is_there_closes(
    answer: Callable[[], Principal], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await closing(hall(Admission(answer))))["code"] == code
    assert "secrets" not in caplog.text


async def test_one_whose_grant_stands_stays_with_the_scopes_of_its_token() -> None:
    admission = Admission(lambda: ANN)
    assert await closing(hall(admission)) == {}
    assert admission.asked == [ANN.scopes]


async def test_who_does_not_bind_in_time_is_put_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.subscriptions.binding_sockets.UNBOUND", 0.01)
    told = await closing(hall(Admission(lambda: ANN)), None)
    assert (told["code"], told["reason"]) == (POLICY, "bind with a token")


async def test_an_address_has_so_many_that_are_not_bound() -> None:
    sockets = hall(Admission(lambda: ANN))
    who = ((None, "a"), (None, "a"), (None, "b"), (WHO, "a"))
    first, second, elsewhere, named = await asyncio.gather(*(closing(sockets, *each) for each in who))
    assert (first, elsewhere, named) == ({}, {}, {})
    assert (second["code"], second["reason"]) == (POLICY, "too many sockets that are not bound")
    assert await closing(sockets, None, "a") == {}
