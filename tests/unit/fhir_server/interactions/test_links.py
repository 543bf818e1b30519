"""References in transactions: fullUrls and conditional references (http://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from fhir_server.errors import Refusal
from tests.fakes.server import BASE, Server, entry, identified, observation, patient

pytestmark = pytest.mark.anyio

ONE = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
TWO = "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059"


def encounter(subject: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}
    return {
        "resourceType": "Encounter",
        "status": "planned",
        "class": coding,
        "subject": {"reference": subject},
    }


def written(answer: dict[str, Any]) -> str:
    """Return the reference of what an entry wrote."""
    return str(answer["response"]["location"]).partition("/_history")[0]


async def test_a_full_url_is_replaced_wherever_it_may_stand(server: Server) -> None:
    narrative = {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{ONE}">the patient</a></div>',
    }
    more = {
        "text": narrative,
        "extension": [
            {"url": "http://example.org/e", "valueUri": ONE},
            {"url": "http://example.org/c", "valueCanonical": ONE},
            {"url": "http://example.org/u", "valueUuid": ONE},
        ],
        "hasMember": [{"reference": TWO}],
        "note": [{"text": ONE}],
    }
    answers = await server.bundle(
        entry("POST", "Observation", observation(ONE, **more)),
        entry("POST", "Patient", patient(), ONE),
        entry("PUT", "Observation/o", observation(ONE, "o"), TWO),
    )
    target = written(answers[1])
    made = await server.show(written(answers[0]))
    assert made["subject"]["reference"] == target
    assert made["extension"][0]["valueUri"] == target
    assert made["extension"][1]["valueCanonical"] == ONE
    assert made["extension"][2]["valueUuid"] == ONE
    assert f'href="{target}"' in made["text"]["div"]
    assert made["hasMember"] == [{"reference": "Observation/o"}]
    assert made["note"] == [{"text": ONE}]
    assert (await server.show("Observation/o"))["subject"]["reference"] == target


async def test_entries_may_refer_to_each_other_in_a_circle(server: Server) -> None:
    def linked(to: str) -> dict[str, Any]:
        return patient(link=[{"other": {"reference": to}, "type": "seealso"}])

    answers = await server.bundle(
        entry("POST", "Patient", linked(TWO), ONE), entry("POST", "Patient", linked(ONE), TWO)
    )
    one, two = (written(answer) for answer in answers)
    assert (await server.show(one))["link"][0]["other"]["reference"] == two
    assert (await server.show(two))["link"][0]["other"]["reference"] == one


async def test_the_index_has_the_final_references(server: Server) -> None:
    answers = await server.bundle(
        entry("POST", "Patient", patient(), ONE), entry("POST", "Observation", observation(ONE))
    )
    found = await server.bundle(entry("GET", f"Observation?subject={written(answers[0])}"))
    assert len(found[0]["resource"]["entry"]) == 1


async def test_a_search_in_the_same_transaction_may_name_an_entry(server: Server) -> None:
    answers = await server.bundle(
        entry("POST", "Patient", patient(), ONE),
        entry("POST", "Observation", observation(ONE)),
        entry("GET", f"Observation?subject={ONE}"),
        entry("POST", f"Observation/_search?subject=Patient/9,{ONE}"),
    )
    for answer in answers[2:]:
        assert [each["resource"]["subject"]["reference"] for each in answer["resource"]["entry"]] == [
            written(answers[0])
        ]


async def test_criteria_may_name_an_entry_and_find_what_is_there(server: Server) -> None:
    once = [
        entry("POST", "Observation", observation(ONE), ifNoneExist=f"subject={ONE}&status=final"),
        entry("PUT", f"Encounter?subject={ONE.replace(':', '%3A')}", encounter(ONE)),
        entry("POST", "Patient", identified("7"), ONE, ifNoneExist="identifier=urn:s|7"),
    ]
    first, again = await server.bundle(*once), await server.bundle(*once)
    assert [answer["response"]["status"][:3] for answer in first] == ["201", "201", "201"]
    assert [answer["response"]["status"][:3] for answer in again] == ["200", "200", "200"]
    assert await server.services.store.counts() == {"Observation": 1, "Encounter": 1, "Patient": 1}


async def test_every_unresolvable_conditional_reference_is_told_with_its_place(server: Server) -> None:
    member = {"performer": [{"reference": "Practitioner?identifier=urn:s|8"}]}
    refusal = await server.bundle_refusal(
        entry("POST", "Observation", observation("Patient?identifier=urn:s|9", **member)),
        entry("POST", "Patient", patient(link=[{"other": {"reference": "Patient?nonsense=1"}, "type": "seealso"}])),
    )
    assert [issue.expression for issue in refusal.issues] == ["Bundle.entry[1].resource.link[0].other.reference"]
    refusal = await server.bundle_refusal(
        entry("POST", "Observation", observation("Patient?identifier=urn:s|9")),
        entry("POST", "Patient", patient(link=[{"other": {"reference": "Patient?gender=male"}, "type": "seealso"}])),
    )
    assert [issue.expression for issue in refusal.issues] == [
        "Bundle.entry[0].resource.subject.reference",
        "Bundle.entry[1].resource.link[0].other.reference",
    ]
    refusal = await server.bundle_refusal(
        entry("POST", "Observation", observation("Patient?identifier=urn:s|9", **member)),
        entry("POST", "Encounter", encounter("Patient?identifier=urn:s|10")),
    )
    assert refusal.status == 412
    assert [issue.expression for issue in refusal.issues] == [
        "Bundle.entry[0].resource.subject.reference",
        "Bundle.entry[0].resource.performer[0].reference",
        "Bundle.entry[1].resource.subject.reference",
    ]


async def test_criteria_that_name_an_entry_with_such_criteria_are_refused(server: Server) -> None:
    refusal = await server.bundle_refusal(
        entry("POST", "Patient", patient(), ONE),
        entry("POST", "Encounter", encounter(ONE), TWO, ifNoneExist=f"subject={ONE}"),
        entry("POST", "Observation", observation(ONE), ifNoneExist=f"encounter={TWO}"),
    )
    assert (refusal.status, refusal.issues[0].expression) == (400, "Bundle.entry[2]")
    assert await server.services.store.counts() == {}


async def test_a_full_url_of_a_conditional_create_means_the_resource_found(server: Server) -> None:
    await server.put(identified("7", id="there"))
    answers = await server.bundle(
        entry("POST", "Patient", identified("7"), ONE, ifNoneExist="identifier=urn:s|7"),
        entry("POST", "Observation", observation(ONE)),
    )
    assert (await server.show(written(answers[1])))["subject"]["reference"] == "Patient/there"


async def test_relative_references_below_the_root_of_another_server_follow_its_entries(server: Server) -> None:
    answers = await server.bundle(
        entry("POST", "Patient", patient("9"), "http://elsewhere.org/r4/Patient/9"),
        entry("POST", "Observation", observation("Patient/9"), "http://elsewhere.org/r4/Observation/1"),
        entry("POST", "Observation", observation("Patient/9"), TWO),
        entry("POST", "Observation", observation("http://elsewhere.org/r4/Patient/9")),
    )
    target = written(answers[0])
    subjects = [(await server.show(written(answer)))["subject"]["reference"] for answer in answers[1:]]
    assert subjects == [target, "Patient/9", target]


async def test_absolute_references_to_the_own_base_become_local_and_canonicals_stay(server: Server) -> None:
    profile = f"{BASE}/StructureDefinition/x"
    answers = await server.bundle(
        entry("POST", "Observation", observation(f"{BASE}/Patient/1", meta={"profile": [profile]}))
    )
    made = await server.show(written(answers[0]))
    assert made["subject"]["reference"] == "Patient/1"
    assert made["meta"]["profile"] == [profile]


async def test_two_entries_with_one_full_url_are_refused(server: Server) -> None:
    refusal = await server.bundle_refusal(
        entry("POST", "Patient", patient(), ONE), entry("POST", "Patient", patient(), ONE)
    )
    assert refusal.status == 422
    assert refusal.issues[0].expression == "Bundle.entry[1].fullUrl"


async def test_conditional_references_are_resolved_in_the_store(server: Server) -> None:
    await server.put(identified("7", id="there"))
    entries = [entry("POST", "Observation", observation("Patient?identifier=urn:s|7")) for _ in range(20)]
    answers = await server.bundle(*entries)
    for answer in answers:
        assert (await server.show(written(answer)))["subject"]["reference"] == "Patient/there"


async def test_a_conditional_reference_may_mean_what_the_transaction_writes(server: Server) -> None:
    answers = await server.bundle(
        entry("POST", "Observation", observation("Patient?identifier=urn:s|7")),
        entry("POST", "Patient", identified("7")),
    )
    assert (await server.show(written(answers[0])))["subject"]["reference"] == written(answers[1])


async def test_a_conditional_reference_means_the_state_after_the_deletes(server: Server) -> None:
    await server.put(identified("7", id="old"))
    await server.put(identified("7", id="new"))
    answers = await server.bundle(
        entry("POST", "Observation", observation("Patient?identifier=urn:s|7")), entry("DELETE", "Patient/old")
    )
    assert (await server.show(written(answers[0])))["subject"]["reference"] == "Patient/new"


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("identifier=urn:s|8", 412, "matches nothing"),
        ("identifier=urn:s|7", 412, "matches several"),
        ("nonsense=secret", 400, "nonsense"),
    ],
)
async def test_an_unresolvable_conditional_reference_fails_the_transaction(
    server: Server, query: str, status: int, says: str
) -> None:
    for id in ("1", "2"):
        await server.put(identified("7", id=id))
    refusal: Refusal = await server.bundle_refusal(
        entry("PUT", "Group/g", {"resourceType": "Group", "id": "g", "type": "person", "actual": True}),
        entry("POST", "Observation", observation(f"Patient?{query}")),
    )
    assert refusal.status == status
    assert says in str(refusal)
    assert "urn:s" not in str(refusal)
    assert "secret" not in str(refusal)
    assert refusal.issues[0].expression == "Bundle.entry[1].resource.subject.reference"
    assert await server.services.store.counts() == {"Patient": 2}


async def test_ten_thousand_conditional_references_are_asked_once_each(server: Server) -> None:
    await server.put(identified("7", id="there"))
    asked = 0
    store = server.services.store
    matches = type(store).matches

    async def counting(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        return await matches(self, *arguments, **named)

    member = {"entity": {"reference": "Patient?identifier=urn:s|7"}}
    group = {"resourceType": "Group", "type": "person", "actual": True, "member": [member] * 100}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(store), "matches", counting)
        answers = await server.bundle(*[entry("POST", "Group", group) for _ in range(100)])
    shown = await server.show(written(answers[99]))
    assert shown["member"] == [{"entity": {"reference": "Patient/there"}}] * 100
    assert asked == 1


@pytest.mark.parametrize("kind", ["json", "fhirpath"])
async def test_a_patch_may_refer_to_what_another_entry_creates(server: Server, kind: str) -> None:
    await server.put(observation("Patient/1", "o"))
    step = f'[{{"op":"replace","path":"/subject/reference","value":"{ONE}"}}]'
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Observation.subject"},
        {"name": "value", "valueReference": {"reference": ONE}},
    ]
    data = base64.b64encode(step.encode()).decode()
    patches = {
        "json": {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data},
        "fhirpath": {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]},
    }
    answers = await server.bundle(
        entry("PATCH", "Observation/o", patches[kind]), entry("POST", "Patient", patient(), ONE)
    )
    assert (await server.show("Observation/o"))["subject"]["reference"] == written(answers[1])
