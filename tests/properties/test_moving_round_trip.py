"""Whatever a dump says that can be taken: the export of its import says it again, whatever came in before."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fhir_server.moving.dead_letters import DeadLetters
from fhir_server.moving.dump import find
from fhir_server.moving.export_view import export_view
from fhir_server.moving.import_view import import_view
from fhir_server.moving.workers import Workers
from tests.fakes.desk import desk_of
from tests.fakes.dump import DOCTOR, HASHES, MARIE, in_order, read_dump, user, write_dump
from tests.properties.record_strategies import MOMENTS, RECORDS
from tests.properties.test_view_round_trip import RECORDS as VIEWS

Json = dict[str, Any]
NUMBERS = st.integers(0, 2**63 - 1)
NAMES = st.from_regex(r"[a-z][A-Za-z0-9.\-]{0,30}", fullmatch=True)
TIMES = MOMENTS.filter(lambda moment: moment[:4] not in ("0001", "9999"))
PEOPLE = st.builds(
    lambda id, more: user(id, **more),
    st.integers(100, 10**6),
    st.fixed_dictionaries(
        {
            "name": st.none() | st.sampled_from(("Zoé Ångström", "O'Brien 🫀", "  Anne  ")),
            "phone": st.none() | st.just("+33 1 23"),
            "birth_date": st.none() | st.sampled_from(("1985-05-14", "2024-02-29")),
            "status": st.sampled_from(("active", "disabled")),
            "locale": st.sampled_from(("fr", "en")),
            "confirmed_at": st.none() | TIMES,
            "inserted_at": TIMES,
            "password_hash": st.none() | st.sampled_from([*HASHES.values()]),
        }
    ),
)


def lines(name: str) -> st.SearchStrategy[list[Json]]:
    """Return lists of lines of a view, each with an id of its own."""
    records = RECORDS if name == "medical_record" else VIEWS[name][1]
    owners = {"appointment": {"patient_id": MARIE, "doctor_id": DOCTOR}, "notification": {"user_id": MARIE}}
    named = {"patient_id": MARIE, "doctor_id": DOCTOR} if name == "medical_record" else owners[name]
    made = st.builds(lambda record, id: {**record, **named, "id": id}, records, NUMBERS | NAMES)
    return st.lists(made, max_size=12, unique_by=lambda line: str(line["id"]))


def apart(appointments: list[Json]) -> list[Json]:
    """Return appointments of days of their own: a doctor has one at a time, of 24 hours at most."""
    return [
        {**each, "starts_at": f"20{at + 20}-02-28T09:30:00-03:30", "ends_at": f"20{at + 20}-02-28T13:45:00.000001Z"}
        for at, each in enumerate(appointments)
    ]


DUMPS = st.fixed_dictionaries(
    {
        "users": st.lists(PEOPLE, max_size=6, unique_by=lambda line: line["id"]).map(
            lambda others: [user(DOCTOR, "doctor"), user(MARIE), *others]
        ),
        "consents": st.lists(VIEWS["consent"][1], max_size=4, unique_by=lambda line: line["type"]).map(
            lambda found: [{**each, "id": at, "user_id": MARIE} for at, each in enumerate(found)]
        ),
        "appointments": lines("appointment").map(apart),
        "medical_records": lines("medical_record"),
        "notifications": lines("notification"),
    }
)


async def there_and_back(folder: Path, dump: dict[str, list[Json]]) -> dict[str, list[Json]]:
    source = write_dump(folder / "dump", dump)
    letters = DeadLetters(folder / "letters.jsonl")
    out = folder / "out"
    out.mkdir()
    async with desk_of(telemed_profiles=True) as desk:
        for moved in (True, False):
            workers = Workers("memory:", 1)
            reports = await import_view(desk, source, find(source), letters, lambda report, position: None, workers)
            told = (folder / "letters.jsonl").read_text() if letters.count else ""
            assert told == ""
            assert sum(each.moved for each in reports) == moved * sum(map(len, dump.values()))
        await export_view(desk, out, lambda kind, number: None)
    letters.close()
    return read_dump(out)


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(DUMPS)
def test_the_export_of_an_import_is_what_was_imported(dump: dict[str, list[Json]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(there_and_back(Path(folder), dump))
    assert found == in_order(json.loads(json.dumps(dump)))
