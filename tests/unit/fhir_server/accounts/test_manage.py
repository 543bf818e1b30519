"""What administrators do with accounts."""

from __future__ import annotations

from dataclasses import replace

import pyotp
import pytest

from auth.accounts import change
from auth.errors import Conflicting, Invalid, Missing, SecondFactor, Unauthenticated
from fhir_server.accounts import manage
from fhir_server.accounts.profile import forget_me
from fhir_server.accounts.register import Wanted, register
from fhir_server.interactions.call import Call
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from tests.fakes.authenticator import Authenticator
from tests.fakes.authority import HERE, PASSWORD
from tests.fakes.desk import desk_of, doctor, found, patient


async def test_an_account_that_is_added_is_active_and_its_owner_signs_in() -> None:
    async with desk_of() as desk:
        made = await manage.add(desk, Wanted("root@example.org", PASSWORD, "admin"), "Person/1", HERE)
        assert (made.role, made.status, made.confirmed_at) == ("admin", "active", made.inserted_at)
        (person,) = await found(desk, "Person")
        assert person["id"] == made.id
        assert (await desk.auth.sessions.login("root@example.org", PASSWORD, None, HERE)).account == made
        rows = [row for _, row in await desk.services.store.audit_rows()]
        assert next(row.actor for row in rows if row.action == "register") == "Person/1"


async def test_accounts_are_found_by_id_and_address_and_listed_by_role_and_status() -> None:
    async with desk_of() as desk:
        ann = (await register(desk, patient(), HERE)).account
        doc = (await register(desk, doctor(), HERE)).account
        assert await manage.find(desk, ann.id) == await manage.find(desk, "ANN@example.org") == ann
        assert [each.id for each in await manage.listed(desk)] == [ann.id, doc.id]
        assert [each.id for each in await manage.listed(desk, role="doctor", status="pending")] == [doc.id]
        assert await manage.listed(desk, role="admin") == []
        for name in ("nobody", "nobody@example.org", "@", "Patient"):
            with pytest.raises(Missing):
                await manage.find(desk, name)


async def test_a_doctor_is_confirmed_by_the_number_and_keeps_what_else_is_there() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        (person,) = await found(desk, "Practitioner")
        person |= {
            "name": [{"family": "Garnier"}],
            "identifier": [*person["identifier"], {"system": "urn:x", "value": "1"}],
        }
        await update(Call(desk.services, LOADER, "r", "Practitioner", doc.id, resource=person))
        confirmed = await manage.confirm(desk, doc, "Person/1", HERE, "10101205678")
        assert (confirmed.status, confirmed.rpps) == ("active", "10101205678")
        (person,) = await found(desk, "Practitioner", ("identifier", "https://rpps.esante.gouv.fr|10101205678"))
        assert (person["active"], person["name"][0]["family"]) == (True, "Garnier")
        assert [each["value"] for each in person["identifier"]] == ["10101205678", "810101205678", "1"]
        (role,) = await found(desk, "PractitionerRole")
        assert role["active"] is True
        with pytest.raises(Conflicting):
            await manage.confirm(desk, confirmed, "Person/1", HERE)


async def test_nobody_shuts_themselves_out() -> None:
    async with desk_of() as desk:
        root = await manage.add(desk, Wanted("root@example.org", PASSWORD, "admin"), "Person/1", HERE)
        signed = await desk.auth.sessions.login("root@example.org", PASSWORD, None, HERE)
        with pytest.raises(Conflicting, match="another administrator"):
            await manage.disable(desk, root, root.actor, HERE)
        assert (await desk.auth.admission.admit(signed.access)).account == root
        assert (await manage.disable(desk, root, "Person/2", HERE)).status == "disabled"


async def test_a_number_of_the_register_is_one_persons() -> None:
    async with desk_of() as desk:
        first = (await register(desk, doctor(), HERE)).account
        second = (await register(desk, doctor("other@example.org"), HERE)).account
        await manage.confirm(desk, first, "Person/1", HERE)
        for number in (None, "10101201234"):
            with pytest.raises(Conflicting, match=first.id):
                await manage.confirm(desk, second, "Person/1", HERE, number)
        with pytest.raises(Conflicting, match=first.id):
            await manage.add(desk, doctor("third@example.org"), "Person/1", HERE)
        confirmed = await manage.confirm(desk, second, "Person/1", HERE, "10101205678")
        assert (confirmed.status, confirmed.rpps) == ("active", "10101205678")


async def test_without_a_number_or_for_anybody_else_nothing_is_confirmed() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, Wanted("doc@example.org", PASSWORD, "doctor"), HERE)).account
        for rpps in (None, "123", "1010120123x"):
            with pytest.raises(Invalid):
                await manage.confirm(desk, doc, "Person/1", HERE, rpps)
        ann = (await register(desk, patient(), HERE)).account
        with pytest.raises(Conflicting):
            await manage.confirm(desk, ann, "Person/1", HERE, "10101201234")


async def test_somebody_in_the_record_gets_an_account_once() -> None:
    async with desk_of() as desk:
        resource = {"resourceType": "Patient", "id": "camille", "name": [{"text": "Camille"}]}
        await update(Call(desk.services, LOADER, "r", "Patient", "camille", resource=resource))
        made = await manage.add(desk, replace(patient(), id="camille"), "Person/1", HERE)
        assert made.actor == "Patient/camille"
        assert (await found(desk, "Patient"))[0]["name"] == [{"text": "Camille"}]
        with pytest.raises(Conflicting):
            await manage.add(desk, replace(patient("other@example.org"), id="camille"), "Person/1", HERE)
        with pytest.raises(Missing):
            await manage.add(desk, replace(patient("other@example.org"), id="nobody"), "Person/1", HERE)


