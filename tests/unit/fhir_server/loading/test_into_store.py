"""Loading into a store: what stands alone, what does not, and going on after a load that ended anywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fhir_server.errors import StoreFull
from fhir_server.interactions.call import Limits, Services
from fhir_server.loading import entries as module
from fhir_server.loading.into_store import into_store
from fhir_server.loading.report import FileReport, Stopped
from fhir_server.loading.settled import TABLE
from fhir_server.loading.sources import find
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.store.base import Key, Store
from fhir_server.store.connect import connect
from profiles.restriction import ALL
from profiles.validation.validator import Validator

Json = dict[str, Any]
REGISTRY = Registry()
EXTRACTOR = Extractor(REGISTRY)
VALIDATOR = Validator()


class Desk:
    """A store and the files that are loaded into it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        ids = iter(range(10**6))
        self.services = Services(
            store, REGISTRY, EXTRACTOR, VALIDATOR, "http://s.example/fhir", b"s" * 32, Limits(), lambda: f"n{next(ids)}"
        )

    async def load(self, name: str, content: str, services: Services | None = None) -> FileReport:
        (self.folder / name).write_text(content)
        (source,) = find([self.folder / name])
        return await into_store(services or self.services, source, lambda *_: None)

    async def version(self, id: str) -> int:
        found = await self.store.read(Key("Patient", id), restriction=ALL)
        return found.number if found else 0

    async def patients(self) -> int:
        return (await self.store.counts()).get("Patient", 0)


def desk(test: Callable[[Desk], Awaitable[None]]) -> Callable[[Path, str], None]:
    """Run a test on either store, in an event loop of its own."""

    @pytest.mark.parametrize("engine", ["memory", "sqlite"])
    def run(tmp_path: Path, engine: str) -> None:
        async def on() -> None:
            url = "memory:" if engine == "memory" else f"sqlite:///{tmp_path}/fhir.db"
            store = await connect(url, tables=[TABLE])
            try:
                await test(Desk(store, tmp_path))
                assert await store.check() == []
            finally:
                await store.close()

        asyncio.run(on())

    run.__name__ = test.__name__
    return run


def patient(id: str | None, **more: Any) -> Json:
    return {"resourceType": "Patient", **({"id": id} if id else {}), **more}


BAD = patient("bad", birthDate="1990-02-30")


def put(resource: Json) -> Json:
    return {"resource": resource, "request": {"method": "PUT", "url": f"Patient/{resource['id']}"}}


def bundle(kind: str, *entries: Json) -> str:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})


def lines(*resources: Json | str) -> str:
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in resources) + "\n"


@desk
async def test_a_transaction_goes_in_once_whatever_its_file_is_called(desk: Desk) -> None:
    content = bundle("transaction", put(patient("a")), put(patient("b")))
    first = await desk.load("one.json", content)
    assert (first.entries, first.created, first.skipped, first.complete) == (2, 2, 0, True)
    again = await desk.load("two.json", content)
    assert (again.entries, again.created, again.skipped, again.complete) == (2, 0, 2, True)
    assert await desk.version("a") == 1


@desk
async def test_a_refused_transaction_leaves_nothing_and_names_entry_and_element(desk: Desk) -> None:
    report = await desk.load("t.json", bundle("transaction", put(patient("a")), put(BAD)))
    assert (report.entries, report.created, report.failed) == (2, 0, 2)
    (failure,) = report.failures
    assert "entry[1]" in failure.reason
    assert "birthDate" in failure.reason
    assert await desk.patients() == 0
    assert await desk.store.records.scan(TABLE.name) == []


@desk
async def test_a_refused_entry_of_a_batch_keeps_no_other_out(desk: Desk) -> None:
    report = await desk.load("b.json", bundle("batch", put(patient("a")), put(BAD), put(patient("c"))))
    assert (report.created, report.failed) == (2, 1)
    assert [failure.entry for failure in report.failures] == [1]
    assert await desk.patients() == 2


