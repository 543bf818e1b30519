"""Two patients with something of every type of the record, doctors of every standing, and who else calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fhir_server.model.resource import instant
from profiles.definitions import resource_types
from profiles.ownership import record_types
from tests.fakes.asking import Asking
from tests.fakes.bare import bare
from tests.fakes.callers import breaking_glass, caller, doctor, patient
from tests.fakes.clock import Clock

Json = dict[str, Any]
PATIENTS = ("a", "b")
CALLERS = ("patient", "unrelated", "related", "ended", "pending", "admin", "narrow", "granular", "glass", "system")
LABORATORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
WRITTEN = ("update", "patch", "delete")
BY_PATIENT = frozenset((*record_types(), "Binary", "Device", "Task"))


def team(id: str, practitioner: str, **more: Any) -> Json:
    """Return a CareTeam about patient a."""
    member = {"member": {"reference": f"Practitioner/{practitioner}"}}
    made = {"resourceType": "CareTeam", "id": id, "status": "active", "subject": {"reference": "Patient/a"}}
    return made | {"participant": [member]} | more


def clinic(folder: Path) -> Asking:
    """Return a server with patients a and b, and each caller of CALLERS under its name."""
    server = Asking.on_file(folder)
    server.put(world())
    server.put(written(), author="Patient/a")
    for id in ("unrelated", "related", "ended", "glass"):
        server.ask("owner", "PUT", f"Practitioner/{id}", {"resourceType": "Practitioner", "id": id})
    now = instant(Clock()())
    assert server.ask("owner", "PUT", "CareTeam/one", team("one", "related")).status == 201
    assert server.ask("owner", "PUT", "CareTeam/two", team("two", "ended", period={"end": now})).status == 201
    server.clock.advance(2 * 86_400)
    server.named("patient", patient("a"))
    for id in ("unrelated", "related", "ended"):
        server.named(id, doctor(id))
    server.named("pending", caller("pending", "pending"))
    server.named("admin", caller("admin", "admin"))
    server.named("narrow", caller("system", "narrow", scopes="system/Observation.rs"))
    app = "patient/Observation.cruds?category=laboratory"
    server.named("granular", caller("patient", "a", scopes=app, patient="a"))
    server.named("glass", breaking_glass("glass", "a"))
    server.named("system", caller("system", "ehr", scopes="system/*.cruds"))
    return server


def world() -> list[Json]:
    """Return a resource of each type, about each patient where it can be, and some for each caller to write to."""
    made = []
    for type in resource_types():
        for who in PATIENTS if type in BY_PATIENT else ("x",):
            ids = [who] if type == "Patient" else [who, *(f"{who}-{each}-{n}" for each in CALLERS for n in WRITTEN)]
            made += [bare(type, who, id) for id in ids]
    made += [bare("Observation", who, f"{who}-lab") | {"category": [{"coding": [LABORATORY]}]} for who in PATIENTS]
    return made


def written() -> list[Json]:
    """Return a resource of each type of the record, about each patient, that patient a is to have written."""
    kept = BY_PATIENT - {"Patient", "AuditEvent"}
    return [bare(type, who, f"{who}-by-patient") for type in sorted(kept) for who in PATIENTS]
