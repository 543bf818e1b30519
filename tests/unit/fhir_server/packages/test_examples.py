"""Examples of packages: put when asked for, over nothing that is there, taken out again unless they were changed."""

from __future__ import annotations

import io
import json

import pytest

from fhir_server.app import Tenant
from fhir_server.errors import Gone, NotFound
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.search import search
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.model.fhir_json import parse
from fhir_server.packages.archive import read_archive
from fhir_server.packages.install import install
from fhir_server.packages.remove import remove
from fhir_server.packages.report import Report
from tests.fakes.packages import Json, colours, entries, manifest, profile, tgz

pytestmark = pytest.mark.anyio
LABEL = "org.example.guide#1.0.0"
ANNA: Json = {"resourceType": "Patient", "id": "anna", "name": [{"family": "Example"}]}
WEIGHT: Json = {
    "resourceType": "Observation",
    "id": "weight",
    "status": "final",
    "code": {"text": "weight"},
    "subject": {"reference": "Patient/anna"},
}


async def put(tenant: Tenant, *given: Json, examples: bool = True, version: str = "1.0.0", code: str = "red") -> Report:
    """Install a package of one value set with these examples."""
    files = [(f"package/example/{n}.json", json.dumps(each).encode()) for n, each in enumerate(given)]
    data = tgz([*entries(colours("a", code), about=manifest(version=version)), *files])
    return await install(tenant.services, read_archive(io.BytesIO(data), len(data)), examples=examples)


async def do(tenant: Tenant, name: str, path: str, resource: Json | None = None) -> Json:
    type, id = path.split("/")
    result = await INTERACTIONS[name](Call(tenant.services, ANONYMOUS, "r", type, id, resource=resource))
    answer: Json = parse(result.body or b"{}")
    return answer


async def test_they_are_left_out_unless_they_are_asked_for(tenant: Tenant) -> None:
    report = await put(tenant, ANNA, WEIGHT, examples=False)
    assert (report.examples, report.loaded) == (2, 0)
    with pytest.raises(NotFound):
        await do(tenant, "read", "Patient/anna")
    later = await put(tenant, ANNA, WEIGHT)
    assert (later.state, later.examples, later.loaded, later.warnings) == ("unchanged", 0, 2, [])
    assert (await put(tenant, ANNA, WEIGHT, examples=False)).state == "unchanged"
    assert (await do(tenant, "read", "Patient/anna"))["name"] == ANNA["name"]


async def test_they_are_ordinary_resources_with_the_tag_of_the_package(tenant: Tenant) -> None:
    await put(tenant, ANNA, WEIGHT)
    asked = (("_tag", f"urn:fhir-health-server:package|{LABEL}"), ("subject", "Patient/anna"))
    result = await search(Call(tenant.services, ANONYMOUS, "r", "Observation", parameters=asked))
    (entry,) = parse(result.body or b"")["entry"] if result.body else (result.resource or {})["entry"]
    assert entry["resource"]["id"] == "weight"
    assert (await do(tenant, "read", "Observation/weight"))["meta"]["versionId"] == "1"
    rows = [row for _, row in await tenant.services.store.audit_rows() if row.action == "$install-package"]
    assert rows[-1].patients == ("anna",)
    assert rows[-1].details["examples"] == 2


async def test_what_is_there_already_stays_and_is_told_of(tenant: Tenant) -> None:
    await do(tenant, "update", "Patient/anna", {"resourceType": "Patient", "id": "anna", "gender": "female"})
    report = await put(tenant, ANNA, WEIGHT)
    assert (report.loaded, report.examples) == (1, 1)
    assert report.warnings == ["Patient/anna is there already and was left as it is: the example was left out."]
    assert (await do(tenant, "read", "Patient/anna"))["gender"] == "female"
    assert (await remove(tenant.services, LABEL)).examples == 1
    assert (await do(tenant, "read", "Patient/anna"))["gender"] == "female"


async def test_again_changes_nothing_and_other_content_replaces_what_nobody_has_changed(tenant: Tenant) -> None:
    await put(tenant, ANNA, WEIGHT)
    assert (await put(tenant, ANNA, WEIGHT)).loaded == 2
    assert (await do(tenant, "read", "Patient/anna"))["meta"]["versionId"] == "1"
    await do(tenant, "update", "Observation/weight", {**WEIGHT, "status": "amended"})
    report = await put(tenant, {**ANNA, "gender": "female"}, WEIGHT, code="blue")
    assert (report.state, report.loaded) == ("replaced", 1)
    assert (await do(tenant, "read", "Patient/anna"))["gender"] == "female"
    assert (await do(tenant, "read", "Observation/weight"))["status"] == "amended"
    await put(tenant, code="blue")
    with pytest.raises(Gone):
        await do(tenant, "read", "Patient/anna")


async def test_they_go_with_the_package_unless_somebody_has_changed_them(tenant: Tenant) -> None:
    await put(tenant, ANNA, WEIGHT)
    await do(tenant, "update", "Patient/anna", {**ANNA, "gender": "female"})
    removal = await remove(tenant.services, LABEL)
    assert (removal.definitions, removal.examples, removal.kept) == (1, 1, ["Patient/anna"])
    with pytest.raises(Gone):
        await do(tenant, "read", "Observation/weight")
    assert (await do(tenant, "read", "Patient/anna"))["gender"] == "female"


async def test_what_cannot_be_put_is_named_and_the_others_are_in(tenant: Tenant) -> None:
    wrong = {"resourceType": "Patient", "id": "wrong", "gender": "F"}
    nameless = {"resourceType": "Patient"}
    report = await put(tenant, ANNA, wrong, nameless, profile(), ANNA)
    assert (report.loaded, report.examples) == (1, 4)
    told = {text.split()[2]: text for text in report.warnings}
    assert "Patient.gender" in told["package/example/1.json"]
    assert "no id of its own" in told["package/example/2.json"]
    assert "is a definition" in told["package/example/3.json"]
    assert "no id of its own" in told["package/example/4.json"]
