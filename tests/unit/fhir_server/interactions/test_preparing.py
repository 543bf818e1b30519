"""A transaction prepared apart from its write: what comes of it is plain values that survive the way to a process."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from fhir_server.interactions.answer import answer
from fhir_server.interactions.conditional import Moved
from fhir_server.interactions.preparing import Portable, Preparing, portable, steps_of
from fhir_server.interactions.transaction import Settled, Work, write
from tests.fakes.server import Server, bundle_of, entry, identified, observation, patient

pytestmark = pytest.mark.anyio

ONE = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


async def prepared(server: Server, *entries: dict[str, Any]) -> Portable | None:
    preparing = await Preparing.read(server.call(resource=bundle_of(*entries)))
    try:
        made = portable(await preparing.steps(), preparing)
    finally:
        preparing.links.restore()
    sent: Portable | None = pickle.loads(pickle.dumps(made))
    return sent


async def written(server: Server, made: Portable | None) -> Settled[bytes]:
    assert made is not None
    call = server.call()
    steps, links = steps_of(call, made)
    return await write(call, Work(call, steps, (), links, answer, None))


async def test_what_was_prepared_elsewhere_is_written_as_it_would_be_here(server: Server) -> None:
    await server.put(identified("7", id="there"))
    entries = [
        entry("POST", "Patient", patient(gender="male", meta={"tag": [{"code": "x"}]}), ONE),
        entry("PUT", "Observation/o", observation(ONE, "o")),
        entry("POST", "Observation", observation("Patient?identifier=urn:s|7")),
        entry("PUT", "Patient?identifier=urn:s|7", identified("7", gender="other")),
    ]
    settled = await written(server, await prepared(server, *entries))
    assert [b'"status":"201 Created"' in settled.told[index] for index in range(4)] == [True, True, True, False]
    subject = (await server.show("Observation/o"))["subject"]["reference"]
    assert (await server.show(subject))["gender"] == "male"
    assert (await server.show("Patient/there"))["gender"] == "other"
    found = await server.bundle(entry("GET", "Observation?subject=Patient/there"))
    assert len(found[0]["resource"]["entry"]) == 1


async def test_the_resources_of_the_bundle_come_back_as_they_were(server: Server) -> None:
    made = entry("POST", "Observation", observation(ONE))
    await prepared(server, entry("POST", "Patient", patient(), ONE), made)
    assert made["resource"]["subject"] == {"reference": ONE}
    await server.bundle(entry("POST", "Patient", patient(), ONE), made)
    assert made["resource"]["subject"] == {"reference": ONE}


@pytest.mark.parametrize(
    "condition",
    [
        entry("POST", "Patient", identified("7"), ifNoneExist="identifier=urn:s|7"),
        entry("PUT", "Patient?identifier=urn:s|7", identified("7")),
    ],
)
async def test_what_moved_since_is_noticed_inside_the_write(server: Server, condition: dict[str, Any]) -> None:
    made = await prepared(server, condition)
    await server.put(identified("7", id="other"))
    with pytest.raises(Moved):
        await written(server, made)
    assert await server.services.store.counts() == {"Patient": 1}


async def test_a_conditional_reference_that_means_another_now_is_noticed(server: Server) -> None:
    await server.put(identified("7", id="a"))
    made = await prepared(server, entry("POST", "Observation", observation("Patient?identifier=urn:s|7")))
    await server.do("delete", "Patient/a")
    await server.put(identified("7", id="b"))
    with pytest.raises(Moved):
        await written(server, made)


@pytest.mark.parametrize(
    "other",
    [
        entry("GET", "Patient/1"),
        entry("DELETE", "Patient/1"),
        entry("POST", "Patient", ifNoneExist="identifier=urn:s|7"),
    ],
)
async def test_what_does_more_than_put_is_not_for_another_process(server: Server, other: dict[str, Any]) -> None:
    await server.put(identified("7", id="1"))
    if other["request"]["method"] == "POST":
        other = other | {"resource": identified("7")}
    assert await prepared(server, entry("POST", "Patient", patient()), other) is None
