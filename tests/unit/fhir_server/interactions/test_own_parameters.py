"""Writing SearchParameters: what is refused, what is noted, and what the server knows afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.interactions import own_parameters
from fhir_server.interactions.call import Call
from fhir_server.interactions.conditional import Moved
from fhir_server.interactions.own_parameters import OwnParameters
from fhir_server.search.parameters import Incomplete, Registry
from profiles.validation.validator import Validator
from tests.fakes.clock import Clock
from tests.fakes.own_parameters import index, learning, own, with_eyes
from tests.fakes.server import Server, entry, errors, patient

pytestmark = pytest.mark.anyio

BLUE = [("eye-colour", "http://example.org/colours|blue")]


@pytest.fixture(params=["memory", "sqlite"])
async def server(request: pytest.FixtureRequest, tmp_path: Path, validator: Validator) -> AsyncIterator[Server]:
    clock = Clock()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'fhir.db'}"
    services = await learning(url, validator, clock)
    yield Server(services, clock)
    await services.store.close()


async def state(server: Server, id: str) -> str | None:
    record = await server.services.store.records.get(own_parameters.TABLE.name, id)
    return None if record is None else str(record.value["state"])


def served(server: Server, code: str = "eye-colour") -> bool:
    return code in server.services.registry.all_for("Patient")


async def test_a_parameter_is_refused_until_everything_is_indexed_by_it_and_then_finds(server: Server) -> None:
    await server.put(with_eyes("1", "blue"))
    await server.put(with_eyes("2", "green"))
    await server.put(own())
    assert await state(server, "eye") == "waiting"
    refusal = await server.refusal("search", "Patient", query=BLUE)
    assert isinstance(refusal, BadRequest)
    assert [issue.code for issue in errors(refusal)] == ["incomplete"]
    await server.put(with_eyes("3", "blue"))
    await index(server.services)
    assert await state(server, "eye") == "complete"
    assert served(server)
    found = await server.do("search", "Patient", query=BLUE)
    assert sorted(found.patients) == ["1", "3"]


async def test_the_definition_is_checked_beyond_its_structure(server: Server) -> None:
    refusal = await server.refusal("update", "SearchParameter/eye", resource=own(code="gender", type="special"))
    assert isinstance(refusal, Unprocessable)
    assert [issue.expression for issue in errors(refusal)] == ["SearchParameter.code", "SearchParameter.type"]
    assert await state(server, "eye") is None


async def test_a_code_of_another_parameter_for_the_same_type_is_refused(server: Server) -> None:
    await server.put(own())
    for other in (own("other"), own("other", base=["DomainResource"], expression="DomainResource.text.status")):
        refusal = await server.refusal("update", "SearchParameter/other", resource=other)
        assert refusal.status == 422
        assert [(issue.code, issue.expression) for issue in refusal.issues] == [("duplicate", "SearchParameter.code")]
        assert "SearchParameter/eye defines 'eye-colour' for Patient" in refusal.issues[0].message
    await server.put(own("other", base=["Person"], expression="Person.gender"))
    same_url = own("third", code="third", url=own()["url"])
    refusal = await server.refusal("update", "SearchParameter/third", resource=same_url)
    assert [issue.expression for issue in refusal.issues] == ["SearchParameter.url"]


async def test_of_two_at_the_same_time_one_is_kept(server: Server) -> None:
    answers = await asyncio.gather(*(server.put(own(f"n{number}")) for number in range(4)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Result", *["Unprocessable"] * 3]
    assert len(server.services.registry.additions) == 1


async def test_a_transaction_that_collides_with_itself_leaves_nothing(server: Server) -> None:
    resources = (own("a"), own("b"))
    entries = [entry("PUT", f"SearchParameter/{each['id']}", each) for each in resources]
    refusal = await server.bundle_refusal(*entries)
    assert refusal.status == 422
    assert server.services.registry.additions == ()
    assert (await state(server, "a"), await state(server, "b")) == (None, None)


async def test_parameters_come_in_transactions_and_batches_too(server: Server) -> None:
    await server.bundle(entry("PUT", "SearchParameter/eye", own()))
    await server.bundle(entry("POST", "SearchParameter", own("x", code="second", url="urn:x")), type="batch")
    assert [each.definition.code for each in server.services.registry.additions] == ["eye-colour", "second"]


async def test_deleting_or_retiring_it_ends_the_service_and_gives_the_code_up(server: Server) -> None:
    await server.put(own())
    await index(server.services)
    await server.do("delete", "SearchParameter/eye")
    assert await state(server, "eye") == "removed"
    assert not served(server)
    assert [issue.code for issue in (await server.refusal("search", "Patient", query=BLUE)).issues] == ["not-supported"]
    await server.put(own("other"))
    await index(server.services)
    assert served(server)
    await server.put(own("other", status="retired"))
    assert not served(server)
    assert await state(server, "other") == "removed"
    await server.put(own())
    assert await state(server, "eye") == "waiting"


async def test_what_does_not_touch_the_index_does_not_begin_it_again(server: Server) -> None:
    await server.put(own())
    await index(server.services)
    await server.put(own(description="In other words", status="draft"))
    assert await state(server, "eye") == "complete"
    await server.put(own(expression="Patient.maritalStatus"))
    assert await state(server, "eye") == "waiting"
    assert not served(server)


async def test_what_was_prepared_by_other_parameters_is_prepared_again(server: Server) -> None:
    from fhir_server.interactions import update

    resource = with_eyes("1", "blue")
    call: Call = server.call("Patient/1", resource=resource)
    step = await update.plan(call, await update.identify(call, call.reader))
    await server.put(own())
    with pytest.raises(Moved):
        await server.services.store.write(step)
    await server.put(resource)
    await index(server.services)
    assert (await server.do("search", "Patient", query=BLUE)).patients == ("1",)


async def test_a_resource_that_cannot_be_indexed_is_refused_by_the_parameters_name(server: Server) -> None:
    await server.put(own(expression="Patient.name.single().given", type="string"))
    refusal = await server.refusal("create", "Patient", resource=patient(name=[{"given": ["A"]}, {"given": ["B"]}]))
    assert refusal.status == 422
    assert "'eye-colour'" in str(refusal)


async def test_a_server_that_starts_knows_what_is_kept_and_how_far_it_is(server: Server) -> None:
    await server.put(own())
    await index(server.services)
    await server.put(own("second", code="second"))
    await server.put(own("gone", code="gone", status="retired"))
    registry = Registry()
    await OwnParameters(server.services.store, registry).learn()
    assert {(each.definition.code, each.complete) for each in registry.additions} == {
        ("eye-colour", True),
        ("second", False),
    }
    with pytest.raises(Incomplete):
        registry.get("Patient", "second")


async def test_parameters_without_a_record_are_taken_up_at_the_start(server: Server) -> None:
    await server.put(own())
    await server.put(own("wrong", code="wrong"))

    async def forget(tx) -> None:
        for id in ("eye", "wrong"):
            await tx.records.delete(own_parameters.TABLE.name, id)

    await server.services.store.write(forget)
    registry = Registry()
    await OwnParameters(server.services.store, registry).learn()
    assert [(each.definition.code, each.complete) for each in registry.additions] == [
        ("eye-colour", False),
        ("wrong", False),
    ]
    assert await state(server, "eye") == "waiting"


async def test_a_lenient_search_names_what_it_ignores(server: Server) -> None:
    from fhir_server.interactions.call import Prefer
    from tests.fakes.server import content

    await server.put(with_eyes("1", "blue"))
    await server.put(own())
    found = content(await server.do("search", "Patient", query=BLUE, prefer=Prefer(lenient=True)))
    (outcome,) = [each["resource"] for each in found["entry"] if each["search"]["mode"] == "outcome"]
    assert [issue["severity"] for issue in outcome["issue"]] == ["warning"]
    assert "still being indexed" in outcome["issue"][0]["diagnostics"]


async def test_a_composite_of_ones_own_finds_within_one_instance(server: Server) -> None:
    steps = {"contact-gender": "gender", "contact-relation": "relationship"}
    for code, step in steps.items():
        await server.put(own(code, code=code, expression=f"Patient.contact.{step}"))
    component = [
        {"definition": f"http://example.org/SearchParameter/{code}", "expression": step} for code, step in steps.items()
    ]
    mother = {
        "gender": "female",
        "relationship": [{"coding": [{"system": "urn:r", "code": "N"}]}],
        "name": {"text": "x"},
    }
    friend = {"gender": "male", "relationship": [{"coding": [{"system": "urn:r", "code": "C"}]}], "name": {"text": "y"}}
    await server.put(patient("1", contact=[mother, friend]))
    await server.put(own("pair", code="pair", type="composite", expression="Patient.contact", component=component))
    await server.put(patient("2", contact=[friend]))
    await index(server.services)
    for value, expected in (("female$urn:r|N", ("1",)), ("female$urn:r|C", ()), ("male$urn:r|C", ("1", "2"))):
        found = await server.do("search", "Patient", query=[("pair", value)])
        assert tuple(sorted(found.patients)) == expected
    await server.do("delete", "SearchParameter/contact-gender")
    refusal = await server.refusal("search", "Patient", query=[("pair", "female$urn:r|N")])
    assert refusal.issues[0].code == "not-supported"