async def test_a_password_that_is_set_for_somebody_ends_the_sessions() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        assert signed is not None
        await manage.set_password(desk, signed.account, "mélèze ouragan 77 citron", "Person/1", HERE)
        with pytest.raises(Unauthenticated):
            await desk.auth.admission.admit(signed.access)
        await desk.auth.sessions.login("ann@example.org", "mélèze ouragan 77 citron", None, HERE)


async def test_a_disabled_account_is_out_at_once() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        await desk.auth.admission.admit(signed.access)
        await manage.disable(desk, signed.account, "Person/1", HERE)
        with pytest.raises(Unauthenticated):
            await desk.auth.admission.admit(signed.access)
        with pytest.raises(Unauthenticated):
            await desk.auth.sessions.login("ann@example.org", PASSWORD, None, HERE)
        with pytest.raises(Missing):
            await manage.disable(desk, replace(signed.account, id="gone"), "Person/1", HERE)


async def test_an_enabled_account_is_what_it_was_and_its_owner_signs_in_anew() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        with pytest.raises(Conflicting):
            await manage.enable(desk, signed.account, "Person/1", HERE)
        for _ in range(2):
            await manage.disable(desk, signed.account, "Person/1", HERE)
        enabled = await manage.enable(desk, signed.account, "Person/1", HERE)
        assert enabled == signed.account
        with pytest.raises(Unauthenticated):
            await desk.auth.admission.admit(signed.access)
        with pytest.raises(Unauthenticated):
            await desk.auth.sessions.refresh(signed.refresh or "", HERE)
        again = await desk.auth.sessions.login("ann@example.org", PASSWORD, None, HERE)
        assert (await desk.auth.admission.admit(again.access)).account == signed.account
        rows = [row for _, row in await desk.services.store.audit_rows()]
        (row,) = (row for row in rows if row.action == "enable-account")
        assert (row.actor, row.target) == ("Person/1", signed.account.actor)
        with pytest.raises(Missing):
            await manage.enable(desk, replace(signed.account, id="gone"), "Person/1", HERE)


async def test_a_doctor_who_was_not_confirmed_still_waits_when_enabled() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        await manage.disable(desk, doc, "Person/1", HERE)
        assert (await manage.enable(desk, doc, "Person/1", HERE)).status == "pending"
        await manage.confirm(desk, doc, "Person/1", HERE)
        await manage.disable(desk, doc, "Person/1", HERE)
        assert (await manage.enable(desk, doc, "Person/1", HERE)).status == "active"


async def test_an_account_that_was_disabled_before_its_status_was_kept_is_not_more_than_it_may_have_been() -> None:
    async with desk_of() as desk:
        doc = (await register(desk, doctor(), HERE)).account
        await manage.disable(desk, doc, "Person/1", HERE)
        await desk.services.store.write(lambda tx: change(tx, doc.id, was=None))
        assert (await manage.enable(desk, doc, "Person/1", HERE)).status == "pending"


async def test_who_has_asked_to_be_forgotten_is_not_let_in_again() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        await forget_me(desk, signed.account, signed.grant, PASSWORD, HERE)
        with pytest.raises(Conflicting):
            await manage.enable(desk, signed.account, "Person/1", HERE)


async def test_who_has_lost_the_second_factor_signs_in_with_the_password_again() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        account, device = signed.account, Authenticator("http://127.0.0.1:8080", "127.0.0.1")
        asked = await desk.auth.passkeys.begin_registration(account)
        await desk.auth.passkeys.register(account, asked.session, device.create(dict(asked.options)), "x", HERE)
        begun = await desk.auth.factors.begin(account, PASSWORD, HERE)
        await desk.auth.factors.confirm(account, pyotp.TOTP(begun.secret).now(), HERE)
        with pytest.raises(SecondFactor):
            await desk.auth.sessions.login("ann@example.org", PASSWORD, None, HERE)
        changed = await manage.forget_factors(desk, account, "Person/1", HERE)
        assert (changed.totp, changed.recovery) == (None, ())
        assert await desk.auth.passkeys.listed(account) == []
        with pytest.raises(Unauthenticated):
            await desk.auth.admission.admit(signed.access)
        assert (await desk.auth.sessions.login("ann@example.org", PASSWORD, None, HERE)).grant.amr == ("pwd",)
        rows = [row for _, row in await desk.services.store.audit_rows()]
        (row,) = (row for row in rows if row.action == "forget-factors")
        assert (row.actor, row.target, row.details["passkeys"]) == ("Person/1", account.actor, 1)
        with pytest.raises(Missing):
            await manage.forget_factors(desk, replace(account, id="gone"), "Person/1", HERE)


async def test_a_rotated_key_is_noted() -> None:
    async with desk_of() as desk:
        fresh = await manage.rotate(desk, "Person/1", HERE)
        assert fresh.kid in {key.kid for key in desk.auth.keys.listed()}
        await manage.add(desk, Wanted("root@example.org", PASSWORD, "admin"), "x", HERE)
        rows = [row for _, row in await desk.services.store.audit_rows()]
        assert next(row.details["key"] for row in rows if row.action == "rotate-keys") == fresh.kid
