"""Proving once more who one is."""

from __future__ import annotations

import pytest

from auth.errors import Unauthenticated
from fhir_server.accounts.prove import demand_proof
from fhir_server.accounts.register import register
from tests.fakes.authority import HERE, PASSWORD
from tests.fakes.desk import desk_of, patient


async def test_who_cannot_prove_it_is_in_the_trail_by_what_they_wanted() -> None:
    async with desk_of(audit="strict") as desk:
        signed = await register(desk, patient(), HERE)
        assert signed is not None
        await demand_proof(desk, signed.account, signed.grant, PASSWORD, HERE, to="add-passkey")
        before = len(list(await desk.services.store.audit_rows()))
        with pytest.raises(Unauthenticated):
            await demand_proof(desk, signed.account, signed.grant, "another", HERE, to="add-passkey")
        rows = [row for _, row in await desk.services.store.audit_rows()][before:]
        assert [(row.action, row.actor, row.status) for row in rows] == [("add-passkey", signed.account.actor, 401)]
