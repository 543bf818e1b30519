"""A page of medical records as JSON, for the doctor who wrote them, against an empty FastAPI route."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

from fhir_server.accounts import manage
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.interactions.call import Call
from fhir_server.interactions.create import create
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from fhir_server.views.acting import HOUSE, Acting
from mappings.transactions.record import create_record
from tests.benchmarks import load
from tests.benchmarks.authenticated import EMAIL, PASSWORD, token
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_rates import requests_file
from tests.benchmarks.processes import calibration, our_server

PATIENTS, RECORDS = 10, 20
"""Patients of the doctor, and records of each."""
ROUNDS, SECONDS, CONNECTIONS = 5, 3.0, 16
PATH = "/api/v1/medical_records?per_page=20"
SOAP = {
    "subjective": "Palpitations à l'effort depuis trois semaines, sans syncope.\r\nPas de douleur thoracique.",
    "objective": "TA 132/84 mmHg, FC 88/min, auscultation sans particularité.",
    "assessment": "Extrasystoles bénignes probables.",
    "plan": "Holter de 24 heures, contrôle dans un mois.",
}


async def filled(store: Path) -> None:
    """Fill a store with a doctor, patients in care and their records."""
    async with open_tenant(settings := Settings(store=f"sqlite:///{store}")) as tenant:
        desk = await open_desk(settings, tenant.services)
        wanted = Wanted(EMAIL, PASSWORD, "doctor", rpps="10101201234")
        account = await manage.add(desk, wanted, manage.BY, manage.asker())
        doctor = Acting(desk, replace(HOUSE, actor=account.actor), account, manage.asker())
        for number in range(PATIENTS):
            await _put(doctor, {"resourceType": "Patient", "name": [{"text": f"Patient {number}"}]}, f"p{number}")
            sides = (f"Patient/p{number}", account.actor)
            taking = [{"actor": {"reference": each}, "status": "accepted"} for each in sides]
            await _put(doctor, {"resourceType": "Appointment", "status": "proposed", "participant": taking}, "")
            for day in range(RECORDS):
                record = {
                    "doctor_id": account.id,
                    "patient_id": f"p{number}",
                    "nom": f"Patient {number}",
                    "age": 41,
                    "soap": SOAP,
                }
                record |= {"category": "cardiologie", "tags": ["hta"]}
                record["consultation_date"] = f"2026-03-{day + 1:02}T09:30:00+01:00"
                await doctor.write(create_record(record, doctor.act()))


async def _put(doctor: Acting, resource: dict[str, object], id: str) -> None:
    call = Call(doctor.desk.services, HOUSE, "benchmark", str(resource["resourceType"]), resource=resource)
    call.assigned = id or None
    await create(call)


def _wait(url: str, headers: list[tuple[str, str]]) -> None:
    """Wait until records can be listed: a new store is indexed by search parameters of ours first."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers))):
                return
        except urllib.error.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the records cannot be listed")


def measure() -> list[Figure]:
    """Return the figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(filled(folder / "fhir.db"))
        with our_server(folder / "fhir.db", "required") as (base, _), calibration() as other:
            root = base.removesuffix("/fhir")
            bearer = [("Authorization", f"Bearer {token(base)}")]
            _wait(f"{root}{PATH}", bearer)
            asked = requests_file(folder, "page", iter([load.request(f"{root}{PATH}", "GET", b"", bearer)]))
            runs = [
                (
                    load.run(f"{other}/empty", connections=CONNECTIONS, seconds=SECONDS),
                    load.run(root, connections=CONNECTIONS, seconds=SECONDS, requests=asked),
                )
                for _ in range(ROUNDS)
            ]
    if sum(ours.refused for _, ours in runs):
        raise RuntimeError("some answers were not 2xx: the figure would mean nothing")
    ratio = statistics.median(ours.rate / empty.rate for empty, ours in runs)
    rate = statistics.median(ours.rate for _, ours in runs)
    told = f"{ratio:.3f} x ({rate:,.0f} pages/s)"
    return [
        Figure(f"GET {PATH}, {CONNECTIONS} connections", told, "0.1 x an empty FastAPI route", ratio >= 0.1),
    ]
