"""The organizations of a professional: those of the roles that are not inactive, and those that others vouch for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from auth.policy import NOBODY, Employers
from fhir_server.accounts.employers import MANY, employers
from fhir_server.accounts.register import register
from fhir_server.interactions.call import Call, Principal, Resource
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from tests.fakes.authority import HERE
from tests.fakes.desk import desk_of, doctor, patient


def role(id: str, who: str, organization: str | None, **more: Any) -> Resource:
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
        both = ("Organization/a", "Organization/b")
        assert await employers(desk.services, doc) == Employers(both, both)
        assert await employers(desk.services, ann) == NOBODY


async def test_nobody_leaves_an_organization_behind_by_their_own_write() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        own = replace(LOADER, actor=doc.actor)
        other = replace(LOADER, actor="Practitioner/other")

        async def write(who: Principal, organization: str | None, **more: Any) -> tuple[str, ...]:
            made = role("1", doc.id, organization, **more)
            await update(Call(desk.services, who, "r", "PractitionerRole", "1", resource=made))
            return (await employers(desk.services, doc)).named

        assert await write(other, "Organization/past") == ("Organization/past",)
        assert await write(LOADER, "Organization/a") == ("Organization/a",)
        assert await write(own, None) == ("Organization/a",)
        assert await write(own, "Organization/b") == ("Organization/a", "Organization/b")
        for _ in range(3):
            assert await write(own, None, active=False) == ("Organization/a", "Organization/b")
        assert await write(other, None) == ()


async def test_nobody_vouches_for_themselves() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        own = replace(LOADER, actor=doc.actor)

        async def write(who: Principal, organization: str | None, id: str = "1", **more: Any) -> tuple[str, ...]:
            made = role(id, doc.id, organization, **more)
            await update(Call(desk.services, who, "r", "PractitionerRole", id, resource=made))
            return (await employers(desk.services, doc)).vouched

        assert await write(own, "Organization/b") == ()
        assert await write(LOADER, "Organization/a") == ("Organization/a",)
        # What others said stands while it is not taken back, and nothing is added to it.
        assert await write(own, "Organization/a", specialty=[{"text": "x"}]) == ("Organization/a",)
        assert await write(own, "Organization/b") == ()
        assert await write(own, "Organization/a", active=False) == ()
        assert await write(own, "Organization/a") == ("Organization/a",)
        assert await write(LOADER, "Organization/a", active=False) == ()
        assert await write(own, "Organization/a") == ()
        past, present = {"period": {"end": "2020"}}, {"period": {"start": "2020", "end": "2999"}}
        assert await write(LOADER, "Organization/a", **past) == ()
        assert await write(own, "Organization/a") == ()
        assert await write(LOADER, "Organization/a", **present) == ("Organization/a",)
        assert await write(own, "Organization/b", "2") == ("Organization/a",)


async def test_a_role_is_found_among_however_many() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        own = replace(LOADER, actor=doc.actor)

        async def write(who: Principal, id: str, organization: str) -> None:
            made = role(id, doc.id, organization)
            await update(Call(desk.services, who, "r", "PractitionerRole", id, resource=made))

        await write(LOADER, "first", "Organization/a")
        for number in range(MANY):
            await write(own, str(number), "Organization/b")
        await write(own, "first", "Organization/b")
        assert (await employers(desk.services, doc)).named == ("Organization/a", "Organization/b")
