"""Installing and removing: at once, side by side, whole or not at all, and nothing that was not brought."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from fhir_server.app import Tenant
from fhir_server.errors import NotFound, Refusal, Unprocessable
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.capabilities import statement
from fhir_server.interactions.search import search
from fhir_server.model.fhir_json import parse
from fhir_server.packages.archive import read_archive
from fhir_server.packages.install import install
from fhir_server.packages.remove import remove
from fhir_server.packages.report import Report
from tests.fakes.brought import OWN_GUIDE, other_codes, others
from tests.fakes.own_parameters import own
from tests.fakes.packages import URL, Json, colours, entries, guide, manifest, profile, tgz, value_set

A = f"{URL}/ValueSet/a"
pytestmark = pytest.mark.anyio


async def put(tenant: Tenant, *resources: Json, strict: bool = False, **about: object) -> Report:
    data = tgz(entries(*resources, about=manifest(**about)))  # type: ignore[arg-type]
    return await install(tenant.services, read_archive(io.BytesIO(data), len(data)), strict=strict)


async def found(tenant: Tenant, type: str, *query: tuple[str, str]) -> Sequence[Json]:
    call = Call(tenant.services, ANONYMOUS, "r", type, parameters=query)
    result = await search(call)
    body = result.resource or parse(result.body or b"{}")
    return others(each["resource"] for each in body.get("entry", []))


async def test_what_was_installed_is_found_resolved_and_stated(tenant: Tenant) -> None:
    report = await put(tenant, guide(), profile(), colours("a", "red"))
    assert (report.state, report.missing, report.unresolved) == ("installed", [], {})
    assert (tenant.services.catalogue.resolve(A) or {})["version"] == "1.0.0"
    assert [each["url"] for each in await found(tenant, "ValueSet", ("url", A))] == [A]
    assert len(await found(tenant, "ValueSet", ("_tag", "|org.example.guide#1.0.0"))) == 0
    assert len(await found(tenant, "ValueSet", ("_tag", "org.example.guide#1.0.0"))) == 1
    told = statement(Call(tenant.services, ANONYMOUS, "r"))
    assert told["implementationGuide"] == [OWN_GUIDE, f"{URL}/ImplementationGuide/guide|1.0.0"]
    patient = next(each for each in told["rest"][0]["resource"] if each["type"] == "Patient")
    assert patient["supportedProfile"] == [f"{URL}/StructureDefinition/our-patient|1.0.0"]


async def test_again_changes_nothing_and_other_content_replaces(tenant: Tenant) -> None:
    await put(tenant, colours("a", "red"), value_set("b"))
    position = await tenant.services.store.position()
    assert (await put(tenant, colours("a", "red"), value_set("b"))).state == "unchanged"
    assert await tenant.services.store.position() == position
    assert (await put(tenant, colours("a", "blue"))).state == "replaced"
    (blue,) = await found(tenant, "ValueSet")
    assert blue["compose"]["include"][0]["concept"] == [{"code": "blue"}]
    assert tenant.services.catalogue.resolve(f"{URL}/ValueSet/b") is None


async def test_two_versions_stand_side_by_side_and_one_can_go(tenant: Tenant) -> None:
    await put(tenant, value_set("a", "1.0.0"), version="1.0.0")
    await put(tenant, value_set("a", "2.0.0"), version="2.0.0")
    assert tenant.services.catalogue.versions(A) == ("2.0.0", "1.0.0")
    removal = await remove(tenant.services, "org.example.guide#2.0.0")
    assert (removal.labels, removal.definitions) == (["org.example.guide#2.0.0"], 1)
    assert (tenant.services.catalogue.resolve(A) or {})["version"] == "1.0.0"
    assert len(await found(tenant, "ValueSet")) == 1
    with pytest.raises(NotFound):
        await remove(tenant.services, "org.example.guide#2.0.0")
    with pytest.raises(Unprocessable, match="cannot be removed"):
        await remove(tenant.services, "hl7.fhir.r4.core")


async def test_one_definition_of_two_packages_stays_until_both_are_gone(tenant: Tenant) -> None:
    await put(tenant, value_set("a"), name="org.one")
    await put(tenant, value_set("a"), name="org.two", dependencies={"org.one": "1.0.0"})
    assert (await remove(tenant.services, "org.one")).dependents == ["org.two#1.0.0"]
    assert tenant.services.catalogue.resolve(A) is not None
    await remove(tenant.services, "org.two")
    assert tenant.services.catalogue.resolve(A) is None


async def test_what_is_missing_warns_and_strict_refuses_it(tenant: Tenant) -> None:
    base = {"baseDefinition": f"{URL}/StructureDefinition/absent"}
    with pytest.raises(Refusal, match=r"org\.absent#1.*StructureDefinition/absent"):
        await put(tenant, profile(**base), strict=True, dependencies={"org.absent": "1"})
    assert not await found(tenant, "StructureDefinition")
    report = await put(tenant, profile(**base), dependencies={"org.absent": "1"})
    assert report.missing == ["org.absent#1"]
    assert list(report.unresolved) == [f"{URL}/StructureDefinition/absent"]


async def test_search_parameters_are_served_and_those_that_collide_are_kept(tenant: Tenant) -> None:
    await put(tenant, own(), version="1.0.0")
    report = await put(tenant, own(version="2"), version="2.0.0")
    assert other_codes(tenant.services.registry) == ["eye-colour"]
    assert "is kept as a document" in report.warnings[0]
    await remove(tenant.services, "org.example.guide#1.0.0")
    assert other_codes(tenant.services.registry) == ["eye-colour"]
    await remove(tenant.services, "org.example.guide")
    assert not other_codes(tenant.services.registry)
