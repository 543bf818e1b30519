"""What tokens cost: reading and searching with them against open mode, and the loop while passwords are verified."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from fhir_server.accounts import manage
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.create import create
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from tests.benchmarks import load
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_rates import observations, requests_file
from tests.benchmarks.processes import our_server

EMAIL, PASSWORD = "bench@example.org", "violet anchor tulip 42"
ROUNDS = 3
SECONDS = 3.0
LOGINS = 40
TICK = 0.001
CODE = "http://loinc.org|8302-2"


async def filled(store: Path) -> list[str]:
    """Fill a store with one patient, who has an account, and the observations of that patient; return their ids."""
    settings = Settings(store=f"sqlite:///{store}")
    async with open_tenant(settings) as tenant:
        desk = await open_desk(settings, tenant.services)
        account = await manage.add(desk, Wanted(EMAIL, PASSWORD), manage.BY, manage.asker())
        ids = []
        for resource in observations():
            own = {**resource, "subject": {"reference": account.actor}}
            result = await create(Call(tenant.services, ANONYMOUS, "benchmark", "Observation", resource=own))
            ids.append((result.location or "").split("/")[1])
        return ids


def token(base: str) -> str:
    """Sign in, and return the access token."""
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    url = base.removesuffix("/fhir") + "/api/v1/auth/login"
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        return str(json.loads(answer.read())["data"]["tokens"]["access_token"])


def measure() -> list[Figure]:
    """Return the figures of reading and searching with a token, and of the loop's lag."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = asyncio.run(filled(folder / "required.db"))
        shutil.copy(folder / "required.db", folder / "open.db")
        with our_server(folder / "open.db") as (plain, _), our_server(folder / "required.db", "required") as (asks, _):
            rows = _rates(folder, ids, plain, asks)
    return [
        _against("GET /fhir/Observation/{id} with a token, 32 connections", rows["read"]),
        _against("GET /fhir/Observation?code=… of the own compartment, 32 connections", rows["search"]),
        asyncio.run(_lag()),
    ]


def _rates(folder: Path, ids: list[str], plain: str, asks: str) -> dict[str, list[tuple[load.Load, load.Load]]]:
    bearer = [("Authorization", f"Bearer {token(asks)}")]
    paths = {"read": [f"Observation/{id}" for id in ids], "search": [f"Observation?code={CODE}&_count=20"]}
    rows: dict[str, list[tuple[load.Load, load.Load]]] = {}
    for kind, wanted in paths.items():
        opened = requests_file(folder, f"{kind}-open", (load.request(f"{plain}/{each}") for each in wanted))
        with_token = (load.request(f"{asks}/{each}", "GET", b"", bearer) for each in wanted)
        closed = requests_file(folder, f"{kind}-required", with_token)
        rows[kind] = [
            (load.run(plain, seconds=SECONDS, requests=opened), load.run(asks, seconds=SECONDS, requests=closed))
            for _ in range(ROUNDS)
        ]
    if refused := sum(each.refused for pairs in rows.values() for pair in pairs for each in pair):
        raise RuntimeError(f"{refused} answers were not 2xx: the figures would mean nothing")
    return rows


def _against(work: str, pairs: list[tuple[load.Load, load.Load]]) -> Figure:
    ratio = statistics.median(asks.rate / plain.rate for plain, asks in pairs)
    rate = statistics.median(asks.rate for _, asks in pairs)
    return Figure(work, f"{ratio:.2f} x open mode ({rate:,.0f}/s)", "0.6 x open mode", ratio >= 0.6)


async def _lag() -> Figure:
    """Return how late the loop is while passwords are verified, at the 99th of 100.

    Were a password verified on the loop, it would be late by a whole sign-in.
    """
    async with open_tenant(settings := Settings(store="memory:", rate_factor=1000)) as tenant:
        desk = await open_desk(settings, tenant.services)
        await manage.add(desk, Wanted(EMAIL, PASSWORD), manage.BY, manage.asker())
        asker = manage.asker()
        logins = asyncio.gather(*(desk.auth.sessions.login(EMAIL, PASSWORD, None, asker) for _ in range(LOGINS)))
        started, late = time.perf_counter(), []
        while not logins.done():
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(1000 * (time.perf_counter() - before - TICK))
        each = 1000 * (time.perf_counter() - started) / LOGINS
    p99 = sorted(late)[int(0.99 * len(late))]
    told = f"p99 {p99:.1f} ms late, worst {max(late):.1f} ms; a sign-in takes {each:.0f} ms"
    aim = "p99 at most half a sign-in late"
    return Figure(f"the event loop while {LOGINS} sign in at once", told, aim, p99 <= each / 2)
