"""The accounts of the demo."""

from __future__ import annotations

from fhir_server.accounts.demo import PEOPLE, demo_accounts
from fhir_server.interactions.call import Call
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from tests.fakes.authority import HERE
from tests.fakes.desk import desk_of


async def test_each_role_has_an_account_and_each_start_other_passwords() -> None:
    async with desk_of() as desk:
        for type, id in (("Patient", "camille-moreau"), ("Practitioner", "helene-garnier")):
            await update(Call(desk.services, LOADER, "r", type, id, resource={"resourceType": type, "id": id}))
        first, second = await demo_accounts(desk), await demo_accounts(desk)
        assert [row[:2] for row in first] == [row[:2] for row in second] == [row[:2] for row in PEOPLE]
        assert not {row[2] for row in first} & {row[2] for row in second}
        for role, email, password in second:
            signed = await desk.auth.sessions.login(email, password, None, HERE)
            assert (signed.account.role, signed.account.status) == (role, "active")
