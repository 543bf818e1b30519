"""Large CodeSystem resources are asked in the concept store, whichever way they came, and are out of it when gone."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir_server.app import Tenant, open_tenant
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.operations.registry import OPERATIONS
from fhir_server.packages.archive import read_archive
from fhir_server.packages.install import install
from fhir_server.packages.remove import remove
from fhir_server.settings import Settings
from fhir_server.terminologies.resource_index import LARGE
from profiles.packages.package import Package
from profiles.terminology.head import Head
from tests.fakes.packages import Json, entries, manifest, tgz
from tests.fakes.server import bundle_of, entry

pytestmark = pytest.mark.anyio
URL = "http://example.org/fhir/CodeSystem/nos"
ODD = "http://example.org/fhir/ValueSet/odd"


def system(count: int = LARGE + 1, **said: Any) -> Json:
    """Return a flat system of `c0`, `c1`, …; those with an odd number say so."""
    concepts = [
        {"code": f"c{n}", "display": f"Concept {n}", "property": [{"code": "odd", "valueBoolean": bool(n % 2)}]}
        for n in range(count)
    ]
    return {
        "resourceType": "CodeSystem",
        "id": "nos",
        "url": URL,
        "version": "1",
        "status": "active",
        "content": "complete",
        "caseSensitive": True,
        "property": [{"code": "odd", "type": "boolean"}],
        "concept": concepts,
        **said,
    }


def odd() -> Json:
    include = {"system": URL, "filter": [{"property": "odd", "op": "=", "value": "true"}]}
    return {
        "resourceType": "ValueSet",
        "id": "odd",
        "url": ODD,
        "status": "active",
        "compose": {"include": [include]},
    }


async def do(tenant: Tenant, name: str, resource: Json, **more: Any) -> None:
    await INTERACTIONS[name](
        Call(tenant.services, ANONYMOUS, "r", resource["resourceType"], resource["id"], resource=resource, **more)
    )


async def ask(tenant: Tenant, name: str, type: str, **query: str) -> Json:
    call = Call(tenant.services, ANONYMOUS, "r", type, parameters=tuple(query.items()))
    answer = await OPERATIONS[name].perform(call)
    return answer.resource or {}


async def found(tenant: Tenant, **query: str) -> bool:
    return bool((await ask(tenant, "validate-code", **{"type": "CodeSystem", **query}))["parameter"][0]["valueBoolean"])


def heads(tenant: Tenant) -> list[Head]:
    return tenant.services.store.concepts.heads()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(auth="open", store=f"sqlite:///{tmp_path}/fhir.db")


async def test_a_large_system_is_answered_from_its_index(settings: Settings) -> None:
    async with open_tenant(settings) as tenant:
        await do(tenant, "update", system())
        await do(tenant, "update", odd())
        (head,) = heads(tenant)
        assert (head.url, head.version, head.count) == (URL, "1", LARGE + 1)
        assert (head.source, head.number) == ("CodeSystem/nos", 1)
        looked = await ask(tenant, "lookup", "CodeSystem", system=URL, code="c7")
        assert {"name": "display", "valueString": "Concept 7"} in looked["parameter"]
        assert await found(tenant, type="ValueSet", url=ODD, system=URL, code="c7")
        assert not await found(tenant, type="ValueSet", url=ODD, system=URL, code="c8")
        expanded = await ask(tenant, "expand", "ValueSet", url=ODD, offset="500", count="2")
        assert [each["code"] for each in expanded["expansion"]["contains"]] == ["c1001", "c1003"]
        assert expanded["expansion"]["total"] == (LARGE + 1) // 2
        # What the catalogue holds for validation is the head: small, and known not to have the codes.
        stub = tenant.services.catalogue.resolve(URL) or {}
        assert (stub["content"], "concept" in stub) == ("not-present", False)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it | {"concept": it["concept"][:LARGE]},
        lambda it: it | {"content": "fragment"},
        lambda it: it | {"compositional": True},
    ],
    ids=["small", "fragment", "compositional"],
)
async def test_others_are_not_indexed(settings: Settings, change: Callable[[Json], Json]) -> None:
    async with open_tenant(settings) as tenant:
        await do(tenant, "update", system())
        assert len(heads(tenant)) == 1
        await do(tenant, "update", change(system()))
        assert heads(tenant) == []
        assert await found(tenant, url=URL, code="c7")


async def test_a_change_shows_at_once(settings: Settings) -> None:
    async with open_tenant(settings) as tenant:
        await do(tenant, "update", system())
        assert not await found(tenant, url=URL, code=f"c{LARGE + 1}")
        await do(tenant, "update", system(LARGE + 2))
        assert await found(tenant, url=URL, code=f"c{LARGE + 1}")
        assert [head.number for head in heads(tenant)] == [2]
        await do(tenant, "update", system(url="http://example.org/elsewhere"))
        assert heads(tenant)[0].url != URL
        assert tenant.services.catalogue.find(URL) is None


async def test_a_newer_small_version_goes_before_an_older_large_one(settings: Settings) -> None:
    async with open_tenant(settings) as tenant:
        await do(tenant, "update", system())
        await do(tenant, "update", system(2, id="newer", version="2"))
        assert not await found(tenant, url=URL, code="c7")
        assert await found(tenant, url=URL, version="1", code="c7")


async def test_transactions_read_what_they_have_written(settings: Settings) -> None:
    async with open_tenant(settings) as tenant:
        change = entry("PUT", "CodeSystem/nos", system())
        await bundle(Call(tenant.services, ANONYMOUS, "r", resource=bundle_of(change)))
        assert [head.source for head in heads(tenant)] == ["CodeSystem/nos"]
        gone = entry("DELETE", "CodeSystem/nos")
        await bundle(Call(tenant.services, ANONYMOUS, "r", resource=bundle_of(gone)))
        assert heads(tenant) == []


async def test_what_is_missing_is_made_at_the_next_start_and_what_stands_for_nothing_goes(settings: Settings) -> None:
    async with open_tenant(settings) as tenant:
        await do(tenant, "update", system())
        await tenant.services.store.write(lambda tx: tx.concepts.withdraw("CodeSystem/nos"))
        stale = Head(0, "http://example.org/gone", None, "Gone", source="CodeSystem/gone", number=1)

        async def publish(tx: Any) -> None:
            await tx.concepts.publish(await tx.concepts.begin(stale))

        await tenant.services.store.write(publish)
    async with open_tenant(settings) as tenant:
        assert [head.source for head in heads(tenant)] == ["CodeSystem/nos"]
        key = heads(tenant)[0].key
    async with open_tenant(settings) as tenant:
        assert [head.key for head in heads(tenant)] == [key]


def packed(*definitions: Json) -> Package:
    content = tgz(entries(*definitions, about=manifest("example.nos")))
    return read_archive(io.BytesIO(content), len(content))


async def test_the_systems_of_a_package_come_and_go_with_it(settings: Settings) -> None:
    async with open_tenant(settings) as tenant:
        await install(tenant.services, packed(system(), odd()))
        assert [head.url for head in heads(tenant)] == [URL]
        assert await found(tenant, type="ValueSet", url=ODD, system=URL, code="c7")
        await remove(tenant.services, "example.nos")
        assert heads(tenant) == []


async def test_codes_twice_stay_with_the_resource(settings: Settings) -> None:
    twice = system()
    twice["concept"].append({"code": "c7"})
    async with open_tenant(settings) as tenant:
        await install(tenant.services, packed(twice))
        assert heads(tenant) == []
        assert await found(tenant, url=URL, code="c7")


async def test_bindings_of_profiles_and_codes_are_checked_by_the_index(settings: Settings) -> None:
    async with open_tenant(settings) as tenant:
        await do(tenant, "update", system())
        await do(tenant, "update", odd())
        profile = "http://example.org/fhir/StructureDefinition/odd"
        binding = {"strength": "required", "valueSet": ODD}
        rows: list[Json] = [{"id": name, "path": name} for name in ("Observation", "Observation.code")]
        rows[1]["binding"] = binding
        base = "http://hl7.org/fhir/StructureDefinition/Observation"
        definition = {"resourceType": "StructureDefinition", "id": "odd", "url": profile, "name": "Odd"}
        definition |= {"status": "active", "kind": "resource", "abstract": False, "type": "Observation"}
        definition |= {"baseDefinition": base, "derivation": "constraint", "differential": {"element": rows}}
        await do(tenant, "update", definition)

        def errors(code: str) -> list[str | None]:
            resource = {"resourceType": "Observation", "status": "final"}
            resource |= {"code": {"coding": [{"system": URL, "code": code}]}}
            return [each.rule for each in tenant.services.judge(resource, [profile], False) if each.is_error]

        assert errors("c7") == []
        assert errors("c8") == ["Observation.code"]
        assert errors("unicorn") == ["Observation.code", "code-known"]
