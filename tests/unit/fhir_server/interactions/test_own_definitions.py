"""The catalogue follows whatever is written, however it is written, and is there again after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_server.app import Tenant, open_tenant
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.settings import Settings
from tests.fakes.packages import URL, Json, value_set
from tests.fakes.server import bundle_of, entry

pytestmark = pytest.mark.anyio
A, B = f"{URL}/ValueSet/a", f"{URL}/ValueSet/b"


async def do(tenant: Tenant, name: str, id: str | None, resource: Json | None = None, *query: tuple[str, str]) -> None:
    call = Call(tenant.services, ANONYMOUS, "r", "ValueSet", id, resource=resource, parameters=query)
    await INTERACTIONS[name](call)


async def test_writes_of_every_kind_show_at_once_and_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(auth="open", store=f"sqlite:///{tmp_path}/fhir.db")
    async with open_tenant(settings) as tenant:
        resolve = tenant.services.catalogue.resolve
        await do(tenant, "update", "a", value_set("a"))
        assert (resolve(A) or {})["version"] == "1.0.0"
        await do(tenant, "update", "a", value_set("a", "2.0.0"))
        assert resolve(f"{A}|1.0.0") is None
        change = entry("PUT", "ValueSet/b", value_set("b"))
        await bundle(Call(tenant.services, ANONYMOUS, "r", resource=bundle_of(change, entry("DELETE", "ValueSet/a"))))
        assert (resolve(A), (resolve(B) or {})["id"]) == (None, "b")
    async with open_tenant(settings) as tenant:
        resolve = tenant.services.catalogue.resolve
        assert (resolve(A), (resolve(B) or {})["id"]) == (None, "b")
        await do(tenant, "update", "c", value_set("c"))
        await do(tenant, "delete", None, None, ("url:below", URL))
        assert not [each for each in tenant.services.catalogue.entries() if each.url.startswith(URL)]
