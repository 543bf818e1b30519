"""Several workers over one store: who is revoked at one is put out at all, and news of the store reach each of them.

The workers are the parts of a server without their HTTP, in one process, because a SQLite file has one that writes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from auth.accounts import Account
from fhir_server.accounts import manage
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.interactions.call import ANONYMOUS, Call, Services
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.live.appointment import Opening
from fhir_server.live.opening import Live, opening
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from realtime.limits import Limits
from tests.fakes.authority import PASSWORD
from tests.fakes.buses import Hub

KIND = "urn:fhir-health-server:telemed/CodeSystem/telemed-notification-kind"


class Clinic:
    """Two workers, a patient and a doctor, and a session of each."""

    def __init__(self, hub: Hub, workers: list[tuple[Desk, Live]]) -> None:
        self.hub = hub
        self.workers = workers
        self.desk = workers[0][0]
        self.services: Services = self.desk.services

    async def person(self, role: Any) -> tuple[Account, str]:
        wanted = Wanted(f"{role}@example.org", PASSWORD, role, rpps="10101201234" if role == "doctor" else None)
        account = await manage.add(self.desk, wanted, manage.BY, manage.asker())
        token = (await self.desk.auth.sessions.begin(account, manage.asker(), ("pwd",))).access
        for desk, _ in self.workers:
            # The first token of a store has a key that is made for it.
            await desk.auth.keys.learn()
        return account, token

    async def put(self, resource: dict[str, Any]) -> str:
        call = Call(self.services, ANONYMOUS, "test", resource["resourceType"], resource.get("id"), resource=resource)
        made = await (update(call) if "id" in resource else create(call))
        return resource.get("id") or (made.location or "").split("/")[1]


class Wire:
    """A connection to one worker, by ASGI."""

    def __init__(self, worker: int, clinic: Clinic, token: str) -> None:
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.heard: list[list[Any]] = []
        self.code: int | None = None
        scope = {"type": "websocket", "path": "/socket/websocket", "headers": [], "client": ("127.0.0.1", 1)}
        scope["query_string"] = f"vsn=2.0.0&token={token}".encode()
        endpoint = clinic.workers[worker][1].endpoint
        self.task = asyncio.ensure_future(endpoint(scope, self._incoming.get, self._hear))

    async def _hear(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            self.heard.append(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.code = message["code"]

    def say(self, topic: str, event: str, ref: str = "1") -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(["1", ref, topic, event, {}])})

    async def join(self, topic: str) -> None:
        self.say(topic, "phx_join")
        await until(lambda: any(frame[3] == "phx_reply" for frame in self.heard))
        assert self.heard[0][4]["status"] == "ok", self.heard

    def events(self, name: str) -> list[Any]:
        return [frame[4] for frame in self.heard if frame[3] == name]

    async def close(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait({self.task}, timeout=10)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def clinic_of(folder: Path) -> AsyncIterator[Clinic]:
    settings = Settings(store=f"sqlite:///{folder}/fhir.db")
    hub = Hub()
    async with open_tenant(settings) as tenant, AsyncExitStack() as stack:
        workers = []
        for _ in range(2):
            desk = await open_desk(settings, tenant.services)
            stack.push_async_callback(desk.close)
            live = await opening(desk, Opening(waits=False), Limits(), hub.bus())
            stack.push_async_callback(live.close)
            workers.append((desk, live))
        yield Clinic(hub, workers)


async def test_who_signs_out_at_one_worker_is_put_out_at_all(tmp_path: Path) -> None:
    async with clinic_of(tmp_path) as clinic:
        account, token = await clinic.person("patient")
        other = (await clinic.desk.auth.sessions.begin(account, manage.asker(), ("pwd",))).access
        here, there, stays = Wire(0, clinic, token), Wire(1, clinic, token), Wire(1, clinic, other)
        for wire in (here, there, stays):
            await wire.join(f"notifications:{account.id}")
        grant = (await clinic.desk.auth.admission.admit(token)).grant
        await clinic.desk.auth.sessions.logout(grant, account, manage.asker())
        await until(lambda: (here.code, there.code) == (4401, 4401), 2)
        assert stays.code is None
        late = Wire(1, clinic, token)
        await until(late.task.done)
        assert late.heard == []
        await stays.close()


async def test_a_disabled_account_is_put_out_at_all_workers_while_the_bus_is_away_too(tmp_path: Path) -> None:
    async with clinic_of(tmp_path) as clinic:
        account, token = await clinic.person("patient")
        there = Wire(1, clinic, token)
        await there.join(f"notifications:{account.id}")
        clinic.hub.cut(clinic.workers[1][1].bus.worker)
        await manage.disable(clinic.desk, account, manage.BY, manage.asker())
        await until(lambda: there.code == 4401, 2)


async def test_notifications_reach_every_worker_once(tmp_path: Path) -> None:
    async with clinic_of(tmp_path) as clinic:
        account, token = await clinic.person("patient")
        wires = [Wire(0, clinic, token), Wire(1, clinic, token)]
        for wire in wires:
            await wire.join(f"notifications:{account.id}")
        who = {"reference": account.actor}
        note = {"resourceType": "Communication", "status": "completed", "subject": who, "recipient": [who]}
        note |= {"category": [{"coding": [{"system": KIND, "code": "appointment_reminder"}]}]}
        id = await clinic.put({**note, "sent": datetime.now(UTC).isoformat(timespec="seconds")})
        await until(lambda: all(wire.events("notification") for wire in wires))
        await asyncio.sleep(0.5)
        assert [[each["id"] for each in wire.events("notification")] for wire in wires] == [[id], [id]]
        for wire in wires:
            await wire.close()


async def test_a_room_is_one_and_a_consultation_called_off_ends_it_everywhere(tmp_path: Path) -> None:
    async with clinic_of(tmp_path) as clinic:
        patient, theirs = await clinic.person("patient")
        doctor, ours = await clinic.person("doctor")
        start = datetime.now(UTC)
        who = [{"actor": {"reference": each}, "status": "accepted"} for each in (patient.actor, doctor.actor)]
        appointment = {"resourceType": "Appointment", "status": "booked", "participant": who}
        appointment |= {"start": start.isoformat(timespec="seconds")}
        appointment |= {"end": (start + timedelta(minutes=20)).isoformat(timespec="seconds")}
        id = await clinic.put(appointment)
        wires = [Wire(0, clinic, ours), Wire(1, clinic, theirs)]
        for wire in wires:
            await wire.join(f"consultation:{id}")
        await until(lambda: bool(wires[0].events("user_joined")))
        assert set(wires[1].events("presence_state")[0]) == {patient.id, doctor.id}
        await clinic.put({**appointment, "id": id, "status": "cancelled"})
        await until(lambda: all(wire.events("phx_close") for wire in wires), 2)
        for wire in wires:
            await wire.close()
