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
from realtime.codes import ENDED, FAULT
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


async def closing(admission: Admission) -> dict[str, Any]:
    """Serve a socket until it closes by itself, and return how; {} when it is still open a moment later."""
    sight = SimpleNamespace(services=SimpleNamespace(now=lambda: 0))
    auth = SimpleNamespace(admission=admission)
    sockets = BindingSockets(cast(Any, sight), cast(Any, auth), MemoryBus(), Limits())
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def transmit(message: Any) -> None:
        sent.append(message)

    serving = asyncio.create_task(sockets.serve(WHO, receive, transmit))
    await asyncio.wait({serving}, timeout=0.2)
    if not serving.done():
        await sockets.attendance.close()
        return {}
    return sent[-1]


@pytest.mark.parametrize(("answer", "code"), [(ended, ENDED), (fault, FAULT)])
async def test_a_socket_whose_grant_does_not_stand_when_it_is_there_closes(
    answer: Callable[[], Principal], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await closing(Admission(answer)))["code"] == code
    assert "secrets" not in caplog.text


async def test_one_whose_grant_stands_stays_with_the_scopes_of_its_token() -> None:
    admission = Admission(lambda: ANN)
    assert await closing(admission) == {}
    assert admission.asked == [ANN.scopes]
