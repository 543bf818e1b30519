"""Implicit value sets of SNOMED CT and LOINC over loaded releases, and the units of UCUM, which nobody lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_server.errors import NotFound, Unprocessable
from fhir_server.terminologies.load import load
from tests.fakes.operating import ask, codes, refused, told
from tests.fakes.releases import LOINC, RF2, content, write
from tests.fakes.server import Server

pytestmark = pytest.mark.anyio

SCT = "http://snomed.info/sct"
EDITION = f"{SCT}/900000000000207008"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{SCT}?fhir_vs", ["138875005", "900001001", "900002002", "900003003"]),
        (f"{EDITION}?fhir_vs=isa/900001001", ["900001001", "900002002"]),
        (f"{EDITION}/version/20240101?fhir_vs=isa/900002002", ["900002002"]),
        (f"{SCT}?fhir_vs=refset", ["900002002"]),
        (f"{SCT}?fhir_vs=refset/900010000", ["900002002"]),
    ],
)
async def test_value_sets_of_snomed(server: Server, tmp_path: Path, url: str, expected: list[str]) -> None:
    await load(server.services, content(write(tmp_path / "r", RF2)))
    assert codes(await ask(server, "expand", "ValueSet", url=url)) == expected
    for code in ("900001001", "900002002"):
        answer = await ask(server, "validate-code", "ValueSet", url=url, system=SCT, code=code)
        assert told(answer, "result") == [code in expected]


async def test_value_sets_of_snomed_that_are_refused(server: Server, tmp_path: Path) -> None:
    url = f"{SCT}?fhir_vs=isa/900001001"
    refusal = await refused(server, "expand", "ValueSet", url=url)
    assert isinstance(refusal, NotFound)
    assert f"is an implicit one of {SCT}, whose codes are not here; load that code system" in str(refusal)
    await load(server.services, content(write(tmp_path / "r", RF2)))
    assert isinstance(await refused(server, "expand", "ValueSet", url=f"{SCT}?fhir_vs=ecl/<<1"), Unprocessable)
    other = await refused(server, "expand", "ValueSet", url=f"{SCT}/11000315107?fhir_vs")
    assert f"is not here in version {SCT}/11000315107 but in {EDITION}/version/20240101" in str(other)
    unknown = await refused(server, "expand", "ValueSet", url=f"{SCT}?fhir_vs=isa/999999009")
    assert "names a code that the code system does not have" in str(unknown)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://loinc.org/vs", ["90001-1", "90002-9", "LP90000-2", "LP90001-0"]),
        ("http://loinc.org/vs/LP90001-0", ["90001-1", "90002-9", "LP90001-0"]),
    ],
)
async def test_value_sets_of_loinc(server: Server, tmp_path: Path, url: str, expected: list[str]) -> None:
    await load(server.services, content(write(tmp_path / "r", LOINC)))
    assert codes(await ask(server, "expand", "ValueSet", url=url)) == expected
    assert isinstance(await refused(server, "expand", "ValueSet", url="http://loinc.org/vs/LL1-1"), Unprocessable)


@pytest.mark.parametrize(
    ("code", "result"),
    [("mg/dL", True), ("10*3/uL", True), ("Cel", True), ("[pH]", True), ("mgs/dL", False), ("mm Hg", False)],
)
async def test_a_unit_of_ucum_is_told_by_its_grammar(server: Server, code: str, result: bool) -> None:
    ucum = "http://unitsofmeasure.org"
    assert told(await ask(server, "validate-code", "CodeSystem", url=ucum, code=code), "result") == [result]
    units = "http://hl7.org/fhir/ValueSet/ucum-units"
    answer = await ask(server, "validate-code", "ValueSet", url=units, system=ucum, code=code)
    assert told(answer, "result") == [result]
