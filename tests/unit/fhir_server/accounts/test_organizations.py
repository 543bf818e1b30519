"""The organizations of a professional are those of the roles that are not inactive."""

from __future__ import annotations

from dataclasses import replace

from fhir_server.accounts.organizations import organizations
from fhir_server.accounts.register import register
from fhir_server.interactions.call import Call, Principal, Resource
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from tests.fakes.authority import HERE
from tests.fakes.desk import desk_of, doctor, patient


def role(id: str, who: str, organization: str | None, **more: bool) -> Resource:
    made: Resource = {
        "resourceType": "PractitionerRole",
        "id": id,
        "practitioner": {"reference": f"Practitioner/{who}"},
    }
    return made | ({"organization": {"reference": organization}} if organization else {}) | more


async def test_roles_that_are_not_inactive_count() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        ann = (await register(desk, patient(), HERE)).account
        for each in (
            role("1", doc.id, "Organization/b"),
            role("2", doc.id, "Organization/a", active=True),
            role("3", doc.id, "Organization/past", active=False),
            role("4", "somebody", "Organization/other"),
            role("5", doc.id, None),
        ):
            await update(Call(desk.services, LOADER, "r", "PractitionerRole", each["id"], resource=each))
        assert await organizations(desk.services, doc) == ("Organization/a", "Organization/b")
        assert await organizations(desk.services, ann) == ()


async def test_nobody_leaves_an_organization_behind_by_their_own_write() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        own = replace(LOADER, actor=doc.actor)
        other = replace(LOADER, actor="Practitioner/other")

        async def write(who: Principal, organization: str | None, **more: bool) -> tuple[str, ...]:
            made = role("1", doc.id, organization, **more)
            await update(Call(desk.services, who, "r", "PractitionerRole", "1", resource=made))
            return await organizations(desk.services, doc)

        assert await write(other, "Organization/past") == ("Organization/past",)
        assert await write(LOADER, "Organization/a") == ("Organization/a",)
        assert await write(own, None) == ("Organization/a",)
        assert await write(own, "Organization/b") == ("Organization/a", "Organization/b")
        for _ in range(3):
            assert await write(own, None, active=False) == ("Organization/a", "Organization/b")
        assert await write(other, None) == ()
