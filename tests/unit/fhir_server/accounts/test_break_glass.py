"""Breaking the glass: who asks proves once more who they are."""

from __future__ import annotations

from dataclasses import replace

import pyotp
import pytest

from auth.errors import Denied, SecondFactor, Unauthenticated
from auth.oidc import Identity
from auth.sessions import Signed
from fhir_server.accounts import manage
from fhir_server.accounts.break_glass import Broken, Emergency, break_glass
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.external import enter
from fhir_server.accounts.prove import FRESH
from fhir_server.accounts.register import register
from tests.fakes.authority import HERE, PASSWORD
from tests.fakes.desk import desk_of, doctor, patient

REASON = "unconscious in the emergency room"


async def broken(desk: Desk, who: Signed, password: str = "", *, ago: int = 0) -> Broken:
    """Break the glass of a new patient, with a session that began `ago` seconds before."""
    ann = (await register(desk, patient(f"ann{ago}@example.org"), HERE)).account
    session = replace(who.grant, issued=desk.auth.now() - ago * 1_000_000)
    return await break_glass(desk, who.account, session, Emergency(ann.id, REASON, password), HERE)


async def test_a_password_proves_who_asks_and_the_session_stays_as_sure_as_it_was() -> None:
    async with desk_of(second_factor="doctor") as desk:
        account = await manage.add(desk, doctor(), "Person/1", HERE)
        begun = await desk.auth.sessions.begin(account, HERE, ("hwk", "user", "mfa"))
        with pytest.raises(Unauthenticated):
            await broken(desk, begun, "another password")
        made = await broken(desk, begun, PASSWORD, ago=1)
        assert made.grant.amr == ("hwk", "user", "mfa", "pwd")
        assert (await desk.auth.admission.admit(made.access)).grant.purpose == "BTG"


async def test_a_second_factor_is_asked_for_where_there_is_one() -> None:
    async with desk_of() as desk:
        account = await manage.add(desk, doctor(), "Person/1", HERE)
        signed = await desk.auth.sessions.login("doc@example.org", PASSWORD, None, HERE)
        begun = await desk.auth.factors.begin(account, PASSWORD, HERE)
        code = pyotp.TOTP(begun.secret).now()
        await desk.auth.factors.confirm(account, code, HERE)
        confirmed = replace(signed, account=await manage.find(desk, account.id))
        with pytest.raises(SecondFactor):
            await broken(desk, confirmed, PASSWORD)


async def test_who_signs_in_elsewhere_only_has_done_so_just_now() -> None:
    async with desk_of() as desk:
        person = Identity("https://psc.example 810101201234", "810101201234", {}, "eidas1", ("ext", "otp"))
        signed = await enter(desk, person, "doctor", HERE)
        made = await broken(desk, signed, ago=FRESH - 60)
        assert (made.grant.amr, made.grant.acr) == (("ext", "otp"), "eidas1")
        with pytest.raises(Unauthenticated):
            await broken(desk, signed, PASSWORD, ago=FRESH + 60)


async def test_what_broke_the_glass_breaks_no_other() -> None:
    async with desk_of() as desk:
        person = Identity("https://psc.example 810101201234", "810101201234", {}, "eidas1", ("ext", "otp"))
        signed = await enter(desk, person, "doctor", HERE)
        made = await broken(desk, signed, ago=1)
        with pytest.raises(Denied):
            await broken(desk, replace(signed, grant=made.grant), ago=2)
