"""What the software brings: in every tenant from its first start on, brought up to date, and nobody's to change."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fhir_server.app import Tenant, open_tenant
from fhir_server.errors import Forbidden, Gone, NotFound, Refusal, Unprocessable
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.capabilities import statement
from fhir_server.interactions.own_definitions import installed
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.model.fhir_json import parse
from fhir_server.packages import bring, install
from fhir_server.packages.archive import read_archive
from fhir_server.packages.remove import remove
from fhir_server.settings import Settings
from profiles.packages.package import Package
from profiles.packages.telemed import NAME, telemed
from tests.fakes.packages import Json, entries, manifest, tgz
from tests.fakes.server import bundle_of, entry
from tests.fakes.telemed import BASE, good

pytestmark = pytest.mark.anyio
NOTE = f"{BASE}/StructureDefinition/telemed-soap-composition"
ID = "telemed-soap-composition"


def edition(version: str, *resources: Json) -> Package:
    """Return a package of that name with other content."""
    data = tgz(entries(*resources, about=manifest(NAME, version)))
    return read_archive(io.BytesIO(data), len(data))


@contextmanager
def older() -> Iterator[None]:
    """Be an older release of the software, which brings one definition less developed and one that has gone since."""
    note = json.loads(next(each.text for each in telemed().definitions if each.id == ID))
    gone = {
        "resourceType": "ValueSet",
        "id": "telemed-gone",
        "url": f"{BASE}/ValueSet/telemed-gone",
        "status": "active",
    }
    package = edition("0.0.9", note | {"version": "0.0.9"}, gone)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bring, "telemed", lambda: package)
        patch.setattr(bring, "telemed_digest", lambda: package.digest)
        patch.setattr(install, "telemed_digest", lambda: package.digest)
        yield


async def do(tenant: Tenant, name: str, id: str | None, body: Json | None = None, *query: tuple[str, str]) -> Json:
    call = Call(tenant.services, ANONYMOUS, "r", "StructureDefinition", id, resource=body, parameters=query)
    result = await INTERACTIONS[name](call)
    found: Json = result.resource or parse(result.body or b"{}")
    return found


async def test_it_is_read_found_resolved_and_stated_from_the_first_start_on(tenant: Tenant) -> None:
    assert (await do(tenant, "read", ID))["url"] == NOTE
    (found,) = (await do(tenant, "search", None, None, ("url", NOTE)))["entry"]
    assert found["resource"]["id"] == ID
    assert (tenant.services.catalogue.resolve(f"{NOTE}|0.1.0") or {})["id"] == ID
    told = statement(Call(tenant.services, ANONYMOUS, "r"))
    assert told["implementationGuide"] == [f"{BASE}/ImplementationGuide/telemed|0.1.0"]
    profiles = {each["type"]: each.get("supportedProfile") for each in told["rest"][0]["resource"]}
    assert profiles["Composition"] == [f"{NOTE}|0.1.0"]
    assert profiles["Encounter"] == [f"{BASE}/StructureDefinition/telemed-encounter|0.1.0"]
    assert profiles["Patient"] is None


async def test_the_next_start_writes_nothing(tmp_path: Path) -> None:
    settings = Settings(auth="open", store=f"sqlite:///{tmp_path}/a.db")
    positions = []
    for _ in range(2):
        async with open_tenant(settings) as tenant:
            positions.append(await tenant.services.store.position())
            told = tenant.services.judge({**good("composition"), "event": []}, [NOTE], False)
            assert ("Composition.event", "Composition.event") in [(each.expression, each.rule) for each in told]
    assert positions[0] == positions[1]


async def test_whoever_does_not_want_it_has_nothing_of_it_or_removes_it(tmp_path: Path) -> None:
    settings = Settings(auth="open", store=f"sqlite:///{tmp_path}/a.db")
    without = Settings(auth="open", store=settings.store, telemed_profiles=False)
    async with open_tenant(without) as tenant:
        assert await tenant.services.store.counts() == {}
    async with open_tenant(settings) as tenant:
        assert (await tenant.services.store.counts())["StructureDefinition"] > 0
    async with open_tenant(without) as tenant:
        await do(tenant, "delete", "telemed-age")
        assert (await remove(tenant.services, NAME)).labels == [f"{NAME}#0.1.0"]
        assert await tenant.services.store.counts() == {}


async def test_a_newer_release_brings_it_up_to_date(tmp_path: Path) -> None:
    settings = Settings(auth="open", store=f"sqlite:///{tmp_path}/a.db")
    with older():
        async with open_tenant(settings) as tenant:
            assert (await do(tenant, "read", ID))["version"] == "0.0.9"
            assert tenant.services.catalogue.resolve(f"{BASE}/ValueSet/telemed-gone") is not None
    async with open_tenant(settings) as tenant:
        note = await do(tenant, "read", ID)
        assert (note["version"], note["meta"]["versionId"]) == ("0.1.0", "2")
        assert tenant.services.catalogue.resolve(f"{BASE}/ValueSet/telemed-gone") is None
        assert [each.key for each in await installed(tenant.services.store)] == [f"{NAME}#0.1.0"]
        assert [tag["code"] for tag in note["meta"]["tag"]] == [f"{NAME}#0.1.0"]


async def test_nobody_changes_it_by_any_road(tenant: Tenant) -> None:
    own = await do(tenant, "read", ID)
    for attempt in (
        do(tenant, "update", ID, {**own, "title": "Mine"}),
        do(tenant, "delete", ID),
        do(tenant, "delete", None, None, ("url", NOTE)),
        do(tenant, "update", None, {**own, "title": "Mine"}, ("url", NOTE)),
    ):
        with pytest.raises(Forbidden, match="is part of this server"):
            await attempt
    for change in (entry("DELETE", f"StructureDefinition/{ID}"), entry("PUT", f"StructureDefinition/{ID}", own)):
        with pytest.raises(Refusal, match="is part of this server"):
            await bundle(Call(tenant.services, ANONYMOUS, "r", resource=bundle_of(change)))
    assert (await do(tenant, "read", ID))["meta"]["versionId"] == "1"


async def test_other_definitions_are_everybodys(tenant: Tenant) -> None:
    own = await do(tenant, "read", ID)
    await do(tenant, "update", "mine", {**own, "id": "mine", "url": "http://example.org/mine"})
    await do(tenant, "delete", "mine")
    with pytest.raises(Gone):
        await do(tenant, "read", "mine")


async def test_the_package_is_neither_removed_nor_replaced(tenant: Tenant) -> None:
    with pytest.raises(Unprocessable, match="cannot be removed"):
        await remove(tenant.services, NAME)
    with pytest.raises(Unprocessable, match="cannot be replaced"):
        await install.install(tenant.services, edition("9.9.9"))
    assert (await install.install(tenant.services, telemed())).state == "unchanged"
    with pytest.raises(NotFound):
        await remove(tenant.services, f"{NAME}.other")