@desk
async def test_lines_go_in_but_for_the_bad_ones_which_are_named(desk: Desk) -> None:
    report = await desk.load("l.ndjson", lines(patient("a"), "", "{oops", BAD, patient(None)))
    assert (report.entries, report.created, report.failed) == (4, 2, 2)
    assert [failure.entry for failure in report.failures] == [2, 3]
    assert report.failures[1].reason.startswith("Patient.birthDate")


@desk
async def test_a_second_load_of_lines_tries_only_what_had_failed(desk: Desk) -> None:
    content = lines(patient("a"), BAD, patient(None))
    await desk.load("l.ndjson", content)
    again = await desk.load("l.ndjson", content)
    assert (again.entries, again.created, again.skipped, again.failed) == (3, 0, 2, 1)
    assert await desk.patients() == 2
    assert await desk.version("a") == 1


@desk
async def test_an_entry_that_failed_for_want_of_another_goes_in_later(desk: Desk) -> None:
    entry = {
        "resource": {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": "Patient?identifier=http://i.example|7"},
        },
        "request": {"method": "POST", "url": "Observation"},
    }
    content = bundle("batch", entry)
    assert (await desk.load("b.json", content)).failed == 1
    await desk.load("p.json", json.dumps(patient("seven", identifier=[{"system": "http://i.example", "value": "7"}])))
    retried = await desk.load("b.json", content)
    assert (retried.created, retried.failed) == (1, 0)
    again = await desk.load("b.json", content)
    assert (again.created, again.skipped) == (0, 1)
    assert (await desk.store.counts())["Observation"] == 1


@desk
async def test_the_same_resource_may_come_twice_in_lines_and_the_later_line_wins(desk: Desk) -> None:
    report = await desk.load("l.ndjson", lines(patient("a", gender="male"), patient("a", gender="female")))
    assert (report.created, report.updated, report.failed) == (1, 1, 0)
    stored = await desk.store.read(Key("Patient", "a"), restriction=ALL)
    assert stored is not None
    assert b'"female"' in stored.body


@desk
async def test_conditional_creates_of_a_batch_do_not_come_twice_from_another_file(desk: Desk) -> None:
    one = patient(None, identifier=[{"system": "http://i.example", "value": "7"}])
    entry = {
        "resource": one,
        "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=http://i.example|7"},
    }
    assert (await desk.load("a.json", bundle("batch", entry))).created == 1
    other = await desk.load("b.json", bundle("batch", entry, put(patient("z"))))
    assert (other.created, other.skipped) == (1, 1)
    assert await desk.patients() == 2


@desk
async def test_a_store_that_is_full_stops_the_load_and_says_so(desk: Desk) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(desk.store, name)

        async def write(self, work: Any) -> Any:
            raise StoreFull("The disk is full.")

    services = replace(desk.services, store=Full())
    with pytest.raises(Stopped) as stopped:
        await desk.load("l.ndjson", lines(patient("a"), patient("b")), services)
    assert [failure.reason for failure in stopped.value.report.failures] == ["The disk is full."]
    assert (await desk.load("l.ndjson", lines(patient("a"), patient("b")))).created == 2


@pytest.mark.parametrize("writes", range(6))
def test_a_load_that_ends_between_any_two_writes_goes_on_to_the_right_count(
    tmp_path: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eleven lines in groups of three, one line bad: whichever write is the last of the first load."""
    monkeypatch.setattr(module, "GROUP", 3)
    content = lines(*[patient(None) for _ in range(4)], BAD, *[patient(None) for _ in range(6)])

    async def on() -> None:
        store = await connect("memory:", tables=[TABLE])
        desk = Desk(store, tmp_path)

        class Dying:
            left = writes

            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

            async def write(self, work: Any) -> Any:
                if not self.left:
                    raise KeyboardInterrupt
                done = await store.write(work)
                self.left -= 1
                return done

        with pytest.raises(KeyboardInterrupt):
            await desk.load("l.ndjson", content, replace(desk.services, store=Dying()))
        report = await desk.load("l.ndjson", content)
        assert (report.entries, report.failed) == (11, 1)
        assert await desk.patients() == 10

    asyncio.run(on())
